# What is SQL or small: jobs on Cloud Run with the image of the pipelines, started by the workflows.

locals {
  # Job -> program, the account it runs as, seconds and tries it has, and its size. The workflow adds the date.
  run_jobs = {
    rollup = { program = "pipelines.rollup", account = "rollup", seconds = 3600, retries = 1, cpu = "2", memory = "4Gi" }
    check  = { program = "pipelines.check", account = "rollup", seconds = 3600, retries = 1, cpu = "2", memory = "4Gi" }
    # BigQuery does the work. The batch folds too, half an hour later, so it is not tried again by itself.
    fold = { program = "pipelines.fold", account = "fold", seconds = 1800, retries = 0, cpu = "1", memory = "1Gi" }
    # Once after the first apply with an image: it puts the rows into ops.commit_turn and
    # ops.stream_position. Later it finds nothing to do.
    provision = { program = "pipelines.provision", account = "batch", seconds = 3600, retries = 1, cpu = "1", memory = "1Gi" }
  }
}

resource "google_cloud_run_v2_job" "jobs" {
  for_each = var.has_image ? local.run_jobs : {} # Cloud Run refuses a job whose image is not there

  project             = var.project_id
  location            = var.region
  name                = "chapterflow-${each.key}"
  deletion_protection = var.deletion_protection
  labels              = local.labels

  template {
    labels = local.labels

    template {
      service_account = google_service_account.jobs[each.value.account].email
      max_retries     = each.value.retries
      timeout         = "${each.value.seconds}s"
      encryption_key  = google_kms_crypto_key.keys["compute"].id

      containers {
        image   = "${local.image}-jobs" # the same without root
        command = ["python", "-m", each.value.program]
        args    = ["--warehouse=${local.warehouse}"]

        resources {
          limits = { cpu = each.value.cpu, memory = each.value.memory }
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
