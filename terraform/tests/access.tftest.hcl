# Who may do what: the exact roles of every account, none of them wide.

mock_provider "google" {
  source          = "./tests/mocks"
  override_during = plan
}

run "access_is_least" {
  command = plan

  # ---- Accounts

  assert {
    condition = toset([for account in google_service_account.jobs : account.account_id]) == toset([
      for job in ["streaming", "batch", "rollup", "orchestration", "looker", "collector", "build"] : "chapterflow-${job}"
    ])
    error_message = "There is not exactly one account per job."
  }

  assert {
    condition = {
      for job in ["streaming", "batch", "rollup", "orchestration", "looker", "collector", "build"] : job => toset([
        for grant in google_project_iam_member.jobs : grant.role if grant.member == google_service_account.jobs[job].member
      ])
      } == {
      streaming     = toset(["roles/dataflow.worker", "roles/bigquery.jobUser", "roles/monitoring.metricWriter"])
      batch         = toset(["roles/dataflow.worker", "roles/bigquery.jobUser", "roles/monitoring.metricWriter"])
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
    condition = toset([
      for grant in google_bigquery_dataset_iam_member.jobs : "${grant.dataset_id} ${grant.role}" if strcontains(grant.member, "rollup")
    ]) == toset(["silver roles/bigquery.dataViewer", "gold roles/bigquery.dataEditor", "ops roles/bigquery.dataEditor"])
    error_message = "Rollup may do more than read silver and write gold and ops."
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
    condition     = toset(keys(google_service_account_iam_member.orchestration)) == toset(["batch", "rollup"])
    error_message = "Orchestration may act as somebody it does not start."
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
