# What a job of a flex template is told.

variable "project_id" {
  description = "Project that the job runs in."
  type        = string
}

variable "region" {
  description = "Region that the job runs in."
  type        = string
}

variable "name" {
  description = "Name of the job. A job with the same name is updated, not started beside it."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", var.name))
    error_message = "Lower-case letters, digits and hyphens, a letter first, no hyphen last, at most 63."
  }
}

variable "template" {
  description = "gs:// path of the template's container spec."
  type        = string

  validation {
    condition     = can(regex("^gs://.+\\.json$", var.template))
    error_message = "A path of the form gs://bucket/name.json."
  }
}

variable "parameters" {
  description = "Options of the pipeline, by name without dashes."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.parameters) : can(regex("^[a-z][a-z0-9_]*$", name))])
    error_message = "Names of options without dashes before them, such as reporting_timezone."
  }
}

variable "service_account_email" {
  description = "Account that the workers run as."
  type        = string

  validation {
    condition     = can(regex("^[^@]+@[^@]+\\.iam\\.gserviceaccount\\.com$", var.service_account_email))
    error_message = "An account of its own, not the default one of Compute Engine."
  }
}

variable "subnetwork" {
  description = "Subnetwork of the workers, as regions/REGION/subnetworks/NAME."
  type        = string

  validation {
    condition     = can(regex("^(https://.*/)?regions/[^/]+/subnetworks/[^/]+$", var.subnetwork))
    error_message = "Of the form regions/REGION/subnetworks/NAME."
  }
}

variable "kms_key_name" {
  description = "Key of the job's disks and state."
  type        = string
}

variable "staging_bucket" {
  description = "Name of the bucket for temporary and staged files."
  type        = string
}

variable "machine_type" {
  description = "Machine type of the workers."
  type        = string
  default     = "n2-standard-2"
}

variable "launcher_machine_type" {
  description = "Machine type of the launcher, which only builds the graph."
  type        = string
  default     = "n2-standard-2"
}

variable "num_workers" {
  description = "Workers to begin with."
  type        = number
  default     = 1

  validation {
    condition     = var.num_workers >= 1 && var.num_workers <= 1000
    error_message = "1 to 1000."
  }
}

variable "max_workers" {
  description = "Most workers that autoscaling may use."
  type        = number
  default     = 4

  validation {
    condition     = var.max_workers >= 1 && var.max_workers <= 1000
    error_message = "1 to 1000."
  }
}

variable "is_streaming" {
  description = "Whether the job never ends by itself: Streaming Engine, and drained rather than cancelled."
  type        = bool
  default     = true
}

variable "additional_experiments" {
  description = "Further experiments of Dataflow."
  type        = set(string)
  default     = []
}

variable "transform_name_mapping" {
  description = "Old step name -> new one, for an update after steps were renamed."
  type        = map(string)
  default     = {}
}

variable "labels" {
  description = "Labels of the job."
  type        = map(string)
}
