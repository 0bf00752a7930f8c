"""The events that workers really sent, held against what schemas/ promises: every header and every byte of the data."""
import collections
import json

import jsonschema
import yaml
from google.protobuf import json_format

import encodings_of_clients as encodings
from bootstrap import ROOT

STRUCTURED = "application/cloudevents"
# Members that are seldom there, of any kind and of some, and that no example shows.
SELDOM = {"duplicate", "keptForeign", "reason"}
SELDOM_OF = {"rejected": {"acceptedAt", "targets", "totals"},        # refused once its sessions were known
             "progress": {"targets", "totals"}}                      # those who left
MOST = 300      # of one kind; thousands would take longer than the test


def validator(schema):
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def read(message):
    """Attributes and data of an event in whatever form, the data as JSON has it."""
    headers = message.headers() or []
    if encodings.header(headers, "content-type") == b"application/json":       # the usual one, without much ado
        return {name.removeprefix("ce_"): value.decode() for name, value in headers}, json.loads(message.value())
    attributes, event = encodings.read_event(headers, message.value())
    return attributes, json_format.MessageToDict(event)


class Published:
    def __init__(self):
        asyncapi = yaml.safe_load((ROOT / "schemas/asyncapi.yaml").read_text(encoding="utf-8"))
        self.headers = validator(asyncapi["components"]["schemas"]["eventHeaders"])
        self.data = validator(json.loads((ROOT / "schemas/event.schema.json").read_text(encoding="utf-8")))
        self.shown = {each["name"]: set(each["payload"]) for each in asyncapi["components"]["messages"]["event"]["examples"]}
        self.kinds = collections.Counter()
        self.problems = []

    def hold(self, schema, where, value):
        self.problems += [f"{where}: {error.json_path}: {error.message}" for error in schema.iter_errors(value)]

    def take(self, message):
        headers = message.headers() or []
        where = f"{message.topic()} {message.partition()} {message.offset()}"
        attributes, event = encodings.read_event(headers, message.value())
        kind = json_format.MessageToDict(event).get("kind", "none").removeprefix("EVENT_KIND_").lower()
        self.kinds[kind] += 1
        if self.kinds[kind] > MOST:
            return
        if not attributes["type"].endswith(f"command.{kind}.v1"):
            self.problems.append(f"{where}: an event of type {attributes['type']} says that it is {kind}")
        unshown = {field.json_name for field, _value in event.ListFields()} - self.shown[kind] - SELDOM - SELDOM_OF.get(kind, set())
        if unshown:
            self.problems.append(f"{where}: the example of {kind} in schemas/asyncapi.yaml does not show {unshown}")
        form = (encodings.header(headers, "content-type") or b"").decode()
        if not form.startswith(STRUCTURED):
            self.hold(self.headers, f"{where} headers", {name: value.decode() for name, value in headers})
        if form == "application/json":      # the very bytes
            self.hold(self.data, where, json.loads(message.value()))
        elif form.startswith(f"{STRUCTURED}+json"):
            whole = json.loads(message.value())
            if whole.get("datacontenttype") == "application/json":
                self.hold(self.data, where, whole["data"])
        else:
            self.hold(self.data, where, json_format.MessageToDict(event))


def hold(messages):
    """(problems, how many of each kind)"""
    published = Published()
    for message in messages:
        published.take(message)
    return published.problems, dict(published.kinds)
