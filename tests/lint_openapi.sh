#!/bin/sh
# lint_openapi.sh SOURCE_DIR WORK_DIR: schemas/openapi.yaml by Redocly's linter, which comes from npm into WORK_DIR. Errors and
# warnings fail. Status 77 and a line beginning SKIP when npm or its registry cannot be reached.
set -eu
source=$1
work=$2
. "$source/tests/node_tools.sh"
node_tool @redocly/cli @redocly/cli@2.77.0
# A configuration of its own: none of the surroundings is picked up, nothing is reported home.
cat >"$work/redocly.yaml" <<'YAML'
telemetry: off
extends: [recommended]
YAML
cd "$work"
REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true node_modules/.bin/redocly lint --config "$work/redocly.yaml" \
    --max-problems 50 --format stylish "$source/schemas/openapi.yaml" >"$work/openapi.out" 2>&1 || {
    cat "$work/openapi.out"
    exit 1
}
cat "$work/openapi.out"
! grep -Eq '[1-9][0-9]* (error|warning)' "$work/openapi.out"
