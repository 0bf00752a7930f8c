#!/usr/bin/env python3
"""Rooms include only rooms of a lower number, and each library stays in the room that knows it.

The levels are read from CMakeLists.txt (curfew_room). Inside a layered room, too, calls go one way: no file
calls, over however many others, one that calls it. `--self-test` proves that a breach is found.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
SIM_BELOW = 4  # sim/ stands beside the rooms and may use every one below service

# Generated types are seen by the files that decode and encode, by their names, and by nothing else.
ENCODING = re.compile(r"(_pb\.c|/pb(_json)?(_\w+)?\.[ch]|(encode|decode)\w*\.c|worker/event/(contract|pieces)\.c)$")

# (what, header pattern, who may include it)
LIBRARIES = [
    ("librdkafka", re.compile(r"^librdkafka/"), re.compile(r"^(worker/kafka/|sim/broker/)")),
    ("generated protobuf code", re.compile(r"\.pb-c\.h$"), ENCODING),
    ("protobuf-c", re.compile(r"^protobuf-c/"), ENCODING),
    ("libuv", re.compile(r"^uv\.h$"), re.compile(r"^(worker/(cluster|kafka|http|gateway|service|cli)/|sim/)")),
    ("libmicrohttpd", re.compile(r"^microhttpd\.h$"), re.compile(r"^worker/http/")),
    ("libcyaml and libyaml", re.compile(r"^(cyaml/|yaml\.h$)"), re.compile(r"^worker/config/")),
    ("libsodium", re.compile(r"^sodium"), re.compile(r"^worker/(base|audit)/")),
    ("libnettle", re.compile(r"^nettle/"), re.compile(r"^worker/base/hash\.c$")),
    ("sockets", re.compile(r"^(sys/socket\.h|netinet/|arpa/inet\.h|netdb\.h)"),
     re.compile(r"^(worker/(base/(notify|address)|cluster|kafka|http|service|cli)|sim/)")),
]
# Pure rooms do no I/O, own no clock and log nothing.
PURE = {"command", "guard", "select", "engine", "event", "audit", "model"}
# Rooms, or folders of them, whose files call each other in one direction. Types may be shared by all.
LAYERED = {"audit", "base", "cli", "cluster", "command", "config", "engine", "event", "gateway", "guard", "http", "kafka",
           "metrics", "model", "select", "service"}
# The layout of .clang-format: only a function's brace stands at the beginning of a line below a parenthesis.
FUNCTION = re.compile(r"^(?!static\b|__attribute__)[A-Za-z_][\w\s*]*?\b(\w+)\((?:[^;{}\n]|\n[ \t])*\)\n\{", re.MULTILINE)
NO_CODE = re.compile(r'/\*[\s\S]*?\*/|"(?:\\.|[^"\\\n])*"|^[ \t]*#(?:.*\\\n)*.*$|\b(?:enum|struct|union)\s+\w+',
                     re.MULTILINE)
NAME = re.compile(r"(?<![\w.>])[a-z_]\w*")  # not a member
NOT_IN_PURE = re.compile(r"^(base/(log|notify|secret)\.h|fcntl\.h|unistd\.h|sys/stat\.h|time\.h|sys/time\.h|signal\.h)$")


def read_levels(cmake):
    return {name: int(level) for name, level in re.findall(r"^curfew_room\((\w+)\s+(\d+)", cmake, re.MULTILINE)}


def room_of(path):
    parts = path.split("/")
    if parts[0] == "sim":
        return "sim"
    return parts[1] if parts[0] == "worker" and len(parts) > 2 else None


def check_file(path, text, levels):
    """Yields what is wrong with the includes of one file; `path` is relative to the root."""
    room = room_of(path)
    level = SIM_BELOW if room == "sim" else levels.get(room)
    if room is not None and level is None:
        yield f"{path}: room '{room}' has no level in CMakeLists.txt"
        return
    for quote, header in INCLUDE.findall(text):
        target = header.split("/")[0] if "/" in header else None
        if quote == '"' and target in levels and target != room and level is not None and levels[target] >= level:
            yield f"{path}: includes \"{header}\", but {target} ({levels[target]}) is not below {room} ({level})"
        if quote == '"' and target == "sim" and room not in ("sim", "cli", None):
            yield f"{path}: includes \"{header}\": only the command line starts the simulators"
        for what, pattern, allowed in LIBRARIES:
            if pattern.search(header) and not allowed.search(path):
                yield f"{path}: includes {header}: {what} has no place here"
        if room in PURE and NOT_IN_PURE.search(header):
            yield f"{path}: includes {header}: {room} is pure"


def check_layers(room, sources):
    """Yields one line for each file of a room that calls itself over others; `sources` maps its names to texts."""
    home = {function: file for file, text in sources.items() for function in FUNCTION.findall(text)}
    calls = {}
    for file, text in sources.items():
        called = {(home[name], name) for name in NAME.findall(NO_CODE.sub(" ", text)) if home.get(name, file) != file}
        calls[file] = dict(sorted(called, reverse=True))  # one function is told of each
    done = set()

    def walk(file, path):
        if file in path:
            circle = path[path.index(file):] + [file]
            told = (f"{one} -> {calls[one][other]}() of {other}" for one, other in zip(circle, circle[1:]))
            yield f"worker/{room}: calls in a circle: {', '.join(told)}"
        elif file not in done:
            done.add(file)
            for called in sorted(calls[file]):
                yield from walk(called, path + [file])

    for file in sorted(calls):
        yield from walk(file, [])


def check_tree(root):
    levels = read_levels((root / "CMakeLists.txt").read_text())
    if not levels:
        yield "CMakeLists.txt names no room"
    for folder in ("worker", "sim"):
        for file in sorted((root / folder).rglob("*.[ch]")):
            path = file.relative_to(root).as_posix()
            yield from check_file(path, file.read_text(encoding="utf-8"), levels)
    for room in sorted(LAYERED):
        folder = root / "worker" / room
        if not folder.is_dir():
            yield f"worker/{room}: there is no such room"
        files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*.c")}
        yield from check_layers(room, {name: file.read_text(encoding="utf-8") for name, file in files.items()})


def self_test():
    levels = read_levels("curfew_room(base     0)\ncurfew_room(guard 2 PRIVATE x)\ncurfew_room(kafka 3)\n"
                         "curfew_room(http 3)\n")
    assert levels == {"base": 0, "guard": 2, "kafka": 3, "http": 3}
    cases = [
        ("worker/guard/a.c", '#include "base/log_x.h"', 0),
        ("worker/guard/a.c", '#include "kafka/hub.h"', 1),
        ("worker/kafka/a.c", '#include "http/server.h"', 1),
        ("worker/kafka/a.c", '#  include "kafka/hub.h"', 0),
        ("worker/guard/a.c", "#include <librdkafka/rdkafka.h>", 1),
        ("worker/guard/a.c", '#include "curfew/v1/command.pb-c.h"', 1),
        ("worker/guard/a_pb.c", '#include "curfew/v1/command.pb-c.h"', 0),
        ("worker/guard/a.c", "#include <uv.h>", 1),
        ("worker/guard/a.c", '#include "base/log.h"', 1),
        ("worker/kafka/a.c", '#include "sim/ras/world.h"', 1),
        ("worker/lost/a.c", "", 1),
        ("worker/main.c", '#include "kafka/hub.h"', 0),
        ("sim/ras/a.c", '#include "kafka/hub.h"', 0),
    ]
    for path, text, wanted in cases:
        found = list(check_file(path, text, levels))
        assert len(found) == wanted, (path, text, found)
    down = {"door.c": "int door(void)\n{\n    return middle();\n}\n",
            "middle.c": "static int helper(void)\n{\n    return bottom(&state);\n}\n"
                        "\nState *middle(int one,\n                     int two)\n{\n    helper();\n}\n",
            "under/bottom.c": "/* as door() wants it */\nint bottom(void)\n{\n    self->door(); self.middle = \"door\";\n}\n"}
    assert not list(check_layers("house", down))
    up = down | {"under/bottom.c": "#include <x.h>\n\nint bottom(void)\n{\n    timer(&self, door);\n}\n"}
    assert len(list(check_layers("house", up))) == 1
    assert "under/bottom.c -> door() of door.c" in next(check_layers("house", up))


def main():
    if "--self-test" in sys.argv:
        self_test()
        return 0
    problems = list(check_tree(ROOT))
    for problem in problems:
        print(problem)
    print(f"{len(problems)} breaches" if problems else "every room includes only what is below it")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
