# What builds, jobs and people need to know afterwards.

output "warehouse" {
  description = "Value of --warehouse for every program."
  value       = local.warehouse
}

output "buckets" {
  description = "What a bucket holds -> its name."
  value       = { for name, bucket in google_storage_bucket.buckets : name => bucket.name }
}

output "topic" {
  description = "Topic that the collector publishes to."
  value       = google_pubsub_topic.topics["events"].id
}

output "subscription" {
  description = "Value of --pubsub_subscription for the stream."
  value       = google_pubsub_subscription.streaming.id
}

output "service_accounts" {
  description = "Job -> e-mail of its account."
  value       = { for name, account in google_service_account.jobs : name => account.email }
}

output "image" {
  description = "Full name of the image that the jobs run."
  value       = local.image
}

output "pseudonym_key" {
  description = "Value of --pseudonym_key_secret: a name; the key is put there by hand."
  value       = local.pseudonym_key
}

output "airflow_variables" {
  description = "Environment variables of Composer: what the workflows are told, for the DAGs (docs/orchestration.md)."
  value       = { for name, value in local.workflow_settings : "CHAPTERFLOW_${name}" => value }
}

output "workers" {
  description = "Where Dataflow workers run: subnetwork and key of their disks and state."
  value = {
    subnetwork = "regions/${var.region}/subnetworks/${google_compute_subnetwork.workers.name}"
    kms_key    = google_kms_crypto_key.keys["compute"].id
  }
}

output "labels" {
  description = "Labels of everything, for jobs that are made elsewhere."
  value       = local.labels
}

output "pipeline_options" {
  description = "Options that batch and stream share."
  value       = var.pipeline_options
}

output "project_id" {
  description = "Project of everything."
  value       = var.project_id
}

output "region" {
  description = "Region of everything."
  value       = var.region
}

output "environment" {
  description = "Environment."
  value       = var.environment
}
