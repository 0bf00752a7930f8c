#!/usr/bin/env python3
"""Every row of worker/metrics/metrics.def is written by the program on whose page it stands, the worker or the gateway, and by no
other: a metric that nobody sets shows 0 for ever, and alerts on it are silent."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROW = re.compile(r"^METRIC\((\w+), (\w+),", re.MULTILINE)
SHARED = {"metrics"}        # rooms whose code both programs run


def program_of(file):
    room = file.relative_to(ROOT / "worker").parts[0]
    return "BOTH" if room in SHARED else "GATEWAY" if room == "gateway" else "WORKER"


def found(table, sources):
    """`sources`: (program, text) of every file. What is wrong, a line each."""
    writes = {"WORKER": set(), "GATEWAY": set()}
    for program, text in sources:
        names = set(re.findall(r"\bMETRIC_(\w+)", text))
        for each in writes if program == "BOTH" else (program,):
            writes[each] |= names
    lines = []
    for name, program in ROW.findall(table):
        for each, written in writes.items():
            if (name in written) != (program in (each, "BOTH")):
                lines.append(f"metrics.def: the {each.lower()} {'writes' if name in written else 'does not write'} '{name}'")
    return lines


def self_test():
    table = "METRIC(ready, BOTH, GAUGE)\nMETRIC(turns_total, WORKER, COUNTER)\nMETRIC(overflow_total, BOTH, COUNTER)\n"
    worker = ("WORKER", "set(METRIC_ready, 1); add(METRIC_turns_total)")
    shared = ("BOTH", "add(METRIC_overflow_total)")
    assert found(table, [worker, shared, ("GATEWAY", "set(METRIC_ready, 1);")]) == []
    assert found(table, [worker, shared, ("GATEWAY", "set(METRIC_ready_told, 1);")]) == ["metrics.def: the gateway does not write 'ready'"]
    assert found(table, [worker, shared, ("GATEWAY", worker[1])]) == ["metrics.def: the gateway writes 'turns_total'"]
    print("self test: passed")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    table = (ROOT / "worker" / "metrics" / "metrics.def").read_text(encoding="utf-8")
    lines = found(table, ((program_of(file), file.read_text(encoding="utf-8")) for file in sorted((ROOT / "worker").rglob("*.c"))))
    for line in lines:
        print(line)
    if not lines:
        print(f"{len(ROW.findall(table))} metrics, each is written by its program")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
