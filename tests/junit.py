#!/usr/bin/env python3
"""junit.py REPORT FAILED SKIPPED: prints "passed failed skipped" of a ctest report, names the failed and skipped ones."""
import sys
import xml.etree.ElementTree as tree

passed, failed, skipped = 0, [], []
for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
    name = case.get("name")
    if case.find("failure") is not None or case.get("status") == "fail":
        failed.append(name)
    elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        skipped.append(name)
    else:
        passed += 1
open(sys.argv[2], "w").write("".join(name + "\n" for name in failed))
open(sys.argv[3], "w").write("".join(name + "\n" for name in skipped))
print(passed, len(failed), len(skipped))
