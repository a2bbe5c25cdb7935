# Where the infrastructure's state is, and how large the stream.

variable "state_bucket" {
  description = "Bucket of the state of the infrastructure."
  type        = string
}

variable "state_prefix" {
  description = "Prefix of the state of the infrastructure in that bucket."
  type        = string
}

variable "streaming" {
  description = "Size of the stream on Dataflow: workers to begin with and at most, and machine type."
  type = object({
    num_workers  = optional(number, 1)
    max_workers  = optional(number, 4)
    machine_type = optional(string, "n2-standard-2")
  })
  default = {}

  validation {
    condition     = var.streaming.num_workers >= 1 && var.streaming.max_workers >= var.streaming.num_workers
    error_message = "At least 1 worker, and at most no fewer than to begin with."
  }
}

variable "streaming_options" {
  description = "Options of pipelines.streaming that only the stream gets, such as allowed_lateness_seconds."
  type        = map(string)
  default     = {}
}

variable "transform_name_mapping" {
  description = "Old step name -> new one, for the one update after steps were renamed."
  type        = map(string)
  default     = {}
}
