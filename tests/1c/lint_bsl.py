#!/usr/bin/env python3
"""The extension for 1C: its XML hangs together and is read by mdclasses as what it is meant to be, it fits the standard
library, and the BSL language server finds nothing in its modules.

    lint_bsl.py --source DIR --work DIR

The language server comes from Maven Central into the work folder. Status 77 and a line beginning SKIP when it cannot be had.
It ends with 0 whatever it finds, and reads no file at all under another locale: so the report is read, and files are counted.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree

VERSION = "0.24.1"
SKIPPED = 77
MD = "{http://v8.1c.ru/8.3/MDClasses}"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>curfew.tests</groupId><artifactId>bsl</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.github.1c-syntax</groupId><artifactId>bsl-language-server</artifactId>
      <version>{VERSION}</version></dependency>
  </dependencies>
</project>
"""
# What a reader who knows Designer's files has to find: kind, name, belonging, where it runs.
MEANT = [
    "extension Керфью ADOPTED CUSTOMIZATION prefix=Керфью_ script=RUSSIAN compatibility=8.3.17 language=Language.Русский",
    "language Русский ADOPTED ru",
    "module Керфью_ВызовСервера OWN server call text",
    "module Керфью_Клиент OWN client thick text",
    "module ИнтеграцияПодсистемБСПКлиент ADOPTED client thick text",
    "module СоединенияИБКлиент ADOPTED client thick text",
    "objects 5",
]
# The standard subsystems library 3.1.12 (2026-06): what is taken over, its UUID there, and the parameters of what is intercepted, which
# have to be the same or the platform refuses the extension.
LIBRARY = {
    "ИнтеграцияПодсистемБСПКлиент": ("5b105084-c4ba-4ff6-9196-8b3e3a9991e2", {
        "ПриЗавершенииСеансов": "ФормаВладелец, Знач НомераСеансов, СтандартнаяОбработка, "
                                "Знач ОповещениеПослеЗавершенияСеанса = Неопределено"}),
    "СоединенияИБКлиент": ("bf4eb62a-bc74-4845-bad2-58a2a8302a65", {
        "ПоказатьПараметрыАдминистрирования": "ОписаниеОповещенияОЗакрытии, ЗапрашиватьПараметрыАдминистрированияИБ, "
                                              "ЗапрашиватьПараметрыАдминистрированияКластера, ПараметрыАдминистрирования = Неопределено, "
                                              'Заголовок = "", ПоясняющаяНадпись = ""'}),
}
INTERCEPTED = re.compile(r'^&Вместо\("(\w+)"\)\s+(?:Процедура|Функция) \w+\((.*?)\)$', re.MULTILINE | re.DOTALL)
STORED = re.compile(r"ЗаписатьДанныеВБезопасноеХранилище\((.*?)\);", re.DOTALL)
FOLDERS = {"CommonModule": "CommonModules", "Language": "Languages"}


def skip(why):
    print(f"SKIP lint_bsl: {why}")
    sys.exit(SKIPPED)


def fetch(work):
    """The folder of jars, filled once."""
    cache = work / f"bsl-language-server-{VERSION}"
    if (cache / "complete").exists():
        return cache / "jars"
    for program in ("java", "mvn"):
        if not shutil.which(program):
            skip(f"{program} is not installed")
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "pom.xml").write_text(POM, encoding="utf-8")
    done = subprocess.run(["mvn", "-q", "-B", "-f", str(cache / "pom.xml"), "dependency:copy-dependencies",
                           "-DincludeScope=runtime", f"-DoutputDirectory={cache / 'jars'}"], check=False)
    if done.returncode:
        skip("the BSL language server cannot be fetched from Maven Central")
    (cache / "complete").touch()
    return cache / "jars"


def check_layout(extension):
    """Every object that the extension names is there, with a module where it needs one; nothing else is."""
    def read(path):
        return next(iter(xml.etree.ElementTree.parse(path).getroot()))
    problems, uuids, named = [], [], set()
    whole = read(extension / "Configuration.xml")
    prefix = whole.findtext(f"{MD}Properties/{MD}NamePrefix")
    for child in whole.find(f"{MD}ChildObjects"):
        kind = child.tag.removeprefix(MD)
        path = extension / FOLDERS[kind] / f"{child.text}.xml"
        if not path.exists():
            problems.append(f"{path} is missing")
            continue
        thing = read(path)
        named.add(path)
        uuids.append(thing.get("uuid"))
        properties = thing.find(f"{MD}Properties")
        adopted = properties.findtext(f"{MD}ObjectBelonging") == "Adopted"
        if thing.tag != child.tag or properties.findtext(f"{MD}Name") != child.text:
            problems.append(f"{path} is of another object")
        if adopted == child.text.startswith(prefix):
            problems.append(f"{path}: what is its own begins with {prefix}, what is adopted does not")
        if adopted and not properties.findtext(f"{MD}ExtendedConfigurationObject"):
            problems.append(f"{path} does not say what it extends")
        if kind == "CommonModule" and not (path.with_suffix("") / "Ext/Module.bsl").exists():
            problems.append(f"{path} has no module")
    there = {path for folder in FOLDERS.values() for path in (extension / folder).glob("*.xml")}
    problems += [f"{path} is not named in Configuration.xml" for path in there - named]
    if len(set(uuids)) != len(uuids):
        problems.append("two objects have one UUID")
    return problems


def check_library(extension):
    """It fits what it is laid over. A structure goes to the safe storage under its own names only with Неопределено for the key,
    else under one name, and is never found again."""
    problems = []
    for name, (uuid, wanted) in LIBRARY.items():
        path = extension / "CommonModules" / f"{name}.xml"
        if f"<ExtendedConfigurationObject>{uuid}<" not in path.read_text(encoding="utf-8-sig"):
            problems.append(f"{path} is not about the library's module {uuid}")
        text = (path.with_suffix("") / "Ext/Module.bsl").read_text(encoding="utf-8-sig")
        found = {hook: re.sub(r"\s+", " ", parameters) for hook, parameters in INTERCEPTED.findall(text)}
        if found != wanted:
            problems.append(f"{name} intercepts {found}, and the library has {wanted}")
    for path in sorted(extension.rglob("*.bsl")):
        for call in STORED.findall(path.read_text(encoding="utf-8-sig")):
            if "Новый Структура" in call and not re.search(r",\s*Неопределено$", call):
                problems.append(f"{path}: what is stored as a structure needs Неопределено as its key: {call}")
        if not path.read_bytes().startswith(b"\xef\xbb\xbf"):
            problems.append(f"{path} does not begin as Designer's files do, with a byte order mark")
    return problems


def read_by_mdclasses(extension, jars):
    done = subprocess.run(["java", "-cp", classpath(jars), str(pathlib.Path(__file__).with_name("ReadExtension.java")), str(extension)],
                          env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.split(" ")[0] in ("extension", "language", "module", "objects", "not")]
    if done.returncode:
        return [f"mdclasses cannot read the extension: {done.stderr[-1000:]}"]
    return [f"mdclasses does not see: {line}" for line in MEANT if line not in lines] + [f"mdclasses sees: {line}" for line in lines if line not in MEANT]


def classpath(jars):
    """LanguageTool reads a file of its own that other jars have too: its jar has to come first."""
    return os.pathsep.join([*map(str, jars.glob("languagetool-core-*.jar")), str(jars / "*")])


def analyze(extension, jars, out):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    done = subprocess.run(["java", "-cp", classpath(jars), "com.github._1c_syntax.bsl.languageserver.BSLLSPLauncher", "analyze",
                           "-q", "-s", str(extension), "-w", str(extension), "-c", str(extension / ".bsl-language-server.json"),
                           "-r", "json", "-o", str(out)], env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True,
                          check=False)
    report = out / "bsl-json.json"
    if done.returncode or not report.exists():
        print(done.stdout[-3000:], done.stderr[-3000:])
        sys.exit(f"the language server made no report, status {done.returncode}")
    return json.loads(report.read_text(encoding="utf-8"))["fileinfos"]


def sees(extension, jars, work):
    """Would it find something? A copy with a broken module says."""
    broken = work / "curfew"
    shutil.rmtree(broken, ignore_errors=True)
    shutil.copytree(extension, broken)
    module = next(broken.rglob("*.bsl"))
    module.write_text(module.read_text(encoding="utf-8-sig") + "\nПроцедура Сломана(\n", encoding="utf-8")
    return any(each["code"] == "ParseError" for file in analyze(broken, jars, work / "report") for each in file["diagnostics"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    options = parser.parse_args()
    extension = (options.source / "deploy/1c/curfew").resolve()
    problems = check_layout(extension) + check_library(extension)
    modules = sorted(extension.rglob("*.bsl"))
    jars = fetch(options.work)
    problems += read_by_mdclasses(extension, jars)
    if not sees(extension, jars, options.work / "broken"):
        problems.append("the language server finds nothing in a broken module")
    for file in analyze(extension, jars, options.work / "report"):
        path = urllib.parse.unquote(file["path"])
        modules = [module for module in modules if not path.endswith(str(module.relative_to(extension)))]
        for each in file["diagnostics"]:
            problems.append(f"{re.sub('.*/curfew/', '', path)}:{each['range']['start']['line'] + 1}: {each['code']}: {each['message']}")
    problems += [f"{module} was not looked at" for module in modules]
    print("\n".join(problems) or f"{len(list(extension.rglob('*.bsl')))} modules, no findings")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
