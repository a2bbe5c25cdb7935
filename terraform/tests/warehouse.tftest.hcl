# The warehouse: every table of the schemas as they describe it, and who sees which rows and columns.

mock_provider "google" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  course_readers = {
    chemistry = { courses = ["chem-1", "chem-2"], members = ["group:chemistry@example.org"] }
  }
}

run "warehouse_is_as_described" {
  command = plan

  # ---- Tables

  assert {
    condition = toset(keys(google_bigquery_table.tables)) == toset([
      for name in fileset("${path.module}/../schemas/generated/bigquery", "*.json") : trimsuffix(name, ".json")
    ])
    error_message = "The tables are not those of schemas/generated/bigquery."
  }

  assert {
    condition = alltrue([
      for table in jsondecode(file("${path.module}/../schemas/generated/tables.json")) :
      join(",", google_bigquery_table.tables["${table.layer}.${table.table}"].clustering == null ? tolist([]) : google_bigquery_table.tables["${table.layer}.${table.table}"].clustering) == join(",", table.clustering) &&
      join(",", google_bigquery_table.tables["${table.layer}.${table.table}"].table_constraints[0].primary_key[0].columns) == join(",", table.key) &&
      google_bigquery_table.tables["${table.layer}.${table.table}"].description == table.description
    ])
    error_message = "A table is not clustered, keyed or described as the schemas say."
  }

  assert {
    condition = alltrue([
      for table in jsondecode(file("${path.module}/../schemas/generated/tables.json")) :
      table.partition == null ? length(google_bigquery_table.tables["${table.layer}.${table.table}"].time_partitioning) == 0 : (
        google_bigquery_table.tables["${table.layer}.${table.table}"].time_partitioning[0].field == table.partition &&
        google_bigquery_table.tables["${table.layer}.${table.table}"].time_partitioning[0].type == "DAY" &&
        google_bigquery_table.tables["${table.layer}.${table.table}"].time_partitioning[0].expiration_ms ==
        86400000 * lookup(var.table_expiry_days, "${table.layer}.${table.table}", var.partition_expiry_days[table.layer])
      )
    ])
    error_message = "A table is not partitioned as the schemas say, or does not expire as asked."
  }

  assert {
    condition     = google_bigquery_table.tables["ops.dead_letters"].time_partitioning[0].expiration_ms <= 90 * 86400000
    error_message = "Records as received are kept for longer than 90 days."
  }

  assert {
    condition = alltrue(flatten([
      for table in jsondecode(file("${path.module}/../schemas/generated/tables.json")) : [
        for field in jsondecode(google_bigquery_table.tables["${table.layer}.${table.table}"].schema) :
        contains(table.sensitive_columns, field.name) == can(field.policyTags.names[0]) && field.description != ""
      ]
    ]))
    error_message = "A sensitive column has no policy tag, another has one, or a column is not described."
  }

  assert {
    condition = alltrue(flatten([
      for table in google_bigquery_table.tables : [
        for field in jsondecode(table.schema) : endswith(
          field.policyTags.names[0],
          field.name == "payload" ? "/personal" : field.name == "student_hash" ? "/pseudonym" : "/judgement"
        ) if can(field.policyTags)
      ]
    ]))
    error_message = "A column has the tag of another kind."
  }

  assert {
    condition = alltrue(flatten([
      for dataset in google_bigquery_dataset.layers : [
        dataset.location == var.region, !dataset.delete_contents_on_destroy,
        length(dataset.default_encryption_configuration) == 1,
      ]
    ]))
    error_message = "A data set is elsewhere, is deleted with its tables, or is not encrypted with our key."
  }

  assert {
    condition     = alltrue([for table in google_bigquery_table.tables : length(table.encryption_configuration) == 1])
    error_message = "A table is not encrypted with our key."
  }

  # ---- Besides

  assert {
    condition = (
      toset(keys(merge(google_bigquery_table.views, google_bigquery_table.views_over_views))) == toset([
        for view in jsondecode(file("${path.module}/warehouse.json")).views : "${view.layer}.${view.table}"
      ]) &&
      toset(keys(google_bigquery_table.views_over_views)) == toset(["silver.question_attempts_numbered", "silver.video_events"])
    )
    error_message = "What the pipelines need besides the tables is not there."
  }

  assert {
    condition = alltrue([
      for name in keys(google_bigquery_table.besides) :
      contains(["ops.commit_turn", "ops.stream_commits", "ops.stream_position"], name) || (
        contains(keys(google_bigquery_table.tables), trimsuffix(name, "_changes")) &&
        contains(keys(google_bigquery_table.views), replace(name, "_changes", "_current"))
      )
    ])
    error_message = "A table of changes has no table or no view of the rows as of now."
  }

  assert {
    condition = alltrue([
      for name in local.changes_tables :
      google_bigquery_table.besides[name].time_partitioning[0].field == "committed_at" &&
      length(google_bigquery_table.besides[name].clustering) > 0
    ])
    error_message = "Changes are not partitioned by their time, or not clustered."
  }

  assert {
    condition = alltrue([
      for name in local.changes_tables :
      google_bigquery_table.besides[name].time_partitioning[0].expiration_ms ==
      google_bigquery_table.tables[trimsuffix(name, "_changes")].time_partitioning[0].expiration_ms
      if length(google_bigquery_table.tables[trimsuffix(name, "_changes")].time_partitioning) > 0
    ]) && google_bigquery_table.besides["ops.dead_letters_changes"].time_partitioning[0].expiration_ms <= 90 * 86400000
    error_message = "Changes are kept for another time than their table's rows."
  }

  assert {
    condition     = !contains(keys(local.expiry_days), "ops.stream_commits") && !contains(keys(local.expiry_days), "gold.dim_courses_changes")
    error_message = "What is not folded yet goes before its table's rows do."
  }

  assert {
    condition = alltrue(flatten([
      for name in local.changes_tables : [
        for field in jsondecode(google_bigquery_table.tables[trimsuffix(name, "_changes")].schema) :
        try([for change in jsondecode(google_bigquery_table.besides[name].schema) : change.policyTags if change.name == field.name][0], null) == try(field.policyTags, null)
      ]
    ]))
    error_message = "A column of changes is not secured as that of the table."
  }

  assert {
    condition     = alltrue([for table in google_bigquery_table.besides : length(table.encryption_configuration) == 1])
    error_message = "A table of changes is not encrypted with our key."
  }

  assert {
    condition     = google_bigquery_dataset.staged.default_table_expiration_ms == 86400000 && google_bigquery_dataset.staged.dataset_id == "staged"
    error_message = "Rows on their way are kept for longer than a day."
  }

  # ---- Rows by course

  assert {
    condition = alltrue([
      for name in [
        for file in fileset("${path.module}/../schemas/generated/bigquery", "gold.*.json") : trimsuffix(file, ".json")
        if strcontains(file("${path.module}/../schemas/generated/bigquery/${file}"), "\"course_id\"")
      ] :
      google_bigquery_row_access_policy.courses["${name}/chemistry"].filter_predicate == "course_id IN ('chem-1', 'chem-2')" &&
      google_bigquery_row_access_policy.courses["${name}/chemistry"].grantees == tolist(["group:chemistry@example.org"]) &&
      google_bigquery_row_access_policy.all[name].filter_predicate == "TRUE"
    ])
    error_message = "A table of gold with a course does not show each reader the rows of their courses alone."
  }

  assert {
    condition = alltrue([
      for name in local.changes_tables :
      google_bigquery_row_access_policy.courses["${name}/chemistry"].filter_predicate == "course_id IN ('chem-1', 'chem-2') OR (is_deleted AND course_id IS NULL)" &&
      google_bigquery_row_access_policy.courses["${name}/chemistry"].grantees == tolist(["group:chemistry@example.org"]) &&
      google_bigquery_row_access_policy.all[name].filter_predicate == "TRUE"
      if contains(keys(google_bigquery_row_access_policy.all), trimsuffix(name, "_changes"))
    ]) && contains(keys(google_bigquery_row_access_policy.all), "gold.chapter_engagement_changes")
    error_message = "The changes of a table with a course show each reader other rows than those of their courses, or not which are gone."
  }

  assert {
    condition = (
      google_bigquery_table_iam_member.course_views["gold.chapter_engagement_current/group:chemistry@example.org"].role == "roles/bigquery.dataViewer" &&
      alltrue([for name in keys(google_bigquery_table_iam_member.course_views) : startswith(name, "gold.") && strcontains(name, "_current/group:chemistry@example.org")]) &&
      alltrue([
        for table in ["ops.stream_commits", "ops.stream_position"] :
        contains(keys(google_bigquery_table_iam_member.rounds), "${table}/group:chemistry@example.org") && contains(keys(google_bigquery_table_iam_member.rounds), "${table}/looker")
      ])
    )
    error_message = "A course reader or Looker cannot ask for rows as of now, or may ask more."
  }

  assert {
    condition = alltrue(flatten([
      for policy in google_bigquery_row_access_policy.all : [
        for job in ["streaming", "fold", "batch", "rollup", "looker"] :
        contains(policy.grantees, google_service_account.jobs[job].member)
      ]
    ]))
    error_message = "A job would not see all rows, so it would read too little or could not write."
  }

  assert {
    condition     = !anytrue([for policy in google_bigquery_row_access_policy.all : contains(policy.grantees, "group:chemistry@example.org")])
    error_message = "A course reader sees all courses."
  }

  # ---- Columns

  assert {
    condition = (
      google_data_catalog_taxonomy.sensitive.activated_policy_types == toset(["FINE_GRAINED_ACCESS_CONTROL"]) ||
      google_data_catalog_taxonomy.sensitive.activated_policy_types == tolist(["FINE_GRAINED_ACCESS_CONTROL"])
    )
    error_message = "The policy tags are not enforced."
  }

  assert {
    condition = (
      google_bigquery_datapolicy_data_policy.masks["personal"].data_masking_policy[0].predefined_expression == "ALWAYS_NULL" &&
      google_bigquery_datapolicy_data_policy.masks["pseudonym"].data_masking_policy[0].predefined_expression == "SHA256"
    )
    error_message = "What readers without the right see is not masked as meant."
  }

  assert {
    condition = !anytrue(flatten([
      for binding in google_data_catalog_policy_tag_iam_binding.clear : [
        for who in ["looker", "collector", "orchestration", "build"] :
        contains(binding.members, google_service_account.jobs[who].member)
      ]
    ]))
    error_message = "An account sees sensitive columns in clear that has no need to."
  }

  assert {
    condition = join(",", sort(google_data_catalog_policy_tag_iam_binding.clear["personal"].members)) == join(",", sort(concat(
      tolist(var.personal_data_readers), [for job in ["fold", "batch", "rollup"] : google_service_account.jobs[job].member]
    )))
    error_message = "Somebody besides the privacy officers and the jobs that fold sees records as received."
  }

  assert {
    condition = (
      contains(google_data_catalog_policy_tag_iam_binding.clear["pseudonym"].members, google_service_account.jobs["streaming"].member) &&
      !contains(google_data_catalog_policy_tag_iam_binding.clear["judgement"].members, google_service_account.jobs["streaming"].member)
    )
    error_message = "The stream sees other sensitive columns than the hash of the student."
  }
}

run "a_prefix_names_the_data_sets" {
  command = plan
  variables { dataset_prefix = "north" }

  assert {
    condition     = toset([for dataset in google_bigquery_dataset.layers : dataset.dataset_id]) == toset(["north_silver", "north_gold", "north_ops"])
    error_message = "The data sets do not have the prefix."
  }

  assert {
    condition = alltrue([
      for view in concat(values(google_bigquery_table.views), values(google_bigquery_table.views_over_views)) :
      strcontains(view.view[0].query, "`${var.project_id}.north_") && !strcontains(view.view[0].query, "project-id.")
    ])
    error_message = "A view reads from another place."
  }

  assert {
    condition     = output.warehouse == "bq://${var.project_id}.north"
    error_message = "The warehouse is not what the programs expect."
  }
}
