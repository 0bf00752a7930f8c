#!/usr/bin/env python3
"""Every row of worker/metrics/metrics.def is written by somebody: a metric that nobody sets shows 0 for ever, and alerts on it are
silent."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROW = re.compile(r"^METRIC\((\w+),", re.MULTILINE)


def unwritten(table, sources):
    used = {name for text in sources for name in re.findall(r"\bMETRIC_(\w+)", text)}
    return [name for name in ROW.findall(table) if name not in used]


def self_test():
    table = "METRIC(ready, GAUGE)\nMETRIC(turns_total, COUNTER)\n"
    assert unwritten(table, ["set(METRIC_ready, 1);", "add(METRIC_turns_total)"]) == []
    assert unwritten(table, ["set(METRIC_ready_told, 1);", "add(METRIC_turns_total)"]) == ["ready"]
    print("self test: passed")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    table = (ROOT / "worker" / "metrics" / "metrics.def").read_text(encoding="utf-8")
    found = unwritten(table, (file.read_text(encoding="utf-8") for file in (ROOT / "worker").rglob("*.c")))
    for name in found:
        print(f"metrics.def: nobody writes '{name}'")
    if not found:
        print(f"{len(ROW.findall(table))} metrics, each is written")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
