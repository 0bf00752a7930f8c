#!/usr/bin/env bash
# valgrind.sh BUILD: the unit and vector programs of a build without sanitizers, under valgrind. The simulation runs with few
# seeds: the same code again and again, fifty times slower.
set -uo pipefail
build=$1
status=0
count=0
for program in "$build"/tests/*_test_* "$build"/tests/vectors_*; do
    [ -x "$program" ] || continue
    case $program in */kafka_test_* | */cli_test_broker) continue ;; esac # librdkafka is not ours to check here, and has its times
    count=$((count + 1))
    if ! output=$(valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --child-silent-after-fork=yes "$program" 2>&1); then
        echo "== $program"
        printf '%s\n' "$output" | tail -30
        status=1
    fi
done
if [ -x "$build/tests/sim_engine" ]; then
    count=$((count + 1))
    valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "$build/tests/sim_engine" --seeds 5 || status=1
fi
echo "$count programs"
[ "$count" -gt 0 ] || status=1
exit $status
