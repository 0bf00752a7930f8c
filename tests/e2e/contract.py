"""schemas/openapi.yaml held against the endpoint: every exchange is checked, and at the end everything documented was seen."""
import json
import re

import jsonschema
import yaml

from bootstrap import ROOT

METHODS = ("get", "post")


class Contract:
    def __init__(self):
        self.document = yaml.safe_load((ROOT / "schemas/openapi.yaml").read_text(encoding="utf-8"))
        self.seen = set()            # (method, path, status)
        self.members = set()         # "Schema.member" that had a value
        self.codes = set()
        self.problems = []

    def follow(self, node):
        while "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def path_of(self, path):
        for template in self.document["paths"]:
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return template
        return None

    def complain(self, where, what):
        self.problems.append(f"{where}: {what}")

    def check_schema(self, where, schema, value):
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": self.document["components"], **schema}
        for error in jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).iter_errors(value):
            self.complain(where, f"{error.json_path}: {error.message}")
        self.note(schema, value)

    def note(self, schema, value):
        """Which members of which named schema had a value."""
        name = schema.get("$ref", "").rpartition("/")[2]
        schema = self.follow(schema)
        if isinstance(value, dict):
            for each in schema.get("oneOf", []):
                if set(self.follow(each).get("required", [])) <= set(value):
                    self.note(each, value)
            for member, inner in value.items():
                if inner is not None and member in schema.get("properties", {}):
                    self.members.add(f"{name}.{member}")
                    self.note(schema["properties"][member], inner)
        for each in value if isinstance(value, list) else []:
            self.note(schema.get("items", {}), each)

    def exchange(self, method, path, body, answer):
        """One request and its answer; a body that is no good JSON was meant to be refused."""
        template, method = self.path_of(path), method.lower()
        item = self.document["paths"].get(template, {})
        if answer.status == 405:     # said of another method, documented with the one that there is
            method = next(each for each in METHODS if each in item)
        operation = item.get(method)
        where = f"{method} {path} {answer.status}"
        if answer.status >= 400:
            self.codes.add(answer.json["code"])
        if not operation:
            return                   # a path that is not documented
        self.seen.add((method, template, str(answer.status)))
        response = operation["responses"].get(str(answer.status))
        if not response:
            self.complain(where, "this status is not documented")
            return
        response = self.follow(response)
        for name, header in response.get("headers", {}).items():
            header = self.follow(header)
            if name in answer.headers:
                self.check_schema(f"{where} {name}", header["schema"], answer.headers[name])
                self.members.add(f"header.{name}")
            elif header.get("required"):
                self.complain(where, f"header {name} is missing")
        media = answer.headers["Content-Type"]
        if media not in response["content"]:
            self.complain(where, f"{media} is not documented")
        else:
            self.check_schema(where, response["content"][media]["schema"], answer.json)
        if answer.status < 400 and body is not None:       # taken, so it has to be as documented
            self.check_schema(f"{where} request", operation["requestBody"]["content"]["application/json"]["schema"], json.loads(body))

    def missing(self, not_here):
        """What is documented and was never seen, but for what `not_here` names."""
        wanted = {(method, path, status) for path, item in self.document["paths"].items() for method in METHODS if method in item
                  for status in item[method]["responses"]} - self.seen
        lost = [" ".join(each) for each in sorted(wanted)]
        for name, schema in self.document["components"]["schemas"].items():
            lost += [f"{name}.{member}" for member in schema.get("properties", {}) if f"{name}.{member}" not in self.members]
        lost += sorted(set(self.document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) - self.codes)
        return [each for each in lost if each not in not_here]


def codes_of_the_table():
    """The problems that the program knows."""
    text = (ROOT / "worker/gateway/problem.def").read_text(encoding="utf-8")
    return {name.lower() for name in re.findall(r"^PROBLEM\((\w+),", text, re.MULTILINE)}
