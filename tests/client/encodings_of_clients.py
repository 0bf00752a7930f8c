"""Commands and events as clients that share no code with the worker write and read them.

A message is a pair (headers, value); headers are a list of (name, bytes).
"""
import json
import struct

import cloudevents_pb2
from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from curfew.v1 import command_pb2, event_pb2
from google.protobuf import json_format


def to_json(command, **options):
    return json_format.MessageToJson(command, indent=None, ensure_ascii=False, **options).encode()


def attributes(content_type):
    return {"id": "event-1", "source": "/client", "type": "org.example.end", "specversion": "1.0",
            "datacontenttype": content_type}


def with_sdk(bind, content_type, data):
    message = bind(CloudEvent(attributes(content_type), data), JSONFormat())
    return list(message.headers.items()), message.value


def structured_protobuf(fill):
    event = cloudevents_pb2.CloudEvent(id="event-1", source="/client", spec_version="1.0", type="org.example.end")
    fill(event)
    return [("content-type", b"application/cloudevents+protobuf")], event.SerializeToString()


def text_data(command):
    def fill(event):
        event.text_data = to_json(command).decode()
        event.attributes["datacontenttype"].ce_string = "application/json"
    return structured_protobuf(fill)


def bare(content_type, value):
    return ([("content-type", content_type.encode())] if content_type else []), value


# Every way in which a client may write a command.
ENCODINGS = {
    "protobuf": lambda c: bare("application/protobuf", c.SerializeToString()),
    "protobuf-guessed": lambda c: bare(None, c.SerializeToString()),
    "json": lambda c: bare("application/json", to_json(c)),
    "json-guessed": lambda c: bare(None, b" " + to_json(c)),
    "json-byte-order-mark": lambda c: bare(None, b"\xef\xbb\xbf" + to_json(c)),
    "json-proto-names": lambda c: bare("application/json; charset=utf-8", to_json(c, preserving_proto_field_name=True)),
    "json-all-fields": lambda c: bare("application/json", to_json(c, always_print_fields_with_no_presence=True)),
    "json-enums-as-numbers": lambda c: bare("text/json", to_json(c, use_integers_for_enums=True)),
    "framed": lambda c: bare(None, b"\0" + struct.pack(">I", 258) + b"\0" + c.SerializeToString()),
    "framed-long-index": lambda c: bare(None, b"\0" + struct.pack(">I", 1) + b"\2\0" + c.SerializeToString()),
    "framed-json": lambda c: bare(None, b"\0" + struct.pack(">I", 7) + to_json(c)),
    "framed-by-header": lambda c: ([("__value_schema_id", b"\1" + bytes(range(16)) + b"\0")], c.SerializeToString()),
    "cloudevent-binary-protobuf": lambda c: with_sdk(kafka.to_binary, "application/protobuf", c.SerializeToString()),
    "cloudevent-binary-json": lambda c: with_sdk(kafka.to_binary, "application/json", json.loads(to_json(c))),
    "cloudevent-structured-json": lambda c: with_sdk(kafka.to_structured, "application/json", json.loads(to_json(c))),
    "cloudevent-structured-base64":
        lambda c: with_sdk(kafka.to_structured, "application/protobuf", c.SerializeToString()),
    "cloudevent-protobuf-any": lambda c: structured_protobuf(lambda e: e.proto_data.Pack(c)),
    "cloudevent-protobuf-binary": lambda c: structured_protobuf(lambda e: setattr(e, "binary_data", c.SerializeToString())),
    "cloudevent-protobuf-text": text_data,
}


def header(headers, name):
    return next((value for key, value in headers if key.lower() == name), None)


def unwrap(headers, value, message):
    """The data of a message in any CloudEvents mode into `message`; returns the event's attributes as texts."""
    content_type = (header(headers, "content-type") or b"").decode().lower().split(";")[0]
    if content_type == "application/cloudevents+protobuf":
        event = cloudevents_pb2.CloudEvent.FromString(value)
        found = {"id": event.id, "source": event.source, "type": event.type, "specversion": event.spec_version}
        for name, attribute in event.attributes.items():
            chosen = getattr(attribute, attribute.WhichOneof("attr"))
            found[name] = chosen.ToJsonString() if name == "time" else str(chosen)
        if event.WhichOneof("data") == "proto_data":
            assert event.proto_data.Unpack(message), "the Any holds another message"
        elif event.WhichOneof("data") == "text_data":
            json_format.Parse(event.text_data, message)
        else:
            message.ParseFromString(event.binary_data)
        return found
    record = kafka.KafkaMessage(headers=dict(headers), key=None, value=value)
    structured = content_type == "application/cloudevents+json"
    event = (kafka.from_structured if structured else kafka.from_binary)(record, JSONFormat())
    found = dict(event.get_attributes())
    if "time" in found:
        found["time"] = found["time"].isoformat()
    data = event.get_data()
    if found.get("datacontenttype") == "application/json":
        json_format.ParseDict(data if isinstance(data, dict) else json.loads(data), message)
    else: # the SDK makes text of bytes that happen to be UTF-8
        message.ParseFromString(data.encode() if isinstance(data, str) else data)
    return found


def read_event(headers, value):
    event = event_pb2.Event()
    return unwrap(headers, value, event), event


def read_command(headers, value):
    command = command_pb2.Command()
    return unwrap(headers, value, command), command
