#!/bin/sh
# lint_proto.sh SOURCE_DIR WORK_DIR: buf lint over proto/, and buf breaking against the last release when there is a tag.
# buf comes from npm into WORK_DIR. Status 77 and a line beginning SKIP when npm or its registry cannot be reached.
set -eu
source=$1
work=$2
. "$source/tests/node_tools.sh"
node_tool .bin/buf @bufbuild/buf@1.75.0
cd "$source"
"$work/node_modules/.bin/buf" lint
release=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
if [ -n "$release" ]; then
    "$work/node_modules/.bin/buf" breaking --against ".git#tag=$release,subdir=."
fi
echo "proto: clean"
