# One account per job. None has a key: they are attached to what runs, or impersonated.

locals {
  accounts = merge({
    streaming     = "Workers of the stream on Dataflow"
    fold          = "Puts what the stream appended into the tables"
    batch         = "Workers of the batch on Dataflow"
    rollup        = "Models over a range, data-quality checks"
    orchestration = "Scheduler and workflows: starts the others, reads no data"
    looker        = "Looker: reads gold, masked"
    collector     = "HTTP collector: publishes events, reads nothing"
    build         = "Cloud Build: pushes the image and writes the templates"
    }, var.has_composer ? {
    composer = "Airflow on Composer: starts the others, sees that files are there"
  } : {})
  members = { for name, account in google_service_account.jobs : name => account.member }
}

resource "google_service_account" "jobs" {
  for_each = local.accounts

  project      = var.project_id
  account_id   = "chapterflow-${each.key}"
  display_name = "Chapterflow ${each.key}"
  description  = each.value
  depends_on   = [google_project_service.apis]
}
