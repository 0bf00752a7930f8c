#!/usr/bin/env python3
"""The real worker and the real command line, on the embedded broker, against simulated clusters: what people type, what
producers get wrong, what an operator does. One world for all cases; each uses sessions of its own."""
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
import uuid

import bootstrap

bootstrap.enter()

import encodings_of_clients as encodings
from curfew.v1 import command_pb2
from world import (ROOT, WAIT_S, Cases, Failed, World, arguments, by_numbers, by_sessions, command_for, expect, the_checker_is_content,
                   wait_for)

ONE, TWO, SLOW = "sim-01", "sim-02", "sim-03"
IB = "ib-01"
QUICK_S = 5         # what is not delayed by anything ends long before this
FAILED, USAGE, PARTIAL, NOT_FOUND, REFUSED, TIMED_OUT, LATER, CONFIG = 1, 2, 3, 4, 5, 6, 75, 78


def targets_of(run):
    return [target["outcome"] for target in run.json["targets"]]


def expect_run(run, status, *outcomes):
    expect(run.status == status, f"wanted status {status}: {run}")
    if outcomes:
        expect(targets_of(run) == list(outcomes), f"wanted {outcomes}: {run}")
    return run


def expect_end(event, outcome, reason=None):
    expect(event["outcome"] == f"COMMAND_OUTCOME_{outcome.upper()}", f"wanted {outcome}: {event}")
    if reason:
        expect(event.get("reason", {}).get("code") == reason, f"wanted the reason {reason}: {event}")
    return event


def still_works(world, cluster=ONE):
    """A session of its own is ended by a new command."""
    session = world.login(cluster)
    world.end_session(cluster, session)
    expect(not world.sim.is_there(cluster, session), "the verdict is ended, and the session is there")


# ---- what people type ----

def a_session_that_was_ended_can_be_asked_for_later(world):
    login = world.sim.login(ONE, user="Анна")
    expect_run(world.terminate(ONE, "--session", login["session"], "--reason", "обслуживание"), 0, "ended")
    shown = world.curfew("show", login["session"], "--json")
    expect(shown.status == 0 and len(shown.json) == 1, str(shown))
    entry = shown.json[0]
    expect(entry["outcome"] == "ended" and entry["requested_reason"] == "обслуживание" and entry["decided_at"], str(shown))
    expect(entry["snapshot"]["user_name"] == "Анна" and entry["snapshot"]["uuid"] == login["session"], str(shown))
    people = world.curfew("show", login["session"])
    expect(people.status == 0 and "Анна" in str(people), str(people))
    nobody = world.curfew("show", str(uuid.uuid4()))
    expect(nobody.status == NOT_FOUND, str(nobody))
    expect(world.curfew("show", "17").status == USAGE, "a number was taken for a session")


def a_session_is_ended_by_its_uuid(world):
    mine, other = (world.login(ONE) for _ in range(2))
    run = expect_run(world.terminate(ONE, "--session", mine, "--reason", "тест"), 0, "ended")
    expect(run.json["outcome"] == "completed" and run.json["targets"][0]["session"] == mine, str(run))
    expect(not world.sim.is_there(ONE, mine), "it is still there")
    expect(world.sim.is_there(ONE, other), "another session was ended as well")
    expect(len(world.sim.terminations(mine)) == 1, "it was not asked to end exactly once")


def the_origin_of_a_command_stands_in_each_of_its_events(world):
    for origin in ("ORIGIN_USER_REQUEST", "ORIGIN_REMOTE", "ORIGIN_APPLICATION", "ORIGIN_POLICY"):
        command = by_sessions(ONE, world.login(ONE))
        command.origin = command_pb2.Origin.Value(origin)
        world.send(command)
        expect_end(world.end_of(command.id), "completed")
        told = {event["kind"]: event.get("origin") for event in world.events_of(command.id)}
        expect(len(told) > 1 and set(told.values()) == {origin}, f"{origin}: {told}")


def sessions_are_ended_by_their_numbers(world):
    made = [world.sim.login(TWO, "ib-02", user=f"Кассир {i}") for i in range(3)]
    wanted = ",".join(str(each["number"]) for each in made[:2])
    expect_run(world.terminate(TWO, "--infobase", "IB-02", "--number", wanted), 0, "ended", "ended")
    expect([world.sim.is_there(TWO, each["session"]) for each in made] == [False, False, True], "the wrong ones are gone")


def what_is_not_there_is_already_gone(world):
    expect_run(world.terminate(ONE, "--session", str(uuid.uuid4())), 0, "already_gone")
    expect_run(world.terminate(ONE, "--infobase", IB, "--number", "999999"), 0, "already_gone")


def a_guard_that_differs_spares_the_session(world):
    made = world.sim.login(ONE, user="Анна")
    run = world.terminate(ONE, "--infobase", IB, "--number", made["number"], "--user", "Борис")
    expect_run(run, FAILED, "no_longer_matches")
    expect(world.sim.is_there(ONE, made["session"]), "it was ended all the same")
    expect_run(world.terminate(ONE, "--infobase", IB, "--number", made["number"], "--user", "анна", "--application", "1cv8c",
                               "--started-at", made["started_at"]), 0, "ended")


def a_protected_application_is_spared(world):
    console = world.sim.login(ONE, app="SrvrConsole")
    designer = world.sim.login(ONE, app="Designer")
    user = world.sim.login(ONE)
    expect_run(world.terminate(ONE, "--session", console["session"]), REFUSED, "protected")
    expect_run(world.terminate(ONE, "--infobase", IB, "--number", designer["number"]), REFUSED, "protected")
    both = world.terminate(ONE, "--infobase", IB, "--number", f"{console['number']},{user['number']}")
    expect_run(both, PARTIAL, "protected", "ended")
    expect(world.sim.is_there(ONE, console["session"]), "the console was ended")
    expect_run(world.terminate(ONE, "--session", designer["session"]), 0, "ended")


def a_refused_list_is_never_an_empty_one(world):
    """Also where the class of the refusal would be good news for an end."""
    for refusal in ("SessionNotFound", "ClientNotFound", "Failure", "UnknownThrowable"):
        with world.fault(f"error={refusal},op=sessions,cluster={ONE}"):
            for form in ((), ("--json",)):
                run = world.curfew("sessions", "--config", world.worker.config, "--cluster", ONE, *form)
                expect(run.status != 0 and run.out == "" and refusal in run.err, f"{refusal}: {run}")


def whatever_the_doctor_warns_of_it_says_what_to_do(world):
    config = world.folder / "doctor.yaml"
    config.write_text(json.dumps({**world.config_of("doctor"), "reply_topics": ["curfew.replies", "curfew.nowhere"]}), encoding="utf-8")
    for brokers, check, word in ((world.brokers, "reply topic", "curfew.nowhere"), ("127.0.0.1:1", "kafka", "127.0.0.1:1")):
        run = world.curfew("doctor", "--json", "--config", config, "--brokers", brokers, "--timeout", "3s")
        found = [each for each in run.json if each["state"] != "ok"]
        expect(all(each["todo"] for each in found), f"and what to do? {found}")
        expect(any(each["check"] == check and word in each["found"] for each in found), f"not told: {run}")
    expect(run.status == LATER, f"without a broker: {run}")


def is_open(connection):
    """Whatever it sent before: was it closed since?"""
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
        return False
    except BlockingIOError:
        return True


def the_doctor_waits_for_silent_clusters_together(world):
    """300 clusters of which 60 are silent: 60 times ten seconds would be waited for one after another."""
    config = world.config_of("doctor")
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        for number, server in enumerate(silent):
            config["clusters"].insert(0, {"name": f"silent-{number}", "addresses": [f"127.0.0.1:{server.getsockname()[1]}"]})
        file = world.folder / "silent.yaml"
        file.write_text(json.dumps(config), encoding="utf-8")
        program = stack.enter_context(subprocess.Popen(
            [world.build / "curfew", "doctor", "--json", "--config", file, "--brokers", world.brokers, "--timeout", "5s"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        stack.callback(program.kill)
        for server in silent:
            server.settimeout(WAIT_S)
        asked = [stack.enter_context(server.accept()[0]) for server in silent]
        expect(all(is_open(connection) for connection in asked), "they are asked one after another")
        found = {each["check"]: each["state"] for each in json.loads(program.communicate(timeout=WAIT_S)[0])}
    expect([found[f"cluster silent-{number}"] for number in range(3)] == ["fail"] * 3 and found[f"cluster {ONE}"] == "ok", str(found))


def a_password_that_cannot_be_read_keeps_nobody_from_looking_at_the_rest(world):
    """Under systemd it is there only while the worker runs. Nothing is asked without it: a refused login may be counted."""
    config = world.config_of("doctor")
    file = world.folder / "no-password.yaml"
    with socket.create_server(("127.0.0.1", 0)) as server:
        config["clusters"].insert(0, {"name": "closed", "addresses": [f"127.0.0.1:{server.getsockname()[1]}"],
                                      "admin": {"user": "admin", "password_file": str(world.folder / "nowhere.secret")}})
        file.write_text(json.dumps(config), encoding="utf-8")
        run = world.curfew("doctor", "--json", "--config", file, "--brokers", world.brokers)
        expect_run(world.curfew("sessions", "--cluster", "closed", "--config", file), CONFIG)
        server.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            server.accept()
            raise Failed("it was asked without its password")
    found = {each["check"]: each for each in run.json}
    expect(run.status == CONFIG and found["kafka"]["state"] != "fail" and found[f"cluster {ONE}"]["state"] == "ok", str(run))
    expect(found["cluster closed"]["state"] == "fail" and "nowhere.secret" in found["cluster closed"]["found"], str(run))
    run = world.curfew("doctor", "--json", "--cluster", ONE, "--config", file, "--brokers", world.brokers)
    clusters = [each["check"] for each in run.json if each["check"].startswith("cluster ")]
    expect(clusters == [f"cluster {ONE}"], str(run))
    expect_run(world.curfew("sessions", "--cluster", ONE, "--config", file), 0)


def unknown_names_are_told(world):
    run = expect_run(world.terminate("nowhere", "--session", str(uuid.uuid4())), NOT_FOUND)
    expect("nowhere" in run.out, str(run))
    run = expect_run(world.terminate(ONE, "--infobase", "no-such-infobase", "--number", "1"), NOT_FOUND)
    expect("no-such-infobase" in run.out, str(run))


def a_dry_run_ends_nothing(world):
    made = world.sim.login(ONE)
    expect_run(world.terminate(ONE, "--session", made["session"], "--dry-run"), 0)
    expect(world.sim.is_there(ONE, made["session"]), "it was ended")
    expect(not world.sim.terminations(made["session"]), "it was asked to end")


def exit_statuses_are_as_published(world):
    def status(wanted, *arguments, **options):
        run = world.curfew(*arguments, **options)
        expect(run.status == wanted, f"curfew {' '.join(arguments)}: wanted {wanted}, {run}")
    some = str(uuid.uuid4())
    status(0, "--help", config=None)
    status(0, "terminate", "--help", config=None)
    status(USAGE, "terminat", config=None)
    status(USAGE, "terminate", "--cluster", ONE)
    status(USAGE, "terminate", "--session", some)
    status(USAGE, "terminate", "--cluster", ONE, "--session", "not-a-uuid")
    status(USAGE, "terminate", "--cluster", ONE, "--filter", "")
    status(USAGE, "terminate", "--cluster", ONE, "--number", "1")
    status(USAGE, "terminate", "--cluster", ONE, "--infobase", IB, "--number", "9-1")
    status(LATER, "terminate", "--cluster", ONE, "--session", some, "--brokers", "127.0.0.1:1", "--timeout", "3s")
    status(REFUSED, "terminate", "--cluster", ONE, "--session", some, "--wait", "--reply-topic", "curfew.not-listed")
    broken = world.folder / "broken.yaml"
    broken.write_text("kafka:\n  brokerz: [x:1]\n", encoding="utf-8")
    status(CONFIG, "worker", "--config", str(broken), config=None)
    status(CONFIG, "terminate", "--cluster", ONE, "--session", some, "--config", str(broken))
    run = world.curfew("terminate", "--cluster", ONE, "--session", some)
    expect(run.status == 0 and uuid.UUID(run.out.strip()), f"without --wait the id is printed: {run}")
    world.end_of(run.out.strip())


# ---- what producers get wrong ----

def an_empty_selector_is_refused(world):
    nothing, numbers, sessions = command_for(ONE), command_for(ONE), command_for(ONE)
    nothing.terminate.selector.SetInParent()
    numbers.terminate.selector.numbers.infobase = IB
    sessions.terminate.selector.sessions.SetInParent()
    empty_filter = command_for(ONE)
    empty_filter.terminate.selector.filter.SetInParent()
    for command in (nothing, numbers, sessions, empty_filter):
        before = len(world.sim.logged("terminate"))
        world.send(command)
        event = expect_end(world.end_of(command.id), "rejected")
        expect(event["reason"]["message"], f"the refusal says nothing: {event}")
        expect(len(world.sim.logged("terminate")) == before, "something was asked to end")


def dead_letter_of(world, place):
    def found():
        for message in world.tail("curfew.dead-letters").messages:
            headers = dict(message.headers() or [])
            if (headers.get("curfew_dlq_partition"), headers.get("curfew_dlq_offset")) == tuple(str(n).encode() for n in place):
                return message, headers
        return None
    return wait_for(f"the dead letter of {place}", found)


def expect_dead_letter(world, value, headers=(), key=ONE.encode()):
    place = world.produce(value, key=key, headers=list(headers), partition=world.homes[ONE])
    message, found = dead_letter_of(world, place)
    size = int(found.get("curfew_dlq_value_bytes", len(value or b"")))
    expect(size == len(value or b"") and (value or b"").startswith(message.value() or b""), "the dead letter has other bytes")
    expect("curfew_dlq_value_bytes" in found or len(message.value() or b"") == size, "bytes are missing, and it does not say so")
    expect(message.key() == key, f"the dead letter has another key: {message.key()}")
    for name, each in headers:
        expect(found.get(name) == each, f"header {name} is {found.get(name)}")
    expect(found.get("curfew_dlq_reason") and found.get("curfew_dlq_message"), f"no reason: {found}")
    return found


def undecodable_bytes_go_to_the_dead_letters(world):
    found = expect_dead_letter(world, b"\xff\xfe\xfd nonsense", [("trace", b"4711"), ("content-type", b"application/protobuf")])
    expect(found["curfew_dlq_topic"] == b"curfew.commands", str(found))
    expect_dead_letter(world, b"{\"id\": ")
    expect_dead_letter(world, b"")
    expect_dead_letter(world, None)
    still_works(world)


def a_nul_or_bad_utf_8_in_a_name_does_no_harm(world):
    session = world.login(ONE)
    for name in (b"sim-01\0x", b"sim-0\xff1", b"\xed\xa0\x80"):
        command = by_sessions(PLACEHOLDER, session)
        value = command.SerializeToString().replace(PLACEHOLDER.encode(), name.ljust(len(PLACEHOLDER), b"z"))
        expect_dead_letter(world, value)
    value = json.dumps({"id": str(uuid.uuid4()), "cluster": "sim-01\0x", "terminate": {"selector": {"sessions": {"uuids": [session]}}}})
    expect_dead_letter(world, value.encode())
    expect(world.sim.is_there(ONE, session), "a name with a NUL was taken for its beginning")


PLACEHOLDER = "placeholder-name"


def a_mebibyte_is_refused(world):
    command = by_sessions(ONE, str(uuid.uuid4()))
    command.reason = "x" * (1 << 20)
    expect_dead_letter(world, command.SerializeToString())
    expect_dead_letter(world, b"{" + b" " * (1 << 20) + b"}")
    found = expect_dead_letter(world, b"x", key=b"k" * 20000, headers=[(f"h{i}", b"v" * 20000) for i in range(1)])
    expect(found["curfew_dlq_reason"] == b"undecodable", str(found))
    place = world.produce(command_for(ONE).SerializeToString(), key=ONE, headers=[(f"h{i}", b"v" * 20000) for i in range(40)])
    expect(dead_letter_of(world, place)[1]["curfew_dlq_reason"] == b"too_large", "so many headers were taken")
    session = world.login(ONE)
    forwarded = [("curfew_first_append", str(time.time_ns() // 1_000_000).encode())]
    for count, more, taken in ((62, [], False), (64, forwarded, False), (61, [], True)):    # with those of a forward 64 at most are read
        command = by_sessions(ONE, session)
        place = world.produce(command.SerializeToString(), key=ONE, headers=more + [(f"h{i}", b"v") for i in range(count)],
                              identity=command.id if taken else None)
        if taken:
            wait_for("its end", lambda: not world.sim.is_there(ONE, session))
        else:
            expect(dead_letter_of(world, place)[1]["curfew_dlq_reason"] == b"too_large", f"{count} headers were taken")
            expect(world.sim.is_there(ONE, session), f"{count} headers: it was carried out")
    still_works(world)


def deep_nesting_is_refused(world):
    def wrap(inner):        # Filter.not = 3
        size, length = len(inner), b""
        while size > 127:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        return b"\x1a" + length + bytes([size]) + inner
    inner = b""
    while len(inner) < 40_000:
        inner = wrap(inner)
    command = command_for(ONE)
    command.terminate.selector.filter.SetInParent()
    value = command_for(ONE).SerializeToString()

    def field(tag, body):
        return bytes([tag]) + wrap(body)[1:]
    expect_dead_letter(world, value + field(0x52, field(0x0a, field(0x1a, inner))))
    expect_dead_letter(world, b'{"id":"%s","cluster":"sim-01","terminate":{"selector":{"filter":' % str(uuid.uuid4()).encode()
                       + b'{"not":' * 5000 + b"{}" + b"}" * 5000 + b"}}}")
    expect_dead_letter(world, b"[" * 40_000)
    still_works(world)


def a_field_of_a_newer_version_is_refused(world):
    """It may be a restriction that this worker would not keep."""
    session = world.login(ONE)
    command = by_sessions(ONE, session)
    world.produce(command.SerializeToString() + b"\xf8\x07\x01", key=ONE, identity=command.id)    # field 127
    event = expect_end(world.end_of(command.id), "rejected", "unsupported")
    expect("(127)" in event["reason"]["message"], str(event))
    expect(world.sim.is_there(ONE, session), "it was carried out")


def an_expired_command_ends_nothing(world):
    session = world.login(ONE)
    command = by_sessions(ONE, session, valid_s=-5)
    world.send(command)
    event = world.end_of(command.id)
    expect(event["outcome"] in ("COMMAND_OUTCOME_REJECTED", "COMMAND_OUTCOME_EXPIRED"), str(event))
    expect(event["reason"]["code"] == "expired", str(event))
    expect(world.sim.is_there(ONE, session), "it was ended")


def the_same_id_with_other_content_is_a_conflict(world):
    mine, other = (world.login(ONE) for _ in range(2))
    first, second = by_sessions(ONE, mine), by_sessions(ONE, other)
    second.id = first.id
    world.send(first)
    expect_end(world.end_of(first.id), "completed")
    world.send(second)
    expect_end(world.end_of(first.id, count=2), "rejected", "conflict")
    expect(world.sim.is_there(ONE, other), "the second one was carried out")


def the_same_id_again_gets_the_first_result(world):
    session = world.login(ONE)
    command = by_sessions(ONE, session)
    world.send(command)
    first = expect_end(world.end_of(command.id), "completed")
    world.send(command)
    again = expect_end(world.end_of(command.id, count=2), "completed")
    expect(again.get("duplicate") and not first.get("duplicate"), f"not marked as a duplicate: {again}")
    expect([t["outcome"] for t in again["targets"]] == ["TARGET_OUTCOME_ENDED"], str(again))
    expect(len(world.sim.terminations(session)) == 1, "it was carried out twice")
    upper = by_sessions(ONE, session)       # the same content in another encoding
    upper.CopyFrom(command)
    headers, value = encodings.ENCODINGS["json"](upper)
    world.produce(value, key=ONE, headers=headers, identity=command.id)
    expect_end(world.end_of(command.id, count=3), "completed")


def the_reply_topic_gets_the_events_too(world):
    session = world.login(ONE)
    command = by_sessions(ONE, session, reply_topic="curfew.replies", correlation_id="job-7")
    world.send(command)
    event = expect_end(world.end_of(command.id, topic="curfew.replies"), "completed")
    expect(event["correlationId"] == "job-7", str(event))
    expect_end(world.end_of(command.id), "completed")


def a_command_in_the_wrong_partition_is_forwarded(world):
    session = world.login(ONE)
    command = by_sessions(ONE, session)
    world.produce(command.SerializeToString(), key=None, partition=(world.homes[ONE] + 1) % world.partitions, identity=command.id)
    expect_end(world.end_of(command.id), "completed")
    expect(not world.sim.is_there(ONE, session), "it is still there")


def every_encoding_is_understood(world):
    made = {name: world.sim.login(TWO, "ib-03") for name in encodings.ENCODINGS}
    commands = {}
    for name, encode in encodings.ENCODINGS.items():
        command = commands[name] = by_numbers(TWO, "ib-03", made[name]["number"], correlation_id=f"job-{name}")
        headers, value = encode(command)
        world.produce(value, key=TWO, headers=headers, identity=command.id)
    for name, command in commands.items():
        try:
            event = expect_end(world.end_of(command.id), "completed")
        except Failed as error:
            raise Failed(f"{name}: {error}") from error
        expect(event["correlationId"] == f"job-{name}", f"{name}: {event}")
        expect(not world.sim.is_there(TWO, made[name]["session"]), f"{name}: the session is still there")


def the_independent_client_understands_the_events(world):
    client = [sys.executable, "-B", str(ROOT / "tests/client/client.py")]

    def run(*more):
        done = subprocess.run([*client, *more], capture_output=True, text=True, timeout=120, check=False)
        expect(done.returncode == 0, f"client.py {more[0]}: status {done.returncode} {done.stderr[-500:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]
    made = world.sim.login(TWO)
    sent = run("produce", "--brokers", world.brokers, "--topic", "curfew.commands", "--cluster", TWO, "--infobase", IB,
               "--number", str(made["number"]), "--dry-run")
    world.produced += [{key: each[key] for key in ("id", "partition", "offset")} for each in sent]
    ids = [part for each in sent for part in ("--id", each["id"])]
    events = run("events", "--brokers", world.brokers, "--topic", "curfew.events", *ids)
    ends = {event["command"]: event["outcome"] for event in events if event["outcome"] != "unspecified"}
    expect(len(sent) == len(encodings.ENCODINGS) and set(ends.values()) == {"dry_run"}, f"{ends}")


def a_forged_first_append_gains_nothing(world):
    """The header of a forwarded command, written by a producer: it can make a command older, never younger; nonsense is left aside."""
    now_ms = time.time_ns() // 1_000_000
    for forged, outcome in ((now_ms - 86_400_000, "rejected"), (now_ms + 86_400_000, "completed"), ("nonsense", "completed"),
                            (-1, "completed")):
        session = world.login(ONE)
        command = by_sessions(ONE, session)
        world.send(command, headers=[("curfew_first_append", str(forged).encode())])
        expect_end(world.end_of(command.id), outcome, "expired" if outcome == "rejected" else None)
        expect(world.sim.is_there(ONE, session) == (outcome == "rejected"), f"first append {forged}: the session")
    session = world.login(ONE)
    command = by_sessions(ONE, session, valid_s=-5)     # over by the time it says itself
    world.send(command, headers=[("curfew_first_append", str(now_ms + 86_400_000).encode())])
    expect_end(world.end_of(command.id), "rejected", "expired")
    expect(world.sim.is_there(ONE, session), "an expired command was carried out")


def a_sender_whose_clock_runs_ahead_stops_nothing(world):
    """Where the topic keeps the sender's time, as here: it is never later than the broker's, and no record bears one that cannot be read."""
    year_9999_ms = 253402300799999
    for at_ms in (year_9999_ms + 1, 1000 * year_9999_ms, time.time_ns() // 1_000_000 + 2 * 365 * 86_400_000):
        session = world.login(ONE)
        command = by_sessions(ONE, session)
        world.send(command, at_ms=at_ms)
        expect_end(world.end_of(command.id), "completed")
    worker = world.workers["worker-1"]
    expect(not [line for line in worker.log.read_text().splitlines() if "partition stopped" in line], "a partition stopped")
    expect(world.all_ready(), "the worker is not ready any more")


def a_reply_topic_that_is_not_listed_gets_nothing(world):
    """It may be any topic, the journal too."""
    for topic in ("curfew.control", "curfew.journal", "curfew.commands"):
        session = world.login(ONE)
        command = by_sessions(ONE, session, reply_topic=topic)
        world.send(command)
        expect_end(world.end_of(command.id), "rejected")
        expect(world.sim.is_there(ONE, session), "it was carried out")
        found = [m for m in world.tail(topic).messages if dict(m.headers() or []).get("ce_causationid") == command.id.encode()]
        expect(not found, f"an event stands on {topic}")


# ---- what a cluster and an operator do ----

def a_wrong_password_is_told_and_ends_nothing(world):
    session = world.login(TWO)
    world.sim.ask("credentials", cluster=TWO, user="admin", password="s3cret-of-tomorrow")
    world.sim.ask("cut", cluster=TWO)       # connections that were let in before
    run = world.terminate(TWO, "--session", session)
    expect(run.status == FAILED and targets_of(run) == ["failed"], f"wanted failed: {run}")
    expect(run.json["targets"][0]["reason"]["code"] == "auth", f"no reason that helps: {run}")
    expect(world.sim.is_there(TWO, session), "it was ended")
    world.secret.write_text("s3cret-of-tomorrow\n", encoding="utf-8")
    world.worker.signal(signal.SIGHUP)
    begun = time.monotonic()
    world.end_session(TWO, session)
    expect(time.monotonic() - begun < QUICK_S, f"{time.monotonic() - begun:.0f} s after the right password was given")


def a_hung_cluster_slows_nobody(world):
    session = world.login(SLOW)
    command = by_sessions(SLOW, session)
    with world.fault(f"hang,cluster={SLOW}") as hang:
        world.send(command)
        wait_for("the hung cluster was asked", lambda: world.sim.hits(hang) > 0)
        for _ in range(5):
            mine = world.login(ONE)
            begun = time.monotonic()
            world.end_session(ONE, mine)
            expect(time.monotonic() - begun < QUICK_S, f"{time.monotonic() - begun:.1f} s while another cluster hangs")
        expect(world.worker.readiness()[0] == 200, f"not ready: {world.worker.readiness()}")
        run = world.curfew("terminate", "--cluster", SLOW, "--session", str(uuid.uuid4()), "--wait", "--timeout", "1s")
        expect(run.status == TIMED_OUT, f"wanted {TIMED_OUT}: {run}")
    expect_end(world.end_of(command.id), "completed")
    expect(not world.sim.is_there(SLOW, session), "it is still there")


def a_bad_configuration_is_not_taken(world):
    worker = world.worker
    good = worker.config.read_text(encoding="utf-8")
    worker.reload(good + "\nno_such_key: 1\n", "no_such_key")
    still_works(world)
    worker.reload(dict(worker.settings, limits={"targets_per_command": 1}))
    run = world.terminate(ONE, *[part for _ in range(2) for part in ("--session", str(uuid.uuid4()))])
    expect(run.status == REFUSED, f"the new limit is not in force: {run}")
    worker.reload(good)


def a_reload_while_ends_are_out_loses_nothing(world):
    """Other credentials make new connections; what is out on the old ones is answered there, and nothing is sent twice."""
    sessions = [world.login(TWO) for _ in range(4)]
    command = by_sessions(TWO, *sessions)
    with world.fault(f"delay=1s,cluster={TWO},op=terminate_session") as delay:
        world.send(command)
        wait_for("an end is out", lambda: world.sim.hits(delay) > 0)
        world.worker.reload()
        event = expect_end(world.end_of(command.id), "completed")
    expect({t["outcome"] for t in event["targets"]} == {"TARGET_OUTCOME_ENDED"}, str(event))
    for session in sessions:
        expect(len(world.sim.terminations(session)) == 1, "sent twice")


def the_kill_switch_stops_ends_that_wait_in_the_executor(world):
    """They were handed to the executor, and wait there until it is let in: not a byte of them has left."""
    sessions = [world.login(TWO) for _ in range(40)]    # more than may be out at once
    command = by_sessions(TWO, *sessions)
    with world.fault(f"delay=3s,cluster={TWO},op=terminate_session") as delay:
        world.send(command)
        wait_for("an end is out", lambda: world.sim.hits(delay) > 0)
        world.sim.ask("cut", cluster=TWO)       # the others begin anew, and are authenticated first
        world.worker.signal(signal.SIGUSR1)
        wait_for("engaged", lambda: world.worker.metric("curfew_kill_switch") == 1)
        engaged_ms = time.time_ns() // 1_000_000
        event = world.end_of(command.id)
    world.worker.signal(signal.SIGUSR2)
    late = [each for session in sessions for each in world.sim.terminations(session) if each["received_ms"] > engaged_ms]
    expect(not late, f"an end left after the kill switch: {late}")
    expect(event["outcome"] != "COMMAND_OUTCOME_COMPLETED", f"nobody was left to be stopped: {event}")
    wait_for("released", lambda: world.worker.metric("curfew_kill_switch") == 0)
    still_works(world, TWO)


def the_pages_for_machines_are_there(world):
    expect(world.worker.get("/livez")[0] == 200, "no /livez")
    expect(world.worker.metric("curfew_terminations_total", outcome="ended") > 0, "no terminations are counted")
    for name in ("journal_append_duration_seconds_count", "journal_read_back_duration_seconds_count", "loop_turn_duration_seconds_count",
                 "commands_duplicate_total", "commands_forwarded_total"):
        expect(world.worker.metric(f"curfew_{name}") > 0, f"{name} is not counted")
    for name in ("config_timestamp_seconds", "last_event_timestamp_seconds"):
        age = time.time() - world.worker.metric(f"curfew_{name}")
        expect(-60 < age < 3600, f"{name} is {age} s ago")
    expect(world.worker.get("/nothing")[0] == 404, "an unknown page")


def sigterm_finishes_what_was_begun(world):
    session = world.login(SLOW)
    command = by_sessions(SLOW, session)
    with world.fault(f"delay=600ms,cluster={SLOW},op=get_sessions") as delay:
        world.send(command)
        wait_for("the list is asked for", lambda: world.sim.hits(delay) > 0)
        status = world.worker.stop()
    expect(status == 0, f"exit status {status}")
    expect_end(world.end_of(command.id), "completed")
    expect(not world.sim.is_there(SLOW, session), "it is still there")


def secrets_stay_in(world):
    """I12: no password of the configuration stands in a log or on a topic."""
    for path in world.folder.iterdir():
        if path.is_file() and path.suffix != ".secret":
            expect(b"s3cret-of" not in path.read_bytes(), f"a password stands in {path.name}")
    for topic in ("curfew.journal", "curfew.events", "curfew.dead-letters", "curfew.replies"):
        for message in world.tail(topic).messages:
            expect(b"s3cret-of" not in (message.value() or b""), f"a password stands in {topic}")


CASES = [
    a_session_that_was_ended_can_be_asked_for_later,
    a_session_is_ended_by_its_uuid, the_origin_of_a_command_stands_in_each_of_its_events,
    sessions_are_ended_by_their_numbers, what_is_not_there_is_already_gone,
    a_guard_that_differs_spares_the_session, a_protected_application_is_spared, unknown_names_are_told, a_dry_run_ends_nothing,
    a_refused_list_is_never_an_empty_one, whatever_the_doctor_warns_of_it_says_what_to_do,
    the_doctor_waits_for_silent_clusters_together, a_password_that_cannot_be_read_keeps_nobody_from_looking_at_the_rest,
    exit_statuses_are_as_published, an_empty_selector_is_refused, undecodable_bytes_go_to_the_dead_letters,
    a_nul_or_bad_utf_8_in_a_name_does_no_harm, a_mebibyte_is_refused, deep_nesting_is_refused, an_expired_command_ends_nothing,
    a_field_of_a_newer_version_is_refused,
    the_same_id_with_other_content_is_a_conflict, the_same_id_again_gets_the_first_result, the_reply_topic_gets_the_events_too,
    a_command_in_the_wrong_partition_is_forwarded, every_encoding_is_understood, the_independent_client_understands_the_events,
    a_forged_first_append_gains_nothing, a_sender_whose_clock_runs_ahead_stops_nothing, a_reply_topic_that_is_not_listed_gets_nothing,
    a_reload_while_ends_are_out_loses_nothing, the_kill_switch_stops_ends_that_wait_in_the_executor,
    a_wrong_password_is_told_and_ends_nothing, a_hung_cluster_slows_nobody, a_bad_configuration_is_not_taken,
    the_pages_for_machines_are_there, sigterm_finishes_what_was_begun, secrets_stay_in, the_checker_is_content,
]


class BasicWorld(World):
    def cluster_config(self, cluster):
        config = super().cluster_config(cluster)
        if cluster == SLOW:
            config["timeouts"] = {"request": "2s"}
        if cluster == TWO:
            self.secret = self.folder / "two.secret"
            self.secret.write_text("s3cret-of-the-test\n", encoding="utf-8")
            self.secret.chmod(0o600)
            config["admin"] = {"user": "admin", "password_file": str(self.secret)}
        return config


def main():
    options = arguments(__doc__)
    cases = Cases(options)
    with BasicWorld(options, clusters=3, sim=["--sessions", "6"]) as world:
        world.start_worker("worker-1")
        world.homes = {}        # cluster -> its partition
        for cluster in (ONE, TWO, SLOW):
            probe = by_sessions(cluster, str(uuid.uuid4()))
            world.homes[cluster] = world.send(probe)[0]
        cases.run(world, CASES)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
