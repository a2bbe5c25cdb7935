# Who sees the rows of which courses in gold: a policy per course reader and table that has a course.
#
# As soon as a table has one policy, everybody else sees no row of it: hence the policy for all rows,
# which jobs need also for writing. It is there from the start, so that adding the first course
# reader takes nothing away from the jobs.
#
# The changes of a table have the same policies: a view of rows as of now shows each reader what is
# theirs of both. Of a row that is gone a change may hold only what tells it apart. All readers see these
# changes without a course, or they would go on seeing the row.

locals {
  course_tables = {
    for name, table in local.secured_tables : name => table
    if table.layer == "gold" && contains([for field in table.fields : field.name], "course_id")
  }
  course_policies = merge([
    for name, table in local.course_tables : {
      for reader, rule in var.course_readers : "${name}/${reader}" => merge(rule, { name = name, reader = reader })
    }
  ]...)
  course_ids = {
    for reader, rule in var.course_readers : reader => join(", ", [for course in rule.courses : "'${course}'"])
  }
  warehouse_tables = merge(google_bigquery_table.tables, google_bigquery_table.besides)
  course_members   = distinct(flatten([for rule in values(var.course_readers) : rule.members]))
}

resource "google_bigquery_row_access_policy" "courses" {
  for_each = local.course_policies

  project    = var.project_id
  dataset_id = google_bigquery_dataset.layers["gold"].dataset_id
  table_id   = local.warehouse_tables[each.value.name].table_id
  policy_id  = "course_${each.value.reader}"
  filter_predicate = join(" OR ", concat(
    ["course_id IN (${local.course_ids[each.value.reader]})"],
    contains(local.changes_tables, each.value.name) ? ["(is_deleted AND course_id IS NULL)"] : [],
  ))
  grantees = each.value.members
}

resource "google_bigquery_row_access_policy" "all" {
  for_each = local.course_tables

  project          = var.project_id
  dataset_id       = google_bigquery_dataset.layers["gold"].dataset_id
  table_id         = local.warehouse_tables[each.key].table_id
  policy_id        = "all_courses"
  filter_predicate = "TRUE"
  grantees = concat(
    [for job in ["streaming", "fold", "batch", "rollup", "looker"] : local.members[job]], var.all_course_readers
  )
}
