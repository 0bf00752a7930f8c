"""Puts a script into the environment of the independent client (tests/client/prepare.sh): confluent-kafka, Google's
protobuf runtime, and code generated from proto/. The first lines of a script are

    import bootstrap
    bootstrap.enter()

Without PyPI the script ends with status 77 and the reason as its last line.
"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARK = "CURFEW_E2E_ENVIRONMENT"
SKIPPED = 77


def build_dir(arguments):
    """The value of --build, from a command line that nobody has parsed yet."""
    for place, argument in enumerate(arguments):
        if argument.startswith("--build="):
            return pathlib.Path(argument.partition("=")[2]).resolve()
        if argument == "--build" and place + 1 < len(arguments):
            return pathlib.Path(arguments[place + 1]).resolve()
    return ROOT / "build" / "release"


def enter():
    work = build_dir(sys.argv[1:]) / "client"
    if os.environ.get(MARK) == str(work):
        return
    work.parent.mkdir(parents=True, exist_ok=True)
    prepared = subprocess.run([str(ROOT / "tests/client/prepare.sh"), str(ROOT), str(work)], check=False)
    if prepared.returncode:
        print("the Python packages of tests/client/requirements.txt cannot be installed", flush=True)
        sys.exit(SKIPPED)
    path = os.pathsep.join(str(each) for each in (work / "generated", ROOT / "tests/client"))
    python = str(work / "venv/bin/python")
    sys.stdout.flush()
    os.execve(python, [python, "-B", *sys.argv], {**os.environ, MARK: str(work), "PYTHONPATH": path})
