# Who may do what: the exact roles of every account, none of them wide.

mock_provider "google" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  personal_data_readers = ["group:privacy@example.org"]
}

run "access_is_least" {
  command = plan

  # ---- Accounts

  assert {
    condition = toset([for account in google_service_account.jobs : account.account_id]) == toset([
      for job in ["streaming", "fold", "batch", "rollup", "orchestration", "looker", "collector", "build"] : "chapterflow-${job}"
    ])
    error_message = "There is not exactly one account per job."
  }

  assert {
    condition = {
      for job in ["streaming", "fold", "batch", "rollup", "orchestration", "looker", "collector", "build"] : job => toset([
        for grant in google_project_iam_member.jobs : grant.role if grant.member == google_service_account.jobs[job].member
      ])
      } == {
      streaming     = toset(["roles/dataflow.worker", "roles/bigquery.jobUser"])
      batch         = toset(["roles/dataflow.worker", "roles/bigquery.jobUser"])
      fold          = toset(["roles/bigquery.jobUser", "roles/logging.logWriter"])
      rollup        = toset(["roles/bigquery.jobUser", "roles/logging.logWriter"])
      orchestration = toset(["roles/dataflow.developer", "roles/workflows.invoker", "roles/logging.logWriter", "roles/run.viewer"])
      looker        = toset(["roles/bigquery.jobUser"])
      collector     = toset([])
      build         = toset(["roles/logging.logWriter"])
    }
    error_message = "An account has another role on the project than it needs."
  }

  assert {
    condition = toset([
      for grant in google_bigquery_dataset_iam_member.jobs : "${grant.dataset_id} ${grant.role}" if strcontains(grant.member, "looker")
    ]) == toset(["gold roles/bigquery.dataViewer"])
    error_message = "Looker reads more than gold."
  }

  assert {
    condition     = google_project_iam_custom_role.change_rows.permissions == toset(["bigquery.tables.updateData"])
    error_message = "Who changes rows may do more than that."
  }

  assert {
    condition = alltrue([
      for job in ["batch", "rollup", "fold"] : toset([
        for grant in google_bigquery_dataset_iam_member.jobs : "${grant.dataset_id} ${grant.role}"
        if grant.member == google_service_account.jobs[job].member
        ]) == toset(flatten([
          for layer in ["silver", "gold", "ops"] :
          ["${layer} roles/bigquery.dataViewer", "${layer} ${google_project_iam_custom_role.change_rows.id}"]
      ]))
    ])
    error_message = "Batch, rollup or fold may do other things in silver, gold and ops than read and change rows."
  }

  assert {
    condition = toset([
      for grant in google_bigquery_dataset_iam_member.jobs : "${grant.dataset_id} ${grant.role}" if strcontains(grant.member, "streaming")
    ]) == toset([for layer in ["silver", "gold", "ops"] : "${layer} roles/bigquery.dataViewer"])
    error_message = "The stream may do more in whole data sets than read."
  }

  assert {
    condition = (
      toset(keys(google_bigquery_table_iam_member.streaming)) == toset(concat(["ops.stream_commits", "ops.stream_position"], [
        for table in jsondecode(file("${path.module}/warehouse.json")).tables : "${table.layer}.${table.table}" if endswith(table.table, "_changes")
      ])) &&
      alltrue([for grant in google_bigquery_table_iam_member.streaming : grant.role == google_project_iam_custom_role.change_rows.id]) &&
      length(google_bigquery_table_iam_member.streaming) > 20
    )
    error_message = "The stream appends to other tables than those of changes and of rounds, or may do more there."
  }

  assert {
    condition = {
      for job, grant in google_bigquery_dataset_iam_member.staged : job => grant.role
      } == {
      batch = "roles/bigquery.dataEditor", rollup = "roles/bigquery.dataEditor", streaming = "roles/bigquery.metadataViewer"
    }
    error_message = "Somebody besides batch and rollup reads rows on their way."
  }

  assert {
    condition = toset([
      for grant in google_storage_bucket_iam_member.jobs : "${grant.bucket} ${grant.role}" if strcontains(grant.bucket, "-raw")
      ]) == toset([
      for role in ["objectCreator", "objectViewer"] : "${var.project_id}-raw roles/storage.${role}"
    ])
    error_message = "A job may replace or delete raw events."
  }

  assert {
    condition = (
      google_pubsub_topic_iam_member.collector.role == "roles/pubsub.publisher" &&
      google_pubsub_topic_iam_member.collector.topic == "chapterflow-events"
    )
    error_message = "The collector may do more than publish events."
  }

  assert {
    condition = (
      toset(keys(google_service_account_iam_member.starters)) == toset(["orchestration"]) &&
      google_service_account_iam_member.starters["orchestration"].service_account_id == google_service_account.jobs["batch"].name
    )
    error_message = "Somebody may act as an account of a job that they do not start."
  }

  assert {
    condition = toset(keys(google_cloud_run_v2_job_iam_member.starters)) == toset([
      for job in ["rollup", "check", "fold"] : "orchestration/${job}"
    ])
    error_message = "Orchestration may start other jobs than those that it has to."
  }

  assert {
    condition = (
      toset([for grant in google_bigquery_table_iam_member.personal_data : grant.table_id if grant.member == "group:privacy@example.org"]) ==
      toset(["dead_letters", "dead_letters_changes", "dead_letters_current"]) &&
      contains(keys(google_bigquery_table_iam_member.rounds), "ops.stream_commits/group:privacy@example.org") &&
      contains(keys(google_project_iam_member.analysts), "group:privacy@example.org")
    )
    error_message = "Privacy officers cannot ask for records as received, or see more than these."
  }

  # ---- Network

  assert {
    condition = (
      google_compute_subnetwork.workers.private_ip_google_access &&
      google_compute_network.this.delete_default_routes_on_create && !google_compute_network.this.auto_create_subnetworks
    )
    error_message = "Workers reach Google's APIs only by public addresses, or the network has more than is described."
  }

  assert {
    condition = (
      google_compute_firewall.nothing_else.direction == "EGRESS" && length(google_compute_firewall.nothing_else.deny) == 1 &&
      google_compute_firewall.nothing_else.priority > google_compute_firewall.apis.priority
    )
    error_message = "The network has a way out."
  }

  assert {
    condition = alltrue([
      for job in google_cloud_run_v2_job.jobs : job.template[0].template[0].vpc_access[0].egress == "ALL_TRAFFIC"
    ])
    error_message = "A job on Cloud Run leaves by another way than the network."
  }

  # ---- Audit

  assert {
    condition = alltrue([
      for service in ["bigquery", "storage", "pubsub", "secretmanager", "cloudkms"] : length(setsubtract(
        ["ADMIN_READ", "DATA_READ", "DATA_WRITE"],
        [for config in google_project_iam_audit_config.services["${service}.googleapis.com"].audit_log_config : config.log_type]
      )) == 0
    ])
    error_message = "An access to data is not logged."
  }

  assert {
    condition     = google_logging_project_bucket_config.audit.retention_days >= 365
    error_message = "The log of accesses is kept for less than a year."
  }
}

run "composer_starts_jobs_and_opens_no_file" {
  command = plan

  variables {
    has_composer = true
    schedules    = { is_paused = true }
  }

  override_resource {
    target          = google_service_account.jobs["composer"]
    override_during = plan
    values          = { member = "serviceAccount:chapterflow-composer@mock.iam.gserviceaccount.com" }
  }

  assert {
    condition = toset([
      for grant in google_project_iam_member.jobs : grant.role if strcontains(grant.member, "composer")
    ]) == toset(["roles/composer.worker", "roles/dataflow.developer", "roles/run.viewer"])
    error_message = "Composer has another role on the project than its environment and the DAGs need."
  }

  assert {
    condition = toset([
      for grant in google_storage_bucket_iam_member.jobs : "${grant.bucket} ${grant.role}" if strcontains(grant.member, "composer")
      ]) == toset([
      "${var.project_id}-templates roles/storage.objectViewer", "${var.project_id}-raw roles/storage.legacyBucketReader",
    ])
    error_message = "Composer sees too little of the files that its sensor waits for, or more than that they are there."
  }

  assert {
    condition = (
      length([for grant in google_cloud_run_v2_job_iam_member.starters : grant if strcontains(grant.member, "composer")]) == 3 &&
      google_service_account_iam_member.starters["composer"].service_account_id == google_service_account.jobs["batch"].name &&
      contains(keys(google_project_service.apis), "composer")
    )
    error_message = "Composer cannot start what the workflows start."
  }

  assert {
    condition     = !anytrue([for grant in google_bigquery_dataset_iam_member.jobs : strcontains(grant.member, "composer")])
    error_message = "Composer reads rows."
  }

  assert {
    condition     = toset(keys(output.airflow_variables)) == toset([for name in keys(google_workflows_workflow.workflows["batch"].user_env_vars) : "CHAPTERFLOW_${name}"])
    error_message = "The DAGs are told other things than the workflows."
  }

  assert {
    condition     = google_monitoring_alert_policy.absences["fold_is_old"].enabled && !google_monitoring_alert_policy.absences["freshness"].enabled
    error_message = "With Composer nobody is told of a fold that is old, or everybody of workflows that do not run."
  }
}
