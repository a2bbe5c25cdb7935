# Where events are kept: names, retention, keys, nothing public.

mock_provider "google" {
  source          = "./tests/mocks"
  override_during = plan
}

run "data_is_kept_as_promised" {
  command = plan

  # ---- Buckets

  assert {
    condition = toset([for bucket in google_storage_bucket.buckets : bucket.name]) == toset([
      for name in ["raw", "quarantine", "staging", "templates", "warehouse", "access"] : "${var.project_id}-${name}"
    ])
    error_message = "The buckets are not those that are expected."
  }

  assert {
    condition = alltrue([
      for bucket in google_storage_bucket.buckets :
      bucket.public_access_prevention == "enforced" && bucket.uniform_bucket_level_access && !bucket.force_destroy
    ])
    error_message = "A bucket could become public, has rights per file, or is deleted with its files."
  }

  assert {
    condition = alltrue(flatten([
      for name in ["raw", "quarantine"] : [
        google_storage_bucket.buckets[name].versioning[0].enabled,
        google_storage_bucket.buckets[name].soft_delete_policy[0].retention_duration_seconds == 0,
        anytrue([
          for rule in google_storage_bucket.buckets[name].lifecycle_rule :
          anytrue([for action in rule.action : action.type == "Delete"]) &&
          anytrue([for when in rule.condition : when.age == var.raw_retention_days && when.with_state == "ANY"])
        ]),
      ]
    ]))
    error_message = "Raw events are not versioned, or not gone at the age that was promised."
  }

  assert {
    condition     = var.raw_retention_days <= 90
    error_message = "Raw events are kept for longer than 90 days."
  }

  assert {
    condition     = alltrue([for bucket in google_storage_bucket.buckets : length(bucket.encryption) == 1])
    error_message = "A bucket is not encrypted with our key."
  }

  assert {
    condition     = alltrue([for name, bucket in google_storage_bucket.buckets : length(bucket.logging) == 1 || name == "access"])
    error_message = "A bucket has no access log."
  }

  # ---- Pubsub

  assert {
    condition = (
      google_pubsub_subscription.streaming.dead_letter_policy[0].dead_letter_topic == google_pubsub_topic.topics["dead-letters"].id &&
      google_pubsub_subscription.streaming.dead_letter_policy[0].max_delivery_attempts >= 5
    )
    error_message = "What cannot be delivered to the stream goes nowhere."
  }

  assert {
    condition = (
      google_pubsub_topic_iam_member.dead_letters.role == "roles/pubsub.publisher" &&
      google_pubsub_topic_iam_member.dead_letters.topic == google_pubsub_topic.topics["dead-letters"].name &&
      google_pubsub_topic_iam_member.dead_letters.member == google_pubsub_subscription_iam_member.dead_letters.member
    )
    error_message = "Pub/Sub may not move messages to the dead letters."
  }

  assert {
    condition = alltrue([
      for subscription in [google_pubsub_subscription.streaming, google_pubsub_subscription.quarantine] :
      subscription.expiration_policy[0].ttl == "" && subscription.message_retention_duration == "${var.message_retention_days * 86400}s"
    ])
    error_message = "A subscription expires, or forgets too early."
  }

  assert {
    condition     = google_pubsub_subscription.streaming.enable_message_ordering && google_pubsub_subscription.streaming.retain_acked_messages
    error_message = "The stream's subscription is not ordered, or cannot seek back."
  }

  assert {
    condition     = google_pubsub_subscription.quarantine.cloud_storage_config[0].bucket == "${var.project_id}-quarantine"
    error_message = "Dead letters do not land in the quarantine."
  }

  assert {
    condition = alltrue([
      for topic in google_pubsub_topic.topics :
      topic.kms_key_name != null && topic.message_storage_policy[0].allowed_persistence_regions == toset([var.region])
    ])
    error_message = "A topic is not encrypted with our key, or keeps messages elsewhere."
  }

  # ---- Keys and secrets

  assert {
    condition = alltrue([
      for key in google_kms_crypto_key.keys :
      tonumber(trimsuffix(key.rotation_period, "s")) <= 90 * 86400 && key.purpose == "ENCRYPT_DECRYPT"
    ])
    error_message = "A key is not rotated at least every 90 days."
  }

  assert {
    condition = (
      toset(keys(google_secret_manager_secret_iam_member.readers)) == toset(["pseudonym-key/streaming", "pseudonym-key/batch"]) &&
      alltrue([for grant in google_secret_manager_secret_iam_member.readers : grant.role == "roles/secretmanager.secretAccessor"])
    )
    error_message = "The key of the pseudonyms is not read by stream and batch alone."
  }

  # ---- Images

  assert {
    condition     = google_artifact_registry_repository.images.docker_config[0].immutable_tags
    error_message = "The tag of an image can be moved."
  }

  assert {
    condition     = output.image == "${var.region}-docker.pkg.dev/${var.project_id}/chapterflow/chapterflow:${var.image_tag}"
    error_message = "The image is not the one that is pushed."
  }
}
