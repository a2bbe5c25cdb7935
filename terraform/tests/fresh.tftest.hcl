# A project in which there is nothing yet: what Google would answer is unknown while planning. Which
# resources there are, and so every key of a for_each, must not depend on it.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  has_composer          = true
  alert_emails          = ["on-call@example.org"]
  billing_account       = "012345-6789AB-CDEF01"
  personal_data_readers = ["group:privacy@example.org"]
  course_readers = {
    chemistry = { courses = ["chem-1"], members = ["group:chemistry@example.org"] }
  }
}

run "an_empty_project_can_be_planned" {
  command = plan
  variables { has_image = false }

  assert {
    condition     = length(google_bigquery_dataset_iam_member.jobs) > 20
    error_message = "Who may do what is not planned."
  }
}

run "the_second_apply_can_be_planned" {
  command = plan

  assert {
    condition     = length(google_cloud_run_v2_job.jobs) == 4
    error_message = "The jobs on Cloud Run are not planned."
  }
}
