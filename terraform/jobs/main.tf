# The jobs that never end: the stream. The batch is started by the workflows.

data "terraform_remote_state" "base" {
  backend = "gcs"
  config  = { bucket = var.state_bucket, prefix = var.state_prefix }
}

locals {
  base = data.terraform_remote_state.base.outputs
}

module "streaming" {
  source = "../modules/flex_template_job"

  project_id = local.base.project_id
  region     = local.base.region
  name       = "chapterflow-streaming"
  template   = "gs://${local.base.buckets.templates}/streaming.json"
  parameters = merge(local.base.pipeline_options, var.streaming_options, {
    pubsub_subscription = local.base.subscription
    warehouse           = local.base.warehouse
    raw_zone            = "gs://${local.base.buckets.raw}"

    pseudonym_key_secret = local.base.pseudonym_key
  })

  service_account_email  = local.base.service_accounts.streaming
  subnetwork             = local.base.workers.subnetwork
  kms_key_name           = local.base.workers.kms_key
  staging_bucket         = local.base.buckets.staging
  num_workers            = var.streaming.num_workers
  max_workers            = var.streaming.max_workers
  machine_type           = var.streaming.machine_type
  transform_name_mapping = var.transform_name_mapping
  labels                 = local.base.labels
}
