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
      jsondecode(google_workflows_workflow.workflows["batch"].user_env_vars.PARAMETERS).pseudonym_key_secret ==
      "projects/mock/secrets/chapterflow-pseudonym-key/versions/latest"
    )
    error_message = "The batch is not told the name of its key."
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
      ["stream_lags", "watermark_stands", "job_failed", "dead_letters_rise", "not_delivered", "workflow_failed"],
      keys(google_monitoring_alert_policy.alerts)
    )) == 0
    error_message = "An alert is missing."
  }

  assert {
    condition = alltrue([
      for policy in concat(
        values(google_monitoring_alert_policy.alerts), values(google_monitoring_alert_policy.error_budget),
        [google_monitoring_alert_policy.freshness]
      ) :
      strcontains(policy.documentation[0].content, "docs/runbook-cloud.md, section \"") && length(policy.notification_channels) == 1
    ])
    error_message = "An alert does not say what to do, or tells nobody."
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
