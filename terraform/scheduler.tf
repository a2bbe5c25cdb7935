# When the batch runs by itself.

locals {
  schedules = {
    hourly = { workflow = "batch", cron = var.schedules.hourly, argument = { days = var.batch.hourly_days } }
    daily  = { workflow = "daily", cron = var.schedules.daily, argument = { days = var.batch.daily_days } }
  }
}

resource "google_cloud_scheduler_job" "schedules" {
  for_each = local.schedules

  project          = var.project_id
  region           = var.region
  name             = "chapterflow-${each.key}"
  description      = "Starts the workflow chapterflow-${each.value.workflow}"
  schedule         = each.value.cron
  time_zone        = var.schedules.time_zone
  paused           = var.schedules.is_paused
  attempt_deadline = "320s"

  # Of starting it; what fails on the way is the workflow's.
  retry_config {
    retry_count          = 3
    min_backoff_duration = "30s"
    max_backoff_duration = "300s"
  }

  http_target {
    http_method = "POST"
    uri         = "https://workflowexecutions.googleapis.com/v1/${google_workflows_workflow.workflows[each.value.workflow].id}/executions"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(jsonencode({ argument = jsonencode(each.value.argument) }))

    oauth_token {
      service_account_email = google_service_account.jobs["orchestration"].email
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }
}
