# What can be asked of the jobs.

output "streaming" {
  description = "Id and state of the stream's job."
  value       = { job_id = module.streaming.job_id, state = module.streaming.state }
}
