# What Google would answer, known while planning, so that plans can be judged whole.

mock_data "google_project" {
  defaults = { number = "123456789012" }
}

mock_data "google_storage_project_service_account" {
  defaults = { email_address = "service-123456789012@gs-project-accounts.iam.gserviceaccount.com" }
}

mock_data "google_bigquery_default_service_account" {
  defaults = { email = "bq-123456789012@bigquery-encryption.iam.gserviceaccount.com" }
}

mock_resource "google_kms_key_ring" {
  defaults = { id = "projects/mock/locations/europe-west1/keyRings/chapterflow" }
}

mock_resource "google_kms_crypto_key" {
  defaults = { id = "projects/mock/locations/europe-west1/keyRings/chapterflow/cryptoKeys/mock" }
}

mock_resource "google_pubsub_topic" {
  defaults = { id = "projects/mock/topics/mock" }
}

mock_resource "google_pubsub_subscription" {
  defaults = { id = "projects/mock/subscriptions/mock" }
}

mock_resource "google_compute_network" {
  defaults = { id = "projects/mock/global/networks/chapterflow" }
}

mock_resource "google_workflows_workflow" {
  defaults = { id = "projects/mock/locations/europe-west1/workflows/mock" }
}

mock_resource "google_logging_project_bucket_config" {
  defaults = { id = "projects/mock/locations/europe-west1/buckets/chapterflow-audit" }
}

mock_resource "google_monitoring_slo" {
  defaults = { name = "projects/mock/services/chapterflow-stream/serviceLevelObjectives/in-time" }
}

mock_resource "google_monitoring_notification_channel" {
  defaults = { id = "projects/mock/notificationChannels/1", name = "projects/mock/notificationChannels/1" }
}

mock_resource "google_secret_manager_secret" {
  defaults = { id = "projects/mock/secrets/chapterflow-pseudonym-key" }
}

mock_resource "google_data_catalog_taxonomy" {
  defaults = { id = "projects/mock/locations/europe-west1/taxonomies/1" }
}

mock_resource "google_project_iam_custom_role" {
  defaults = { id = "projects/mock/roles/chapterflowChangeRows" }
}
