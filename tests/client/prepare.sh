#!/bin/sh
# prepare.sh SOURCE_DIR WORK_DIR: an environment for the client tests in WORK_DIR: Python packages from PyPI, and code that
# Google's compiler makes from proto/. Done once; status 77 and a line beginning SKIP when PyPI cannot be reached.
set -eu
source=$1
work=$2
stamp=$(cat "$source"/tests/client/requirements.txt "$source"/tests/client/cloudevents.proto \
    "$source"/proto/curfew/v1/*.proto | sha256sum | cut -c1-16)
mkdir -p "$work"
exec 9>"$work/lock"
flock 9
[ -e "$work/done-$stamp" ] && exit 0
python3 -m venv "$work/venv" || {
    echo "SKIP client: python3 -m venv does not work (Debian: python3-venv)"
    exit 77
}
"$work/venv/bin/pip" -q --disable-pip-version-check install --retries 1 --timeout 20 \
    -r "$source/tests/client/requirements.txt" || {
    echo "SKIP client: the Python packages of tests/client/requirements.txt cannot be installed"
    exit 77
}
mkdir -p "$work/generated"
"$work/venv/bin/python" -m grpc_tools.protoc -I"$source/proto" -I"$source/tests/client" --python_out="$work/generated" \
    --descriptor_set_out="$work/generated/descriptors" --include_source_info \
    curfew/v1/command.proto curfew/v1/event.proto curfew/v1/journal.proto cloudevents.proto
touch "$work/done-$stamp"
