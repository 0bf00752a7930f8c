"""Runs the functions of the extension for 1C that make its requests, and reads which members of an answer it uses.

There is no 1C here. Those functions use a small part of the language (structures, arrays, a loop, texts); this runs just that
part, from the very module that is installed, and stops at anything it does not know.
"""
import re

from bootstrap import ROOT

MODULE = ROOT / "deploy/1c/curfew/CommonModules/Керфью_ВызовСервера/Ext/Module.bsl"
STATEMENTS = [
    ("make", re.compile(r"(\w+) = Новый (Структура|Соответствие|Массив);")),
    ("insert", re.compile(r'(\w+)\.Вставить\("([^"]+)", (.+)\);')),
    ("append", re.compile(r"(\w+)\.Добавить\((\w+)\);")),
    ("loop", re.compile(r"Для Каждого (\w+) Из (\w+) Цикл")),
    ("end", re.compile(r"КонецЦикла;")),
    ("return", re.compile(r"Возврат (.+);")),
]


def function(name):
    """Parameters and statements of a function."""
    text = MODULE.read_text(encoding="utf-8-sig")
    found = re.search(rf"^Функция {name}\(([^)]*)\)\n(.*?)^КонецФункции", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise AssertionError(f"there is no function {name} in {MODULE.name}")
    parameters = [each.replace("Знач ", "").strip() for each in found[1].split(",") if each.strip()]
    lines = [line.strip() for line in found[2].splitlines()]
    return parameters, [line for line in lines if line and not line.startswith("//")]


def value(expression, names):
    parts = [each.strip() for each in expression.split(" + ")]
    if len(parts) > 1:
        return "".join(value(each, names) for each in parts)
    if re.fullmatch(r'"[^"]*"', expression):
        return expression[1:-1]
    if re.fullmatch(r"\w+", expression):
        return names[expression]
    if re.fullmatch(r"\w+\.\w+", expression):
        thing, member = expression.split(".")
        return names[thing][member]
    raise AssertionError(f"an expression that is not known here: {expression}")


def parse(line):
    for kind, pattern in STATEMENTS:
        found = pattern.fullmatch(line)
        if found:
            return kind, found.groups()
    raise AssertionError(f"a statement that is not known here: {line}")


def run(lines, names):
    place = 0
    while place < len(lines):
        kind, parts = parse(lines[place])
        if kind == "make":
            names[parts[0]] = [] if parts[1] == "Массив" else {}
        elif kind == "insert":
            names[parts[0]][parts[1]] = value(parts[2], names)
        elif kind == "append":
            names[parts[0]].append(names[parts[1]])
        elif kind == "loop":
            end = next(at for at in range(place, len(lines)) if lines[at] == "КонецЦикла;")
            for each in names[parts[1]]:
                run(lines[place + 1:end], names | {parts[0]: each})
            place = end
        elif kind == "return":
            return value(parts[0], names)
        place += 1
    return None


def call(name, *arguments):
    parameters, lines = function(name)
    assert len(parameters) == len(arguments), f"{name} takes {parameters}"
    return run(lines, dict(zip(parameters, arguments)))


def request(connection, descriptions, person, token, key):
    """Path, headers and body as the extension sends them."""
    return call("ПутьЗапроса"), call("ЗаголовкиЗапроса", token, key), call("ТелоЗапроса", connection, descriptions, person)


def members_read(variable):
    """Which members of a decoded answer the module reads from the variable of that name."""
    return set(re.findall(rf"\b{variable}\.([a-z]\w*)", MODULE.read_text(encoding="utf-8-sig")))
