# Events on their way in: a topic, the stream's subscription, and where what cannot be delivered goes.

locals {
  message_retention = "${var.message_retention_days * 86400}s"
  topics            = toset(["events", "dead-letters"])
}

resource "google_pubsub_topic" "topics" {
  for_each = local.topics

  project                    = var.project_id
  name                       = "chapterflow-${each.key}"
  kms_key_name               = google_kms_crypto_key.keys["pubsub"].id
  message_retention_duration = local.message_retention
  labels                     = local.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
    enforce_in_transit          = true
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

# Ordered by key: the collector publishes with the student as ordering key, so that a student's events
# come in order within a region. The pipeline is right without it; it spares corrections.
resource "google_pubsub_subscription" "streaming" {
  project                      = var.project_id
  name                         = "chapterflow-events-streaming"
  topic                        = google_pubsub_topic.topics["events"].id
  ack_deadline_seconds         = 600
  message_retention_duration   = local.message_retention
  retain_acked_messages        = true # a stream that went wrong can seek back
  enable_message_ordering      = true
  enable_exactly_once_delivery = false # duplicates are removed by event id; Dataflow gets slower by it
  labels                       = local.labels

  expiration_policy {
    ttl = "" # never, however long the stream stands still
  }

  # A last resort. Records that cannot be read are dead letters of the pipeline, with a reason; only
  # what is delivered a hundred times without an acknowledgement gets here.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.topics["dead-letters"].id
    max_delivery_attempts = 100
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
}

# What was given up lands as files in the quarantine, where it stays as long as raw events.
resource "google_pubsub_subscription" "quarantine" {
  project                    = var.project_id
  name                       = "chapterflow-dead-letters-quarantine"
  topic                      = google_pubsub_topic.topics["dead-letters"].id
  ack_deadline_seconds       = 600
  message_retention_duration = local.message_retention
  labels                     = local.labels

  expiration_policy {
    ttl = ""
  }

  cloud_storage_config {
    bucket          = google_storage_bucket.buckets["quarantine"].name
    filename_prefix = "pubsub/"
    filename_suffix = ".avro"
    max_duration    = "300s"

    avro_config {
      write_metadata = true
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  depends_on = [google_storage_bucket_iam_member.pubsub_quarantine]
}
