# Small, quick to change, and quick to tear down.

project_id          = "chapterflow-dev"
environment         = "dev"
image_tag           = "0.1.0"
deletion_protection = false
raw_retention_days  = 14
partition_expiry_days = {
  silver = 90
  gold   = 90
  ops    = 90
}
table_expiry_days = { "ops.dead_letters" = 14 }
batch             = { max_workers = 2, machine_type = "n2-standard-2" }
schedules         = { is_paused = true }
alert_limits      = { lag_seconds = 900, dead_letters_per_minute = 100 }
availability_goal = 0.95
monthly_budget    = 100
