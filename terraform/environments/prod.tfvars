# Real students. Groups and addresses are examples: put yours in a file beside it, or in CI.

project_id           = "chapterflow-prod"
environment          = "prod"
image_tag            = "0.1.0"
kms_protection_level = "HSM"
lock_audit_log       = true
batch                = { max_workers = 16 }
monthly_budget       = 3000

course_readers = {
  mathematics = { courses = ["math-7", "math-8"], members = ["group:teachers-math@example.org"] }
}
all_course_readers    = ["group:learning-designers@example.org"]
pseudonym_readers     = ["group:ml-engineers@example.org"]
personal_data_readers = ["group:privacy-officers@example.org"]
alert_emails          = ["on-call@example.org"]
