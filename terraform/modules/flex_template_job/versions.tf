# The resource is in the beta provider only, so this module is used from a root of its own (jobs/).

terraform {
  required_version = ">= 1.9"

  required_providers {
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 8.0"
    }
  }
}
