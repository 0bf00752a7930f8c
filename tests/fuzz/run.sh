#!/usr/bin/env bash
# tests/fuzz/run.sh BUILD SECONDS [FUZZER...]: each fuzzer for so long, on the seeds and on what earlier runs found.
#
# BUILD is the build folder of the preset `fuzz`. What a fuzzer learns stays in BUILD/fuzz/corpus; an input that breaks
# something is left in BUILD/fuzz/found as FUZZER-crash-HASH. Exit status: 1 when there is one.
set -uo pipefail
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)/fuzz || exit 2
seconds=$2
shift 2
fuzzers=${*:-command ras_answer ras_request record journal event config rac filter handler gateway book}
seeds=$build/seeds
mkdir -p "$build/found" "$build/log"
"$build/fuzz_seeds" "$seeds" "$root" || exit 2
status=0
for fuzzer in $fuzzers; do
    corpus=$build/corpus/$fuzzer
    mkdir -p "$corpus"
    options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -max_len=65536 -print_final_stats=1)
    [ -f "$seeds/dictionary/$fuzzer" ] && options+=(-dict="$seeds/dictionary/$fuzzer")
    if "$build/fuzz_$fuzzer" "${options[@]}" -artifact_prefix="$build/found/$fuzzer-" "$corpus" "$seeds/$fuzzer" \
        >"$build/log/$fuzzer.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/log/$fuzzer.log")
        printf 'ok      %-12s %10s runs, %s inputs kept\n' "$fuzzer" "$runs" "$(find "$corpus" -type f | wc -l)"
    else
        status=1
        printf 'FAILED  %-12s log: %s; once more: %s INPUT\n' "$fuzzer" "$build/log/$fuzzer.log" "$build/fuzz_$fuzzer"
        grep -hE 'SUMMARY|interrupted|check failed|runtime error|Test unit written' "$build/log/$fuzzer.log" | sed 's/^/        /'
    fi
done
exit $status
