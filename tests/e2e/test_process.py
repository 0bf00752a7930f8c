#!/usr/bin/env python3
"""The program and what surrounds it: descriptors that are closed, a log that nobody reads, an answer that cannot be
written. None of it ends a session too many, and nothing is called done that nobody could read."""
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import uuid

import bootstrap

bootstrap.enter()

import yaml

from world import CLI_S, WAIT_S, Cases, Worker, World, arguments, by_sessions, expect

ONE = "sim-01"
FAILED, BROKEN_PIPE = 1, -13
PIPE_BYTES = 4096
F_SETPIPE_SZ = 1031
QUICK_S = 4                 # below what a resolver is waited for
COMMANDS = (["--version"], ["--help"], ["status"], ["topics", "check", "--json"], ["doctor"], ["config", "check", "--json"], ["config", "explain"],
            ["sessions", "--cluster", ONE, "--json"], ["completion", "bash"],
            ["watch", "--from-beginning", "--json", "--timeout", "30s"])


def by_shell(world, words, redirection):
    """Runs `curfew` with what a shell does to its descriptors."""
    command = [str(world.build / "curfew"), *words]
    environment = {**os.environ, "CURFEW_CONFIG": str(world.worker.config), "LC_ALL": "C.UTF-8"}
    return subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", *command], capture_output=True, text=True, timeout=CLI_S,
                          check=False, stdin=subprocess.DEVNULL, env=environment)


def start_by_shell(world, name, redirection, **options):
    worker = Worker(world, name, world.config_of(name))
    with open(worker.log, "wb") as log:
        options = {"stdout": log, "stderr": log, **options}
        worker.process = world.processes.start(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", world.build / "curfew", "worker", "--config", worker.config,
             "--port-file", worker.port_file], **options)
    worker.wait_ready()
    return worker


def end_one(world):
    session = world.login(ONE)
    world.end_session(ONE, session)
    expect(not world.sim.is_there(ONE, session), "it is still there")


def a_worker_without_standard_descriptors_does_its_work(world):
    """Else a socket or a pipe of the loop would be number 2, and the log would be written into it."""
    worker = start_by_shell(world, "closed", "<&- >&- 2>&-")
    for number in range(3):
        found = os.readlink(f"/proc/{worker.process.pid}/fd/{number}")
        expect(found == "/dev/null", f"descriptor {number} is {found}")
    end_one(world)
    expect(not world.sim.violations(), f"the log was written to a cluster: {world.sim.violations()[:3]}")
    status = worker.stop()
    expect(status == 0, f"wanted 0, got {status}")


def a_log_that_nobody_reads_stops_nobody(world):
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, F_SETPIPE_SZ, PIPE_BYTES)
    try:
        worker = start_by_shell(world, "unread", "", stderr=theirs)
        os.close(theirs)
        for _ in range(10):
            end_one(world)
        expect(worker.metric("curfew_log_lines_dropped_total") > 0, "the pipe was never full: nothing was shown")
        heard = b""
        while b"log lines were dropped" not in heard:      # whoever reads again is told what he missed
            heard += os.read(ours, PIPE_BYTES)
            end_one(world)
        expect(worker.stop() == 0, "it did not end well")
    finally:
        os.close(ours)


def an_answer_that_cannot_be_written_is_no_success(world):
    for redirection in (">/dev/full", ">&-"):
        for words in COMMANDS:
            run = by_shell(world, words, redirection)
            expect(run.returncode == FAILED and "could not be written" in run.stderr,
                   f"{words} {redirection}: {run.returncode} {run.stderr}")


def a_reader_who_leaves_ends_the_command_quietly(world):
    for words in COMMANDS:
        ours, theirs = os.pipe()
        os.close(ours)
        run = subprocess.run([str(world.build / "curfew"), *words], stdout=theirs, stderr=subprocess.PIPE, text=True,
                             timeout=CLI_S, check=False, env={**os.environ, "CURFEW_CONFIG": str(world.worker.config)})
        os.close(theirs)
        expect(run.returncode == BROKEN_PIPE and "written" not in run.stderr, f"{words}: {run.returncode} {run.stderr}")


def a_port_that_is_taken_is_told(world):
    """A start that fails lets go of everything it had: the reason is told, and no check of our own fails."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        token = world.folder / "taken.token"
        token.write_text("0123456789abcdef0123456789abcdef\n", encoding="utf-8")
        config = world.folder / "taken.yaml"
        config.write_text(yaml.safe_dump({**world.config_of("taken"), "http": {"listen": address},
                                          "gateway": {"listen": address, "tokens": {"ut": {"file": str(token)}}}}), encoding="utf-8")
        for command, key in (("worker", "http.listen"), ("gateway", "gateway.listen")):
            run = world.curfew(command, "--config", config, config=None, seconds=30)
            expect(run.status == FAILED and f"{key}: cannot listen" in run.err and "Address already in use" in run.err, str(run))


def who_is_told_to_end_while_it_looks_for_its_broker_ends_at_once(world):
    with socket.socket() as nobody:         # takes connections, and never answers
        nobody.bind(("127.0.0.1", 0))
        nobody.listen()
        settings = world.config_of("early")
        settings["kafka"]["brokers"] = [f"127.0.0.1:{nobody.getsockname()[1]}"]
        worker = Worker(world, "early", settings).start(ready=False)
        nobody.settimeout(WAIT_S)
        nobody.accept()[0].close()          # it looks
        begun = time.monotonic()
        status = worker.stop()
        expect(time.monotonic() - begun < QUICK_S and status == -signal.SIGTERM, f"{status} after {time.monotonic() - begun:.1f} s")


# In a mount namespace of its own: a resolver that takes questions and answers none.
HUNG_RESOLVER = """
printf 'nameserver 127.53.53.53\\n' >"$1"
mount --bind "$1" /etc/resolv.conf || exit 99
shift; exec "$@"
"""


def a_resolver_that_keeps_silent_about_some_clusters_slows_no_other(world):
    """I10: what is looked up for them waits in threads; the others need some as well."""
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode or os.getuid():
        print("        not shown: this user may neither listen on port 53 nor mount")
        return
    hung = [f"hung{number}" for number in range(6)]
    known = world.sim.clusters[ONE]
    settings = world.config_of("resolver")
    settings["clusters"] = [{"name": name, "addresses": [f"{name}.example.com:1545"], "time_zone": "UTC"} for name in hung]
    settings["clusters"].append({**world.cluster_config(ONE), "addresses": [f"localhost:{known['address'].rpartition(':')[2]}"]})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.bind(("127.53.53.53", 53))
        resolver.settimeout(WAIT_S)
        worker = Worker(world, "resolver", settings)
        with open(worker.log, "wb") as log:
            worker.process = world.processes.start(
                ["unshare", "-m", "sh", "-c", HUNG_RESOLVER, "sh", world.folder / "resolv.conf", world.build / "curfew", "worker",
                 "--config", worker.config, "--port-file", worker.port_file], stdout=log, stderr=log)
        worker.wait_ready()
        for name in hung:
            for _ in range(2):
                world.send(by_sessions(name, str(uuid.uuid4())))
        asked = set()
        while len(asked) < 3:       # more than two threads wait for it
            question = resolver.recv(512)
            asked |= {name for name in hung if name.encode() in question}
        begun = time.monotonic()
        end_one(world)
        expect(time.monotonic() - begun < QUICK_S, f"{time.monotonic() - begun:.1f} s while other names hang")
        worker.kill()


CASES = [
    a_worker_without_standard_descriptors_does_its_work, a_log_that_nobody_reads_stops_nobody,
    an_answer_that_cannot_be_written_is_no_success, a_reader_who_leaves_ends_the_command_quietly,
    a_port_that_is_taken_is_told, who_is_told_to_end_while_it_looks_for_its_broker_ends_at_once,
    a_resolver_that_keeps_silent_about_some_clusters_slows_no_other,
]


def main():
    options = arguments(__doc__)
    cases = Cases(options)
    with World(options) as world:
        world.worker = Worker(world, "any", world.config_of("any"))      # never started: what is typed reads its configuration
        cases.run(world, CASES)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
