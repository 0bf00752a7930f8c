#!/usr/bin/env python3
"""The examples of events in schemas/asyncapi.yaml, as the worker's own encoder prints them (examples.c).

    make_examples.py --codec PROGRAM --source DIR (--write | --check)

--check fails when the file shows something else; --write makes it so.
"""
import argparse
import base64
import json
import pathlib
import subprocess
import sys

import yaml
from curfew.v1 import event_pb2

BEGIN = "      # What follows is made by tests/client/make_examples.py.\n"
END = "      # Here it ends.\n"
SUMMARIES = {
    "accepted": "A worker has taken the command; from here on it ends in one of the ways below",
    "rejected": "Refused; nothing was done",
    "completed": "One session ended, one was gone already",
    "partially_completed": "One session ended, one is still there: no success",
    "failed": "Nothing was ended: the cluster did not answer",
    "expired": "The time was over before the first act",
    "cancelled": "Stopped before anybody was gone",
    "dry_run": "What would be ended",
    "session": "One session of a command, where events.per_session is set",
    "pending_approval": "A second person has to approve this list; curfew approve names the digest",
    "progress": "The infobase's lock is announced to its users until then",
    "released": "The connections are gone as well",
    "restored": "The infobase's lock has the values it had before",
    "order_refused": "A restore on the control topic was refused; nothing was done",
}


def ask(codec, kind):
    line = json.dumps({"op": "example", "kind": kind}) + "\n"
    done = subprocess.run([codec], input=line, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["messages"]


def example(codec, name, kind):
    messages = ask(codec, kind)
    if len(messages) != 1:
        sys.exit(f"there is no example of {name}: tests/client/examples.c makes them")
    headers = {header: base64.b64decode(value).decode() for header, value in messages[0]["headers"]}
    return {"name": name, "summary": SUMMARIES[name], "headers": headers, "payload": json.loads(base64.b64decode(messages[0]["value"]))}


def block(codec):
    """Every kind that proto/ knows."""
    kinds = {value.name.removeprefix("EVENT_KIND_").lower(): value.number for value in event_pb2.EventKind.DESCRIPTOR.values if value.number}
    text = yaml.safe_dump({"examples": [example(codec, name, kind) for name, kind in kinds.items()]}, allow_unicode=True,
                          sort_keys=False, width=110)
    return "".join(f"      {line}\n" for line in text.splitlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", required=True)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true")
    what.add_argument("--check", action="store_true")
    options = parser.parse_args()
    path = options.source / "schemas/asyncapi.yaml"
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _old, end, behind = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{path} does not say where the examples stand")
    wanted = before + begin + block(options.codec) + end + behind
    if options.write:
        path.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        sys.exit(f"{path} shows other events than the worker makes: run tests/client/make_examples.py --write")


if __name__ == "__main__":
    main()
