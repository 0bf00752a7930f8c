#!/usr/bin/env python3
"""docs/promises.md names, for each promise, the tests that show it: `path::name`. This looks that every one of them is there and
is run, so that the table cannot say more than the tests do."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMED = re.compile(r"`(tests/[\w./-]+)::(\w+)`")


def is_written(name, source):
    return re.search(rf"\b(def|void|fn) {name}\b|\b{name}\(void|NAME {name}\b", source)


def is_run(name, source):
    """By a list that names it, by a line above it (a decorator), or by its kind of file. A definition alone is run by nobody."""
    return re.search(rf"^@.*\ndef {name}\b|NAME {name}\b", source, re.MULTILINE) or re.search(rf"(?<!def )\b{name}\b(?!\()", source)


def missing_in(text, read):
    for path, name in NAMED.findall(text):
        source = read(path)
        if source is None:
            yield f"{path}: there is no such file"
        elif not is_written(name, source):
            yield f"{path}: no test {name}"
        elif not is_run(name, source):
            yield f"{path}: {name} stands in no list of cases"


def read(path):
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.is_file() else None


def self_test():
    files = {"tests/a.py": "def one(world):\n\ndef main():\n    pass\n\n@case()\ndef three(site):\n\nCASES = [\n    one,\n]\nmain()\n",
             "tests/b.c": "static void two(void **state)\n\ncmocka_unit_test(two)\n"}
    good = "`tests/a.py::one`, `tests/a.py::three` and `tests/b.c::two`"
    assert not list(missing_in(good, files.get))
    assert list(missing_in("`tests/a.py::two`", files.get)) == ["tests/a.py: no test two"]
    assert list(missing_in("`tests/c.py::one`", files.get)) == ["tests/c.py: there is no such file"]
    assert list(missing_in("`tests/a.py::main`", files.get)) == ["tests/a.py: main stands in no list of cases"]
    print("self test: passed")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    text = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    found = list(missing_in(text, read))
    print("\n".join(found) if found else f"{len(NAMED.findall(text))} tests named, all there and run")
    return 1 if found or not NAMED.search(text) else 0


if __name__ == "__main__":
    sys.exit(main())
