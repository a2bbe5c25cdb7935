# What runs by itself, who is told when it does not, and what it may cost.

mock_provider "google" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  alert_emails    = ["on-call@example.org"]
  billing_account = "012345-6789AB-CDEF01"
}

run "operation_is_watched" {
  command = plan

  # ---- Schedules

  assert {
    condition = alltrue([
      for schedule in google_cloud_scheduler_job.schedules :
      startswith(schedule.http_target[0].uri, "https://workflowexecutions.googleapis.com/") &&
      schedule.http_target[0].oauth_token[0].service_account_email == google_service_account.jobs["orchestration"].email &&
      schedule.retry_config[0].retry_count >= 1
    ])
    error_message = "A schedule starts something else, as somebody else, or tries only once."
  }

  assert {
    condition     = jsondecode(jsondecode(base64decode(google_cloud_scheduler_job.schedules["daily"].http_target[0].body)).argument).days == var.batch.daily_days
    error_message = "The daily run replaces another number of days than asked."
  }

  assert {
    condition = (
      google_cloud_scheduler_job.fold["fold"].schedule == "40 * * * *" &&
      google_cloud_scheduler_job.fold["fold"].http_target[0].uri == "https://run.googleapis.com/v2/projects/${var.project_id}/locations/${var.region}/jobs/${google_cloud_run_v2_job.jobs["fold"].name}:run" &&
      google_cloud_scheduler_job.fold["fold"].http_target[0].oauth_token[0].service_account_email == google_service_account.jobs["orchestration"].email
    )
    error_message = "The fold is not started each hour, half an hour after the batch."
  }

  assert {
    condition = (
      google_cloud_run_v2_job.jobs["fold"].template[0].template[0].service_account == google_service_account.jobs["fold"].email &&
      google_cloud_run_v2_job.jobs["fold"].template[0].template[0].containers[0].args == tolist(["--warehouse=${output.warehouse}"])
    )
    error_message = "The fold runs as somebody else, or is told other things than the warehouse."
  }

  assert {
    condition = (
      jsondecode(google_workflows_workflow.workflows["batch"].user_env_vars.PARAMETERS).pseudonym_key_secret ==
      "projects/mock/secrets/chapterflow-pseudonym-key/versions/1"
    )
    error_message = "The batch is not told the name of its key, or not one version of it."
  }

  assert {
    condition     = alltrue([for job in google_cloud_run_v2_job.jobs : job.template[0].template[0].containers[0].image == "${output.image}-jobs"])
    error_message = "A job on Cloud Run does not run the image without root."
  }

  assert {
    condition = toset(keys(google_workflows_workflow.workflows)) == toset([
      for name in fileset("${path.module}/workflows", "*.yaml") : trimsuffix(name, ".yaml")
    ])
    error_message = "A workflow is not deployed."
  }

  assert {
    condition = alltrue([
      for workflow in google_workflows_workflow.workflows : workflow.service_account == google_service_account.jobs["orchestration"].id
    ])
    error_message = "A workflow runs as somebody else."
  }

  # ---- Alerts

  assert {
    condition = length(setsubtract(
      ["stream_lags", "watermark_stands", "job_failed", "not_delivered", "workflow_failed", "fold_failed", "freshness", "fold_is_old"],
      keys(merge(google_monitoring_alert_policy.alerts, google_monitoring_alert_policy.absences))
    )) == 0
    error_message = "An alert is missing."
  }

  assert {
    condition = alltrue([
      for policy in concat(
        values(google_monitoring_alert_policy.alerts), values(google_monitoring_alert_policy.error_budget),
        values(google_monitoring_alert_policy.absences), [google_monitoring_alert_policy.dead_letters_rise]
      ) :
      strcontains(policy.documentation[0].content, "docs/runbook-cloud.md, section \"") && length(policy.notification_channels) == 1
    ])
    error_message = "An alert does not say what to do, or tells nobody."
  }

  assert {
    condition = (
      google_monitoring_alert_policy.absences["fold_is_old"].conditions[0].condition_absent[0].duration == "${var.alert_limits.fold_minutes * 60}s" &&
      alltrue([
        for policy in [google_monitoring_alert_policy.absences["fold_is_old"].conditions[0].condition_absent[0].filter, google_monitoring_alert_policy.alerts["fold_failed"].conditions[0].condition_threshold[0].filter] :
        strcontains(policy, "\"${google_cloud_run_v2_job.jobs["fold"].name}\"")
      ])
    )
    error_message = "Nobody is told of a fold that failed or is old."
  }

  assert {
    condition     = endswith(google_monitoring_alert_policy.dead_letters_rise.conditions[0].condition_prometheus_query_language[0].query, "> ${var.alert_limits.dead_letters_per_minute}")
    error_message = "The alert on dead letters has another limit than asked."
  }

  assert {
    condition     = google_monitoring_slo.in_time.goal == var.availability_goal && google_monitoring_slo.in_time.rolling_period_days == 28
    error_message = "The error budget is another than asked."
  }

  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.overview.dashboard_json).mosaicLayout.tiles) >= 6
    error_message = "The dashboard shows too little."
  }

  # ---- Budget

  assert {
    condition = (
      google_billing_budget.monthly[0].amount[0].specified_amount[0].units == tostring(var.monthly_budget) &&
      length(google_billing_budget.monthly[0].threshold_rules) == 4
    )
    error_message = "The budget is another than asked, or warns of nothing."
  }
}

run "the_first_apply_needs_no_image" {
  command = plan
  variables { has_image = false }

  assert {
    condition     = length(google_cloud_run_v2_job.jobs) == 0 && length(google_cloud_scheduler_job.fold) == 0 && length(google_cloud_run_v2_job_iam_member.starters) == 0
    error_message = "A job on Cloud Run is made before there is an image."
  }

  assert {
    condition     = alltrue([for schedule in google_cloud_scheduler_job.schedules : schedule.paused])
    error_message = "Something is started before there is an image."
  }

  assert {
    condition = (
      google_artifact_registry_repository.images.repository_id == "chapterflow" &&
      google_service_account.jobs["build"].account_id == "chapterflow-build" &&
      contains(keys(google_storage_bucket.buckets), "templates") && contains(keys(google_secret_manager_secret.secrets), "pseudonym-key")
    )
    error_message = "What builds the image and the templates has no place or account yet."
  }
}
