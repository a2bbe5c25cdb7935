# Keys of our own for everything at rest, one per service, each with rotation.

locals {
  # Which of Google's accounts encrypt with which key.
  key_users = {
    bigquery  = ["bigquery"]
    storage   = ["storage"]
    pubsub    = ["pubsub"]
    secrets   = ["secrets"]
    artifacts = ["artifacts"]
    logs      = ["logging"]
    compute   = ["compute", "dataflow", "run", "workflows"]
  }
  key_grants = merge([
    for key, users in local.key_users : { for user in users : "${key}/${user}" => { key = key, user = user } }
  ]...)
}

resource "google_kms_key_ring" "this" {
  project    = var.project_id
  name       = "chapterflow-${var.environment}"
  location   = var.region
  depends_on = [google_project_service.apis]
}

resource "google_kms_crypto_key" "keys" {
  for_each = local.key_users

  name                       = each.key
  key_ring                   = google_kms_key_ring.this.id
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = var.kms_rotation_period
  destroy_scheduled_duration = "2592000s" # 30 days to find out that it was still needed
  labels                     = local.labels

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = var.kms_protection_level
  }

  lifecycle {
    prevent_destroy = true # with the key all that it encrypts is lost
  }
}

resource "google_kms_crypto_key_iam_member" "users" {
  for_each = local.key_grants

  crypto_key_id = google_kms_crypto_key.keys[each.value.key].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = local.agents[each.value.user]
}
