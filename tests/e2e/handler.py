#!/usr/bin/env python3
"""The handler of test_handler.py: does to the simulated cluster, and answers, what a test wrote down for it.

ORDERS names a file with {"do": [WORD for each target, the last one for all others], "answer": ..., "exit": ...}; CONTROL
is the simulator's control port; every request is appended to LOG before anything else is done.
"""
import json
import os
import signal
import socket
import sys


def simulator(do, **arguments):
    host, port = os.environ["CONTROL"].rsplit(":", 1)
    with socket.create_connection((host, int(port)), 30) as connection, connection.makefile("rwb") as lines:
        lines.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        lines.flush()
        answer = json.loads(lines.readline())
    if not answer["ok"]:
        raise RuntimeError(f"the simulator refuses {do} {arguments}: {answer}")


def one(word, cluster, target):
    """(result, message) after doing it."""
    if word in ("ended", "die", "hang"):
        simulator("evict", cluster=cluster, session=target["session"])
    if word == "left":
        simulator("logout", cluster=cluster, session=target["session"])
    if word == "die":
        print("first words", file=sys.stderr)
        print("the tool has died", file=sys.stderr)
        sys.exit(7)
    if word == "hang":
        signal.pause()
    return {"lie": "ended", "failed": "failed", "skipped": "skipped", "left": "left"}.get(word, "ended"), f"word: {word}"


def main():
    request = json.load(sys.stdin)
    with open(os.environ["LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps({"request": request, "environment": sorted(os.environ), "pid": os.getpid(),
                              "directory": os.getcwd()}) + "\n")
    with open(os.environ["ORDERS"], encoding="utf-8") as file:
        orders = json.load(file)
    if request["mode"] == "after":
        sys.exit(orders.get("exit", 0))
    words = orders["do"]
    answer = {"targets": []}
    for place, target in enumerate(request["targets"]):
        result, message = one(words[min(place, len(words) - 1)], request["cluster"], target)
        answer["targets"].append({"index": target["index"], "result": result, "message": message})
    if "standard_processing" in orders:
        answer["standard_processing"] = orders["standard_processing"]
    sys.stdout.write(orders.get("answer", json.dumps(answer)))
    sys.exit(orders.get("exit", 0))


if __name__ == "__main__":
    main()
