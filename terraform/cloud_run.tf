# What is SQL or small: jobs on Cloud Run with the image of the pipelines, started by the workflows.

locals {
  # Job -> program, and the account it runs as. The workflow adds the date.
  run_jobs = {
    rollup = { program = "pipelines.rollup", account = "rollup" }
    check  = { program = "pipelines.check", account = "rollup" }
    # Once after the first apply: it puts the row into ops.commit_turn. Later it finds nothing to do.
    provision = { program = "pipelines.provision", account = "batch" }
  }
}

resource "google_cloud_run_v2_job" "jobs" {
  for_each = local.run_jobs

  project             = var.project_id
  location            = var.region
  name                = "chapterflow-${each.key}"
  deletion_protection = var.deletion_protection
  labels              = local.labels

  template {
    labels = local.labels

    template {
      service_account = google_service_account.jobs[each.value.account].email
      max_retries     = 1
      timeout         = "3600s"
      encryption_key  = google_kms_crypto_key.keys["compute"].id

      containers {
        image   = "${local.image}-jobs" # the same without root
        command = ["python", "-m", each.value.program]
        args    = ["--warehouse=${local.warehouse}"]

        resources {
          limits = { cpu = "2", memory = "4Gi" }
        }
      }

      vpc_access {
        egress = "ALL_TRAFFIC"
        network_interfaces {
          network    = google_compute_network.this.name
          subnetwork = google_compute_subnetwork.workers.name
        }
      }
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}
