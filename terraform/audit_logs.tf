# Who read or changed what: data access logs of everything that holds events, kept in a log bucket of
# their own that jobs cannot write to or delete from.

locals {
  audited = toset([
    "bigquery.googleapis.com", "storage.googleapis.com", "pubsub.googleapis.com",
    "secretmanager.googleapis.com", "cloudkms.googleapis.com", "dataflow.googleapis.com",
    "datacatalog.googleapis.com", "iam.googleapis.com",
  ])
}

resource "google_project_iam_audit_config" "services" {
  for_each = local.audited

  project = var.project_id
  service = each.key

  dynamic "audit_log_config" {
    for_each = toset(["ADMIN_READ", "DATA_READ", "DATA_WRITE"])

    content {
      log_type = audit_log_config.value
    }
  }
}

resource "google_logging_project_bucket_config" "audit" {
  project          = var.project_id
  location         = var.region
  bucket_id        = "chapterflow-audit"
  description      = "Every access to data of students"
  retention_days   = var.audit_retention_days
  locked           = var.lock_audit_log
  enable_analytics = true # so that an access report is a query

  cmek_settings {
    kms_key_name = google_kms_crypto_key.keys["logs"].id
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_logging_project_sink" "audit" {
  project                = var.project_id
  name                   = "chapterflow-audit"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.audit.id}"
  filter                 = "logName:\"cloudaudit.googleapis.com\""
  unique_writer_identity = true
}
