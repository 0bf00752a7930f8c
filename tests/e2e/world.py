"""The world of an end-to-end test: a broker, simulated clusters, workers, and what people type.

    with World(options, clusters=3) as world:
        world.start_worker("worker-1")
        run = world.curfew("terminate", "--cluster", "sim-01", "--session", uuid, "--wait", "--json")

Every process has a process group of its own, and a reaper kills them all when the test ends, however it ends. What the
processes wrote stays, and is named, when a test failed.
"""
import argparse
import atexit
import contextlib
import copy
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid

import confluent_kafka
import yaml
from curfew.v1 import command_pb2

import checker
import published
from bootstrap import ROOT

START_S = 60                # for a process to come up on a busy machine
READY_S = 90                # for a worker to be ready: joining the embedded broker's group takes up to 10 s
WAIT_S = 60
CLI_S = 120
POLL_S = 0.02
TOPICS = {"curfew.commands": 0, "curfew.control": 1, "curfew.events": 0, "curfew.journal": 0, "curfew.dead-letters": 1}


class Failed(Exception):
    """What was expected did not come."""


def expect(condition, text):
    if not condition:
        raise Failed(text)


def wait_for(what, condition, seconds=WAIT_S):
    """Polls until the condition gives something true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(POLL_S)


def now_ms():
    return time.time_ns() // 1_000_000


# ---- processes ----

REAPER = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    sign, number = line[0], int(line[1:])
    groups.add(number) if sign == '+' else groups.discard(number)
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


class Processes:
    """Starts them in groups of their own; when this process dies, by whatever signal, so do they."""

    def __init__(self):
        self.reaper = subprocess.Popen([sys.executable, "-c", REAPER], stdin=subprocess.PIPE, text=True, start_new_session=True)
        self.alive = {}

    def adopt(self, process):
        self.reaper.stdin.write(f"+{process.pid}\n")
        self.reaper.stdin.flush()
        self.alive[process.pid] = process
        return process

    def start(self, command, **options):
        return self.adopt(subprocess.Popen([str(part) for part in command], start_new_session=True,
                                           **{"stdin": subprocess.DEVNULL, **options}))

    def kill(self, process, number=signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        if number == signal.SIGKILL:
            process.wait()
            self.forget(process)

    def forget(self, process):
        if self.alive.pop(process.pid, None):
            self.reaper.stdin.write(f"-{process.pid}\n")
            self.reaper.stdin.flush()

    def end(self):
        for process in list(self.alive.values()):
            self.kill(process, signal.SIGCONT)
            self.kill(process)
        with contextlib.suppress(BrokenPipeError):
            self.reaper.stdin.close()
        self.reaper.wait()


# ---- the simulated clusters ----

class Sim:
    """One curfew-ras-sim with some clusters, and its control port."""

    def __init__(self, world, name, clusters, arguments):
        self.log = world.folder / f"{name}.log"
        ports, control = world.folder / f"{name}.ports", world.folder / f"{name}.control"
        self.output = world.folder / f"{name}.out"
        with open(self.output, "wb") as out:
            self.process = world.processes.start(
                [world.build / "curfew-ras-sim", "--clusters", clusters, "--log", self.log, "--log-life", "--port-file", ports,
                 "--control-port-file", control, *arguments], stdout=out, stderr=out)
        wait_for(f"{name} listens", lambda: ports.exists() and control.exists() or self.process.poll() is not None, START_S)
        expect(self.process.poll() is None, f"{name} does not start, see {self.output}")
        self.clusters = {}          # name -> {"address", "uuid"}
        for line in ports.read_text(encoding="utf-8").splitlines():
            cluster, address, identity = line.split()
            self.clusters[cluster] = {"address": address, "uuid": identity}
        host, port = control.read_text(encoding="utf-8").strip().rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), START_S)
        self.lines = self.socket.makefile("rwb")
        self.lock = threading.Lock()

    def ask(self, do, **arguments):
        with self.lock:
            self.lines.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self.lines.flush()
            answer = json.loads(self.lines.readline())
        expect(answer.get("ok"), f"the simulator refuses {do} {arguments}: {answer.get('error')}")
        return answer

    def fault(self, spec):
        return self.ask("fault", spec=spec)["id"]

    def unfault(self, identity):
        self.ask("unfault", id=identity)

    def hits(self, identity):
        return next(each["hits"] for each in self.ask("faults")["faults"] if each["id"] == identity)

    def clear(self):
        self.ask("clear")

    def sessions(self, cluster, infobase=None):
        more = {"infobase": infobase} if infobase else {}
        return self.ask("sessions", cluster=cluster, **more)["sessions"]

    def login(self, cluster, infobase="ib-01", user="Тест", **more):
        return self.ask("login", cluster=cluster, infobase=infobase, user=user, **more)

    def is_there(self, cluster, session):
        return any(each["session"] == session for each in self.sessions(cluster))

    def logged(self, what=None):
        text = self.log.read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in lines if what in (None, line["what"])]

    def terminations(self, session):
        return [line for line in self.logged("terminate") if line.get("session") == session]

    def violations(self):
        return self.ask("violations")["violations"]


# ---- workers ----

class Worker:
    """One `curfew worker`; may be started again after its end under the same name."""
    command = "worker"


    def __init__(self, world, name, settings):
        self.world, self.name = world, name
        self.config = world.folder / f"{name}.yaml"
        self.log = world.folder / f"{name}.log"
        self.port_file = world.folder / f"{name}.port"
        self.process = None
        self.port = None
        self.starts = 0
        self.settings = settings
        self.write_config(settings)

    def write_config(self, settings):
        self.config.write_text(settings if isinstance(settings, str) else yaml.safe_dump(settings, allow_unicode=True),
                               encoding="utf-8")

    def reload(self, settings=None, words="configuration reloaded"):
        """Has it read its configuration again, as `settings` say, and waits for the words; its log since."""
        size = len(self.text())
        if settings is not None:
            self.write_config(settings)
        self.signal(signal.SIGHUP)
        wait_for(words, lambda: words in self.text()[size:])
        return self.text()[size:]

    def start(self, ready=True):
        self.port_file.unlink(missing_ok=True)
        self.port = None
        self.starts += 1
        with open(self.log, "ab") as log:
            log.write(f"---- start {self.starts} at {now_ms()}\n".encode())
            log.flush()
            self.process = self.world.processes.start(
                [self.world.build / "curfew", self.command, "--config", self.config, "--port-file", self.port_file],
                stdout=log, stderr=log)
        if ready:
            self.wait_ready()
        return self

    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait_ready(self, seconds=READY_S):
        wait_for(lambda: f"{self.name} is ready; {self.readiness()[1]}", lambda: self.readiness()[0] == 200 or not self.alive(), seconds)
        expect(self.alive(), f"{self.name} ended with {self.process.returncode}:\n{self.text()[-2000:]}")

    def get(self, path, seconds=10):
        """(status, text); (0, why) while it does not answer."""
        if self.port is None:
            if not self.port_file.exists():
                return 0, "it does not listen yet"
            self.port = int(self.port_file.read_text(encoding="utf-8"))
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=seconds) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def readiness(self):
        return self.get("/readyz")

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            head, _space, value = line.rpartition(" ")
            if head.partition("{")[0] == name and all(f'{key}="{each}"' in head for key, each in labels.items()):
                total += float(value)
        return total

    def signal(self, number):
        os.kill(self.process.pid, number)

    def kill(self):
        self.world.processes.kill(self.process)

    def stop(self, seconds=WAIT_S):
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds=WAIT_S):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{self.name} did not end within {seconds} s") from error
        self.world.processes.forget(self.process)
        return status


# ---- all together ----

def kafka_module():
    spec = importlib.util.spec_from_file_location("kafka_broker", ROOT / "tests/broker/kafka.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Tail:
    """Everything that stands on a topic, read on and on."""

    def __init__(self, brokers, topic):
        self.consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "e2e-tail", "enable.auto.commit": False,
                                                  "fetch.wait.max.ms": 10, "log_level": 0})
        found = self.consumer.list_topics(topic, START_S).topics[topic]
        self.consumer.assign([confluent_kafka.TopicPartition(topic, p, confluent_kafka.OFFSET_BEGINNING) for p in found.partitions])
        self.messages = []
        self.has_events = topic in ("curfew.events", "curfew.replies")
        self.by_command = {}         # id -> events, as they came

    def pump(self):
        for message in self.consumer.consume(1000, POLL_S):
            if message.error():
                continue
            self.messages.append(message)
            if self.has_events:
                attributes, event = published.read(message)
                if "causationid" in attributes:
                    self.by_command.setdefault(attributes["causationid"], []).append(event)
        return self


class Run:
    """What one command printed."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"status {self.status}\nstdout: {self.out.strip()}\nstderr: {self.err.strip()}"


class World:
    def __init__(self, options, clusters=1, sim=(), partitions=4, real=False, settings=None):
        self.build = pathlib.Path(options.build).resolve()
        self.keep = options.keep
        self.partitions = partitions
        self.real = real
        self.cluster_count = clusters
        self.sim_arguments = ["--still", "--plain", *sim]
        self.settings = settings or {}
        self.workers = {}
        self.worker = None           # the first that was started
        self.failed = False
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="curfew-e2e-"))
        self.processes = Processes()
        self.broker = self.producer = None
        self.tails = {}
        self.produced = []           # what check() holds the journal against
        atexit.register(self.processes.end)

    def __enter__(self):
        try:
            self.start_broker()
            self.sim = self.start_clusters()
            self.create_topics()
        except BaseException:
            self.failed = True
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, _error, _trace):
        self.failed = self.failed or kind is not None
        self.processes.end()
        atexit.unregister(self.processes.end)
        if self.failed or self.keep:
            print(f"logs and data: {self.folder}", flush=True)
            shutil.rmtree(self.folder / "kafka" / "log", ignore_errors=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def clock_shifted(self, seconds):
        """What is started from now on lives then; only the clock on the wall is another, not the time that passes."""
        ours = {"LD_PRELOAD": str(self.build / "tests" / "libshifted_clock.so"), "CURFEW_SHIFT_S": str(seconds)}
        os.environ.update(ours)
        try:
            yield
        finally:
            for name in ours:
                del os.environ[name]

    # -- broker --

    def start_broker(self):
        if self.real:
            kafka = kafka_module()
            process, self.brokers = kafka.start(self.folder / "kafka", {})
            self.broker = self.processes.adopt(process)
            return
        port_file = self.folder / "broker.port"
        topics = [f"--topic={name}:{self.partitions_of(name)}" for name in TOPICS]
        with open(self.folder / "broker.log", "wb") as log:
            self.broker = self.processes.start([self.build / "curfew", "broker", "--port-file", port_file, *topics,
                                                "--topic=curfew.replies:1"], stdout=log, stderr=log)
        wait_for("the embedded broker listens", lambda: port_file.exists() or self.broker.poll() is not None, START_S)
        expect(self.broker.poll() is None, f"the embedded broker ended: {(self.folder / 'broker.log').read_text()}")
        self.brokers = port_file.read_text(encoding="utf-8").strip()

    def start_clusters(self):
        return Sim(self, "sim", self.cluster_count, self.sim_arguments)

    def partitions_of(self, topic):
        return TOPICS.get(topic, 1) or self.partitions

    def create_topics(self):
        made = self.curfew("topics", "create", "--brokers", self.brokers, "--partitions", self.partitions, config=None)
        expect(made.status == 0, f"topics create: {made}")

    # -- workers --

    def config_of(self, name):
        config = {
            "kafka": {"brokers": [self.brokers], "instance": name},
            "reply_topics": ["curfew.replies"],
            "clusters": [self.cluster_config(cluster) for cluster in self.sim.clusters],
            "http": {"listen": "127.0.0.1:0"},
            "log": {"level": "debug"},
        }
        return merged(config, self.settings)

    def cluster_config(self, cluster):
        known = self.sim.clusters[cluster]
        return {"name": cluster, "addresses": [known["address"]], "cluster": known["uuid"], "time_zone": "Europe/Moscow",
                "limits": {"per_minute": 100000}}

    def start_worker(self, name, settings=None, ready=True):
        worker = self.workers[name] = Worker(self, name, merged(self.config_of(name), settings or {}))
        self.worker = self.worker or worker
        return worker.start(ready)

    def all_ready(self):
        return all(worker.readiness()[0] == 200 for worker in self.workers.values() if worker.alive())

    # -- what happens at the clusters --

    def login(self, cluster="sim-01", *arguments_of, **more):
        """Somebody logs in; the session."""
        return self.sim.login(cluster, *arguments_of, **more)["session"]

    @contextlib.contextmanager
    def fault(self, spec):
        """What goes wrong until the block is left; its id, for hits()."""
        identity = self.sim.fault(spec)
        try:
            yield identity
        finally:
            self.sim.unfault(identity)

    # -- what people type --

    def curfew(self, *arguments, config="any", seconds=CLI_S):
        command = [self.build / "curfew", *arguments]
        if config == "any" and "--brokers" not in arguments:
            command += ["--brokers", self.brokers]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds, check=False,
                              stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8"})
        return Run(done)

    def terminate(self, cluster, *arguments, **options):
        return self.curfew("terminate", "--cluster", cluster, *arguments, "--wait", "--json", **options)

    def end_session(self, cluster, session, outcome="ended", status=0):
        run = self.terminate(cluster, "--session", session)
        expect(run.status == status, f"terminate: {run}")
        expect(run.json["targets"][0]["outcome"] == outcome, f"wanted {outcome}: {run}")
        return run

    # -- the independent client --

    def produce(self, value, key=None, headers=None, partition=None, topic="curfew.commands", identity=None, note=True, at_ms=None):
        """Appends one message; (partition, offset). `at_ms`: what its sender takes for now."""
        if self.producer is None:
            self.producer = confluent_kafka.Producer({"bootstrap.servers": self.brokers, "partitioner": "murmur2_random",
                                                      "acks": "all", "linger.ms": 0, "message.max.bytes": 4_000_000, "log_level": 0})
        place = []
        more = ({} if partition is None else {"partition": partition}) | ({} if at_ms is None else {"timestamp": at_ms})
        self.producer.produce(topic, value=value, key=key, headers=headers or [],
                              on_delivery=lambda error, message: place.append((error, message)), **more)
        self.producer.flush(WAIT_S)
        expect(place and not place[0][0], f"not delivered: {place}")
        self.stamped = place[0][1].timestamp()[0]       # whose time it bears: TIMESTAMP_CREATE_TIME or TIMESTAMP_LOG_APPEND_TIME
        where = place[0][1].partition(), place[0][1].offset()
        if note and topic == "curfew.commands":
            self.produced.append({"id": identity, "partition": where[0], "offset": where[1]})
        return where

    def send(self, command, **more):
        value = command if isinstance(command, bytes) else command.SerializeToString()
        return self.produce(value, key=command.cluster if not isinstance(command, bytes) else None,
                            identity=None if isinstance(command, bytes) else command.id, **more)

    def tail(self, topic):
        if topic not in self.tails:
            self.tails[topic] = Tail(self.brokers, topic)
        return self.tails[topic].pump()

    def events_of(self, identity, topic="curfew.events"):
        """The events of one command, in order."""
        return self.tail(topic).by_command.get(identity, [])

    def end_of(self, identity, seconds=WAIT_S, topic="curfew.events", count=1):
        """The event that tells how a command ended (the count-th one)."""
        def final():
            ends = [event for event in self.events_of(identity, topic) if event.get("outcome")]
            return ends[count - 1] if len(ends) >= count else None
        return wait_for(f"the end of {identity} on {topic}", final, seconds)

    # -- the independent checker --

    def check(self, properties=None):
        produced = self.folder / "produced.json"
        produced.write_text("".join(json.dumps(each) + "\n" for each in self.produced), encoding="utf-8")
        problems, figures = checker.check(self.brokers, [self.sim.log], commands=produced, properties=properties)
        checker.report(problems, figures, sys.stdout)
        violations = self.sim.violations()
        expect(not problems, f"the checker found {len(problems)} problems")
        expect(not violations, f"the worker broke the RAS protocol: {violations[:5]}")
        wrong, kinds = published.hold(self.tail("curfew.events").messages)
        print(f"events as schemas/ has them: {kinds}", flush=True)
        expect(not wrong, f"{len(wrong)} things in events are not as schemas/ has them: {wrong[:5]}")
        return figures


def merged(base, more):
    """A copy of nested mappings with others laid over it; lists of named things go by their names."""
    if isinstance(base, dict) and isinstance(more, dict):
        return {key: merged(base[key], more[key]) if key in base and key in more else copy.deepcopy((more if key in more else base)[key])
                for key in [*base, *(key for key in more if key not in base)]}
    return copy.deepcopy(more)


# ---- what events say ----

def outcome_of(event):
    """How the command ended, as the command line spells it."""
    return event["outcome"].removeprefix("COMMAND_OUTCOME_").lower()


def verdicts_of(event):
    """The outcome of each target, as the command line spells it, in the event's order."""
    return [target["outcome"].removeprefix("TARGET_OUTCOME_").lower() for target in event["targets"]]


# ---- commands ----

def command_for(cluster, valid_s=600, **more):
    command = command_pb2.Command(id=str(uuid.uuid4()), cluster=cluster, requested_by="someone@test", reason="test",
                                  origin=command_pb2.ORIGIN_APPLICATION, **more)
    command.requested_at.FromMilliseconds(now_ms())
    if valid_s is not None:
        command.expires_at.FromMilliseconds(now_ms() + int(valid_s * 1000))
    return command


def by_sessions(cluster, *uuids, **more):
    command = command_for(cluster, **more)
    command.terminate.selector.sessions.uuids.extend(uuids)
    return command


def by_numbers(cluster, infobase, *numbers, guard=None, **more):
    command = command_for(cluster, **more)
    selected = command.terminate.selector.numbers
    selected.infobase = infobase
    selected.numbers.extend(numbers)
    for field, value in (guard or {}).items():
        setattr(selected.guard, field, value)
    return command


# ---- cases ----

def arguments(description, **defaults):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build" / "release"), metavar="DIR", help="where curfew was built")
    parser.add_argument("--only", action="append", metavar="WORD", help="only cases whose name contains it")
    parser.add_argument("--keep", action="store_true", help="keep logs and data")
    for name, (default, text) in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=f"{text} ({default})")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))    # and what was started ends as well
    for program in ("curfew", "curfew-ras-sim"):
        if not (pathlib.Path(options.build) / program).exists():
            print(f"{options.build}/{program} is not built")
            sys.exit(1)
    return options


class Cases:
    """Runs functions one after the other, tells each, and goes on after a failure."""

    def __init__(self, options):
        self.options = options
        self.failed = []
        self.count = 0

    def run(self, world, functions):
        for function in functions:
            name = function.__name__
            if self.options.only and not any(word in name for word in self.options.only):
                continue
            self.one(name, function, world)

    def one(self, name, function, *arguments_of):
        begun = time.monotonic()
        self.count += 1
        try:
            function(*arguments_of)
            print(f"ok      {name}  {time.monotonic() - begun:.1f} s", flush=True)
        except Exception as error:
            self.failed.append(name)
            for each in arguments_of:
                if isinstance(each, World):
                    each.failed = True
            print(f"FAILED  {name}  {time.monotonic() - begun:.1f} s\n        {error}", flush=True)
            if not isinstance(error, Failed):
                traceback.print_exc(file=sys.stdout)

    def end(self):
        print(f"{self.count - len(self.failed)} passed, {len(self.failed)} failed"
              + (f": {', '.join(self.failed)}" if self.failed else ""), flush=True)
        return 1 if self.failed or not self.count else 0


def the_checker_is_content(world):
    """The last case of most scripts: the journal, the events and what the simulator saw say the same."""
    world.check()


def play(description, world_of, functions, *workers):
    """A script with one world: makes it of the options, starts the workers, runs the cases; the exit status."""
    options = arguments(description)
    cases = Cases(options)
    with world_of(options) as world:
        for name in workers:
            world.start_worker(name)
        wait_for("every worker is ready", world.all_ready)      # also the first, after the last one has joined
        cases.run(world, functions)
    return cases.end()
