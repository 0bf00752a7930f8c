#!/usr/bin/env bash
# real.sh BUILD: the broker layer of a build against a real Apache Kafka.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
for tool in java mvn; do
    command -v $tool >/dev/null || { echo "SKIP: $tool is missing, a real Kafka cannot be started"; exit 77; }
done
exec python3 "$root/tests/broker/kafka.py" run -- ctest --test-dir "$1" -L broker --timeout 600 --output-on-failure
