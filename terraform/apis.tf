# Which Google APIs are switched on. They stay on when this is destroyed: others may use them.

locals {
  apis = toset(concat([
    "artifactregistry", "bigquery", "bigquerydatapolicy", "bigquerystorage", "billingbudgets",
    "cloudbuild", "cloudkms", "cloudresourcemanager", "cloudscheduler", "compute", "dataflow",
    "datacatalog", "dns", "iam", "logging", "monitoring", "pubsub", "run", "secretmanager",
    "storage", "workflowexecutions", "workflows",
  ], var.has_composer ? ["composer"] : []))
}

resource "google_project_service" "apis" {
  for_each = local.apis

  project            = var.project_id
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}
