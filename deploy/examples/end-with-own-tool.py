#!/usr/bin/env python3
"""A handler for Curfew, mode instead or before: ends each session with a tool of your own (docs/handler.md).

    handler:
      program: /usr/local/lib/curfew/end-with-own-tool.py
      mode: instead
      timeout: 2m
      environment:
        TOOL: /usr/local/bin/our-tool       # run as: TOOL end --infobase NAME --number N --session UUID
        AT_ONCE: "4"                        # tools that run at the same time

Exit statuses of the tool: 0 it asked for the end, 3 the user left meanwhile; anything else is a failure, and its last
line on standard error goes into the verdict. Curfew verifies every "ended" and "left" by a session list, so nothing
here has to wait until a session is gone.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import time

LEFT = 3
RESERVE_S = 1.0     # the answer must be out before Curfew ends this program


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def end_one(tool, target, end_by):
    """What is to be said of one target."""
    left = end_by - time.monotonic()
    if left <= 0:
        return "skipped", "no time was left for it"
    command = [tool, "end", "--infobase", target["infobase_name"] or target["infobase"], "--number", str(target["number"]),
               "--session", target["session"]]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=left, check=False, encoding="utf-8", errors="replace")
    except subprocess.TimeoutExpired:
        return "failed", "the tool did not end in time"
    except OSError as error:
        return "failed", f"the tool cannot be run: {error.strerror}"
    if done.returncode == 0:
        return "ended", ""
    if done.returncode == LEFT:
        return "left", ""
    return "failed", last_line(done.stderr) or f"the tool failed with exit status {done.returncode}"


def main():
    begun = time.monotonic()
    request = json.load(sys.stdin)
    end_by = begun + request["time_limit_ms"] / 1000 - RESERVE_S
    tool = os.environ["TOOL"]
    targets = request["targets"]
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("AT_ONCE", "4"))) as pool:
        words = list(pool.map(lambda target: end_one(tool, target, end_by), targets))
    answer = [{"index": target["index"], "result": result, "message": message}
              for target, (result, message) in zip(targets, words)]
    json.dump({"targets": answer}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
