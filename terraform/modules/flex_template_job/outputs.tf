# What can be asked of the job.

output "job_id" {
  description = "Id of the job."
  value       = google_dataflow_flex_template_job.this.job_id
}

output "state" {
  description = "State of the job when it was last looked at."
  value       = google_dataflow_flex_template_job.this.state
}
