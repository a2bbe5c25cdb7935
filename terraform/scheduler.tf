# When the batch runs by itself, and when what the stream appended goes into the tables.

locals {
  schedules = {
    hourly = { workflow = "batch", cron = var.schedules.hourly, argument = { days = var.batch.hourly_days } }
    daily  = { workflow = "daily", cron = var.schedules.daily, argument = { days = var.batch.daily_days } }
  }

  # Without an image there is nothing to start yet.
  is_paused = var.schedules.is_paused || !var.has_image
}

resource "google_cloud_scheduler_job" "schedules" {
  for_each = local.schedules

  project          = var.project_id
  region           = var.region
  name             = "chapterflow-${each.key}"
  description      = "Starts the workflow chapterflow-${each.value.workflow}"
  schedule         = each.value.cron
  time_zone        = var.schedules.time_zone
  paused           = local.is_paused
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

# It starts the job itself: there is nothing to wait for. Should one still run, the next waits its turn.
resource "google_cloud_scheduler_job" "fold" {
  for_each = { for name, job in google_cloud_run_v2_job.jobs : name => job if name == "fold" }

  project          = var.project_id
  region           = var.region
  name             = "chapterflow-fold"
  description      = "Starts the job chapterflow-fold"
  schedule         = var.schedules.fold
  time_zone        = var.schedules.time_zone
  paused           = local.is_paused
  attempt_deadline = "60s"

  # Of starting it; one that is missed is made up for by the next.
  retry_config {
    retry_count          = 1
    min_backoff_duration = "15s"
    max_backoff_duration = "60s"
  }

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project_id}/locations/${var.region}/jobs/${each.value.name}:run"

    oauth_token {
      service_account_email = google_service_account.jobs["orchestration"].email
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }
}
