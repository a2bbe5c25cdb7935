# Which columns are sensitive, what those without the right see in them, and who has the right.
#
# The schemas say which columns (schemas/generated/tables.json, sensitive_columns); here is only how
# each kind of them is protected.

locals {
  # masking: what readers of gold see in place of the value.
  policy_tags = {
    personal  = { description = "Records as received: names, addresses, ids", masking = "ALWAYS_NULL" }
    pseudonym = { description = "Keyed hash of a student", masking = "SHA256" }
    judgement = { description = "A score or segment of one student", masking = "DEFAULT_MASKING_VALUE" }
  }

  # A sensitive column that is not named here is a judgement.
  column_tags = { payload = "personal", student_hash = "pseudonym" }

  sensitive_columns = merge([
    for name, table in local.secured_tables : {
      for column in table.sensitive_columns : "${name}.${column}" => lookup(local.column_tags, column, "judgement")
    }
  ]...)

  # Appending needs no right to read a column, and DELETE and SELECT do. So:
  # - who folds the changes of a stream into the tables copies all columns, dead letters' payload, too.
  #   Batch and rollup fold before they commit, or their rows would be overlaid by older changes;
  # - the stream appends payloads and never reads them. What it reads compares rows by the hash of the
  #   student, which it makes itself from the records;
  # - masks will not do for these: what is read masked and written back is the mask.
  fold_members = [for job in ["fold", "batch", "rollup"] : local.members[job]]
  clear_readers = {
    personal  = concat(var.personal_data_readers, local.fold_members)
    pseudonym = concat(var.pseudonym_readers, local.fold_members, [local.members["streaming"]])
    judgement = concat(var.pseudonym_readers, local.fold_members)
  }
}

resource "google_data_catalog_taxonomy" "sensitive" {
  project                = var.project_id
  region                 = var.region
  display_name           = "chapterflow-${var.environment}-sensitive"
  description            = "What is about one student"
  activated_policy_types = ["FINE_GRAINED_ACCESS_CONTROL"]
  depends_on             = [google_project_service.apis]
}

resource "google_data_catalog_policy_tag" "tags" {
  for_each = local.policy_tags

  taxonomy     = google_data_catalog_taxonomy.sensitive.id
  display_name = each.key
  description  = each.value.description
}

resource "google_data_catalog_policy_tag_iam_binding" "clear" {
  for_each = { for tag, readers in local.clear_readers : tag => readers if length(readers) > 0 }

  policy_tag = google_data_catalog_policy_tag.tags[each.key].name
  role       = "roles/datacatalog.categoryFineGrainedReader"
  members    = each.value
}

resource "google_bigquery_datapolicy_data_policy" "masks" {
  for_each = local.policy_tags

  project          = var.project_id
  location         = var.region
  data_policy_id   = "chapterflow_${var.environment}_${each.key}"
  policy_tag       = google_data_catalog_policy_tag.tags[each.key].name
  data_policy_type = "DATA_MASKING_POLICY"

  data_masking_policy {
    predefined_expression = each.value.masking
  }
}

resource "google_bigquery_datapolicy_data_policy_iam_binding" "masked" {
  for_each = local.policy_tags

  project        = var.project_id
  location       = var.region
  data_policy_id = google_bigquery_datapolicy_data_policy.masks[each.key].data_policy_id
  role           = "roles/bigquerydatapolicy.maskedReader"
  members        = concat([local.members["looker"]], var.all_course_readers, local.course_members)
}
