#!/bin/sh
# lint_asyncapi.sh SOURCE_DIR WORK_DIR: schemas/asyncapi.yaml by the AsyncAPI project's own parser, which comes from npm
# into WORK_DIR. Errors fail. Status 77 and a line beginning SKIP when npm or its registry cannot be reached.
set -eu
source=$1
work=$2
. "$source/tests/node_tools.sh"
node_tool @asyncapi/parser @asyncapi/parser@3.6.3
cat >"$work/check.mjs" <<'JS'
import {Parser, fromFile} from '@asyncapi/parser';
const {document, diagnostics} = await fromFile(new Parser(), process.argv[2]).parse();
const words = ['error', 'warning', 'information', 'hint'];
for (const d of diagnostics)
  console.log(`${words[d.severity]}: ${d.path.join('.')}: ${d.message}`);
if (!document || diagnostics.some(d => d.severity <= 1)) process.exit(1);
console.log(`asyncapi: ${document.channels().all().length} channels, ${document.operations().all().length} operations`);
JS
cd "$work"
node check.mjs "$source/schemas/asyncapi.yaml"
