"""What every figure of the bench stands on: a broker, topics, workers, the simulated clusters, and what they tell."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
WAIT_S = 120
NAMES = ("commands", "control", "events", "journal", "dead-letters")
CALM_APPLICATIONS = ("1CV8", "1CV8C", "WebClient")  # never protected


class Failed(Exception):
    """A measurement that did not do all its work is no measurement."""


def wait_for(what, condition, seconds=WAIT_S, pause=0.01):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(pause)
    raise Failed(f"{what}: not within {seconds} s")


class Topics:
    """One fresh set of topics; `brokers` is where they are."""

    def __init__(self, brokers, prefix):
        self.brokers = brokers
        self.prefix = prefix

    def __getitem__(self, name):
        return f"{self.prefix}.{name}"


class Worker:
    def __init__(self, rig, process, port_file, log):
        self.rig, self.process, self.log = rig, process, log
        text = wait_for("the worker's port", lambda: self.alive() and port_file.exists() and port_file.read_text())
        self.port = int(text)
        wait_for("the worker is ready", self.ready)

    def alive(self):
        if self.process.poll() is not None:
            raise Failed(f"the worker ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
        return True

    def page(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.read().decode()

    def ready(self):
        self.alive()
        try:
            return "ready" in self.page("/readyz") or True
        except OSError:
            return False

    def metric(self, name, **labels):
        """The sum of the series of `name` that carry these labels."""
        total = 0.0
        for line in self.page("/metrics").splitlines():
            found = re.match(r"curfew_(\w+)(?:\{(.*)\})? (\S+)", line)
            if not found or found[1] != name:
                continue
            if all(f'{key}="{value}"' in (found[2] or "") for key, value in labels.items()):
                total += float(found[3])
        return total

    def cpu_s(self):
        """In nanoseconds' steps: /proc/PID/stat counts in hundredths of a second, and a round of `single` needs ten of them."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def tell(self):
        """What the bench's own worker says of its memory."""
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(40)
        self.kill()


class Sim:
    def __init__(self, rig, clusters, sessions):
        self.rig = rig
        ports, control = rig.path("ports"), rig.path("control")
        self.process = rig.popen("curfew-ras-sim", "--clusters", clusters, "--sessions", sessions, "--infobases", 3,
                                 "--still", "--plain", "--english", "--port-file", ports, "--control-port-file", control)
        wait_for("the simulated clusters listen", lambda: ports.exists() and control.exists(), pause=0.05)
        self.clusters = {}
        for line in ports.read_text().splitlines():
            name, address, cluster = line.split()
            self.clusters[name] = (address, cluster)
        host, port = control.read_text().strip().rsplit(":", 1)
        self.control = socket.create_connection((host, int(port)), timeout=60)
        self.answers = self.control.makefile("r", encoding="utf-8")

    def do(self, line):
        self.control.sendall(line.encode() + b"\n")
        answer = json.loads(self.answers.readline())
        if not answer.get("ok"):
            raise Failed(f"curfew-ras-sim: {line}: {answer}")
        return answer

    def sessions(self, cluster):
        """UUIDs of sessions that may be ended."""
        return [session["session"] for session in self.do(f"sessions {cluster}")["sessions"]
                if session.get("app") in CALM_APPLICATIONS]

    def stop(self):
        self.control.close()
        self.process.terminate()
        status = self.process.wait()
        if status:
            raise Failed(f"curfew-ras-sim judged its client: exit status {status}")


class Rig:
    def __init__(self, build, small, brokers):
        self.build = pathlib.Path(build).resolve()
        self.small = small
        self.given = brokers
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="curfew-bench-"))
        self.serial = 0
        self.processes = []
        self.kafka = None

    # ---- files and processes ----

    def path(self, name):
        self.serial += 1
        return self.folder / f"{self.serial:03d}-{name}"

    def program(self, name):
        own = self.build / "tests" / name
        return str(own if own.exists() else self.build / name)

    def popen(self, program, *arguments, log=None):
        log = log or self.path(f"{pathlib.Path(program).name}.log")
        with open(log, "w", encoding="utf-8") as file:
            process = subprocess.Popen([self.program(program), *map(str, arguments)], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=file, text=True)
        process.log = log
        self.processes.append(process)
        return process

    def answer(self, process):
        text, _ = process.communicate(timeout=900)
        if process.returncode:
            raise Failed(f"{' '.join(map(str, process.args))}: exit status {process.returncode} {text}"
                         f"{process.log.read_text()[-500:]}")
        return json.loads(text)

    def ask(self, program, *arguments):
        return self.answer(self.popen(program, *arguments))

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.kafka:
            subprocess.run([sys.executable, ROOT / "tests/broker/kafka.py", "stop", self.kafka], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the broker ----

    def real_brokers(self):
        if self.given:
            return self.given
        if not self.kafka:
            self.kafka = self.path("kafka")
            done = subprocess.run([sys.executable, ROOT / "tests/broker/kafka.py", "start", self.kafka],
                                  check=True, capture_output=True, text=True)
            self.given = done.stdout.strip()
        return self.given

    def topics(self, partitions, beside=""):
        """A fresh set of topics; with `beside` a second set of that name within it: topics["bare.journal"]."""
        prefix = "b" + uuid.uuid4().hex[:8]
        sets = [prefix] + ([f"{prefix}.{beside}"] if beside else [])
        if self.small:
            return Topics(self.embedded(sets, partitions), prefix)
        brokers = self.real_brokers()
        for name in sets:
            self.create(Topics(brokers, name), partitions)
        return Topics(brokers, prefix)

    def embedded(self, sets, partitions):
        port_file = self.path("broker")
        arguments = [word for prefix in sets for name in NAMES for word in
                     ("--topic", f"{prefix}.{name}:{partitions if name in ('commands', 'journal') else 1}")]
        self.popen("curfew", "broker", "--port-file", port_file, *arguments)
        return wait_for("the embedded broker", lambda: port_file.exists() and port_file.read_text().strip())

    def create(self, topics, partitions):
        """As an operator makes them."""
        done = subprocess.run([self.program("curfew"), "topics", "create", "--config", self.config(topics, []),
                               "--partitions", str(partitions)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"curfew topics create: {done.stdout} {done.stderr}")

    def is_embedded(self):
        return "1" if self.small else "0"

    # ---- configuration ----

    def config(self, topics, clusters, open_commands=20000, **more):
        """`clusters`: (name, address, uuid) each."""
        lines = [
            "kafka:", f"  brokers: [\"{topics.brokers}\"]", f"  group: {topics.prefix}", f"  instance: {topics.prefix}-1",
            "topics:", *(f"  {name.replace('-', '_')}: {topics[name]}" for name in NAMES),
            "http: { listen: \"127.0.0.1:0\" }",
            "limits:", f"  open_commands: {open_commands}", f"  cluster_share: {open_commands}",
            f"  open_targets: {max(100000, 2 * open_commands)}",
        ]
        if clusters:
            lines.append("clusters:")
        for name, address, cluster in clusters:
            lines += [f"  - name: {name}", f"    addresses: [\"{address}\"]", f"    cluster: \"{cluster}\"",
                      f"    limits: {{ per_minute: 1000000, waiting: 200000{more.get('limits', '')} }}"]
            if "request" in more:
                lines.append(f"    timeouts: {{ request: {more['request']} }}")
        path = self.path("curfew.yaml")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    # ---- workers ----

    def start(self, program, config, *arguments, port_file=None):
        port_file = port_file or self.path("port")
        log = self.path("worker.log")
        process = self.popen(program, *arguments, log=log)
        return Worker(self, process, port_file, log)

    def worker(self, config):
        port_file = self.path("port")
        return self.start("curfew", config, "worker", "--config", config, "--port-file", port_file, port_file=port_file)

    def instant(self, config, targets, *hold):
        port_file = self.path("port")
        return self.start("bench_worker", config, config, port_file, targets, *hold, port_file=port_file)

    def sim(self, clusters, sessions):
        return Sim(self, clusters, sessions)

    # ---- targets and commands ----

    def targets(self, pairs):
        path = self.path("targets")
        path.write_text("".join(f"{cluster} {session}\n" for cluster, session in pairs), encoding="utf-8")
        return path

    def invented(self, count, clusters):
        """`count` sessions dealt out to `clusters` in turn."""
        return self.targets((clusters[i % len(clusters)], uuid.uuid4()) for i in range(count))

    def drive(self, what, *arguments):
        return self.ask("bench_drive", what, *arguments)

    def load(self, topics, targets, first, count, per_command=1):
        return self.drive("load", topics.brokers, topics["commands"], targets, first, count, per_command)["commands"]

    def waiting(self, topics, expected, pid, before, journal="journal", events="events"):
        """Starts to wait; answer() gives what it saw."""
        return self.popen("bench_drive", "wait", topics.brokers, topics[events], expected, pid, topics[journal], before)


# ---- results ----

def spread(values):
    values = sorted(values)
    return {"median": statistics.median(values), "min": values[0], "max": values[-1], "rounds": values}


def row(name, ratio, aim, curfew, other, note=""):
    """`ratio` is spread(...) or one number; `aim` a text like '>= 0.8' or ''."""
    ratio = ratio if isinstance(ratio, dict) else spread([ratio])
    met = None
    if aim:
        sign, value = aim.split()
        met = ratio["median"] >= float(value) if sign == ">=" else ratio["median"] <= float(value)
    return {"name": name, "ratio": ratio, "aim": aim, "met": met, "curfew": curfew, "counterpart": other, "note": note}
