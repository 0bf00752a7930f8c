#!/usr/bin/env python3
"""What is shipped: systemd takes every line of the units, and finds little to complain about; the program is hardened.

`systemd-analyze verify` exits 0 on an unknown key, so any line it prints is a failure. Exit 77 (skipped) where
systemd-analyze is not installed.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORKER = ROOT / "deploy" / "systemd" / "curfew.service"
UNITS = sorted(WORKER.parent.glob("*.service"))
EXPOSURE_MAX = 20  # in tenths: 2.0
SKIPPED = 77


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(s|min|m|h)", text).groups()
    return int(number) * {"s": 1, "min": 60, "m": 60, "h": 3600}[unit]


def setting(unit, name):
    found = re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)
    return found[-1] if found else None


def check_drain(unit):
    drain = re.search(r'"drain_timeout", DURATION, "(\w+)"', (ROOT / "worker/config/keys.def").read_text()).group(1)
    if seconds(setting(unit, "TimeoutStopSec")) < seconds(drain) + 10:
        yield f"TimeoutStopSec leaves no room above drain_timeout ({drain})"


def check_promises(unit, stays_down):
    """What the programs rely on, and systemd cannot know; `stays_down`: the exit statuses that no new start mends."""
    for name, value in (("Type", "notify"), ("Restart", "always"), ("RestartPreventExitStatus", stays_down),
                        ("StartLimitIntervalSec", "0"), ("LimitCORE", "0")):
        if setting(unit, name) != value:
            yield f"{name} is not {value}"
    if not setting(unit, "WatchdogSec"):
        yield "there is no WatchdogSec"


def check_systemd(name, unit):
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / name
        copy.write_text(unit.replace("/usr/bin/curfew", "/bin/true"))  # the program must exist
        verify = run("systemd-analyze", "verify", "--man=no", str(copy))
        if verify.returncode or verify.stderr.strip():
            yield f"systemd-analyze verify: {verify.stderr.strip() or verify.returncode}"
        security = run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX}",
                       str(copy))
        if security.returncode:
            last = (security.stdout.strip() or security.stderr.strip()).splitlines()[-1]
            yield f"systemd-analyze security: {last}"


def check_hardened(program):
    """The flags are in CMakeLists.txt, and a build type more or less takes them away unseen: so the program is looked at."""
    symbols = run("nm", "--dynamic", "--undefined-only", str(program)).stdout
    head = run("readelf", "--wide", "--file-header", "--program-headers", "--dynamic", str(program)).stdout
    for name, found in (("calls that libc checks (_FORTIFY_SOURCE)", re.search(r" __\w+_chk\b", symbols)),
                        ("stack protector", "__stack_chk_fail" in symbols),
                        ("read-only relocations, all at the start", "GNU_RELRO" in head and "BIND_NOW" in head),
                        ("addresses that change (PIE)", re.search(r"Type:\s+DYN", head))):
        if not found:
            yield f"the installed program lacks: {name}"


def check_install():
    """What `cmake --install` puts in place, from the release build where there is one."""
    build = ROOT / "build" / "release"
    if not (build / "curfew").exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        done = run("cmake", "--install", str(build), "--prefix", folder)
        if done.returncode:
            yield f"cmake --install: {done.stderr.strip()}"
            return
        yield from check_hardened(pathlib.Path(folder) / "bin" / "curfew")
        wanted = ["bin/curfew", "share/doc/curfew/curfew.example.yaml", *(f"lib/systemd/system/{unit.name}" for unit in UNITS)]
        yield from (f"cmake --install leaves no {name}" for name in wanted if not (pathlib.Path(folder) / name).is_file())
        for unit in UNITS:
            if not setting(unit.read_text(), "ExecStart").startswith("/usr/bin/curfew "):
                yield f"{unit.name} starts another program than the one that is installed"


def main():
    problems = list(check_install())
    analyzer = shutil.which("systemd-analyze")
    for path in UNITS:
        unit = path.read_text()
        if path == WORKER:  # 5: it was fenced by another of its kafka.instance, and would fence that one
            found = [*check_promises(unit, "78 5"), *check_drain(unit)]
        else:
            found = list(check_promises(unit, "78"))
        if analyzer:
            found += check_systemd(path.name, unit)
        problems += [f"{path.relative_to(ROOT)}: {each}" for each in found]
    print("\n".join(problems) or f"{len(UNITS)} units are fine")
    if not analyzer and not problems:
        print("systemd-analyze is not installed: only our own promises were checked")
        return SKIPPED
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
