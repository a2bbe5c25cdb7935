# The image of the pipelines: one for the launcher, the workers and the jobs on Cloud Run.

resource "google_artifact_registry_repository" "images" {
  project       = var.project_id
  location      = var.region
  repository_id = "chapterflow"
  description   = "Images of the pipelines"
  format        = "DOCKER"
  kms_key_name  = google_kms_crypto_key.keys["artifacts"].id
  labels        = local.labels

  docker_config {
    immutable_tags = true # what a running job was made of can always be pulled again
  }

  # Nothing that was tagged is deleted: a job can go back to any release.
  cleanup_policies {
    id     = "delete-untagged"
    action = "DELETE"
    condition {
      tag_state  = "UNTAGGED"
      older_than = "2592000s"
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

locals {
  image = join("/", [
    "${var.region}-docker.pkg.dev", var.project_id, google_artifact_registry_repository.images.repository_id,
    "chapterflow:${var.image_tag}",
  ])
}
