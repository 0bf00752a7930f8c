#!/usr/bin/env python3
"""A real Kafka, two workers, and commands as Kafka's own Java client writes them: without keys, by other partitioners, compressed,
in batches, in transactions; with headers nobody would think of; and what an administrator does to a topic meanwhile."""
import base64
import contextlib
import shutil
import subprocess
import sys
import time

import bootstrap

bootstrap.enter()

import encodings_of_clients as encodings
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from world import Cases, ROOT, World, arguments, by_sessions, expect, kafka_module, now_ms, wait_for

COMMANDS, EVENTS, LETTERS, REPLIES = "curfew.commands", "curfew.events", "curfew.dead-letters", "curfew.replies"
CLUSTERS = 8
BATCH = 40
DAY_MS = 24 * 3600 * 1000
TURNS = "org.apache.kafka.clients.producer.RoundRobinPartitioner"


def encoded(value):
    return "-" if value is None else base64.b64encode(value).decode()


class Java:
    """A producer of Kafka's own client (tests/client/Send.java)."""

    def __init__(self, world, **properties):
        self.world = world
        settings = {"bootstrap.servers": world.brokers, "acks": "all", **{name.replace("_", "."): each for name, each in properties.items()}}
        self.log = open(world.folder / "java.log", "ab")
        self.process = world.processes.start(
            ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{world.classes}:{world.jars}", "Send",
             *(f"{name}={each}" for name, each in settings.items())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.process.stdin.close()
        self.process.wait()
        self.world.processes.forget(self.process)
        self.process.stdout.close()
        self.log.close()

    def step(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answers(self, line):
        self.step(line)
        found = []
        for answer in self.process.stdout:
            if answer == "done\n":
                return found
            found.append(answer.strip())
        raise AssertionError(f"the Java client ended: {(self.world.folder / 'java.log').read_text()[-2000:]}")

    def send(self, value, key=None, headers=(), partition=None, timestamp=None, topic=COMMANDS):
        self.step(" ".join(["send", topic, "-" if partition is None else str(partition), encoded(key), encoded(value),
                            "-" if timestamp is None else str(timestamp), *(f"{name}={encoded(each)}" for name, each in headers)]))

    def sent(self, *commands):
        """Waits for all that was sent; what became of them is held against the journal in the end."""
        places = []
        for number, answer in enumerate(self.answers("flush")):
            expect(not answer.startswith("error"), answer)
            place = tuple(map(int, answer.split()))
            identity = commands[number].id if number < len(commands) else None
            self.world.produced.append({"id": identity, "partition": place[0], "offset": place[1]})
            places.append(place)
        return places


class ClientWorld(World):
    def __init__(self, options):
        super().__init__(options, clusters=CLUSTERS, sim=["--sessions", "4"], real=True)

    def __enter__(self):
        super().__enter__()
        self.classes, self.jars = self.folder / "classes", f"{kafka_module().fetch()}/*"
        subprocess.run(["javac", "-cp", self.jars, "-d", self.classes, ROOT / "tests/client/Send.java"], check=True)
        self.admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
        return self

    def command(self, cluster="sim-01", **more):
        return by_sessions(cluster, self.sim.login(cluster)["session"], **more)

    def commands(self, count):
        return [self.command(f"sim-{1 + each % CLUSTERS:02d}") for each in range(count)]

    def ended(self, command, outcome="completed"):
        found = self.end_of(command.id)["outcome"].removeprefix("COMMAND_OUTCOME_").lower()
        expect(found == outcome, f"wanted {outcome}, got {found}")

    def ended_once(self, commands):
        for command in commands:
            self.ended(command)
            received = self.sim.terminations(command.terminate.selector.sessions.uuids[0])
            expect(len(received) == 1, f"{len(received)} terminations")

    def spared(self, commands):
        for command in commands:
            session = command.terminate.selector.sessions.uuids[0]
            expect(self.sim.is_there(command.cluster, session) and not self.sim.terminations(session), f"{session} was ended")
            expect(not self.events_of(command.id), f"an event tells of {command.id}")

    def passed(self, cluster="sim-01"):
        """All that stood in the partition of this cluster when it is called has been read."""
        command = self.command(cluster)
        self.send(command)
        self.ended(command)

    def again(self):
        for worker in self.workers.values():
            worker.kill()
            worker.start(ready=False)
        wait_for("ready again", self.all_ready)

    def letters(self):
        return self.tail(LETTERS).messages


# ---- keys and partitioners ----

def without_a_key_each_runs_once(world):
    with Java(world) as java:
        commands = world.commands(BATCH)
        for command in commands:
            java.send(command.SerializeToString())
        java.sent(*commands)
    world.ended_once(commands)


def a_partitioner_that_knows_no_keys(world):
    with Java(world, partitioner_class=TURNS, linger_ms=0) as java:
        commands = world.commands(BATCH)
        for command in commands:
            java.send(command.SerializeToString(), key=command.cluster.encode())
        places = java.sent(*commands)
    expect(len({partition for partition, _offset in places}) > 1, "all in one partition")
    world.ended_once(commands)
    with Java(world, partitioner_class=TURNS, linger_ms=0) as java:     # and once more: the first result again, nothing is run
        for command in commands:
            java.send(command.SerializeToString(), key=b"any")
        java.sent(*commands)
    for cluster in world.sim.clusters:
        world.passed(cluster)
    world.ended_once(commands)


# ---- compression, batches, transactions ----

def every_compression_in_batches(world):
    for name in ("gzip", "snappy", "lz4", "zstd"):
        with Java(world, compression_type=name, linger_ms=200, batch_size=1 << 20) as java:
            commands = world.commands(BATCH)
            for command in commands:
                java.send(command.SerializeToString(), key=command.cluster.encode())
            java.sent(*commands)
        world.ended_once(commands)


def what_a_transaction_takes_back_is_not_run(world):
    with Java(world, transactional_id="orders") as java:
        taken_back, kept, open_still = world.commands(CLUSTERS), world.commands(CLUSTERS), world.commands(CLUSTERS)
        for commands, end in ((taken_back, "abort"), (kept, "commit")):
            java.answers("begin")
            for command in commands:
                java.send(command.SerializeToString(), key=command.cluster.encode())
            if commands is kept:
                java.sent(*commands)
            else:
                java.answers("flush")
            world.spared(commands)
            java.answers(end)
        world.ended_once(kept)
        world.spared(taken_back)
        java.answers("begin")
        for command in open_still:
            java.send(command.SerializeToString(), key=command.cluster.encode())
        java.answers("flush")
        world.again()                                   # the end of the topic is a transaction that is open
        world.spared(open_still)
        java.answers("abort")
    world.again()                                       # and now markers
    expect("topics accept" not in world.curfew("status").err, "taken for a topic made anew")
    for cluster in world.sim.clusters:
        world.passed(cluster)
    world.ended_once(kept)
    world.spared(taken_back + open_still)


# ---- values and headers ----

def a_tombstone_is_a_dead_letter(world):
    before = len(world.letters())
    with Java(world) as java:
        java.send(None, key=b"sim-01")
        java.send(b"", key=b"sim-01")
        java.sent()
    world.passed()
    wait_for("two dead letters", lambda: len(world.letters()) == before + 2)
    expect([letter.value() or b"" for letter in world.letters()[before:]] == [b"", b""], "not what was sent")


def headers_in_any_case_twice_and_empty(world):
    json, protobuf = world.command(), world.command()
    with Java(world) as java:
        java.send(encodings.to_json(json), key=b"sim-01",
                  headers=[("Content-Type", b"application/json"), ("trace", None), ("", b"no name"), ("x", b""), ("trace", b"twice")])
        java.send(protobuf.SerializeToString(), key=b"sim-01", headers=[("CONTENT-TYPE", b"application/x-protobuf")])
        java.sent(json, protobuf)
    world.ended_once([json, protobuf])


def a_content_type_without_a_value_or_of_two_minds(world):
    """One answer to each: it is run, or it is a dead letter; and the next command runs."""
    null, twice = world.command(), world.command()
    with Java(world) as java:
        java.send(null.SerializeToString(), key=b"sim-01", headers=[("content-type", None)])
        java.send(twice.SerializeToString(), key=b"sim-01", headers=[("content-type", b"application/json"), ("content-type", b"application/protobuf")])
        java.sent()
    world.passed()
    for command in (null, twice):
        ends = [each["outcome"] for each in world.events_of(command.id) if each.get("outcome")]
        letters = [letter for letter in world.letters() if letter.value() == command.SerializeToString()]
        print(f"        {ends}, {len(letters)} dead letters", flush=True)
        expect(len(ends) + len(letters) == 1, "not one answer")


def headers_have_a_bound(world):
    """Of 32 KiB, for they are kept with a dead letter; what is above it is one, and stops nobody."""
    small, large = world.command(), world.command()
    before = len(world.letters())
    with Java(world, max_request_size=2 << 20) as java:
        java.send(small.SerializeToString(), key=b"sim-01", headers=[("baggage", b"b" * 30_000)])
        java.send(large.SerializeToString(), key=b"sim-01", headers=[("baggage", b"b" * 900_000)])
        java.send(b"\xff", key=b"sim-01", headers=[("baggage", b"b" * 1_040_000)])
        java.send(b"\xff", key=b"sim-01", headers=[(f"h{each}", b"v") for each in range(20_000)])
        java.sent(small)
    world.ended_once([small])
    world.passed()
    wait_for("the dead letters", lambda: len(world.letters()) >= before + 3)
    expect([letter.value() for letter in world.letters()[before:]] == [large.SerializeToString(), b"\xff", b"\xff"], "not what was sent")
    world.spared([large])


def times_of_the_sender_mean_nothing(world):
    """The topic has the broker's append time."""
    commands = world.commands(3)
    with Java(world) as java:
        for command, stamp in zip(commands, (0, now_ms() - 300 * DAY_MS, now_ms() + 50 * 60 * 1000)):
            java.send(command.SerializeToString(), key=command.cluster.encode(), timestamp=stamp)
        java.sent(*commands)
    world.ended_once(commands)


# ---- what administrators do ----

def records_deleted_in_front_of_the_worker(world):
    """kafka-delete-records up to the end, under way and while no worker runs: what is there afterwards is run."""
    world.passed()
    where = TopicPartition(COMMANDS, world.send(world.command())[0])
    low_of = lambda: world.admin.list_topics(COMMANDS, timeout=10) and world.tail(COMMANDS).consumer.get_watermark_offsets(where, timeout=10)
    for stopped in (False, True):
        world.passed()
        if stopped:
            for worker in world.workers.values():
                worker.kill()
        where.offset = low_of()[1]
        world.admin.delete_records([where])[where].result()
        expect(low_of()[0] == where.offset, "not deleted")
        command = world.command()
        world.send(command)
        if stopped:
            for worker in world.workers.values():
                worker.start(ready=False)
            wait_for("ready again", world.all_ready)
        world.ended_once([command])


def offsets_of_the_group_set_back_replay_nothing(world):
    done = world.commands(4)
    for command in done:
        world.send(command)
    world.ended_once(done)
    for worker in world.workers.values():
        worker.kill()
    partitions = [TopicPartition(COMMANDS, each, 0) for each in range(world.partitions)]

    def reset():
        with contextlib.suppress(KafkaException):       # as long as the members are not forgotten
            done = world.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions("curfew", partitions)])["curfew"].result()
            return all(each.error is None for each in done.topic_partitions)
        return False
    wait_for("the group is empty, and its offsets are set", reset, 60)
    for worker in world.workers.values():
        worker.start(ready=False)
    wait_for("ready again", world.all_ready)
    for cluster in world.sim.clusters:
        world.passed(cluster)
    world.ended_once(done)


def a_topic_that_takes_less_than_an_event_needs(world):
    """max.message.bytes of the events topic made small while at work: the command ends, the rest is told, and it goes on."""
    def size_of_events(value):
        entry = ConfigEntry("max.message.bytes", str(value), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, EVENTS, incremental_configs=[entry])
        world.admin.incremental_alter_configs([resource])[resource].result()
    size_of_events(300)
    command = world.command()
    world.send(command)
    session = command.terminate.selector.sessions.uuids[0]
    wait_for("it is ended", lambda: not world.sim.is_there("sim-01", session))
    wait_for("it is told", lambda: any(worker.readiness()[0] == 503 or worker.metric("curfew_events_failed_total") for worker in world.workers.values()))
    size_of_events(1_048_588)
    world.ended_once([command])
    wait_for("ready again", world.all_ready)


def a_reply_topic_that_is_not_there(world):
    """The commands end all the same; each event that it did not take is a dead letter that names it, and the log is not flooded."""
    expect(REPLIES not in world.admin.list_topics(timeout=10).topics, "it is there")
    commands = [world.command(reply_topic=REPLIES) for _each in range(BATCH)]
    for command in commands:
        world.send(command)
    world.ended_once(commands)

    def told():
        letters = [dict(message.headers() or ()) for message in world.letters()]
        return {headers.get("ce_causationid", b"").decode() for headers in letters
                if headers.get("curfew_dlq_reply_topic") == REPLIES.encode() and headers.get("curfew_dlq_reason")
                and headers.get("curfew_dlq_message")}
    wait_for("their events are dead letters", lambda: {command.id for command in commands} <= told())
    for worker in world.workers.values():
        lines = worker.text().count("a reply topic takes no events")
        expect(lines <= 3, f"{lines} lines of {worker.name}")
    expect(sum(worker.metric("curfew_replies_failed_total") for worker in world.workers.values()) >= 2 * BATCH, "not counted")


def the_events_are_for_every_reader(world):
    """Read committed and uncommitted see the same, from the first one on."""
    def read(isolation):
        consumer = Consumer({"bootstrap.servers": world.brokers, "group.id": "plain", "isolation.level": isolation,
                                             "enable.auto.commit": False, "log_level": 0})
        parts = [TopicPartition(EVENTS, each, 0) for each in range(world.partitions)]
        ends = {each.partition: consumer.get_watermark_offsets(each, timeout=10)[1] for each in parts}
        consumer.assign(parts)
        found, until = [], time.monotonic() + 30
        while sum(ends.values()) > len(found) and time.monotonic() < until:
            found += [(message.partition(), message.offset(), message.value()) for message in consumer.consume(500, 0.1) if not message.error()]
        consumer.close()
        return sorted(found)
    committed, uncommitted = read("read_committed"), read("read_uncommitted")
    expect(committed and committed == uncommitted[:len(committed)], f"{len(committed)} committed, {len(uncommitted)} uncommitted")


def the_checker_is_content(world):
    world.check()


CASES = [
    without_a_key_each_runs_once, a_partitioner_that_knows_no_keys, every_compression_in_batches,
    a_tombstone_is_a_dead_letter, headers_in_any_case_twice_and_empty, a_content_type_without_a_value_or_of_two_minds,
    headers_have_a_bound, times_of_the_sender_mean_nothing, offsets_of_the_group_set_back_replay_nothing,
    a_topic_that_takes_less_than_an_event_needs, a_reply_topic_that_is_not_there,
    the_events_are_for_every_reader, the_checker_is_content,
    # and what leaves holes in the offsets that the checker does not know of
    what_a_transaction_takes_back_is_not_run, records_deleted_in_front_of_the_worker,
]


def main():
    options = arguments(__doc__)
    if not shutil.which("javac"):
        print("javac is missing, Kafka's own client cannot be compiled")
        return bootstrap.SKIPPED
    cases = Cases(options)
    with ClientWorld(options) as world:
        world.start_worker("worker-1", ready=False)
        world.start_worker("worker-2", ready=False)
        wait_for("both are ready", world.all_ready)
        cases.run(world, CASES)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
