#!/usr/bin/env python3
"""A real Apache Kafka broker (KRaft, one node, loopback) for tests, from Maven Central.

    tests/broker/kafka.py run [-D key=value ...] -- COMMAND ...   run COMMAND with CURFEW_TEST_BROKERS set, then stop
    tests/broker/kafka.py start DIR [-D key=value ...]            leave it running; prints host:port
    tests/broker/kafka.py stop DIR
    tests/broker/kafka.py again DIR                               start it again, on the data and the ports that it had
    tests/broker/kafka.py fetch                                   fill the cache only

Nothing has to be installed but Java 17 and Maven. The jars are kept in CURFEW_KAFKA_DIR (default build/kafka-broker in
the source tree); data lives in DIR or in a temporary folder. Ports are chosen by the kernel. `-D` adds broker properties;
{port}, {controller} and {tls} in them stand for ports, the last one free for a listener of theirs.
"""
import argparse
import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
import base64

KAFKA_VERSION = "4.1.0"
SLF4J_VERSION = "1.7.36"
STARTED = "Kafka Server started"
START_WITHIN_S = 90
PORT_TRIES = 3

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>curfew.tests</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>
      <version>{SLF4J_VERSION}</version></dependency>
  </dependencies>
</project>
"""


def cache_dir():
    root = pathlib.Path(__file__).resolve().parents[2]
    return pathlib.Path(os.environ.get("CURFEW_KAFKA_DIR") or root / "build" / "kafka-broker")


@contextlib.contextmanager
def locked(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fetch():
    """The folder of jars, filled once; several test runs may ask at the same time."""
    cache = cache_dir() / KAFKA_VERSION
    done = cache / "complete"
    with locked(cache / "lock"):
        if not done.exists():
            (cache / "pom.xml").write_text(POM, encoding="utf-8")
            subprocess.run(
                ["mvn", "-q", "-B", "-f", str(cache / "pom.xml"), "dependency:copy-dependencies",
                 "-DincludeScope=runtime", f"-DoutputDirectory={cache / 'jars'}"],
                check=True, stdout=sys.stderr)
            done.touch()
    return cache / "jars"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def properties(data, port, controller, tls, extra):
    known = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data / "log"),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
    }
    known.update(extra)
    ports = {"{port}": port, "{controller}": controller, "{tls}": tls}
    lines = []
    for key, value in known.items():
        for name, number in ports.items():
            value = value.replace(name, str(number))
        lines.append(f"{key}={value}\n")
    return "".join(lines)


def java(jars, main, *arguments):
    return ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=info", "-cp", f"{jars}/*", main, *arguments]


def format_storage(jars, config, log):
    cluster_id = "-"
    while cluster_id.startswith("-"):       # it would be taken for an option
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    subprocess.run(java(jars, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(config)),
                   check=True, stdout=log, stderr=log)


def wait_started(process, log_path):
    """True when it serves; False when it ended (a port was taken meanwhile)."""
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        if STARTED in log_path.read_text(encoding="utf-8", errors="replace"):
            return True
        time.sleep(0.05)
    process.kill()
    raise SystemExit(f"kafka.py: not started within {START_WITHIN_S} s, see {log_path}")


def start(data, extra):
    """Starts a broker with its data in `data`; (process, "127.0.0.1:port")."""
    jars = fetch()
    data.mkdir(parents=True, exist_ok=True)
    log_path = data / "broker.log"
    for _ in range(PORT_TRIES):
        shutil.rmtree(data / "log", ignore_errors=True)
        port, controller, tls = free_ports(3)
        config = data / "server.properties"
        config.write_text(properties(data, port, controller, tls, extra), encoding="utf-8")
        with open(log_path, "w", encoding="utf-8") as log:
            format_storage(jars, config, log)
            process = subprocess.Popen(java(jars, "kafka.Kafka", str(config)), stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True)
        if wait_started(process, log_path):
            return process, f"127.0.0.1:{port}"
    sys.stderr.write(log_path.read_text(encoding="utf-8", errors="replace")[-4000:])
    raise SystemExit("kafka.py: the broker does not start")


def again(data):
    """Starts a broker that has ended, on its own data and ports. What it logs is added to its log."""
    jars, log_path = fetch(), data / "broker.log"
    log_path.rename(data / "broker.log.before")
    with open(log_path, "w", encoding="utf-8") as log:
        process = subprocess.Popen(java(jars, "kafka.Kafka", str(data / "server.properties")), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, start_new_session=True)
    if wait_started(process, log_path):
        return process
    sys.stderr.write(log_path.read_text(encoding="utf-8", errors="replace")[-4000:])
    raise SystemExit("kafka.py: the broker does not start again")


def run(extra, command):
    data = pathlib.Path(tempfile.mkdtemp(prefix="curfew-kafka-"))
    process, address = start(data, extra)
    try:
        return subprocess.run(command, env={**os.environ, "CURFEW_TEST_BROKERS": address}, check=False).returncode
    finally:
        process.kill()  # its data is thrown away: no need for an orderly end
        process.wait()
        shutil.rmtree(data, ignore_errors=True)


def stop(data):
    pid_file = data / "pid"
    if not pid_file.exists():
        return 0
    pid = int(pid_file.read_text(encoding="utf-8"))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    pid_file.unlink()
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "start", "stop", "again", "fetch"])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("-D", action="append", default=[], metavar="key=value", dest="extra")
    arguments, command = sys.argv[1:], []
    if "--" in arguments:
        place = arguments.index("--")
        arguments, command = arguments[:place], arguments[place + 1:]
    options = parser.parse_args(arguments)
    extra = dict(pair.split("=", 1) for pair in options.extra)
    if options.action == "fetch":
        print(fetch())
        return 0
    if options.action == "run":
        if not command:
            parser.error("run needs -- COMMAND")
        return run(extra, command)
    if len(options.rest) != 1:
        parser.error(f"{options.action} needs the data folder")
    data = pathlib.Path(options.rest[0]).resolve()
    if options.action == "stop":
        return stop(data)
    if options.action == "again":
        stop(data)
        (data / "pid").write_text(str(again(data).pid), encoding="utf-8")
        return 0
    process, address = start(data, extra)
    (data / "pid").write_text(str(process.pid), encoding="utf-8")
    print(address)
    return 0


if __name__ == "__main__":
    sys.exit(main())
