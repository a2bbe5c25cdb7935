# What differs between environments; everything has a type, a meaning and, where it matters, a check.

variable "project_id" {
  description = "Project that everything lives in; one project per environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "environment" {
  description = "Which of the three environments this is."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "The environment is dev, staging or prod."
  }
}

variable "region" {
  description = "Region of everything, the data sets included: keys and data must be in the same one."
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region, such as europe-west1, not a zone or a multi-region."
  }
}

variable "dataset_prefix" {
  description = "Put before silver, gold and ops with an underscore; empty: none. The prefix of --warehouse=bq://project.prefix."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([a-z][a-z0-9_]*[a-z0-9])?$", var.dataset_prefix))
    error_message = "Lower-case letters, digits and underscores, without one at the end."
  }
}

variable "labels" {
  description = "Labels besides app, environment and managed_by, for everything that takes labels."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.labels) : can(regex("^[a-z][a-z0-9_-]{0,62}$", key))])
    error_message = "Keys of labels begin with a lower-case letter, and have letters, digits, _ and -."
  }
}

variable "deletion_protection" {
  description = "Whether tables, jobs and workflows refuse to be destroyed."
  type        = bool
  default     = true
}

# ---- How long things are kept

variable "raw_retention_days" {
  description = "Days after which raw events are deleted: they hold names and addresses."
  type        = number
  default     = 90

  validation {
    condition     = var.raw_retention_days >= 4 && var.raw_retention_days <= 90
    error_message = "4 (a stream's dates must be restated from them) to 90 (what was promised to students)."
  }
}

variable "noncurrent_days" {
  description = "Days for which a replaced or deleted file can be brought back; an erasure is complete only then."
  type        = number
  default     = 7

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days <= 30
    error_message = "1 to 30 days."
  }
}

variable "staging_retention_days" {
  description = "Days after which files that a run left behind are deleted."
  type        = number
  default     = 7

  validation {
    condition     = var.staging_retention_days >= 2
    error_message = "At least 2 days: a run may still need them."
  }
}

variable "message_retention_days" {
  description = "Days for which Pub/Sub keeps messages, also acknowledged ones, so that a stream can seek back."
  type        = number
  default     = 7

  validation {
    condition     = var.message_retention_days >= 1 && var.message_retention_days <= 31
    error_message = "1 to 31 days; a subscription keeps at most 31."
  }
}

variable "partition_expiry_days" {
  description = "Days after which partitions expire, by layer. 2557 days are the 7 years of academic records."
  type        = object({ silver = number, gold = number, ops = number })
  default     = { silver = 2557, gold = 2557, ops = 2557 }

  validation {
    condition     = alltrue([for days in values(var.partition_expiry_days) : days >= 60])
    error_message = "At least 60 days: models over a range look back that far."
  }
}

variable "table_expiry_days" {
  description = "Days after which partitions of single tables (layer.table) expire, in place of their layer's."
  type        = map(number)
  default     = { "ops.dead_letters" = 90, "ops.data_quality" = 400 }

  validation {
    condition     = lookup(var.table_expiry_days, "ops.dead_letters", 9999) <= 90
    error_message = "ops.dead_letters holds records as received, so at most 90 days."
  }
}

variable "audit_retention_days" {
  description = "Days for which the log of every access is kept."
  type        = number
  default     = 400

  validation {
    condition     = var.audit_retention_days >= 365 && var.audit_retention_days <= 3650
    error_message = "365 to 3650 days."
  }
}

variable "lock_audit_log" {
  description = "Whether the retention of the audit log is locked. Cannot be undone, so for prod only."
  type        = bool
  default     = false
}

# ---- Who may read what

variable "course_readers" {
  description = "Who may read the rows of which courses: name -> courses and members (group:…, user:…)."
  type        = map(object({ courses = list(string), members = list(string) }))
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.course_readers) : can(regex("^[a-z][a-z0-9_]{0,40}$", name))])
    error_message = "Names are lower-case letters, digits and underscores."
  }
  validation {
    condition = alltrue(flatten([
      for reader in values(var.course_readers) : [for course in reader.courses : can(regex("^[^'\"\\\\\\n]+$", course))]
    ]))
    error_message = "A course id has no quotes, backslashes or line ends: it becomes part of a filter."
  }
  validation {
    condition = alltrue([
      for reader in values(var.course_readers) : length(reader.courses) > 0 && length(reader.members) > 0
    ])
    error_message = "Each needs at least one course and one member."
  }
}

variable "all_course_readers" {
  description = "Members (group:…) who read gold for all courses, with sensitive columns masked."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for who in var.all_course_readers : can(regex("^(group|user|serviceAccount):", who))])
    error_message = "group:…, user:… or serviceAccount:…; never allUsers or allAuthenticatedUsers."
  }
}

variable "pseudonym_readers" {
  description = "Members who see student hashes and judgements (scores, segments) in clear."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for who in var.pseudonym_readers : can(regex("^(group|user|serviceAccount):", who))])
    error_message = "group:…, user:… or serviceAccount:…; never allUsers or allAuthenticatedUsers."
  }
}

variable "personal_data_readers" {
  description = "Members (the privacy officers) who see records as received, in ops.dead_letters."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for who in var.personal_data_readers : can(regex("^(group|user|serviceAccount):", who))])
    error_message = "group:…, user:… or serviceAccount:…; never allUsers or allAuthenticatedUsers."
  }
}

# ---- Keys and network

variable "kms_rotation_period" {
  description = "Seconds after which every key gets a new version, with an s behind them."
  type        = string
  default     = "7776000s" # 90 days

  validation {
    condition     = try(tonumber(trimsuffix(var.kms_rotation_period, "s")) >= 86400 && tonumber(trimsuffix(var.kms_rotation_period, "s")) <= 7776000, false)
    error_message = "From 86400s (a day) to 7776000s (90 days)."
  }
}

variable "kms_protection_level" {
  description = "SOFTWARE or HSM."
  type        = string
  default     = "SOFTWARE"

  validation {
    condition     = contains(["SOFTWARE", "HSM"], var.kms_protection_level)
    error_message = "SOFTWARE or HSM."
  }
}

variable "subnet_cidr" {
  description = "Private addresses of the workers: one each, so a /22 is enough for a thousand."
  type        = string
  default     = "10.20.0.0/22"

  validation {
    condition     = can(cidrhost(var.subnet_cidr, 1)) && try(tonumber(split("/", var.subnet_cidr)[1]) <= 26, false)
    error_message = "A range of addresses such as 10.20.0.0/22, at least a /26."
  }
}

# ---- What runs

variable "image_tag" {
  description = "Tag of the image of the pipelines in Artifact Registry; tags there are never moved."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "A tag of one build, such as a version or commit; not latest."
  }
}

variable "has_image" {
  description = "Whether the image of image_tag is in Artifact Registry; false for the first apply, which makes the place for it."
  type        = bool
  default     = true
}

variable "has_composer" {
  description = "Whether Airflow on Composer runs the steps: makes its account. Set schedules.is_paused too, so that nothing runs twice."
  type        = bool
  default     = false
}

variable "pseudonym_key_version" {
  description = "Version of the secret chapterflow-pseudonym-key that makes the hashes. Another one on purpose only (docs/privacy.md)."
  type        = string
  default     = "1"

  validation {
    condition     = can(regex("^[1-9][0-9]*$", var.pseudonym_key_version))
    error_message = "The number of one version; not latest: a version that is added would make other hashes, and each student count twice."
  }
}

variable "pipeline_options" {
  description = "Options of pipelines.batch and pipelines.streaming that both get, such as catalog or session_gap_seconds, as written there."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.pipeline_options) : can(regex("^[a-z][a-z0-9_]*$", name))])
    error_message = "Names of options without dashes before them, such as reporting_timezone."
  }
  validation {
    condition     = !anytrue([for name in keys(var.pipeline_options) : strcontains(name, "pseudonym_key")])
    error_message = "The key of the pseudonyms comes from Secret Manager, never as an option."
  }
}

variable "batch" {
  description = "Size of the batch on Dataflow: workers, their machine type, and days that the hourly and the daily run replace."
  type = object({
    max_workers  = optional(number, 4)
    machine_type = optional(string, "n2-standard-4")
    hourly_days  = optional(number, 1)
    daily_days   = optional(number, 3)
  })
  default = {}

  validation {
    condition     = var.batch.max_workers >= 1 && var.batch.max_workers <= 1000
    error_message = "1 to 1000 workers."
  }
  validation {
    condition     = var.batch.hourly_days >= 1 && var.batch.daily_days >= var.batch.hourly_days
    error_message = "At least 1 day; the daily run replaces no fewer days than the hourly one."
  }
}

variable "schedules" {
  description = "When (cron) the hourly and daily batch and the fold of the stream's changes run, in which time zone, and whether all are paused."
  type = object({
    hourly    = optional(string, "10 * * * *")
    daily     = optional(string, "30 2 * * *")
    fold      = optional(string, "40 * * * *")
    time_zone = optional(string, "Etc/UTC")
    is_paused = optional(bool, false)
  })
  default = {}

  validation {
    condition     = alltrue([for cron in [var.schedules.hourly, var.schedules.daily, var.schedules.fold] : length(split(" ", cron)) == 5])
    error_message = "Cron of five fields."
  }
}

# ---- Watching and paying

variable "alert_emails" {
  description = "Addresses that are told of alerts and of the budget."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Addresses of the form name@domain."
  }
}

variable "alert_limits" {
  description = "Above these an alert opens: age of the oldest unread message (s), hours without a successful batch, minutes without a fold, dead letters per minute."
  type = object({
    lag_seconds             = optional(number, 300)
    fresh_hours             = optional(number, 3)
    fold_minutes            = optional(number, 150)
    dead_letters_per_minute = optional(number, 10)
  })
  default = {}

  validation {
    condition     = var.alert_limits.fresh_hours >= 2 && var.alert_limits.fresh_hours <= 23
    error_message = "2 (the batch is hourly) to 23 hours, the most an alert can wait."
  }
  validation {
    condition     = var.alert_limits.fold_minutes >= 70 && var.alert_limits.fold_minutes <= 1380
    error_message = "70 (the fold runs hourly) to 1380 minutes, the most an alert can wait."
  }
}

variable "availability_goal" {
  description = "Share of five-minute windows in which the stream must be in time; what is missing to 1 is the error budget."
  type        = number
  default     = 0.999

  validation {
    condition     = var.availability_goal >= 0.9 && var.availability_goal < 1
    error_message = "From 0.9 to below 1."
  }
}

variable "billing_account" {
  description = "Billing account that the budget is made in; empty: no budget."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6})?$", var.billing_account))
    error_message = "Of the form 012345-6789AB-CDEF01, or empty."
  }
}

variable "monthly_budget" {
  description = "What a month may cost, in whole units of the currency of the billing account."
  type        = number
  default     = 500

  validation {
    condition     = var.monthly_budget >= 1 && floor(var.monthly_budget) == var.monthly_budget
    error_message = "A whole number of at least 1."
  }
}
