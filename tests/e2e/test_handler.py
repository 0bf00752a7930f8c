#!/usr/bin/env python3
"""The operator's own program before, instead of and after the end of sessions: the real worker and command line, simulated
clusters, and handlers that do as they say, lie, die and hang (handler.py), and the two shipped examples."""
import contextlib
import http.server
import json
import os
import signal
import sys
import threading

import bootstrap

bootstrap.enter()

import jsonschema

from test_basic import expect_end, expect_run
from world import ROOT, World, by_sessions, expect, play, the_checker_is_content, wait_for

INSTEAD, BEFORE, AFTER, ASKED, OWN, NONE, TOOL = (f"sim-{number:02}" for number in range(1, 8))
OWN_INFOBASE = "ib-02"
FAILED, PARTIAL, REFUSED = 1, 3, 5
TIME_LIMIT_S = 2


class Handler:
    """One configured handler.py: its orders, and what it was asked."""

    def __init__(self, world, name):
        self.orders_file, self.log = world.folder / f"{name}.orders", world.folder / f"{name}.requests"
        self.control = (world.folder / "sim.control").read_text(encoding="utf-8").strip()
        self.seen = 0
        self.orders(["ended"])

    def config(self, mode, **more):
        return {"program": sys.executable, "args": [str(ROOT / "tests/e2e/handler.py")], "mode": mode,
                "timeout": f"{TIME_LIMIT_S}s",
                "environment": {"ORDERS": str(self.orders_file), "LOG": str(self.log), "CONTROL": self.control,
                                "PYTHONDONTWRITEBYTECODE": "1"}, **more}

    def orders(self, do, **more):
        whole = self.orders_file.with_suffix(".new")
        whole.write_text(json.dumps({"do": do, **more}), encoding="utf-8")
        whole.replace(self.orders_file)

    def runs(self):
        """Those since the last look."""
        lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True) if self.log.exists() else []
        lines = [json.loads(line) for line in lines if line.endswith("\n")]
        new, self.seen = lines[self.seen:], len(lines)
        return new

    def wait_run(self):
        return wait_for("the handler runs", self.runs)[0]


class HandlerWorld(World):
    def __init__(self, options):
        super().__init__(options, clusters=7, sim=["--sessions", "2"], settings={"timeouts": {"verify": "1s"}})
        self.handlers = {}

    def handler(self, name):
        if name not in self.handlers:
            self.handlers[name] = Handler(self, name)
        return self.handlers[name]

    def cluster_config(self, cluster):
        config = super().cluster_config(cluster)
        modes = {INSTEAD: "instead", BEFORE: "before", AFTER: "after", ASKED: "on_request", OWN: "instead"}
        if cluster in modes:
            config["handler"] = self.handler(cluster).config(modes[cluster])
        if cluster == OWN:
            config["infobases"] = {OWN_INFOBASE: {"handler": self.handler("own").config("instead")}}
        if cluster == TOOL:
            config["handler"] = tool_config(self)
        if cluster == AFTER:
            secret = self.folder / "after.secret"
            secret.write_text("s3cret-of-the-test\n", encoding="utf-8")
            secret.chmod(0o600)
            config["admin"] = {"user": "admin", "password_file": str(secret)}
        return config

    def logins(self, cluster, count, **more):
        return [self.login(cluster, user=f"Кассир {i}", **more) for i in range(count)]

    def end(self, cluster, sessions, *more):
        for session in sessions:
            more = ("--session", session, *more)
        return self.terminate(cluster, *more)


def reasons_of(run):
    """Session -> the reason's message."""
    return {target["session"]: (target["reason"] or {}).get("message", "") for target in run.json["targets"]}


def outcomes_of(run):
    return {target["session"]: target["outcome"] for target in run.json["targets"]}


def nobody_asked_the_cluster(world, sessions):
    for session in sessions:
        expect(not world.sim.terminations(session), f"the worker ended {session} itself")


# ---- instead ----

def the_program_ends_the_sessions_and_a_list_says_so(world):
    handler, sessions = world.handler(INSTEAD), world.logins(INSTEAD, 3)
    handler.orders(["ended"])
    run = world.end(INSTEAD, sessions, "--reason", "обслуживание", "--message", "Обновление")
    expect_run(run, 0, "ended", "ended", "ended")
    nobody_asked_the_cluster(world, sessions)
    runs = handler.runs()
    expect(len(runs) == 1, f"it ran {len(runs)} times")
    request = runs[0]["request"]
    schema = json.loads((ROOT / "schemas/handler-request.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(request)
    expect([each["session"] for each in request["targets"]] == [each["session"] for each in run.json["targets"]], str(request))
    expect(request["command"]["id"] == run.json["command_id"] and request["command"]["message"] == "Обновление", str(request))
    expect(request["targets"][0]["properties"]["user_name"].startswith("Кассир"), str(request))
    expect(request["mode"] == "instead" and request["attempt"] == 1 and runs[0]["directory"] == "/", str(runs[0]))


def a_program_that_lies_is_found_out(world):
    """I7: OK is announced only after verification, whoever did the ending."""
    handler, (session,) = world.handler(INSTEAD), world.logins(INSTEAD, 1)
    handler.orders(["lie"])
    run = expect_run(world.end(INSTEAD, [session]), FAILED, "survived")
    expect("the handler" in reasons_of(run)[session], str(run))
    expect(world.sim.is_there(INSTEAD, session), "somebody ended it")
    nobody_asked_the_cluster(world, [session])


def what_it_does_not_end_fails_with_its_words(world):
    handler, sessions = world.handler(INSTEAD), world.logins(INSTEAD, 4)
    handler.runs()
    handler.orders(["ended", "failed", "skipped", "left"])
    run = world.end(INSTEAD, sessions)
    request = handler.runs()[0]["request"]
    order = [each["session"] for each in request["targets"]]
    expect(run.status == PARTIAL, str(run))
    expect([outcomes_of(run)[session] for session in order] == ["ended", "failed", "failed", "left"], str(run))
    expect("could not end it: word: failed" in reasons_of(run)[order[1]], str(run))
    expect("skipped it: word: skipped" in reasons_of(run)[order[2]], str(run))
    nobody_asked_the_cluster(world, sessions)


def it_may_ask_for_the_standard_processing(world):
    handler, sessions = world.handler(INSTEAD), world.logins(INSTEAD, 2)
    handler.orders(["ended", "skipped"], standard_processing=True)
    expect_run(world.end(INSTEAD, sessions), 0, "ended", "ended")
    asked = [session for session in sessions if world.sim.terminations(session)]
    expect(len(asked) == 1, f"the worker ended {asked}")


def a_run_that_went_wrong_is_in_doubt_and_the_list_decides(world):
    """What it did before it died counts; what it did not is tried again, under an attempt of its own."""
    for orders, words in ({"do": ["die"]}, "exit status 7: the tool has died"), ({"do": ["hang"]}, "did not end within"), \
            ({"do": ["ended", "lie"], "answer": "{}"}, "no array 'targets'"), \
            ({"do": ["ended", "lie"], "answer": "x" * 2_000_000}, "output_max"):
        handler, sessions = world.handler(INSTEAD), world.logins(INSTEAD, 2)
        handler.runs()
        handler.orders(**orders)
        command = by_sessions(INSTEAD, *sessions)
        world.send(command)
        first = handler.wait_run()["request"]
        second = handler.wait_run()["request"]
        handler.orders(["ended"])
        event = expect_end(world.end_of(command.id), "completed")
        expect(len(first["targets"]) == 2 and first["attempt"] == 1, str(first))
        expect(second["attempt"] > 1, str(second))
        expect([each["session"] for each in second["targets"]] == [first["targets"][1]["session"]],
               "it was asked again about one that is gone")
        reason = next(target for target in event["targets"] if target["session"] == first["targets"][0]["session"])["reason"]
        expect(reason["code"] == "in_doubt", str(event))
        expect(words in world.workers["worker-1"].text(), f"'{words}' is not in the log")


def it_is_not_asked_for_ever(world):
    handler, (session,) = world.handler(INSTEAD), world.logins(INSTEAD, 1)
    handler.runs()
    handler.orders(["lie"], exit=9)
    run = expect_run(world.end(INSTEAD, [session]), FAILED, "failed")
    expect("exit status 9" in reasons_of(run)[session], str(run))
    attempts = [each["request"]["attempt"] for each in handler.runs()]
    expect(len(attempts) == 3 and attempts == sorted(set(attempts)), f"attempts {attempts}")
    expect(world.sim.is_there(INSTEAD, session), "somebody ended it")


# ---- before, after, on request, of an infobase ----

def before_means_that_the_worker_ends_what_is_left(world):
    handler, sessions = world.handler(BEFORE), world.logins(BEFORE, 3)
    handler.orders(["ended", "skipped", "lie"])
    expect_run(world.end(BEFORE, sessions), 0, "ended", "ended", "ended")
    request = handler.runs()[0]["request"]
    order = [each["session"] for each in request["targets"]]
    expect([len(world.sim.terminations(session)) for session in order] == [0, 1, 1], "the worker ended the wrong ones")
    handler.orders(["ended"], exit=1)
    sessions = world.logins(BEFORE, 1)
    handler.orders(["lie"], exit=1)
    expect_run(world.end(BEFORE, sessions), 0, "ended")
    expect(len(world.sim.terminations(sessions[0])) == 1 and len(handler.runs()) == 1, "a handler that fails holds the end up")


def before_may_turn_the_standard_processing_off(world):
    handler, (session,) = world.handler(BEFORE), world.logins(BEFORE, 1)
    handler.orders(["skipped"], standard_processing=False)
    run = expect_run(world.end(BEFORE, [session]), FAILED, "failed")
    expect("word: skipped" in reasons_of(run)[session], str(run))
    nobody_asked_the_cluster(world, [session])


def after_is_told_how_they_ended(world):
    handler, sessions = world.handler(AFTER), world.logins(AFTER, 2)
    handler.orders([])
    gone = "00000000-0000-4000-8000-000000000001"
    run = expect_run(world.end(AFTER, [*sessions, gone]), 0)
    expect(run.json["reason"] is None, str(run))
    (one,) = handler.runs()
    request = one["request"]
    expect(request["mode"] == "after" and request["command"]["outcome"] == "completed", str(request))
    told = {each["session"]: each["outcome"] for each in request["targets"]}
    expect(told == {sessions[0]: "ended", sessions[1]: "ended", gone: "already_gone"}, str(request))
    schema = json.loads((ROOT / "schemas/handler-request.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(request)


def after_changes_no_verdict_when_it_fails(world):
    handler, (session,) = world.handler(AFTER), world.logins(AFTER, 1)
    handler.orders([], exit=4)
    run = expect_run(world.end(AFTER, [session]), 0, "ended")
    expect(run.json["outcome"] == "completed" and "exit status 4" in run.json["reason"]["message"], str(run))
    expect(len(handler.runs()) == 1, "it was run again")


def on_request_runs_only_for_commands_that_ask(world):
    handler, sessions = world.handler(ASKED), world.logins(ASKED, 2)
    handler.orders(["ended"])
    expect_run(world.end(ASKED, sessions[:1]), 0, "ended")
    expect(not handler.runs() and world.sim.terminations(sessions[0]), "it ran without being asked for")
    expect_run(world.end(ASKED, sessions[1:], "--standard-processing", "off"), 0, "ended")
    expect(len(handler.runs()) == 1 and not world.sim.terminations(sessions[1]), "it did not run")


def a_command_may_do_without_the_handler(world):
    handler, (session,) = world.handler(INSTEAD), world.logins(INSTEAD, 1)
    handler.runs()
    expect_run(world.end(INSTEAD, [session], "--standard-processing", "on"), 0, "ended")
    expect(not handler.runs() and len(world.sim.terminations(session)) == 1, "the handler ran")


def doctor_finds_a_handler_that_cannot_run(world):
    broken = world.folder / "doctor.yaml"
    settings = json.loads(json.dumps(world.worker.settings))
    settings["clusters"] = [each for each in settings["clusters"] if each["name"] in (INSTEAD, BEFORE)]
    settings["clusters"][0]["handler"]["program"] = str(world.folder)
    broken.write_text(json.dumps(settings), encoding="utf-8")
    run = world.curfew("doctor", "--config", broken, "--json", config=None)
    found = {each["check"]: each for each in run.json}
    expect(found[f"handler {INSTEAD}"]["state"] == "fail" and "no file" in str(found[f"handler {INSTEAD}"]), str(run))
    expect(found[f"handler {BEFORE}"]["state"] == "ok", str(run))


def standard_processing_off_needs_a_handler(world):
    for cluster, words in (NONE, "has a handler"), (AFTER, "runs after the end"):
        (session,) = world.logins(cluster, 1)
        run = world.end(cluster, [session], "--standard-processing", "off")
        expect(run.status == REFUSED and words in str(run), str(run))
        expect(world.sim.is_there(cluster, session), "it was ended")


def an_infobase_has_a_handler_of_its_own(world):
    own, other = world.handler("own"), world.handler(OWN)
    sessions = world.logins(OWN, 1) + world.logins(OWN, 1, infobase=OWN_INFOBASE)
    expect_run(world.end(OWN, sessions), 0, "ended", "ended")
    expect([each["session"] for each in other.runs()[0]["request"]["targets"]] == sessions[:1], "the cluster's")
    expect([each["session"] for each in own.runs()[0]["request"]["targets"]] == sessions[1:], "the infobase's")


def a_drain_leaves_the_ending_to_the_handler(world):
    """Locked and given back by the worker, emptied by the program, and proven by a list as ever."""
    handler = world.handler(OWN)
    handler.runs()
    handler.orders(["ended"])
    run = world.curfew("drain", "--cluster", OWN, "--infobase", "ib-01", "--wait", "--json")
    expect(run.status == 0, str(run))
    gone = [each["session"] for each in handler.runs()[0]["request"]["targets"]]
    expect(gone and not any(world.sim.is_there(OWN, session) for session in gone), "the infobase is not empty")
    nobody_asked_the_cluster(world, gone)


# ---- stopping ----

def is_running(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def begin_and_hang(world):
    """A program that has ended one of two sessions, and hangs."""
    handler, sessions = world.handler(INSTEAD), world.logins(INSTEAD, 2)
    handler.runs()
    handler.orders(["hang"])
    command = by_sessions(INSTEAD, *sessions)
    world.send(command)
    run = handler.wait_run()
    first = run["request"]["targets"][0]["session"]
    wait_for("it has begun", lambda: not world.sim.is_there(INSTEAD, first))
    return handler, sessions, command, run


def a_cancel_ends_a_program_that_is_at_work(world):
    handler, _sessions, command, run = begin_and_hang(world)
    expect(world.curfew("cancel", command.id).status == 0, "cancel")
    event = expect_end(world.end_of(command.id), "partially_completed")
    outcomes = sorted(target["outcome"] for target in event["targets"])
    expect(outcomes == ["TARGET_OUTCOME_ENDED", "TARGET_OUTCOME_STOPPED"], str(event))
    expect(not is_running(run["pid"]) and not handler.runs(), "the program runs on, or again")


def a_worker_that_is_killed_leaves_it_in_doubt(world):
    handler, sessions, command, run = begin_and_hang(world)
    world.worker.kill()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run["pid"], signal.SIGKILL)
    handler.orders(["ended"])
    world.worker.start()
    expect_end(world.end_of(command.id), "completed")
    again = handler.wait_run()["request"]
    expect(again["attempt"] > run["request"]["attempt"], str(again))
    expect([each["session"] for each in again["targets"]] == [run["request"]["targets"][1]["session"]], str(again))
    nobody_asked_the_cluster(world, sessions)


# ---- the examples ----

def tool_config(world):
    control = (world.folder / "sim.control").read_text(encoding="utf-8").strip()
    tool = world.folder / "our-tool"
    tool.write_text(f"""#!{sys.executable}
import json, socket, sys
words = dict(zip(sys.argv[2::2], sys.argv[3::2]))
assert sys.argv[1] == "end" and words["--infobase"] and int(words["--number"]) > 0
host, port = {control!r}.rsplit(":", 1)
with socket.create_connection((host, int(port)), 30) as connection, connection.makefile("rwb") as lines:
    def ask(**question):
        lines.write(json.dumps(question).encode() + b"\\n")
        lines.flush()
        return json.loads(lines.readline())
    there = [each for each in ask(do="sessions", cluster={TOOL!r})["sessions"] if each["session"] == words["--session"]]
    if not there:
        sys.exit(3)
    if there[0]["user"] == "root":
        print("not this one\\n", file=sys.stderr)
        sys.exit(1)
    ask(do="evict", cluster={TOOL!r}, session=words["--session"])
""", encoding="utf-8")
    tool.chmod(0o755)
    return {"program": sys.executable, "args": [str(ROOT / "deploy/examples/end-with-own-tool.py")], "timeout": "20s",
            "environment": {"TOOL": str(tool)}}


def the_example_calls_a_tool_for_each_session(world):
    sessions = world.logins(TOOL, 5)
    root = world.login(TOOL, user="root")
    run = world.end(TOOL, [*sessions, root])
    expect(run.status == PARTIAL, str(run))
    expect(outcomes_of(run) == {**{session: "ended" for session in sessions}, root: "failed"}, str(run))
    expect("not this one" in reasons_of(run)[root], str(run))
    nobody_asked_the_cluster(world, [*sessions, root])


class Hook(http.server.BaseHTTPRequestHandler):
    got = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.headers.get("Authorization"), self.headers["Content-Type"], json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments):
        pass


def the_example_tells_a_web_service(world):
    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    token = world.folder / "chat-token"
    token.write_text("t0ken\n", encoding="utf-8")
    config = {"program": str(ROOT / "deploy/examples/notify-after.sh"), "mode": "after",
              "environment": {"PATH": os.environ["PATH"], "URL": f"http://127.0.0.1:{server.server_port}/hook",
                              "TOKEN_FILE": str(token)}}
    settings = world.worker.settings
    next(each for each in settings["clusters"] if each["name"] == NONE)["handler"] = config
    world.worker.reload(settings)
    (session,) = world.logins(NONE, 1)
    try:
        run = expect_run(world.end(NONE, [session]), 0, "ended")
        expect(run.json["reason"] is None, str(run))
    finally:
        server.shutdown()
        server.server_close()
    ((authorization, content_type, body),) = Hook.got
    expect(authorization == "Bearer t0ken" and content_type == "application/json", str(Hook.got))
    expect(body["mode"] == "after" and body["targets"][0]["outcome"] == "ended", str(body))


# ---- at the end ----

def a_handler_sees_nothing_of_the_worker(world):
    """I12: its environment is the configured one, and no password stands in what it reads."""
    for handler in world.handlers.values():
        for line in handler.log.read_text(encoding="utf-8").splitlines():
            extra = set(json.loads(line)["environment"]) - {"ORDERS", "LOG", "CONTROL", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"}
            expect(not extra, f"the environment has {extra}")
            expect("s3cret-of" not in line, "a password stands in a request")


def nothing_runs_any_more(world):
    expect(world.worker.metric("curfew_handlers_running") == 0, "a handler runs")
    expect(world.worker.metric("curfew_handler_runs_total", cluster=INSTEAD, result="ok") > 0, "no run was counted")


CASES = [
    the_program_ends_the_sessions_and_a_list_says_so, a_program_that_lies_is_found_out, what_it_does_not_end_fails_with_its_words,
    it_may_ask_for_the_standard_processing, a_run_that_went_wrong_is_in_doubt_and_the_list_decides, it_is_not_asked_for_ever,
    before_means_that_the_worker_ends_what_is_left, before_may_turn_the_standard_processing_off, after_is_told_how_they_ended,
    after_changes_no_verdict_when_it_fails, on_request_runs_only_for_commands_that_ask, a_command_may_do_without_the_handler,
    doctor_finds_a_handler_that_cannot_run, standard_processing_off_needs_a_handler, an_infobase_has_a_handler_of_its_own,
    a_drain_leaves_the_ending_to_the_handler, a_cancel_ends_a_program_that_is_at_work,
    a_worker_that_is_killed_leaves_it_in_doubt, the_example_calls_a_tool_for_each_session, the_example_tells_a_web_service,
    a_handler_sees_nothing_of_the_worker, nothing_runs_any_more, the_checker_is_content,
]


def main():
    return play(__doc__, HandlerWorld, CASES, "worker-1")


if __name__ == "__main__":
    sys.exit(main())
