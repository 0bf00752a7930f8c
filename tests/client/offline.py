#!/usr/bin/env python3
"""The worker's codec against Google's protobuf runtime, the CloudEvents SDK and the published JSON Schemas."""
import argparse
import base64
import json
import pathlib
import random
import subprocess
import sys
import uuid

import jsonschema
import yaml
from curfew.v1 import command_pb2, event_pb2
from google.protobuf import json_format

import encodings_of_clients as encodings

failures = []
checks = 0


def check(good, *what):
    global checks
    checks += 1
    if not good:
        failures.append(what)
        print("FAIL", *what)


class Codec:
    """tests/client/codec.c behind its pipe."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, op, message=None, **more):
        request = {"op": op, **more}
        if message:
            headers, value = message
            request["message"] = {"headers": [[n, base64.b64encode(v).decode()] for n, v in headers],
                                  "value": base64.b64encode(value).decode()}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def unpack(message):
    return ([(name, base64.b64decode(value)) for name, value in message["headers"]],
            base64.b64decode(message["value"]))


# ---- commands of every kind ----

TEXTS = ["", "main", "Бухгалтерия \"ООО\"", "a\\b/c", "line\nbreak\ttab\x01", "\U0001F512", "%", "{}"]


def random_filter(rng, depth=0):
    made = command_pb2.Filter()
    node = rng.choice(["all", "any", "not", "condition"]) if depth < 4 else "condition"
    if node == "condition":
        made.condition.field = rng.choice(TEXTS)
        made.condition.comparison = rng.randint(1, 8)
        made.condition.values.extend(rng.choices(TEXTS, k=rng.randint(0, 3)))
    elif node == "not":
        getattr(made, "not").CopyFrom(random_filter(rng, depth + 1))
    else:
        getattr(made, node).SetInParent()
        for _ in range(rng.randint(0, 3)):
            getattr(made, node).filters.append(random_filter(rng, depth + 1))
    return made


def random_options(rng, options):
    options.SetInParent()
    if rng.random() < .5:
        options.grace.FromMilliseconds(rng.randint(1, 10 ** 9))
    options.message = rng.choice(TEXTS)
    for name in ("dry_run", "until_empty", "disconnect_connections", "interrupt_calls"):
        setattr(options, name, rng.random() < .5)
    options.max_targets = rng.choice([0, 1, 2 ** 32 - 1])
    options.standard_processing = rng.randint(0, 2)
    if rng.random() < .3:
        options.exclude.CopyFrom(random_filter(rng))


def random_selector(rng, selector):
    selector.SetInParent()
    kind = rng.choice(["sessions", "numbers", "filter", None])
    if kind == "sessions":
        selector.sessions.SetInParent()
        selector.sessions.uuids.extend(str(uuid.UUID(int=rng.getrandbits(128) | 1)) for _ in range(rng.randint(0, 4)))
    elif kind == "numbers":
        selector.numbers.infobase = rng.choice(TEXTS)
        selector.numbers.numbers.extend(rng.choices([0, 1, 7, 99999, 2 ** 32 - 1], k=rng.randint(0, 4)))
        if rng.random() < .5:
            selector.numbers.guard.user = "Иван"
            selector.numbers.guard.started_at = "2026-11-21T18:30:00"
        selector.numbers.SetInParent()
    elif kind == "filter":
        selector.filter.CopyFrom(random_filter(rng))


def random_command(rng):
    command = command_pb2.Command(id=str(uuid.UUID(int=rng.getrandbits(128) | 1)), origin=rng.randint(0, 4))
    for name in ("requested_by", "reason", "correlation_id", "reply_topic", "cluster"):
        setattr(command, name, rng.choice(TEXTS))
    for name in ("requested_at", "expires_at"):
        if rng.random() < .7:
            getattr(command, name).FromMilliseconds(rng.randint(1, 253402300799999))
    action = rng.choice(["terminate", "drain", "restore", "cancel", "approve", "kill_switch", "accept_topics", None])
    if action == "terminate":
        random_selector(rng, command.terminate.selector)
        random_options(rng, command.terminate.options)
    elif action == "drain":
        command.drain.infobase = rng.choice(TEXTS)
        command.drain.hold.FromMilliseconds(rng.randint(1, 10 ** 9))
        command.drain.keep_jobs = rng.random() < .5
        random_options(rng, command.drain.options)
    elif action == "restore":
        command.restore.SetInParent()
        command.restore.infobase = rng.choice(TEXTS)
    elif action in ("cancel", "approve"):
        getattr(command, action).command_id = str(uuid.UUID(int=rng.getrandbits(128) | 1))
    elif action == "accept_topics":
        command.accept_topics.partitions_before = rng.randint(0, 50)
        command.accept_topics.partitions = rng.randint(1, 50)
        command.accept_topics.last_digests.extend("%064x" % rng.getrandbits(256) for _ in range(rng.randint(0, 3)))
    elif action:
        command.kill_switch.SetInParent()
        command.kill_switch.engaged = rng.random() < .5
    return command


def schema_takes(schema, value, *what):
    errors = [f"{list(e.absolute_path)}: {e.message}" for e in schema.iter_errors(value)]
    check(not errors, *what, errors[:3])


def commands_in(codec, schema, rng, rounds):
    """What clients write in any encoding is one command with one digest, and prints as they print it."""
    for number in range(rounds):
        command = random_command(rng)
        digests = set()
        for name, encode in encodings.ENCODINGS.items():
            answer = codec.ask("command", encode(command))
            if "error" in answer:
                check(False, number, name, answer, command)
                continue
            digests.add(answer["digest"])
            back = json_format.ParseDict(answer["json"], command_pb2.Command())
            check(back == command, number, name, back, command)
            check(answer["framed"] == name.startswith("framed"), number, name, "framed")
        check(len(digests) == 1, number, "digests", digests)
        schema_takes(schema, json.loads(encodings.to_json(command)), number, "command schema")
        schema_takes(schema, json.loads(encodings.to_json(command, preserving_proto_field_name=True)), number,
                     "command schema, proto names")


def commands_out(codec, rng, rounds):
    """What `curfew terminate` and forwarding write is read by clients as what was meant."""
    for number in range(rounds):
        command = random_command(rng)
        for form in range(6):
            answer = codec.ask("encode", encodings.ENCODINGS["protobuf"](command), form=form)
            headers, value = unpack(answer["message"])
            back = command_pb2.Command()
            if form == 4:
                back.ParseFromString(value)
            elif form == 5:
                json_format.Parse(value, back)
            else:
                attributes, back = encodings.read_command(headers, value)
                check(attributes["id"] == command.id, number, form, attributes)
            check(back == command, number, form, back, command)


def events_out(codec, schema):
    """The four styles of one event are equal for clients, and their attributes are those of the contract."""
    seen = []
    for style in range(4):
        for message in codec.ask("event", style=style)["messages"]:
            headers, value = unpack(message)
            attributes, event = encodings.read_event(headers, value)
            seen.append(event)
            wanted = {"specversion": "1.0", "source": "curfew/test", "type": "curfew.command.completed.v1",
                      "subject": "cluster/main/command/02000000-0000-0000-0000-000000000000",
                      "dataschema": "urn:curfew:schema:event:v1", "correlationid": "job-1",
                      "causationid": "02000000-0000-0000-0000-000000000000",
                      "id": "03000000-0000-0000-0000-000000000000"}
            for name, text in wanted.items():
                check(attributes.get(name) == text, style, name, attributes.get(name))
            check(attributes["time"].startswith("2023-11-14T22:13:22"), style, attributes["time"])
            check(base64.b64decode(message["key"]) == b"main", style, "key")
            view = codec.ask("view", (headers, value))["view"]
            check([t["outcome"] for t in view["targets"]] == ["ended", "already_gone"], style, view)
            if style == 0:
                schema_takes(schema, json.loads(value), "event schema")
    check(all(event == seen[0] for event in seen), "styles differ")
    check(seen[0].targets[0].snapshot.memory_current == -5, "snapshot", seen[0])
    check(seen[0].targets[0].snapshot.cpu_time_total == 2 ** 63 - 1, "snapshot", seen[0])
    check(seen[0].source.offset == 2 ** 63 - 1, "source", seen[0])
    check(seen[0].targets[1].HasField("number"), "number 0 is there", seen[0])
    for preserve in (False, True):
        text = json_format.MessageToJson(seen[0], indent=None, preserving_proto_field_name=preserve)
        check(codec.ask("view", ([], text.encode())).get("view", {}).get("cluster") == "main", "view of their JSON")


ID = "0188a6c2-7f3e-7b1a-9c4d-5e6f708192a3"
# JSON members beside the id, on which both must agree whether they are taken.
AGREED = [
    '', '"cluster":"a"', '"cluster":null', '"cluster":1', '"cluster":["a"]', '"clusters":"a"', '"Cluster":"a"',
    '"requested_by":"a"', '"requestedBy":"a"', '"requestedby":"a"', '"cluster":"a","cluster":"b"', '"origin":2',
    '"origin":"ORIGIN_REMOTE"', '"origin":"origin_remote"', '"origin":null',
    '"requestedAt":"2026-11-21T00:00:00Z"', '"requestedAt":"2026-11-21T00:00:00.123456789Z"',
    '"requestedAt":"2026-11-21T00:00:00+05:30"', '"requestedAt":"2026-11-21"', '"requestedAt":"2026-11-21T00:00:00"',
    '"requestedAt":"2026-02-30T00:00:00Z"', '"requestedAt":"2026-11-21T24:00:00Z"', '"requestedAt":{}', '"requestedAt":0',
    '"drain":{"hold":"1s"}', '"drain":{"hold":"1.5s"}', '"drain":{"hold":"1"}', '"drain":{"hold":"PT1S"}',
    '"drain":{"hold":"s"}', '"drain":{"hold":5}', '"drain":{"keepJobs":1}',
    '"drain":{"keepJobs":"true"}', '"drain":{},"restore":{}', '"drain":{},"restore":null',
    '"terminate":{"options":{"maxTargets":4294967295}}', '"terminate":{"options":{"maxTargets":4294967296}}',
    '"terminate":{"options":{"maxTargets":-1}}', '"terminate":{"options":{"maxTargets":"7"}}',
    '"terminate":{"options":{"maxTargets":7.0}}', '"terminate":{"options":{"maxTargets":7.5}}',
    '"terminate":{"options":{"maxTargets":1e3}}', '"terminate":{"options":{"maxTargets":true}}',
    '"terminate":{"options":{"maxTargets":""}}', '"terminate":{"options":{"maxTargets":" 7"}}',
    '"terminate":{"selector":{"numbers":{"numbers":[1,"2",3.0]}}}', '"terminate":{"selector":{"numbers":{"numbers":[null]}}}',
    '"terminate":{"selector":{"numbers":{"numbers":5}}}', '"terminate":{"selector":{"numbers":{},"filter":{}}}',
    '"cluster":"\\ud83d\\ude00"', '"cluster":"\\ud83d"',
]
# What Google's runtime takes and the worker refuses, and why.
STRICTER = {
    '"origin":"2"': "a number as a text is no value's name",
    '"origin":1.5': "a fraction is no value's number",
    '"origin":true': "true is no value's number",
    '"drain":{"hold":" 1s"}': "a blank in a duration",
    '"drain":[]': "a list for a message",
    '"drain":""': "a text for a message",
    '"requested_by":"a","requestedBy":"b"': "one field in both spellings: the last would silently win",
    '"cluster":"\\u0000"': "a NUL hides what stands behind it",
    '"origin":77': "an origin that nobody knows",
    '"drain":{"hold":"-1s"}': "a negative duration",
    '"requestedAt":"1969-01-01T00:00:00Z"': "a time before 1970",
}


def googles_verdict(text):
    try:
        json_format.Parse(text, command_pb2.Command())
        return True
    except (json_format.ParseError, ValueError):
        return False


def verdicts(codec):
    """Odd JSON is taken and refused as Google's runtime does, except where the worker is stricter on purpose."""
    def ours(text):
        return codec.ask("command", ([("content-type", b"application/json")], text.encode()))
    for member in AGREED:
        text = f'{{"id":"{ID}"{"," if member else ""}{member}}}'
        answer = ours(text)
        check(("error" not in answer) == googles_verdict(text), "verdict", text, answer.get("message"))
    for member, why in STRICTER.items():
        text = f'{{"id":"{ID}",{member}}}'
        check(googles_verdict(text), "Google's runtime refuses it too by now", text)
        check("error" in ours(text), why, text)


SCHEMA_OF = {"command": "command", "control": "command", "event": "event"}


def examples(codec, source, schemas):
    """The examples in schemas/asyncapi.yaml are what the schemas and the worker take, and as the worker writes them; every
    action and every kind has one. (Those of events are made by make_examples.py.)"""
    document = yaml.safe_load((source / "schemas" / "asyncapi.yaml").read_text())
    named = document["components"]["schemas"]
    seen = {"command": set(), "event": set()}
    identities = []
    for name, message in document["components"]["messages"].items():
        headers_schema = jsonschema.Draft202012Validator(named["eventHeaders" if name == "event" else "commandHeaders"])
        for example in message["examples"]:
            data = example["payload"]
            schema_takes(schemas[SCHEMA_OF[name]], data, name, example["name"])
            schema_takes(headers_schema, example.get("headers", {}) if name != "event" else example["headers"], name, example["name"], "headers")
            headers = [(key, value.encode()) for key, value in example.get("headers", {}).items()]
            raw = (headers, json.dumps(data).encode())
            answer = codec.ask("view" if name == "event" else "command", raw)
            check("error" not in answer, name, example["name"], answer)
            if name == "event":
                seen["event"].add(data["kind"])
                check(example["headers"]["ce_type"] == f"curfew.command.{example['name']}.v1", example["name"], "type")
                continue
            identities.append(data["id"])
            seen["command"] |= set(data)
            check(answer.get("json") == data, name, example["name"], "the worker writes it as", answer.get("json"))
            check(codec.ask("filters", raw) == {}, name, example["name"], codec.ask("filters", raw))
            for form in range(6):       # and all its own encodings are one command
                again = codec.ask("command", unpack(codec.ask("encode", raw, form=form)["message"]))
                check(again.get("digest") == answer.get("digest"), name, example["name"], form, again)
    check(len(set(identities)) == len(identities), "two examples of commands have one id", identities)
    actions = {field.json_name for field in command_pb2.Command.DESCRIPTOR.oneofs_by_name["action"].fields}
    check(actions <= seen["command"], "no example of", actions - seen["command"])
    kinds = {value.name for value in event_pb2.EventKind.DESCRIPTOR.values if value.number}
    check(kinds == seen["event"], "no example of", kinds - seen["event"])


INSTEAD, BEFORE = 2, 3  # as in HandlerMode
# Answers of a handler about two targets, on which schema and worker must agree.
ENDED = {"index": 0, "result": "ended"}
HANDLER_ANSWERS = [
    {"targets": [ENDED, {"index": 1, "result": result, **more}], **about}
    for result in ("ended", "left", "failed", "skipped", "nothing", "Ended", "", None, 1)
    for more in ({}, {"message": "m"}, {"message": None}, {"message": 5}, {"mesage": "m"})
    for about in ({}, {"standard_processing": True}, {"standard_processing": None}, {"standart_processing": True})
] + [{}, [], "ended", 5, None, {"targets": None}, {"targets": [5, ENDED]}, {"targets": {"0": ENDED}},
     {"targets": [{"result": "ended"}, ENDED]}, {"targets": [{"index": "1", "result": "ended"}, ENDED]},
     {"targets": [{"index": -1, "result": "ended"}, ENDED]}, {"targets": [{"index": 10000, "result": "ended"}, ENDED]}]
# What a schema cannot say: each target exactly once.
HANDLER_BEYOND = [{"targets": []}, {"targets": [ENDED]}, {"targets": [ENDED, ENDED]},
                  {"targets": [ENDED, {"index": 2, "result": "ended"}]}]


def handlers(codec, request_schema, answer_schema):
    """What a handler reads is what its schema says, and of its answers the worker takes what the schema takes."""
    for mode, word in enumerate(["instead", "before", "after"], start=INSTEAD):
        made = codec.ask("handler_request", mode=mode)["request"]
        check(made["mode"] == word, made)
        schema_takes(request_schema, made, "handler request")
        for name in made:
            without = {key: value for key, value in made.items() if key != name}
            check(not request_schema.is_valid(without), "the schema does not ask for", name)
    taken = 0
    for answer in HANDLER_ANSWERS:
        reply = codec.ask("handler_answer", mode=INSTEAD, count=2, answer=json.dumps(answer))
        taken += "error" not in reply
        check(("error" not in reply) == answer_schema.is_valid(answer), answer, reply)
    check(taken == 24, "answers taken", taken)
    for answer in HANDLER_BEYOND:
        check(answer_schema.is_valid(answer), answer)
        check("error" in codec.ask("handler_answer", mode=INSTEAD, count=2, answer=json.dumps(answer)), answer)
    said = {"targets": [{"index": 1, "result": "left"}, {"index": 0, "result": "failed"}]}
    for mode in (INSTEAD, BEFORE):
        check(codec.ask("handler_answer", mode=mode, count=2, answer=json.dumps(said)) ==
              {"results": ["failed", "left"], "standard_processing": mode == BEFORE}, mode)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codec", required=True)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    codec = Codec(options.codec)
    schemas = {}
    for name in ("command", "event", "handler-request", "handler-answer"):
        schema = json.loads((options.source / "schemas" / f"{name}.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        schemas[name] = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    rng = random.Random(options.seed)
    commands_in(codec, schemas["command"], rng, options.rounds)
    commands_out(codec, rng, options.rounds)
    events_out(codec, schemas["event"])
    verdicts(codec)
    examples(codec, options.source, schemas)
    handlers(codec, schemas["handler-request"], schemas["handler-answer"])
    print(f"client: {checks} checks, {len(failures)} failed, seed={options.seed}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
