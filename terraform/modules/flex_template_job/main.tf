# One job of a flex template: private workers, own account, own key.

resource "google_dataflow_flex_template_job" "this" {
  provider = google-beta

  project                 = var.project_id
  region                  = var.region
  name                    = var.name
  container_spec_gcs_path = var.template
  parameters              = var.parameters
  labels                  = var.labels

  service_account_email = var.service_account_email
  subnetwork            = var.subnetwork
  ip_configuration      = "WORKER_IP_PRIVATE"
  kms_key_name          = var.kms_key_name
  temp_location         = "gs://${var.staging_bucket}/temp"
  staging_location      = "gs://${var.staging_bucket}/dataflow"

  machine_type            = var.machine_type
  launcher_machine_type   = var.launcher_machine_type
  num_workers             = var.num_workers
  max_workers             = var.max_workers
  enable_streaming_engine = var.is_streaming
  additional_experiments  = var.additional_experiments
  transform_name_mapping  = var.transform_name_mapping

  # A drained stream has written all that it read.
  on_delete                    = var.is_streaming ? "drain" : "cancel"
  skip_wait_on_job_termination = false # the next job has the same name

  lifecycle {
    precondition {
      condition     = var.max_workers >= var.num_workers
      error_message = "max_workers is less than num_workers."
    }
  }
}
