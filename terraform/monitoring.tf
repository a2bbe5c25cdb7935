# When somebody is woken, what they read then (docs/runbook-cloud.md), and what they see.

locals {
  runbook        = "docs/runbook-cloud.md"
  subscription   = google_pubsub_subscription.streaming.name
  stream_is_ours = "resource.type = \"pubsub_subscription\" AND resource.label.subscription_id = \"${local.subscription}\""
  channels       = [for channel in google_monitoring_notification_channel.emails : channel.id]
  window_seconds = 300

  # Threshold alerts. `section` is the heading in the runbook, `aligner` what is made of a window.
  alerts = {
    stream_lags = {
      section  = "The stream lags"
      severity = "CRITICAL"
      meaning  = "Events wait in Pub/Sub for longer than ${var.alert_limits.lag_seconds} s."
      filter   = "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND ${local.stream_is_ours}"
      aligner  = "ALIGN_MAX"
      limit    = var.alert_limits.lag_seconds
      duration = "300s"
    }
    watermark_stands = {
      section  = "The watermark stands still"
      severity = "WARNING"
      meaning  = "What the stream has completed is more than an hour behind."
      filter   = "metric.type = \"dataflow.googleapis.com/job/data_watermark_age\" AND resource.type = \"dataflow_job\" AND resource.label.job_name = starts_with(\"chapterflow-streaming\")"
      aligner  = "ALIGN_MAX"
      limit    = 3600
      duration = "600s"
    }
    job_failed = {
      section  = "A Dataflow job failed"
      severity = "CRITICAL"
      meaning  = "A job of the stream or the batch has failed."
      filter   = "metric.type = \"dataflow.googleapis.com/job/is_failed\" AND resource.type = \"dataflow_job\" AND resource.label.job_name = starts_with(\"chapterflow\")"
      aligner  = "ALIGN_MAX"
      limit    = 0
      duration = "0s"
    }
    dead_letters_rise = {
      section  = "Dead letters rise"
      severity = "WARNING"
      meaning  = "More than ${var.alert_limits.dead_letters_per_minute} records a minute cannot be used."
      filter   = "metric.type = \"dataflow.googleapis.com/job/user_counter\" AND resource.type = \"dataflow_job\" AND metric.label.metric_name = \"dead_letters\""
      aligner  = "ALIGN_RATE"
      limit    = var.alert_limits.dead_letters_per_minute / 60
      duration = "300s"
    }
    not_delivered = {
      section  = "Messages cannot be delivered"
      severity = "CRITICAL"
      meaning  = "Pub/Sub gave up on messages; they are in the quarantine bucket."
      filter   = "metric.type = \"pubsub.googleapis.com/subscription/dead_letter_message_count\" AND ${local.stream_is_ours}"
      aligner  = "ALIGN_DELTA"
      limit    = 0
      duration = "0s"
    }
    workflow_failed = {
      section  = "A workflow failed"
      severity = "WARNING"
      meaning  = "A batch, backfill or rollup ended with an error, or a data check of severity error did not pass."
      filter   = "metric.type = \"workflows.googleapis.com/finished_execution_count\" AND resource.type = \"workflows.googleapis.com/Workflow\" AND resource.label.workflow_id = starts_with(\"chapterflow-\") AND metric.label.status = \"FAILED\""
      aligner  = "ALIGN_DELTA"
      limit    = 0
      duration = "0s"
    }
  }
}

resource "google_monitoring_notification_channel" "emails" {
  for_each = toset(var.alert_emails)

  project      = var.project_id
  display_name = "Chapterflow alerts to ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }
  user_labels  = local.labels
}

resource "google_monitoring_alert_policy" "alerts" {
  for_each = local.alerts

  project               = var.project_id
  display_name          = "Chapterflow ${var.environment}: ${lower(each.value.section)}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = merge(local.labels, { alert = each.key })

  conditions {
    display_name = each.value.section

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.limit
      duration        = each.value.duration

      aggregations {
        alignment_period   = "${local.window_seconds}s"
        per_series_aligner = each.value.aligner
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Chapterflow ${var.environment}: ${each.value.section}"
    content   = "${each.value.meaning} What to do: ${local.runbook}, section \"${each.value.section}\"."
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

# Freshness: the batch is hourly, so hours without one that succeeded mean old tables.
resource "google_monitoring_alert_policy" "freshness" {
  project               = var.project_id
  display_name          = "Chapterflow ${var.environment}: tables are not fresh"
  combiner              = "OR"
  severity              = "CRITICAL"
  enabled               = !var.schedules.is_paused
  notification_channels = local.channels
  user_labels           = merge(local.labels, { alert = "freshness" })

  conditions {
    display_name = "No batch succeeded"

    condition_absent {
      filter   = "metric.type = \"workflows.googleapis.com/finished_execution_count\" AND resource.type = \"workflows.googleapis.com/Workflow\" AND resource.label.workflow_id = \"${google_workflows_workflow.workflows["batch"].name}\" AND metric.label.status = \"SUCCEEDED\""
      duration = "${var.alert_limits.fresh_hours * 3600}s"

      aggregations {
        alignment_period   = "${local.window_seconds}s"
        per_series_aligner = "ALIGN_DELTA"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Chapterflow ${var.environment}: tables are not fresh"
    content   = "No batch has succeeded for ${var.alert_limits.fresh_hours} hours. What to do: ${local.runbook}, section \"Tables are not fresh\"."
  }
}

# ---- Error budget: the share of windows in which the stream was in time, over 28 days

resource "google_monitoring_custom_service" "stream" {
  project      = var.project_id
  service_id   = "chapterflow-stream"
  display_name = "Chapterflow stream"
  user_labels  = local.labels
}

resource "google_monitoring_slo" "in_time" {
  project             = var.project_id
  service             = google_monitoring_custom_service.stream.service_id
  slo_id              = "in-time"
  display_name        = "Events are read within ${var.alert_limits.lag_seconds} s"
  goal                = var.availability_goal
  rolling_period_days = 28
  user_labels         = local.labels

  windows_based_sli {
    window_period = "${local.window_seconds}s"

    metric_mean_in_range {
      time_series = "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND ${local.stream_is_ours}"

      range {
        min = 0
        max = var.alert_limits.lag_seconds
      }
    }
  }
}

# Fast: in an hour 2 % of the budget of 28 days (13.4 times the even pace). Slow: in 6 hours 5 %.
resource "google_monitoring_alert_policy" "error_budget" {
  for_each = { fast = { hours = 1, pace = 13.4 }, slow = { hours = 6, pace = 5.6 } }

  project               = var.project_id
  display_name          = "Chapterflow ${var.environment}: error budget burns (${each.key})"
  combiner              = "OR"
  severity              = each.key == "fast" ? "CRITICAL" : "WARNING"
  notification_channels = local.channels
  user_labels           = merge(local.labels, { alert = "error_budget_${each.key}" })

  conditions {
    display_name = "Burn rate over ${each.value.hours} h"

    condition_threshold {
      filter          = "select_slo_burn_rate(\"${google_monitoring_slo.in_time.name}\", \"${each.value.hours * 3600}s\")"
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.pace
      duration        = "0s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Chapterflow ${var.environment}: the error budget burns"
    content   = "At this pace the error budget of 28 days will not last. What to do: ${local.runbook}, section \"The error budget burns\"."
  }
}

resource "google_monitoring_dashboard" "overview" {
  project = var.project_id
  dashboard_json = templatefile("${path.module}/dashboards/overview.json.tftpl", {
    environment  = var.environment
    subscription = local.subscription
    lag_seconds  = var.alert_limits.lag_seconds
  })
}
