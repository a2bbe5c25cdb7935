# Secrets: their places and who may read them. Values never pass through Terraform or its state;
# `gcloud secrets versions add` puts them there (README.md).

locals {
  # Secret -> accounts that may read it.
  secrets = {
    pseudonym-key = ["streaming", "batch"]
  }
  # The option --pseudonym_key_secret of batch and stream: one version, so that a second one that
  # somebody adds makes no other hashes from one run to the next.
  pseudonym_key = "${google_secret_manager_secret.secrets["pseudonym-key"].id}/versions/${var.pseudonym_key_version}"
  secret_grants = merge([
    for secret, readers in local.secrets : { for reader in readers : "${secret}/${reader}" => { secret = secret, reader = reader } }
  ]...)
}

# No rotation by the clock: another key makes other hashes, and each student would count twice. How to
# change it on purpose: docs/privacy.md, "The key".
resource "google_secret_manager_secret" "secrets" {
  for_each = local.secrets

  project             = var.project_id
  secret_id           = "chapterflow-${each.key}"
  version_destroy_ttl = "2592000s" # a destroyed version can be brought back for 30 days
  labels              = local.labels

  replication {
    user_managed {
      replicas {
        location = var.region
        customer_managed_encryption {
          kms_key_name = google_kms_crypto_key.keys["secrets"].id
        }
      }
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_secret_manager_secret_iam_member" "readers" {
  for_each = local.secret_grants

  project   = var.project_id
  secret_id = google_secret_manager_secret.secrets[each.value.secret].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.members[each.value.reader]
}
