# Orchestration without Composer: batch, its daily sequence, backfill and rollup as workflows.

locals {
  workflows = {
    batch    = "One run of the batch on Dataflow for a range of dates, waited for"
    rollup   = "Models over a range and checks as of a date"
    daily    = "Batch of the last days, then rollup and checks"
    backfill = "Batch of a range of dates, piece by piece, then rollup as of its end"
  }

  batch_parameters = merge(var.pipeline_options, {
    input     = "gs://${local.bucket_names["raw"]}/"
    warehouse = local.warehouse
    staging   = "gs://${local.bucket_names["staging"]}/batch"

    pseudonym_key_secret = local.pseudonym_key
  })

  # What the YAML reads with sys.get_env, so that it holds no name of its own.
  workflow_settings = {
    PROJECT         = var.project_id
    REGION          = var.region
    TEMPLATE        = "gs://${local.bucket_names["templates"]}/batch.json"
    PARAMETERS      = jsonencode(local.batch_parameters)
    LABELS          = jsonencode(local.labels)
    SERVICE_ACCOUNT = google_service_account.jobs["batch"].email
    SUBNETWORK      = "regions/${var.region}/subnetworks/${google_compute_subnetwork.workers.name}"
    KMS_KEY         = google_kms_crypto_key.keys["compute"].id
    STAGING         = "gs://${local.bucket_names["staging"]}"
    MACHINE_TYPE    = var.batch.machine_type
    MAX_WORKERS     = tostring(var.batch.max_workers)
    WAREHOUSE       = local.warehouse
  }
}

resource "google_workflows_workflow" "workflows" {
  for_each = local.workflows

  project             = var.project_id
  region              = var.region
  name                = "chapterflow-${each.key}"
  description         = each.value
  service_account     = google_service_account.jobs["orchestration"].id
  crypto_key_name     = google_kms_crypto_key.keys["compute"].id
  call_log_level      = "LOG_ERRORS_ONLY"
  deletion_protection = var.deletion_protection
  source_contents     = file("${path.module}/workflows/${each.key}.yaml")
  user_env_vars       = local.workflow_settings
  labels              = local.labels

  depends_on = [google_kms_crypto_key_iam_member.users]
}
