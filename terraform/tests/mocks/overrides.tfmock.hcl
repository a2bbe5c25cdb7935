# Told apart by name, so that a test sees who gets what.

override_resource {
  target = google_service_account.jobs["streaming"]
  values = {
    name   = "projects/mock/serviceAccounts/chapterflow-streaming@mock.iam.gserviceaccount.com"
    email  = "chapterflow-streaming@mock.iam.gserviceaccount.com"
    id     = "projects/mock/serviceAccounts/chapterflow-streaming@mock.iam.gserviceaccount.com"
    member = "serviceAccount:chapterflow-streaming@mock.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.jobs["fold"]
  values = {
    name   = "projects/mock/serviceAccounts/chapterflow-fold@mock.iam.gserviceaccount.com"
    email  = "chapterflow-fold@mock.iam.gserviceaccount.com"
    id     = "projects/mock/serviceAccounts/chapterflow-fold@mock.iam.gserviceaccount.com"
    member = "serviceAccount:chapterflow-fold@mock.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.jobs["batch"]
  values = {
    name   = "projects/mock/serviceAccounts/chapterflow-batch@mock.iam.gserviceaccount.com"
    email  = "chapterflow-batch@mock.iam.gserviceaccount.com"
    id     = "projects/mock/serviceAccounts/chapterflow-batch@mock.iam.gserviceaccount.com"
    member = "serviceAccount:chapterflow-batch@mock.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.jobs["rollup"]
  values = {
    name   = "projects/mock/serviceAccounts/chapterflow-rollup@mock.iam.gserviceaccount.com"
    email  = "chapterflow-rollup@mock.iam.gserviceaccount.com"
    id     = "projects/mock/serviceAccounts/chapterflow-rollup@mock.iam.gserviceaccount.com"
    member = "serviceAccount:chapterflow-rollup@mock.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.jobs["orchestration"]
  values = {
    name   = "projects/mock/serviceAccounts/chapterflow-orchestration@mock.iam.gserviceaccount.com"
    email  = "chapterflow-orchestration@mock.iam.gserviceaccount.com"
    id     = "projects/mock/serviceAccounts/chapterflow-orchestration@mock.iam.gserviceaccount.com"
    member = "serviceAccount:chapterflow-orchestration@mock.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.jobs["looker"]
  values = {
    name   = "projects/mock/serviceAccounts/chapterflow-looker@mock.iam.gserviceaccount.com"
    email  = "chapterflow-looker@mock.iam.gserviceaccount.com"
    id     = "projects/mock/serviceAccounts/chapterflow-looker@mock.iam.gserviceaccount.com"
    member = "serviceAccount:chapterflow-looker@mock.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.jobs["collector"]
  values = {
    name   = "projects/mock/serviceAccounts/chapterflow-collector@mock.iam.gserviceaccount.com"
    email  = "chapterflow-collector@mock.iam.gserviceaccount.com"
    id     = "projects/mock/serviceAccounts/chapterflow-collector@mock.iam.gserviceaccount.com"
    member = "serviceAccount:chapterflow-collector@mock.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.jobs["build"]
  values = {
    name   = "projects/mock/serviceAccounts/chapterflow-build@mock.iam.gserviceaccount.com"
    email  = "chapterflow-build@mock.iam.gserviceaccount.com"
    id     = "projects/mock/serviceAccounts/chapterflow-build@mock.iam.gserviceaccount.com"
    member = "serviceAccount:chapterflow-build@mock.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_data_catalog_policy_tag.tags["personal"]
  values = { name = "projects/mock/locations/europe-west1/taxonomies/1/policyTags/personal" }
}

override_resource {
  target = google_data_catalog_policy_tag.tags["pseudonym"]
  values = { name = "projects/mock/locations/europe-west1/taxonomies/1/policyTags/pseudonym" }
}

override_resource {
  target = google_data_catalog_policy_tag.tags["judgement"]
  values = { name = "projects/mock/locations/europe-west1/taxonomies/1/policyTags/judgement" }
}

override_resource {
  target = google_pubsub_topic.topics["events"]
  values = { id = "projects/mock/topics/chapterflow-events" }
}

override_resource {
  target = google_pubsub_topic.topics["dead-letters"]
  values = { id = "projects/mock/topics/chapterflow-dead-letters" }
}
