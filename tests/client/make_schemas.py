#!/usr/bin/env python3
"""JSON Schemas (2020-12) of commands and events, made from proto/ and the table below.

    make_schemas.py --descriptors FILE --source DIR (--write | --check)

--check fails when a schema in schemas/ is not what proto/ says by now; --write makes it so.
"""
import argparse
import json
import pathlib
import sys

from google.protobuf import descriptor_pb2

Field = descriptor_pb2.FieldDescriptorProto
UUID = {"type": "string", "format": "uuid"}
NAME = {"maxLength": 256}
TEXT = {"maxLength": 1024}
CLUSTER_TIME = {"pattern": r"^$|^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,4})?$"}
HEX = {"pattern": "^[0-9a-f]{64}$"}

# What the types of proto/ do not say. Lengths are those of the worker, which counts bytes: a text of as many characters
# may still be too long.
MORE = {
    "Command.id": UUID, "Command.requested_by": NAME, "Command.reason": TEXT, "Command.correlation_id": NAME,
    "Command.reply_topic": NAME, "Command.cluster": NAME, "Drain.infobase": NAME, "Restore.infobase": NAME,
    "Cancel.command_id": UUID, "Approve.command_id": UUID, "Approve.resolved_digest": HEX, "AcceptTopics.last_digests": HEX, "SessionUuids.uuids": UUID,
    "SessionNumbers.infobase": NAME, "Guard.user": NAME, "Guard.application": NAME, "Guard.started_at": CLUSTER_TIME,
    "Condition.field": NAME, "Condition.values": TEXT, "Options.message": TEXT, "Event.command_id": UUID,
    "TargetVerdict.session": UUID, "SessionSnapshot.uuid": UUID, "SessionSnapshot.infobase": UUID,
    "SessionSnapshot.connection": UUID, "SessionSnapshot.process": UUID, "SessionSnapshot.started_at": CLUSTER_TIME,
    "SessionSnapshot.last_active_at": CLUSTER_TIME, "SessionSnapshot.db_proc_took_at": CLUSTER_TIME,
}
REQUIRED = {"Command": ["id"], "Event": ["kind"]}
SCALARS = {
    Field.TYPE_STRING: {"type": "string"},
    Field.TYPE_BOOL: {"type": "boolean"},
    Field.TYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 4294967295},
    Field.TYPE_INT32: {"type": "integer", "minimum": -2147483648, "maximum": 2147483647},
    Field.TYPE_INT64: {"type": ["string", "integer"], "pattern": "^-?[0-9]{1,19}$"},
    Field.TYPE_UINT64: {"type": ["string", "integer"], "pattern": "^[0-9]{1,20}$"},
}
WELL_KNOWN = {
    ".google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    ".google.protobuf.Duration": {"type": "string", "pattern": r"^\d{1,12}(\.\d{1,9})?s$",
                                  "description": "Seconds, like 90s or 1.5s."},
}


class Maker:
    def __init__(self, descriptors, both_names):
        self.both_names = both_names
        self.messages, self.enums, self.comments = {}, {}, {}
        self.used = {}
        for file in descriptors.file:
            if file.package == "curfew.v1":
                self.index(file)

    def index(self, file):
        for location in file.source_code_info.location:
            text = " ".join(location.leading_comments.split())
            if text:
                self.comments[file.name, tuple(location.path)] = text
        for number, message in enumerate(file.message_type):
            self.messages[f".{file.package}.{message.name}"] = (message, file.name, (4, number))
        for number, enum in enumerate(file.enum_type):
            self.enums[f".{file.package}.{enum.name}"] = (enum, file.name, (5, number))

    def comment(self, file, path):
        text = self.comments.get((file, path))
        return {"description": text} if text else {}

    def reference(self, type_name):
        name = type_name.rsplit(".", 1)[1]
        if name not in self.used:
            self.used[name] = None
            self.used[name] = self.message(type_name) if type_name in self.messages else self.enum(type_name)
        return {"$ref": f"#/$defs/{name}"}

    def enum(self, type_name):
        enum, file, path = self.enums[type_name]
        return {**self.comment(file, path), "enum": [value.name for value in enum.value]}

    def value(self, message, field):
        if field.type_name in WELL_KNOWN:
            made = dict(WELL_KNOWN[field.type_name])
        elif field.type in (Field.TYPE_MESSAGE, Field.TYPE_ENUM):
            made = self.reference(field.type_name)
        else:
            made = dict(SCALARS[field.type])
        return {**made, **MORE.get(f"{message.name}.{field.name}", {})}

    def message(self, type_name):
        message, file, path = self.messages[type_name]
        properties, rivals = {}, {}
        for number, field in enumerate(message.field):
            value = self.value(message, field)
            if field.label == Field.LABEL_REPEATED:
                value = {"type": "array", "items": value}
            value = {**self.comment(file, path + (2, number)), **value}
            properties[field.json_name] = value
            if self.both_names and field.name != field.json_name:
                properties[field.name] = {"$ref": f"#/$defs/{message.name}/properties/{field.json_name}"}
            if field.HasField("oneof_index"):
                rivals.setdefault(field.oneof_index, []).append(self.given(field))
        made = {**self.comment(file, path), "type": "object", "properties": properties}
        if message.name in REQUIRED:
            made["required"] = REQUIRED[message.name]
        if rivals:
            made["allOf"] = [{"oneOf": names + [{"not": {"anyOf": names}}]} for names in rivals.values()]
        made["unevaluatedProperties"] = False
        return made

    def given(self, field):
        if not self.both_names or field.name == field.json_name:
            return {"required": [field.json_name]}
        return {"anyOf": [{"required": [field.json_name]}, {"required": [field.name]}]}

    def schema(self, name, about):
        root = self.reference(f".curfew.v1.{name}")
        return {"$schema": "https://json-schema.org/draft/2020-12/schema",
                "$id": f"urn:curfew:schema:{name.lower()}:v1", "title": f"curfew.v1.{name}", "description": about,
                **root, "$defs": dict(sorted(self.used.items()))}


ABOUT = {
    "Command": "A command for Curfew in proto3 JSON. Fields may also be written with the names of proto/ (requested_by); "
               "enums also as numbers, whole numbers also as texts, and null is the same as absent.",
    "Event": "What Curfew announces, in proto3 JSON: the data of a CloudEvent. Readers must ignore what they do not know.",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--descriptors", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true")
    what.add_argument("--check", action="store_true")
    options = parser.parse_args()
    descriptors = descriptor_pb2.FileDescriptorSet.FromString(options.descriptors.read_bytes())
    stale = []
    for name, about in ABOUT.items():
        schema = Maker(descriptors, both_names=name == "Command").schema(name, about)
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        path = options.source / "schemas" / f"{name.lower()}.schema.json"
        if options.write:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(str(path))
    for path in stale:
        print(f"{path} is not what proto/ says: run tests/client/make_schemas.py --write")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
