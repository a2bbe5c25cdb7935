# What is refused before anything is planned, with a sentence that says why.

mock_provider "google" {
  source          = "./tests/mocks"
  override_during = plan
}

run "a_course_with_a_quote_is_refused" {
  command = plan
  variables {
    course_readers = { bad = { courses = ["x') OR TRUE --"], members = ["group:a@example.org"] } }
  }
  expect_failures = [var.course_readers]
}

run "everybody_is_refused" {
  command = plan
  variables { all_course_readers = ["allAuthenticatedUsers"] }
  expect_failures = [var.all_course_readers]
}

run "longer_than_promised_is_refused" {
  command = plan
  variables { raw_retention_days = 91 }
  expect_failures = [var.raw_retention_days]
}

run "dead_letters_for_longer_than_raw_are_refused" {
  command = plan
  variables { table_expiry_days = { "ops.dead_letters" = 400 } }
  expect_failures = [var.table_expiry_days]
}

run "a_tag_that_moves_is_refused" {
  command = plan
  variables { image_tag = "latest" }
  expect_failures = [var.image_tag]
}

run "a_key_as_an_option_is_refused" {
  command = plan
  variables { pipeline_options = { pseudonym_key_file = "gs://somewhere/key" } }
  expect_failures = [var.pipeline_options]
}

run "public_addresses_as_a_range_are_refused" {
  command = plan
  variables { subnet_cidr = "10.20.0.0" }
  expect_failures = [var.subnet_cidr]
}

run "the_latest_version_of_the_key_is_refused" {
  command = plan
  variables { pseudonym_key_version = "latest" }
  expect_failures = [var.pseudonym_key_version]
}

run "an_alert_before_the_second_fold_is_refused" {
  command = plan
  variables { alert_limits = { fold_minutes = 5 } }
  expect_failures = [var.alert_limits]
}
