# What each account may do. On the project only what Google grants nowhere else, none of it data.

locals {
  # Why on the project: these services know no smaller place (of Cloud Run: for the state of what was started).
  starter_roles = ["roles/dataflow.developer", "roles/run.viewer"]
  project_roles = merge({
    streaming     = ["roles/dataflow.worker", "roles/bigquery.jobUser"]
    batch         = ["roles/dataflow.worker", "roles/bigquery.jobUser"]
    fold          = ["roles/bigquery.jobUser", "roles/logging.logWriter"]
    rollup        = ["roles/bigquery.jobUser", "roles/logging.logWriter"]
    orchestration = concat(local.starter_roles, ["roles/workflows.invoker", "roles/logging.logWriter"])
    looker        = ["roles/bigquery.jobUser"]
    build         = ["roles/logging.logWriter"]
    }, var.has_composer ? {
    composer = concat(local.starter_roles, ["roles/composer.worker"])
  } : {})
  project_grants = merge([
    for job, roles in local.project_roles : { for role in roles : "${job}/${role}" => { job = job, role = role } }
  ]...)

  # Nobody may make, change or delete tables: that is Terraform's. Rows are changed by statements (batch,
  # rollup, fold), which read what they change. The stream reads, and appends to the tables below.
  row_roles = { read = "roles/bigquery.dataViewer", change = google_project_iam_custom_role.change_rows.id }
  dataset_rights = merge(
    { for job in ["batch", "rollup", "fold"] : job => { for layer in local.layers : layer => ["read", "change"] } },
    {
      streaming = { for layer in local.layers : layer => ["read"] }
      looker    = { gold = ["read"] }
    },
  )
  dataset_grants = merge(flatten([
    for job, layers in local.dataset_rights : [
      for layer, rights in layers : {
        for right in rights : "${job}/${layer}/${right}" => { job = job, layer = layer, role = local.row_roles[right] }
      }
    ]
  ])...)

  bucket_roles = merge({
    # The stream adds to the raw zone and never replaces; it lists it when it starts.
    streaming     = { raw = ["objectCreator", "objectViewer"], staging = ["objectUser"], templates = ["objectViewer"] }
    batch         = { raw = ["objectViewer"], staging = ["objectUser"], templates = ["objectViewer"] }
    orchestration = { templates = ["objectViewer"] }
    build         = { templates = ["objectUser"], staging = ["objectViewer"] } # sources to build come by staging
    }, var.has_composer ? {
    composer = { templates = ["objectViewer"], raw = ["legacyBucketReader"] } # its sensor lists files, and opens none
  } : {})
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

  # Who starts jobs; as whom: workers of Dataflow only, jobs of Cloud Run have their account.
  starters = toset(concat(["orchestration"], var.has_composer ? ["composer"] : []))
  started  = { for name, job in google_cloud_run_v2_job.jobs : name => job if name != "provision" }
  start_grants = merge([
    for who in local.starters : { for name, job in local.started : "${who}/${name}" => { who = who, job = job.name } }
  ]...)

  analysts = toset(concat(var.all_course_readers, local.course_members, var.personal_data_readers))

  # Records as received are in the table, in what a stream has appended since, and in the view of both.
  personal_tables = {
    table   = google_bigquery_table.tables["ops.dead_letters"]
    changes = google_bigquery_table.besides["ops.dead_letters_changes"]
    current = google_bigquery_table.views["ops.dead_letters_current"]
  }
}

resource "google_project_iam_member" "jobs" {
  for_each = local.project_grants

  project = var.project_id
  role    = each.value.role
  member  = local.members[each.value.job]
}

resource "google_project_iam_custom_role" "change_rows" {
  project     = var.project_id
  role_id     = "chapterflowChangeRows"
  title       = "Chapterflow: change rows"
  description = "Append to tables, and with the right to read also change and delete rows; nothing about the tables"
  permissions = ["bigquery.tables.updateData"]
}

resource "google_bigquery_dataset_iam_member" "jobs" {
  for_each = local.dataset_grants

  project    = var.project_id
  dataset_id = google_bigquery_dataset.layers[each.value.layer].dataset_id
  role       = each.value.role
  member     = local.members[each.value.job]
}

# Rows wait here for their commit: batch and rollup load, read and drop them. The stream only looks
# whether the data set is there, as everybody does who checks the warehouse before writing.
resource "google_bigquery_dataset_iam_member" "staged" {
  for_each = { batch = "dataEditor", rollup = "dataEditor", streaming = "metadataViewer" }

  project    = var.project_id
  dataset_id = google_bigquery_dataset.staged.dataset_id
  role       = "roles/bigquery.${each.value}"
  member     = local.members[each.key]
}

# All that a stream writes: changes, the rounds that are whole, and which process commits.
resource "google_bigquery_table_iam_member" "streaming" {
  for_each = { for name, table in local.besides_tables : name => table if table.is_appended }

  project    = var.project_id
  dataset_id = google_bigquery_dataset.layers[each.value.layer].dataset_id
  table_id   = google_bigquery_table.besides[each.key].table_id
  role       = google_project_iam_custom_role.change_rows.id
  member     = local.members["streaming"]
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

resource "google_service_account_iam_member" "starters" {
  for_each = local.starters

  service_account_id = google_service_account.jobs["batch"].name
  role               = "roles/iam.serviceAccountUser"
  member             = local.members[each.key]
}

resource "google_cloud_run_v2_job_iam_member" "starters" {
  for_each = local.start_grants

  project  = var.project_id
  location = var.region
  name     = each.value.job
  role     = "roles/run.jobsExecutorWithOverrides" # the date is an override
  member   = local.members[each.value.who]
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
  for_each = {
    for pair in setproduct(keys(local.personal_tables), var.personal_data_readers) :
    "${pair[0]}/${pair[1]}" => { table = local.personal_tables[pair[0]], member = pair[1] }
  }

  project    = var.project_id
  dataset_id = google_bigquery_dataset.layers["ops"].dataset_id
  table_id   = each.value.table.table_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value.member
}

# Views of rows as of now look at which rounds are whole, and which of them are in the tables already.
resource "google_bigquery_table_iam_member" "rounds" {
  for_each = {
    for pair in setproduct(local.internal_tables, concat(["looker"], tolist(local.analysts))) :
    "${pair[0]}/${pair[1]}" => { name = pair[0], member = pair[1] == "looker" ? local.members["looker"] : pair[1] }
  }

  project    = var.project_id
  dataset_id = google_bigquery_dataset.layers["ops"].dataset_id
  table_id   = google_bigquery_table.besides[each.value.name].table_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value.member
}

# Who reads some courses may ask these views; which rows they show is up to the tables below.
resource "google_bigquery_table_iam_member" "course_views" {
  for_each = {
    for pair in setproduct([for name, view in local.views : name if contains(keys(local.course_tables), trimsuffix(name, "_current"))], local.course_members) :
    "${pair[0]}/${pair[1]}" => { name = pair[0], member = pair[1] }
  }

  project    = var.project_id
  dataset_id = google_bigquery_dataset.layers["gold"].dataset_id
  table_id   = google_bigquery_table.views[each.value.name].table_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value.member
}
