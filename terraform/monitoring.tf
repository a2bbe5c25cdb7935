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
    fold_failed = {
      section  = "The fold failed"
      severity = "WARNING"
      meaning  = "What the stream appended could not be put into the tables; queries see it all the same."
      filter   = "${local.folds} AND metric.label.result = \"failed\""
      aligner  = "ALIGN_DELTA"
      limit    = 0
      duration = "0s"
    }
  }

  folds        = "metric.type = \"run.googleapis.com/job/completed_execution_count\" AND resource.type = \"cloud_run_job\" AND resource.label.job_name = \"chapterflow-fold\""
  batches_done = "metric.type = \"workflows.googleapis.com/finished_execution_count\" AND resource.type = \"workflows.googleapis.com/Workflow\" AND resource.label.workflow_id = \"${google_workflows_workflow.workflows["batch"].name}\" AND metric.label.status = \"SUCCEEDED\""

  # Alerts on what should come and does not. Composer starts the same fold, but its batch is no workflow.
  absences = {
    freshness = {
      section  = "Tables are not fresh"
      severity = "CRITICAL"
      meaning  = "No batch has succeeded for ${var.alert_limits.fresh_hours} hours."
      filter   = local.batches_done
      seconds  = var.alert_limits.fresh_hours * 3600
      enabled  = !local.is_paused
    }
    fold_is_old = {
      section  = "The newest fold is too old"
      severity = "WARNING"
      meaning  = "No fold has succeeded for ${var.alert_limits.fold_minutes} minutes: queries are right, and dearer by the minute."
      filter   = "${local.folds} AND metric.label.result = \"succeeded\""
      seconds  = var.alert_limits.fold_minutes * 60
      enabled  = var.has_image && (!var.schedules.is_paused || var.has_composer)
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

resource "google_monitoring_alert_policy" "absences" {
  for_each = local.absences

  project               = var.project_id
  display_name          = "Chapterflow ${var.environment}: ${lower(each.value.section)}"
  combiner              = "OR"
  severity              = each.value.severity
  enabled               = each.value.enabled
  notification_channels = local.channels
  user_labels           = merge(local.labels, { alert = each.key })

  conditions {
    display_name = each.value.section

    condition_absent {
      filter   = each.value.filter
      duration = "${each.value.seconds}s"

      aggregations {
        alignment_period   = "${local.window_seconds}s"
        per_series_aligner = "ALIGN_DELTA"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Chapterflow ${var.environment}: ${each.value.section}"
    content   = "${each.value.meaning} What to do: ${local.runbook}, section \"${each.value.section}\"."
  }
}

# A counter of a job on Dataflow is a gauge for Cloud Monitoring, of which no aligner makes a rate.
resource "google_monitoring_alert_policy" "dead_letters_rise" {
  project               = var.project_id
  display_name          = "Chapterflow ${var.environment}: dead letters rise"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channels
  user_labels           = merge(local.labels, { alert = "dead_letters_rise" })

  conditions {
    display_name = "Dead letters rise"

    condition_prometheus_query_language {
      query                     = "sum by (job_name) (deriv(dataflow_googleapis_com:job_user_counter{monitored_resource=\"dataflow_job\",metric_name=\"dead_letters\",job_name=~\"chapterflow.*\"}[10m])) * 60 > ${var.alert_limits.dead_letters_per_minute}"
      duration                  = "300s"
      evaluation_interval       = "60s"
      disable_metric_validation = true # the metric is there once a job has run
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Chapterflow ${var.environment}: Dead letters rise"
    content   = "More than ${var.alert_limits.dead_letters_per_minute} records a minute cannot be used. What to do: ${local.runbook}, section \"Dead letters rise\"."
  }

  alert_strategy {
    auto_close = "86400s"
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
