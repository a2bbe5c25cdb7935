# What several files need: labels, names, and the tables as the schemas describe them.

data "google_project" "this" {
  project_id = var.project_id
}

locals {
  labels = merge(var.labels, {
    app         = "chapterflow"
    environment = var.environment
    managed_by  = "terraform"
  })

  layers   = toset(["silver", "gold", "ops"])
  prefix   = var.dataset_prefix == "" ? "" : "${var.dataset_prefix}_"
  datasets = { for layer in local.layers : layer => "${local.prefix}${layer}" }

  # The option --warehouse of every program.
  warehouse = var.dataset_prefix == "" ? "bq://${var.project_id}" : "bq://${var.project_id}.${var.dataset_prefix}"

  schemas = "${path.module}/../schemas/generated"
  tables = {
    for table in jsondecode(file("${local.schemas}/tables.json")) : "${table.layer}.${table.table}" => merge(table, {
      fields = jsondecode(file("${local.schemas}/bigquery/${table.layer}.${table.table}.json"))
    })
  }

  # What the pipelines need in BigQuery besides these (describe_warehouse.py): for each table that a
  # stream writes one of its changes and a view of its rows as of now, and what says who commits.
  besides        = jsondecode(file("${path.module}/warehouse.json"))
  besides_tables = { for table in local.besides.tables : "${table.layer}.${table.table}" => table }
  views          = { for view in local.besides.views : "${view.layer}.${view.table}" => view }

  # What both kinds of tables have, as far as tags and rows by course go.
  secured_tables = {
    for name, table in merge(local.tables, local.besides_tables) :
    name => { layer = table.layer, fields = table.fields, sensitive_columns = table.sensitive_columns }
  }
  changes_tables  = toset([for name, table in local.besides_tables : name if table.of != null])
  internal_tables = toset([for name, table in local.besides_tables : name if table.of == null && table.is_appended])

  # Google's own accounts that encrypt and deliver for us; they come with the APIs.
  project_number = data.google_project.this.number
  agents = {
    pubsub    = "serviceAccount:service-${local.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
    secrets   = "serviceAccount:service-${local.project_number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
    artifacts = "serviceAccount:service-${local.project_number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    logging   = "serviceAccount:service-${local.project_number}@gcp-sa-logging.iam.gserviceaccount.com"
    compute   = "serviceAccount:service-${local.project_number}@compute-system.iam.gserviceaccount.com"
    dataflow  = "serviceAccount:service-${local.project_number}@dataflow-service-producer-prod.iam.gserviceaccount.com"
    run       = "serviceAccount:service-${local.project_number}@serverless-robot-prod.iam.gserviceaccount.com"
    workflows = "serviceAccount:service-${local.project_number}@gcp-sa-workflows.iam.gserviceaccount.com"
    storage   = "serviceAccount:${data.google_storage_project_service_account.this.email_address}"
    bigquery  = "serviceAccount:${data.google_bigquery_default_service_account.this.email}"
  }
}

# Asking for these two makes them, should nobody have used the service before.
data "google_storage_project_service_account" "this" {
  project    = var.project_id
  depends_on = [google_project_service.apis]
}

data "google_bigquery_default_service_account" "this" {
  project    = var.project_id
  depends_on = [google_project_service.apis]
}
