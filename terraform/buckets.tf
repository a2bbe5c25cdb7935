# Files: what each bucket holds, how long, and who may see it (nobody from outside, ever).

locals {
  # delete_days: age of deletion, 0 for never. soft_days: how long after it a file can be brought back;
  # 0 for personal data, which must be gone at its age (versions guard it from mistakes until then).
  buckets = {
    raw        = { delete_days = var.raw_retention_days, is_versioned = true, soft_days = 0 }
    quarantine = { delete_days = var.raw_retention_days, is_versioned = true, soft_days = 0 }
    staging    = { delete_days = var.staging_retention_days, is_versioned = false, soft_days = 0 }
    templates  = { delete_days = 0, is_versioned = true, soft_days = 7 }
    warehouse  = { delete_days = 0, is_versioned = true, soft_days = 7 }
    access     = { delete_days = var.audit_retention_days, is_versioned = true, soft_days = 7 }
  }
  bucket_names = { for name in keys(local.buckets) : name => "${var.project_id}-${name}" }
}

resource "google_storage_bucket" "buckets" {
  #checkov:skip=CKV_GCP_78:Staging alone has no versions: what a run left behind holds events, and must be gone when deleted
  for_each = local.buckets

  project                     = var.project_id
  name                        = local.bucket_names[each.key]
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  labels                      = merge(local.labels, { holds = each.key })

  versioning {
    enabled = each.value.is_versioned
  }

  soft_delete_policy {
    retention_duration_seconds = each.value.soft_days * 86400
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.keys["storage"].id
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.delete_days > 0 ? [each.value.delete_days] : []

    content {
      action {
        type = "Delete"
      }
      condition {
        age        = lifecycle_rule.value
        with_state = "ANY"
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.is_versioned ? [var.noncurrent_days] : []

    content {
      action {
        type = "Delete"
      }
      condition {
        days_since_noncurrent_time = lifecycle_rule.value
        with_state                 = "ARCHIVED"
      }
    }
  }

  # An upload that nobody finished leaves no parts behind.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }

  dynamic "logging" {
    for_each = each.key == "access" ? [] : [local.bucket_names["access"]]

    content {
      log_bucket        = logging.value
      log_object_prefix = each.key
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}
