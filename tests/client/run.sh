#!/bin/sh
# run.sh SOURCE_DIR WORK_DIR SCRIPT ARGUMENTS...: runs a Python script of this folder in the prepared environment.
set -eu
source=$1
work=$2
script=$3
shift 3
"$source/tests/client/prepare.sh" "$source" "$work" || exit $?
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$work/generated:$source/tests/client" exec "$work/venv/bin/python" \
    "$source/tests/client/$script" "$@"
