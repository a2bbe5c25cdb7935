# As prod, with less data and no readers: releases are tried here.

project_id         = "chapterflow-staging"
environment        = "staging"
image_tag          = "0.1.0"
raw_retention_days = 30
batch              = { max_workers = 4 }
availability_goal  = 0.99
monthly_budget     = 300
