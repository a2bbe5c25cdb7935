# What each account may do. On the project only what Google grants nowhere else, none of it data.

locals {
  # Why on the project: these services know no smaller place (of Cloud Run: for the state of what was started).
  project_roles = {
    streaming     = ["roles/dataflow.worker", "roles/bigquery.jobUser", "roles/monitoring.metricWriter"]
    batch         = ["roles/dataflow.worker", "roles/bigquery.jobUser", "roles/monitoring.metricWriter"]
    rollup        = ["roles/bigquery.jobUser", "roles/logging.logWriter"]
    orchestration = ["roles/dataflow.developer", "roles/workflows.invoker", "roles/logging.logWriter", "roles/run.viewer"]
    looker        = ["roles/bigquery.jobUser"]
    build         = ["roles/logging.logWriter"]
  }
  project_grants = merge([
    for job, roles in local.project_roles : { for role in roles : "${job}/${role}" => { job = job, role = role } }
  ]...)

  dataset_roles = {
    streaming = { silver = "dataEditor", gold = "dataEditor", ops = "dataEditor" }
    batch     = { silver = "dataEditor", gold = "dataEditor", ops = "dataEditor" }
    rollup    = { silver = "dataViewer", gold = "dataEditor", ops = "dataEditor" }
    looker    = { gold = "dataViewer" }
  }
  dataset_grants = merge([
    for job, layers in local.dataset_roles : {
      for layer, role in layers : "${job}/${layer}" => { job = job, layer = layer, role = "roles/bigquery.${role}" }
    }
  ]...)

  bucket_roles = {
    # The stream adds to the raw zone and never replaces; it lists it when it starts.
    streaming     = { raw = ["objectCreator", "objectViewer"], staging = ["objectUser"], templates = ["objectViewer"] }
    batch         = { raw = ["objectViewer"], staging = ["objectUser"], templates = ["objectViewer"] }
    orchestration = { templates = ["objectViewer"] }
    build         = { templates = ["objectUser"], staging = ["objectViewer"] } # sources to build come by staging
  }
  bucket_grants = merge(flatten([
    for job, buckets in local.bucket_roles : [
      for bucket, roles in buckets : {
        for role in roles : "${job}/${bucket}/${role}" => { job = job, bucket = bucket, role = "roles/storage.${role}" }
      }
    ]
  ])...)

  image_roles = {
    streaming = "roles/artifactregistry.reader"
    batch     = "roles/artifactregistry.reader"
    build     = "roles/artifactregistry.writer"
  }

  analysts = toset(concat(var.all_course_readers, local.course_members))
}

resource "google_project_iam_member" "jobs" {
  for_each = local.project_grants

  project = var.project_id
  role    = each.value.role
  member  = local.members[each.value.job]
}

resource "google_bigquery_dataset_iam_member" "jobs" {
  for_each = local.dataset_grants

  project    = var.project_id
  dataset_id = google_bigquery_dataset.layers[each.value.layer].dataset_id
  role       = each.value.role
  member     = local.members[each.value.job]
}

# Rows wait here for their commit: those who write load, read and drop them.
resource "google_bigquery_dataset_iam_member" "staged" {
  for_each = toset(["streaming", "batch", "rollup"])

  project    = var.project_id
  dataset_id = google_bigquery_dataset.staged.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = local.members[each.key]
}

resource "google_storage_bucket_iam_member" "jobs" {
  for_each = local.bucket_grants

  bucket = google_storage_bucket.buckets[each.value.bucket].name
  role   = each.value.role
  member = local.members[each.value.job]
}

resource "google_artifact_registry_repository_iam_member" "jobs" {
  for_each = local.image_roles

  project    = var.project_id
  location   = var.region
  repository = google_artifact_registry_repository.images.repository_id
  role       = each.value
  member     = local.members[each.key]
}

# ---- Pub/Sub

resource "google_pubsub_topic_iam_member" "collector" {
  project = var.project_id
  topic   = google_pubsub_topic.topics["events"].name
  role    = "roles/pubsub.publisher"
  member  = local.members["collector"]
}

resource "google_pubsub_subscription_iam_member" "streaming" {
  for_each = toset(["roles/pubsub.subscriber", "roles/pubsub.viewer"]) # it asks for the backlog too

  project      = var.project_id
  subscription = google_pubsub_subscription.streaming.name
  role         = each.key
  member       = local.members["streaming"]
}

# Pub/Sub itself moves what cannot be delivered, and writes the quarantine.
resource "google_pubsub_topic_iam_member" "dead_letters" {
  project = var.project_id
  topic   = google_pubsub_topic.topics["dead-letters"].name
  role    = "roles/pubsub.publisher"
  member  = local.agents.pubsub
}

resource "google_pubsub_subscription_iam_member" "dead_letters" {
  project      = var.project_id
  subscription = google_pubsub_subscription.streaming.name
  role         = "roles/pubsub.subscriber"
  member       = local.agents.pubsub
}

resource "google_storage_bucket_iam_member" "pubsub_quarantine" {
  for_each = toset(["roles/storage.objectCreator", "roles/storage.legacyBucketReader"])

  bucket = google_storage_bucket.buckets["quarantine"].name
  role   = each.key
  member = local.agents.pubsub
}

# ---- Who starts what as whom

resource "google_service_account_iam_member" "orchestration" {
  for_each = toset(["batch", "rollup"])

  service_account_id = google_service_account.jobs[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = local.members["orchestration"]
}

resource "google_cloud_run_v2_job_iam_member" "orchestration" {
  for_each = google_cloud_run_v2_job.jobs

  project  = var.project_id
  location = var.region
  name     = each.value.name
  role     = "roles/run.jobsExecutorWithOverrides" # the date is an override
  member   = local.members["orchestration"]
}

# ---- People

# Rows come by the row access policies; this is the right to ask, and to see which tables there are.
resource "google_project_iam_member" "analysts" {
  for_each = local.analysts

  project = var.project_id
  role    = "roles/bigquery.jobUser"
  member  = each.key
}

resource "google_bigquery_dataset_iam_member" "course_readers" {
  for_each = toset(local.course_members)

  project    = var.project_id
  dataset_id = google_bigquery_dataset.layers["gold"].dataset_id
  role       = "roles/bigquery.metadataViewer"
  member     = each.key
}

resource "google_bigquery_dataset_iam_member" "all_course_readers" {
  for_each = toset(var.all_course_readers)

  project    = var.project_id
  dataset_id = google_bigquery_dataset.layers["gold"].dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = each.key
}

resource "google_bigquery_table_iam_member" "personal_data" {
  for_each = toset(var.personal_data_readers)

  project    = var.project_id
  dataset_id = google_bigquery_dataset.layers["ops"].dataset_id
  table_id   = google_bigquery_table.tables["ops.dead_letters"].table_id
  role       = "roles/bigquery.dataViewer"
  member     = each.key
}
