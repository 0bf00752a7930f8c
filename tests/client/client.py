#!/usr/bin/env python3
"""An independent client: produces commands in every encoding, and reads the events that answer them.

    client.py encodings                                          names of the encodings, one in a line
    client.py produce --brokers B --topic T --cluster C --infobase IB --number N [--number N ...]
                      [--encoding NAME ...] [--dry-run] [--valid SECONDS]
        One terminate command for each encoding (all of them unless named); prints one JSON object for each:
        {"id", "encoding", "partition", "offset"}.
    client.py events  --brokers B --topic T --id ID [--id ID ...] [--timeout SECONDS]
        Reads the topic from its start until each command has come to its end; prints one JSON object for each event:
        {"command", "kind", "outcome", "targets", "attributes", "key", "part", "parts", "event"}. Status 6 when the time is
        over. An event that breaks the contract (attributes, order of parts, same id with another content) is status 1.

    -X key=value goes to librdkafka, as in kcat.
"""
import argparse
import json
import sys
import time
import uuid

import confluent_kafka
from curfew.v1 import command_pb2, event_pb2
from google.protobuf import json_format

import encodings_of_clients as encodings

TIMED_OUT = 6


def settings(options, **more):
    made = {"bootstrap.servers": options.brokers, **more}
    made.update(pair.split("=", 1) for pair in options.X)
    return made


def terminate(options):
    command = command_pb2.Command(id=str(uuid.uuid4()), requested_by="client.py", cluster=options.cluster,
                                  origin=command_pb2.ORIGIN_APPLICATION, reason="тест", correlation_id=f"job-{uuid.uuid4()}")
    command.requested_at.GetCurrentTime()
    command.requested_at.nanos -= command.requested_at.nanos % 1000000
    command.expires_at.FromSeconds(int(time.time()) + options.valid)
    numbers = command.terminate.selector.numbers
    numbers.infobase = options.infobase
    numbers.numbers.extend(options.number)
    command.terminate.options.dry_run = options.dry_run
    return command


def produce(options):
    producer = confluent_kafka.Producer(settings(options, partitioner="murmur2_random", acks="all",
                                                 **{"enable.idempotence": True}))
    failed = []

    def delivered(command, name):
        def report(error, message):
            if error:
                failed.append(f"{name}: {error}")
            else:
                print(json.dumps({"id": command.id, "encoding": name, "partition": message.partition(),
                                  "offset": message.offset()}), flush=True)
        return report

    for name in options.encoding or encodings.ENCODINGS:
        command = terminate(options)
        headers, value = encodings.ENCODINGS[name](command)
        producer.produce(options.topic, key=options.cluster, value=value, headers=headers,
                         on_delivery=delivered(command, name))
    left = producer.flush(options.timeout)
    for line in failed:
        print(line, file=sys.stderr)
    return 1 if failed else TIMED_OUT if left else 0


class Contract:
    """What every event must keep; `broken` holds the first sentence that does not hold."""

    def __init__(self):
        self.by_id = {}
        self.parts = {}
        self.broken = None

    def hold(self, good, sentence, message):
        if not good and not self.broken:
            self.broken = f"{sentence}: partition {message.partition()} offset {message.offset()}"

    def read(self, message, attributes, event):
        def hold(good, sentence):
            self.hold(good, sentence, message)
        kind = event_pb2.EventKind.Name(event.kind).removeprefix("EVENT_KIND_").lower()
        hold(attributes.get("specversion") == "1.0", "specversion is not 1.0")
        hold(attributes.get("type", "").endswith(f"command.{kind}.v1"), "the type does not name the kind")
        hold(not event.command_id or attributes.get("causationid") == event.command_id, "causationid is another command")
        hold(attributes.get("correlationid", "") == event.correlation_id, "correlationid differs from the data")
        hold(not event.cluster or (message.key() or b"").decode() == event.cluster, "the key is not the cluster")
        hold(not event.requested_by or event.requested_by not in str(attributes), "an attribute names a user")
        self.once(message, attributes, event, hold)

    def once(self, message, attributes, event, hold):
        name = attributes.get("source"), attributes.get("id")
        same = event_pb2.Event()
        same.CopyFrom(event)
        same.worker = ""  # who sends: another worker may repeat what the first one sent
        content = same.SerializeToString(deterministic=True)
        if self.by_id.setdefault(name, content) != content:
            hold(False, "one source and id, two contents")
        place = event.command_id, event.journal.partition, event.journal.offset, event.kind
        hold(1 <= event.part <= event.parts, "part is not one of parts")
        hold(event.part <= self.parts.get(place, 0) + 1, "a part came before the one in front of it")
        self.parts[place] = max(self.parts.get(place, 0), event.part)


def shown(message, attributes, event):
    def label(name, prefix):
        return name.removeprefix(prefix).lower()
    return {
        "command": event.command_id, "kind": label(event_pb2.EventKind.Name(event.kind), "EVENT_KIND_"),
        "outcome": label(event_pb2.CommandOutcome.Name(event.outcome), "COMMAND_OUTCOME_"),
        "targets": [{"session": t.session or None, "number": t.number.value if t.HasField("number") else None,
                     "outcome": label(event_pb2.TargetOutcome.Name(t.outcome), "TARGET_OUTCOME_")} for t in event.targets],
        "attributes": attributes, "key": (message.key() or b"").decode(), "part": event.part, "parts": event.parts,
        "event": json_format.MessageToDict(event),
    }


def is_final(event):
    return event.outcome and event.kind != event_pb2.EVENT_KIND_SESSION and event.part == event.parts


def assign_all(consumer, topic, timeout):
    found = consumer.list_topics(topic, timeout).topics[topic]
    if found.error:
        raise confluent_kafka.KafkaException(found.error)
    consumer.assign([confluent_kafka.TopicPartition(topic, p, confluent_kafka.OFFSET_BEGINNING) for p in found.partitions])


def events(options):
    consumer = confluent_kafka.Consumer(settings(options, **{"group.id": "client.py", "enable.auto.commit": False,
                                                             "auto.offset.reset": "earliest"}))
    contract, waiting, end = Contract(), set(options.id), time.monotonic() + options.timeout
    assign_all(consumer, options.topic, options.timeout)
    while waiting and not contract.broken and time.monotonic() < end:
        message = consumer.poll(0.2)
        if message is None or message.error():
            continue
        attributes, event = encodings.read_event(message.headers() or [], message.value())
        contract.read(message, attributes, event)
        if event.command_id not in options.id:
            continue
        print(json.dumps(shown(message, attributes, event), ensure_ascii=False), flush=True)
        if is_final(event):
            waiting.discard(event.command_id)
    consumer.close()
    if contract.broken:
        print(contract.broken, file=sys.stderr)
        return 1
    for command in sorted(waiting):
        print(f"no end of {command} within {options.timeout} s", file=sys.stderr)
    return TIMED_OUT if waiting else 0


def list_encodings(_options):
    print("\n".join(encodings.ENCODINGS))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("encodings").set_defaults(run=list_encodings)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--brokers", required=True)
    common.add_argument("--topic", required=True)
    common.add_argument("--timeout", type=float, default=60)
    common.add_argument("-X", action="append", default=[], metavar="key=value")
    producing = commands.add_parser("produce", parents=[common])
    producing.add_argument("--cluster", required=True)
    producing.add_argument("--infobase", required=True)
    producing.add_argument("--number", type=int, action="append", required=True)
    producing.add_argument("--encoding", action="append", choices=list(encodings.ENCODINGS))
    producing.add_argument("--dry-run", action="store_true")
    producing.add_argument("--valid", type=int, default=600, metavar="SECONDS")
    producing.set_defaults(run=produce)
    reading = commands.add_parser("events", parents=[common])
    reading.add_argument("--id", action="append", required=True)
    reading.set_defaults(run=events)
    options = parser.parse_args()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
