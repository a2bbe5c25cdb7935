# The warehouse: data sets, every table of the generated schemas, and what the pipelines need besides.

resource "google_bigquery_dataset" "layers" {
  for_each = local.datasets

  project                    = var.project_id
  dataset_id                 = each.value
  friendly_name              = each.key
  description                = "Chapterflow ${each.key} tables (docs/dictionary.md)"
  location                   = var.region
  delete_contents_on_destroy = false
  max_time_travel_hours      = 168
  storage_billing_model      = "PHYSICAL"
  labels                     = merge(local.labels, { layer = each.key })

  default_encryption_configuration {
    kms_key_name = google_kms_crypto_key.keys["bigquery"].id
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

locals {
  # Columns with the policy tag that each sensitive one has.
  table_fields = {
    for name, table in local.secured_tables : name => [
      for field in table.fields : merge(field, {
        for key in ["policyTags"] : key => {
          names = [google_data_catalog_policy_tag.tags[local.sensitive_columns["${name}.${field.name}"]].name]
        } if contains(table.sensitive_columns, field.name)
      })
    ]
  }

  # Partition -> days after which it expires, of tables that have any. Changes expire as their table's
  # rows do, and never earlier: what is not folded by then would be past its date in the table, too.
  # Tables without a date keep their changes, and so does the list of rounds, until the fold is done with them.
  expiry_days = merge(
    {
      for name, table in local.tables : name => lookup(var.table_expiry_days, name, var.partition_expiry_days[table.layer])
      if table.partition != null
    },
    {
      for name, table in local.besides_tables : name => lookup(var.table_expiry_days, table.of, var.partition_expiry_days[table.layer])
      if try(local.tables[table.of].partition, null) != null
    },
  )
}

resource "google_bigquery_table" "tables" {
  for_each = local.tables

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.layers[each.value.layer].dataset_id
  table_id            = each.value.table
  description         = each.value.description
  clustering          = length(each.value.clustering) > 0 ? each.value.clustering : null
  deletion_protection = var.deletion_protection
  labels              = merge(local.labels, { layer = each.value.layer })

  schema = jsonencode(local.table_fields[each.key])

  dynamic "time_partitioning" {
    for_each = each.value.partition == null ? [] : [each.value.partition]

    content {
      type          = "DAY"
      field         = time_partitioning.value
      expiration_ms = 86400000 * local.expiry_days[each.key]
    }
  }

  table_constraints {
    primary_key {
      columns = each.value.key
    }
  }

  encryption_configuration {
    kms_key_name = google_kms_crypto_key.keys["bigquery"].id
  }
}

# ---- Besides: where rows wait for their commit, what a stream appends to, who commits, and views

resource "google_bigquery_dataset" "staged" {
  project                     = var.project_id
  dataset_id                  = "${local.prefix}${local.besides.staged.dataset}"
  friendly_name               = local.besides.staged.dataset
  description                 = local.besides.staged.description
  location                    = var.region
  delete_contents_on_destroy  = true
  default_table_expiration_ms = local.besides.staged.expiration_ms
  max_time_travel_hours       = 48
  storage_billing_model       = "PHYSICAL"
  labels                      = merge(local.labels, { layer = local.besides.staged.dataset })

  default_encryption_configuration {
    kms_key_name = google_kms_crypto_key.keys["bigquery"].id
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_bigquery_table" "besides" {
  for_each = local.besides_tables

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.layers[each.value.layer].dataset_id
  table_id            = each.value.table
  description         = each.value.description
  clustering          = length(each.value.clustering) > 0 ? each.value.clustering : null
  deletion_protection = var.deletion_protection
  labels              = merge(local.labels, { layer = each.value.layer })
  schema              = jsonencode(local.table_fields[each.key])

  dynamic "time_partitioning" {
    for_each = each.value.partition == null ? [] : [each.value.partition]

    content {
      type          = "DAY"
      field         = time_partitioning.value
      expiration_ms = try(86400000 * local.expiry_days[each.key], null)
    }
  }

  encryption_configuration {
    kms_key_name = google_kms_crypto_key.keys["bigquery"].id
  }
}

resource "google_bigquery_table" "views" {
  #checkov:skip=CKV_GCP_80:A view holds no rows, so there is nothing to encrypt; the tables below it are
  for_each = { for name, view in local.views : name => view if !view.is_over_views }

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.layers[each.value.layer].dataset_id
  table_id            = each.value.table
  description         = each.value.description
  deletion_protection = var.deletion_protection
  labels              = merge(local.labels, { layer = each.value.layer })

  view {
    use_legacy_sql = false
    query          = replace(each.value.query, "`project-id.prefix_", "`${var.project_id}.${local.prefix}")
  }

  depends_on = [google_bigquery_table.tables, google_bigquery_table.besides]
}

# BigQuery refuses a view of what is not there yet.
resource "google_bigquery_table" "views_over_views" {
  #checkov:skip=CKV_GCP_80:A view holds no rows, so there is nothing to encrypt; the tables below it are
  for_each = { for name, view in local.views : name => view if view.is_over_views }

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.layers[each.value.layer].dataset_id
  table_id            = each.value.table
  description         = each.value.description
  deletion_protection = var.deletion_protection
  labels              = merge(local.labels, { layer = each.value.layer })

  view {
    use_legacy_sql = false
    query          = replace(each.value.query, "`project-id.prefix_", "`${var.project_id}.${local.prefix}")
  }

  depends_on = [google_bigquery_table.views]
}
