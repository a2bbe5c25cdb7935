# A root of its own: jobs are started when the rest, the image and the templates are there.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 8.0"
    }
  }

  # Bucket and prefix come by -backend-config, with another prefix than that of the infrastructure.
  backend "gcs" {}
}

provider "google-beta" {
  project = local.base.project_id
  region  = local.base.region
}
