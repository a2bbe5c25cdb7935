#!/usr/bin/env bash
# Build the image with plain Docker, push it, and put the templates into a bucket.
#
#   templates/build.sh IMAGE gs://BUCKET[/FOLDER]
#
# IMAGE: REGION-docker.pkg.dev/PROJECT/REPOSITORY/chapterflow:TAG, the tag one of this build.
# DOCKER and GCLOUD name other programs to call. With SPECS_ONLY=1 no image is built or pushed.
set -euo pipefail
cd "$(dirname "$0")/.."

image=${1:-} bucket=${2:-}
docker=${DOCKER:-docker} gcloud=${GCLOUD:-gcloud}

fail() { echo "templates/build.sh: $1" >&2; exit 2; }
[[ $image =~ ^[a-z0-9.-]+/[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64})$ ]] \
  || fail "IMAGE must be of the form REGION-docker.pkg.dev/PROJECT/REPOSITORY/NAME:TAG, not '$image'"
[[ $image != *:latest ]] || fail "a tag that moves would change running jobs: give one of this build"
[[ $bucket =~ ^gs://[a-z0-9][a-z0-9._-]+[a-z0-9](/[^ ]+)?$ ]] \
  || fail "the second argument must be of the form gs://BUCKET[/FOLDER], not '$bucket'"

if [[ -z ${SPECS_ONLY:-} ]]; then
  for target in dataflow jobs; do
    name=$image; [[ $target == jobs ]] && name=$image-jobs
    "$docker" build --file templates/Dockerfile --target "$target" --tag "$name" .
    "$docker" push "$name"
  done
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for template in batch streaming; do
  sed "s|@IMAGE@|$image|g" "templates/$template.json" > "$folder/$template.json"
  "$gcloud" storage cp "$folder/$template.json" "${bucket%/}/$template.json"
done
