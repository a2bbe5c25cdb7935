#!/usr/bin/env bash
# Launch a job of a template, update the running stream, or drain it.
#
#   templates/launch.sh batch     --input=gs://… --warehouse=… [--OPTION=VALUE …]
#   templates/launch.sh streaming --pubsub_subscription=projects/… --warehouse=… [--OPTION=VALUE …]
#   templates/launch.sh update    --pubsub_subscription=… (the stream's options, as for streaming)
#   templates/launch.sh drain
#
# Options are those of the template (docs/options.md). The environment says where it runs:
#   PROJECT, REGION, TEMPLATES (gs:// folder), STAGING (gs:// folder), SERVICE_ACCOUNT, SUBNETWORK
# and, where wanted: JOB_NAME, MAX_WORKERS, MACHINE_TYPE, KMS_KEY, LABELS (a=b,c=d), MAPPINGS
# (a file of lines OLD=NEW: names of steps, for an update after a rename). DRY_RUN=1 prints the command.
# GCLOUD names another program to call.
set -euo pipefail

fail() { echo "templates/launch.sh: $1" >&2; exit 2; }
mode=${1:-}; shift || true
[[ $mode =~ ^(batch|streaming|update|drain)$ ]] || fail "say batch, streaming, update or drain"
for name in PROJECT REGION; do [[ -n ${!name:-} ]] || fail "set $name"; done
gcloud=${GCLOUD:-gcloud}
call() { if [[ -n ${DRY_RUN:-} ]]; then printf '%q ' "$@"; echo; else "$@"; fi; }

stream=${JOB_NAME:-chapterflow-streaming}
if [[ $mode == drain ]]; then
  jobs=$("$gcloud" dataflow jobs list --project="$PROJECT" --region="$REGION" --status=active \
    --filter="name=$stream" --format="value(id)")
  [[ -n $jobs ]] || fail "no running job is called $stream"
  call "$gcloud" dataflow jobs drain "$jobs" --project="$PROJECT" --region="$REGION"
  exit
fi

for name in TEMPLATES STAGING SERVICE_ACCOUNT SUBNETWORK; do [[ -n ${!name:-} ]] || fail "set $name"; done
template=$mode; [[ $mode == update ]] && template=streaming
job=$stream; [[ $mode == batch ]] && job=${JOB_NAME:-chapterflow-batch-$(date -u +%Y%m%d-%H%M%S)}

# Values hold commas: another sign stands between the parameters.
sign='~' parameters=
for option in "$@"; do
  [[ $option =~ ^--([a-z][a-z0-9_]*)=(.+)$ ]] || fail "'$option' is not of the form --name=value"
  [[ $option != *"$sign"* ]] || fail "'$option' holds a $sign, which stands between the parameters"
  parameters+="${parameters:+$sign}${BASH_REMATCH[1]}=${BASH_REMATCH[2]}"
done
[[ -n $parameters ]] || fail "give the options of the pipeline, such as --warehouse=…"

flags=(--project="$PROJECT" --region="$REGION"
  --template-file-gcs-location="${TEMPLATES%/}/$template.json"
  --parameters="^$sign^$parameters"
  --temp-location="${STAGING%/}/temp" --staging-location="${STAGING%/}/dataflow"
  --service-account-email="$SERVICE_ACCOUNT" --subnetwork="$SUBNETWORK" --disable-public-ips
  --additional-user-labels="app=chapterflow,pipeline=$template${LABELS:+,$LABELS}")
[[ -z ${MAX_WORKERS:-} ]] || flags+=(--max-workers="$MAX_WORKERS")
[[ -z ${MACHINE_TYPE:-} ]] || flags+=(--worker-machine-type="$MACHINE_TYPE")
[[ -z ${KMS_KEY:-} ]] || flags+=(--dataflow-kms-key="$KMS_KEY")
[[ $template == batch ]] || flags+=(--enable-streaming-engine)
[[ $mode != update ]] || flags+=(--update)
[[ $mode != update || -z ${MAPPINGS:-} ]] || flags+=(--transform-name-mappings="^$sign^$(paste -sd"$sign" "$MAPPINGS")")

call "$gcloud" dataflow flex-template run "$job" "${flags[@]}"
