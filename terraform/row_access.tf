# Who sees the rows of which courses in gold: a policy per course reader and table that has a course.
#
# As soon as a table has one policy, everybody else sees no row of it: hence the policy for all rows,
# which jobs need also for writing. It is there from the start, so that adding the first course
# reader takes nothing away from the jobs.

locals {
  course_tables = {
    for name, table in local.tables : name => table
    if table.layer == "gold" && contains([for field in table.fields : field.name], "course_id")
  }
  course_policies = merge([
    for name, table in local.course_tables : {
      for reader, rule in var.course_readers : "${name}/${reader}" => merge(rule, { table = table.table, reader = reader })
    }
  ]...)
  course_members = distinct(flatten([for rule in values(var.course_readers) : rule.members]))
}

resource "google_bigquery_row_access_policy" "courses" {
  for_each = local.course_policies

  project          = var.project_id
  dataset_id       = google_bigquery_dataset.layers["gold"].dataset_id
  table_id         = google_bigquery_table.tables["gold.${each.value.table}"].table_id
  policy_id        = "course_${each.value.reader}"
  filter_predicate = "course_id IN (${join(", ", [for course in each.value.courses : "'${course}'"])})"
  grantees         = each.value.members
}

resource "google_bigquery_row_access_policy" "all" {
  for_each = local.course_tables

  project          = var.project_id
  dataset_id       = google_bigquery_dataset.layers["gold"].dataset_id
  table_id         = google_bigquery_table.tables[each.key].table_id
  policy_id        = "all_courses"
  filter_predicate = "TRUE"
  grantees = concat(
    [for job in ["streaming", "batch", "rollup", "looker"] : local.members[job]], var.all_course_readers
  )
}
