#!/usr/bin/env python3
"""The HTTP endpoint through everything: request -> Kafka -> worker -> RAS -> event -> answer.

Invariants: an answer says that all are gone only when the simulator's sessions are; a repeat does nothing twice, whichever
process remembers; who waits longer than he wanted is told where to look, never "done"; a token sees its clusters alone.
"""
import contextlib
import http.client
import json
import signal
import sys
import threading
import time
import uuid

import bootstrap

bootstrap.enter()

import bsl
import world as w
from contract import Contract, codes_of_the_table
from world import expect, wait_for

ONE, TWO = "sim-01", "sim-02"
TOKEN, OTHER = "token-of-the-tests-0123456789", "token-of-another-0123456789"


CONTRACT = Contract()
# What no test can bring about at will: a full cluster, and which of the two it is when Kafka is away.
NOT_HERE = {"busy", "not_written", "uncertain"}


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.text = response.read().decode()
        self.json = json.loads(self.text) if self.text.startswith("{") else None

    def __str__(self):
        return f"{self.status} {dict(self.headers)} {self.text.strip()}"


class Gateway(w.Worker):
    """One `curfew gateway`, driven like a worker."""
    command = "gateway"

    def request(self, method, path, body=None, headers=None, seconds=90):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request(method, path, body, headers or {})
            answer = Answer(connection.getresponse())
            CONTRACT.exchange(method, path, body, answer)
            return answer
        finally:
            connection.close()

    def post(self, body, wait=None, key=None, token=TOKEN, headers=None):
        everything = {"Content-Type": "application/json", "Authorization": f"Bearer {token}",
                      "Idempotency-Key": key or str(uuid.uuid4())}
        if wait is not None:
            everything["Prefer"] = f"wait={wait}"
        everything.update(headers or {})
        everything = {name: value for name, value in everything.items() if value is not None}
        return self.request("POST", "/v1/terminations", (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode(), everything)

    def state(self, identity, token=TOKEN, headers=None):
        return self.request("GET", f"/v1/terminations/{identity}", headers={"Authorization": f"Bearer {token}", **(headers or {})})


def start_gateway(world, name="gateway", **settings):
    tokens = {}
    for each, token, clusters in (("ut", TOKEN, []), ("shop", OTHER, [TWO])):
        file = world.folder / f"{each}.token"
        file.write_text(token + "\n", encoding="utf-8")
        file.chmod(0o644 if each == "shop" else 0o600)
        tokens[each] = {"file": str(file), "clusters": clusters, "per_minute": 100000}
    config = {"kafka": {"brokers": [world.brokers]}, "log": {"level": "debug"},
              "gateway": {"listen": "127.0.0.1:0", "tokens": tokens, "servers": {"srv1:1541": ONE, "СЕРВЕР-2": TWO}, **settings}}
    gateway = world.workers[name] = Gateway(world, name, config)
    return gateway.start()


def login(world, cluster=ONE, **more):
    """A session as the simulator lists it."""
    identity = world.sim.login(cluster, **more)["session"]
    return next(each for each in world.sim.sessions(cluster) if each["session"] == identity)


def by_numbers(*numbers, cluster=ONE, **more):
    return {"target": {"cluster": cluster, "infobase": "ib-01",
                       "sessions": [number if isinstance(number, dict) else {"number": number} for number in numbers]}, **more}


def expect_problem(answer, status, code):
    expect(answer.status == status and answer.json and answer.json["code"] == code, f"wanted {status} {code}: {answer}")
    expect(answer.headers["Content-Type"] == "application/problem+json", str(answer))
    expect(answer.json["status"] == status and answer.json["type"] == f"urn:curfew:problem:{code}", str(answer))
    expect(answer.json["title"] and answer.json["detail"], str(answer))
    return answer


def outcomes(answer):
    return {row["number"]: row["outcome"] for row in answer.json["sessions"]}


# ---- the thread through everything ----

def a_number_is_ended_and_the_answer_says_so(world):
    session = login(world)
    answer = world.gateway.post(by_numbers(session["number"], 9999, requestedBy="Иванов", reason="вечер", message="Пора домой"), wait=60)
    expect(answer.status == 200 and answer.json["allGone"] is True, str(answer))
    expect(outcomes(answer) == {session["number"]: "ended", 9999: "already_gone"}, str(answer))
    expect(answer.json["state"] == "ended" and answer.json["outcome"] == "completed", str(answer))
    expect(answer.json["sessions"][0]["id"] == session["session"] and answer.json["sessions"][0]["gone"] is True, str(answer))
    expect(answer.json["requestedBy"] == "ut/Иванов" and answer.json["cluster"] == ONE, str(answer))
    expect(answer.headers["Preference-Applied"] == "wait=60", str(answer))
    expect(not world.sim.is_there(ONE, session["session"]), "the answer said gone, and the session is there")


def without_a_wait_the_answer_says_where_to_look(world):
    session = login(world)
    answer = world.gateway.post(by_numbers(session["number"]))
    expect(answer.status == 202 and answer.json["allGone"] is False and answer.json["state"] != "ended", str(answer))
    expect(answer.headers["Location"] == f"/v1/terminations/{answer.json['id']}" and "Preference-Applied" not in answer.headers, str(answer))
    ended = wait_for("the end by GET", lambda: ended_state(world.gateway, answer.json["id"]))
    expect(ended.json["allGone"] is True and outcomes(ended) == {session["number"]: "ended"}, str(ended))
    expect("Retry-After" not in ended.headers, str(ended))


def ended_state(gateway, identity, **more):
    state = gateway.state(identity, **more)
    return state if state.status == 200 and state.json["state"] == "ended" else None


def who_waits_shorter_than_it_takes_is_never_told_that_it_is_done(world):
    session = login(world)
    with fault(world, f"delay=3s,op=terminate_session,cluster={ONE}"):
        answer = world.gateway.post(by_numbers(session["number"]), wait=1)
        expect(answer.status == 202 and answer.json["state"] == "accepted" and answer.json["allGone"] is False, str(answer))
        expect(answer.headers["Preference-Applied"] == "wait=1" and answer.headers["Retry-After"] == "1", str(answer))
        expect(answer.json["sessions"] == [] and answer.json["outcome"] is None, str(answer))
    wait_for("the end by GET", lambda: ended_state(world.gateway, answer.json["id"]))


@contextlib.contextmanager
def fault(world, spec):
    identity = world.sim.fault(spec)
    try:
        yield
    finally:
        world.sim.unfault(identity)


def a_repeat_with_the_same_key_does_nothing_twice(world):
    session, key = login(world), str(uuid.uuid4())
    body = by_numbers(session["number"])
    first = world.gateway.post(body, wait=60, key=key)
    again = world.gateway.post(body, wait=60, key=f'"{key}"')
    expect(first.status == again.status == 200 and first.json == again.json, f"{first}\n{again}")
    expect(len(world.sim.terminations(session["session"])) == 1, "two ends were sent")
    expect_problem(world.gateway.post(by_numbers(9998), wait=60, key=key), 422, "key_reused")
    other = world.gateway.post({**body, "target": {**body["target"], "cluster": TWO}}, wait=60, key=key, token=OTHER)
    expect(other.status == 200 and other.json["id"] != first.json["id"], f"a key belongs to its token: {other}")


def two_requests_with_one_key_at_once_are_one_command(world):
    session, key, answers = login(world), str(uuid.uuid4()), []
    body = by_numbers(session["number"])
    threads = [threading.Thread(target=lambda: answers.append(world.gateway.post(body, wait=60, key=key))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(len(answers) == 8 and all(each.status == 200 and each.json["allGone"] for each in answers), "; ".join(map(str, answers)))
    expect(len({each.json["id"] for each in answers}) == 1, "more than one command")
    expect(len(world.sim.terminations(session["session"])) == 1, "two ends were sent")


def a_restarted_gateway_knows_what_the_events_know(world):
    session, key = login(world), str(uuid.uuid4())
    body = by_numbers(session["number"])
    first = world.gateway.post(body, wait=60, key=key)
    world.gateway.kill()
    world.gateway.start()
    expect(ended_state(world.gateway, first.json["id"]).json == first.json, f"not as before: {first}")
    again = world.gateway.post(body, wait=60, key=key)
    expect(again.status == 200 and again.json == first.json, f"{first}\n{again}")
    expect_problem(world.gateway.post(by_numbers(9997), wait=60, key=key), 422, "key_reused")
    expect(len(world.sim.terminations(session["session"])) == 1, "two ends were sent")


def a_gateway_that_remembers_nothing_leaves_it_to_the_worker(world):
    """Its window of events is long past the first request: the worker says duplicate, or conflict."""
    session, key = login(world), str(uuid.uuid4())
    body = by_numbers(session["number"])
    first = world.gateway.post(body, wait=60, key=key)
    for number in range(60):                # two events each: more than the second gateway looks back
        world.gateway.post(by_numbers(50000 + number), wait=60)
    forgetful = start_gateway(world, "forgetful", remembered=100)
    expect_problem(forgetful.state(first.json["id"]), 404, "unknown_termination")
    conflict = forgetful.post(by_numbers(9996), wait=60, key=key)
    expect_problem(conflict, 422, "key_reused")
    again = forgetful.post(body, wait=60, key=key)
    expect(again.status == 200 and again.json["allGone"] is True and again.json["id"] == first.json["id"], str(again))
    expect(len(world.sim.terminations(session["session"])) == 1, "two ends were sent")
    expect(forgetful.stop() == 0, forgetful.text()[-2000:])


def a_gateway_that_dies_while_somebody_waits_loses_nothing(world):
    session, key, seen = login(world), str(uuid.uuid4()), []

    def ask():
        try:
            seen.append(world.gateway.post(by_numbers(session["number"]), wait=60, key=key))
        except (http.client.HTTPException, OSError) as error:
            seen.append(error)
    with fault(world, f"delay=2s,op=terminate_session,cluster={ONE}"):
        thread = threading.Thread(target=ask)
        thread.start()
        wait_for("somebody waits", lambda: world.gateway.metric("curfew_gateway_waiting") == 1)
        world.gateway.kill()
        thread.join()
        expect(not isinstance(seen[0], Answer), f"an answer although it died: {seen[0]}")
        world.gateway.start()
        answer = world.gateway.post(by_numbers(session["number"]), wait=60, key=key)
    expect(answer.status == 200 and answer.json["allGone"] is True, str(answer))
    expect(len(world.sim.terminations(session["session"])) == 1, "two ends were sent")


def a_gateway_told_to_stop_answers_who_waits(world):
    session, seen = login(world), []
    stopping = start_gateway(world, "stopping")
    with fault(world, f"delay=3s,op=terminate_session,cluster={ONE}"):
        thread = threading.Thread(target=lambda: seen.append(stopping.post(by_numbers(session["number"]), wait=60)))
        thread.start()
        wait_for("somebody waits", lambda: stopping.metric("curfew_gateway_waiting") == 1)
        expect(stopping.stop() == 0, stopping.text()[-2000:])
        thread.join()
    expect(seen[0].status in (202, 503) and (seen[0].status == 503 or seen[0].json["allGone"] is False), str(seen[0]))
    wait_for("the end", lambda: not world.sim.is_there(ONE, session["session"]))


# ---- which sessions ----

def each_number_has_its_guard_and_the_answer_says_why(world):
    mine, taken, late = login(world, user="Иванов"), login(world, user="Петров"), login(world, user="Сидоров")
    guards = [{"number": mine["number"], "user": "иванов", "application": mine["app"], "startedAt": mine["started_at"][:19]},
              {"number": taken["number"], "user": "Иванов"},
              {"number": late["number"], "startedAt": "2020-01-01T00:00:00"}]
    answer = world.gateway.post(by_numbers(*guards), wait=60, headers={"Accept-Language": "ru"})
    expect(answer.status == 200 and answer.json["allGone"] is False and answer.json["outcome"] == "partially_completed", str(answer))
    expect(outcomes(answer) == {mine["number"]: "ended", taken["number"]: "no_longer_matches", late["number"]: "no_longer_matches"}, str(answer))
    row = answer.json["sessions"][1]
    expect(row["gone"] is False and row["reason"]["code"] == "conflict" and "другой" in row["outcomeText"], str(answer))
    expect(answer.headers["Content-Language"] == "ru" and answer.json["outcomeText"] == "завершены не все сеансы", str(answer))
    expect(world.sim.is_there(ONE, taken["session"]) and world.sim.is_there(ONE, late["session"]), "a stranger's session was ended")


def a_connection_string_names_cluster_and_infobase(world):
    session = login(world, TWO)
    for string in ('Srvr="srv1";Ref="ib-01";', "Ref=ib-01;Srvr=сервер-2:1541", 'Srvr="srv9,СЕРВЕР-2";Ref="IB-01";'):
        target = {"connectionString": string, "sessions": [{"number": session["number"], "user": "nobody"}]}
        answer = world.gateway.post({"target": target}, wait=60)
        expect(answer.status == 200 and answer.json["cluster"] == (ONE if "srv1" in string else TWO), str(answer))
    target["sessions"] = [{"number": session["number"]}]
    answer = world.gateway.post({"target": target}, wait=60)
    expect(answer.json["allGone"] is True and not world.sim.is_there(TWO, session["session"]), str(answer))
    unknown = {"target": {**target, "connectionString": 'Srvr="srv9";Ref="ib-01";'}}
    expect("srv9" in expect_problem(world.gateway.post(unknown), 422, "unknown_server").json["detail"], "the server is not named")
    for string in ('File="C:\\base";', 'Srvr="srv1";', 'Srvr="srv1;Ref="ib"', "ws=http://x"):
        expect_problem(world.gateway.post({"target": {**target, "connectionString": string}}), 422, "connection_string")


def sessions_may_be_named_by_uuid(world):
    session = login(world)
    answer = world.gateway.post({"target": {"cluster": ONE, "sessions": [{"id": session["session"]}]}}, wait=60)
    expect(answer.status == 200 and answer.json["allGone"] is True and answer.json["sessions"][0]["id"] == session["session"], str(answer))


def a_dry_run_ends_nothing_and_is_not_gone(world):
    session = login(world)
    answer = world.gateway.post(by_numbers(session["number"], dryRun=True), wait=60)
    expect(answer.status == 200 and answer.json["outcome"] == "dry_run" and answer.json["allGone"] is False, str(answer))
    expect(world.sim.is_there(ONE, session["session"]), "a dry run ended a session")


def what_survives_is_not_gone(world):
    session = login(world)
    with fault(world, f"lie,op=terminate_session,cluster={ONE}"):
        answer = world.gateway.post(by_numbers(session["number"]), wait=60)
    expect(answer.status == 200 and answer.json["allGone"] is False and answer.json["outcome"] == "failed", str(answer))
    expect(outcomes(answer) == {session["number"]: "survived"} and answer.json["sessions"][0]["gone"] is False, str(answer))


# ---- the extension for 1C ----

def the_requests_of_the_extension_for_1c_are_taken_as_they_are(world):
    """Made by the extension's own functions (bsl.py), sent as they are, and its answer has what the extension reads."""
    mine, taken = login(world, user="Иванов"), login(world, user="Петров")
    rows = [{"Номер": mine["number"], "Пользователь": "Иванов", "Приложение": mine["app"], "Начало": mine["started_at"][:19]},
            {"Номер": taken["number"], "Пользователь": "Иванов", "Приложение": "", "Начало": ""}]
    for each, gone in ((rows[:1], True), (rows[1:], False)):
        path, headers, body = bsl.request('Srvr="srv1";Ref="ib-01";', each, "Администратор", TOKEN, str(uuid.uuid4()))
        answer = world.gateway.request("POST", path, json.dumps(body, ensure_ascii=False).encode(), headers)
        expect(answer.status == 200 and answer.json["allGone"] is gone and answer.headers["Content-Language"] == "ru", str(answer))
        expect(bsl.members_read("Данные") - {"detail"} <= set(answer.json), f"the extension reads {bsl.members_read('Данные')}")
        expect(bsl.members_read("Сеанс") <= set(answer.json["sessions"][0]), f"the extension reads {bsl.members_read('Сеанс')}")
        expect(answer.json["requestedBy"] == "ut/Администратор", str(answer))
    expect(not world.sim.is_there(ONE, mine["session"]) and world.sim.is_there(ONE, taken["session"]), "the wrong one is gone")
    headers["Authorization"] = "Bearer wrong"
    refused = expect_problem(world.gateway.request("POST", path, json.dumps(body).encode(), headers), 401, "unauthorized")
    expect("detail" in bsl.members_read("Данные") and "токен" in refused.json["detail"], str(refused))


# ---- refusals ----

def the_door_is_for_tokens_and_their_clusters(world):
    gateway = world.gateway
    for headers in ({"Authorization": None}, {"Authorization": "Bearer "}, {"Authorization": f"Basic {TOKEN}"},
                    {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Bearer {TOKEN[:-1]}"}):
        answer = expect_problem(gateway.post(by_numbers(1), headers=headers), 401, "unauthorized")
        expect(answer.headers["WWW-Authenticate"] == "Bearer", str(answer))
    expect_problem(gateway.state(str(uuid.uuid4()), token="x"), 401, "unauthorized")
    expect_problem(gateway.post(by_numbers(1), token=OTHER), 403, "forbidden_cluster")
    expect_problem(gateway.post(by_numbers(1, cluster=world.sim.clusters[ONE]["uuid"]), token=OTHER), 403, "forbidden_cluster")
    mine = gateway.post(by_numbers(9995), wait=60)
    expect(gateway.state(mine.json["id"]).status == 200, "its own state is not told")
    expect_problem(gateway.state(mine.json["id"], token=OTHER), 404, "unknown_termination")
    expect(TOKEN not in gateway.text() and OTHER not in gateway.text(), "a token stands in the log")
    warned = [line for line in gateway.text().splitlines() if "every user of this host" in line]
    expect(len(warned) == 1 and "shop.token" in warned[0], f"it warns of a token's file that is open to all, and of no other: {warned}")


def every_refusal_says_what_to_do_in_both_languages(world):
    gateway = world.gateway
    good = by_numbers(1)
    session = good["target"]["sessions"][0]
    target = good["target"]
    rows = [
        (lambda **more: gateway.post(good, headers={"Idempotency-Key": None, **more}), 400, "key_missing"),
        (lambda **more: gateway.post(good, headers={"Idempotency-Key": "a b", **more}), 400, "key_invalid"),
        (lambda **more: gateway.post(good, headers={"Idempotency-Key": "k" * 129, **more}), 400, "key_invalid"),
        (lambda **more: gateway.post(good, headers={"Content-Type": "text/plain", **more}), 415, "not_json"),
        (lambda **more: gateway.post("{", headers=more), 400, "bad_json"),
        (lambda **more: gateway.post("[1]", headers=more), 400, "bad_json"),
        (lambda **more: gateway.post("[" * 100000, headers=more), 400, "bad_json"),
        (lambda **more: gateway.post("x" * 300000, headers=more), 413, "too_large"),
        (lambda **more: gateway.post({**good, "taget": 1}, headers=more), 422, "invalid"),
        (lambda **more: gateway.post({**good, "target": {**target, "sessions": []}}, headers=more), 422, "invalid"),
        (lambda **more: gateway.post({**good, "target": {**target, "sessions": [session, session]}}, headers=more), 422, "invalid"),
        (lambda **more: gateway.post({**good, "target": {**target, "sessions": [{"number": -1}]}}, headers=more), 422, "invalid"),
        (lambda **more: gateway.post({**good, "target": {**target, "sessions": [{"number": 1.5}]}}, headers=more), 422, "invalid"),
        (lambda **more: gateway.post({**good, "target": {**target, "sessions": [{**session, "usr": "x"}]}}, headers=more), 422, "invalid"),
        (lambda **more: gateway.post({**good, "target": {**target, "sessions": [{**session, "startedAt": "noon"}]}}, headers=more), 422, "invalid"),
        (lambda **more: gateway.post({**good, "target": {**target, "infobase": ""}}, headers=more), 422, "invalid"),
        (lambda **more: gateway.post({**good, "requestedBy": "я" * 300}, headers=more), 422, "invalid"),
        (lambda **more: gateway.post(by_numbers(*[{"number": n, "user": "Ж" * 60} for n in range(1, 450)]), headers=more), 422, "too_many"),
        (lambda **more: gateway.request("GET", "/v1/terminations", headers=more), 405, "method_not_allowed"),
        (lambda **more: gateway.request("DELETE", f"/v1/terminations/{uuid.uuid4()}", headers=more), 405, "method_not_allowed"),
        (lambda **more: gateway.request("GET", "/v1/termination", headers=more), 404, "no_such_path"),
        (lambda **more: gateway.state(str(uuid.uuid4()), headers=more), 404, "unknown_termination"),
        (lambda **more: gateway.state("no-uuid", headers=more), 404, "unknown_termination"),
    ]
    for ask, status, code in rows:
        english = expect_problem(ask(), status, code)
        russian = expect_problem(ask(**{"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.5"}), status, code)
        expect(english.headers["Content-Language"] == "en" and russian.headers["Content-Language"] == "ru", str(russian))
        expect(any("а" <= letter <= "я" for letter in russian.json["title"] + russian.json["detail"]), str(russian))
        expect(not any("а" <= letter <= "я" for letter in english.json["title"]), str(english))


def what_the_worker_refuses_is_told_as_its_refusal(world):
    answer = expect_problem(world.gateway.post({"target": {"cluster": "sim-99", "infobase": "x", "sessions": [{"number": 1}]}}, wait=60),
                            422, "refused")
    expect("sim-99" in answer.json["detail"] and answer.json["id"], str(answer))
    state = world.gateway.state(answer.json["id"])
    expect(state.status == 200 and state.json["outcome"] == "rejected" and state.json["allGone"] is False, str(state))
    expect_problem(world.gateway.post(by_numbers(1, requestedBy="denied"), wait=60), 403, "denied")


def a_token_has_its_rate(world):
    file = world.folder / "slow.token"
    file.write_text("token-of-a-slow-one-0123456789\n", encoding="utf-8")
    slow = start_gateway(world, "slow", tokens={"slow": {"file": str(file), "per_minute": 2}})
    answers = [slow.post(by_numbers(9990), token="token-of-a-slow-one-0123456789") for _ in range(3)]
    expect(all(each.status in (200, 202) for each in answers[:2]), "taken, and perhaps done already: " + "; ".join(map(str, answers)))
    answer = expect_problem(answers[2], 429, "rate")
    expect(25 <= int(answer.headers["Retry-After"]) <= 31 and "2" in answer.json["detail"], str(answer))
    expect(slow.stop() == 0, slow.text()[-2000:])


def questions_have_their_rate_too(world):
    file = world.folder / "curious.token"
    file.write_text("token-of-a-curious-one-01234\n", encoding="utf-8")
    curious = start_gateway(world, "curious", tokens={"curious": {"file": str(file), "reads_per_minute": 2}})
    answers = [curious.state(str(uuid.uuid4()), token="token-of-a-curious-one-01234") for _ in range(3)]
    expect([each.status for each in answers[:2]] == [404, 404], "; ".join(map(str, answers)))
    answer = expect_problem(answers[2], 429, "read_rate")
    expect(25 <= int(answer.headers["Retry-After"]) <= 31 and "2" in answer.json["detail"], f"one comes every 30 s: {answer}")
    expect(curious.stop() == 0, curious.text()[-2000:])


def wrong_tokens_are_counted_and_hold_up_nobody_who_has_a_right_one(world):
    watched = start_gateway(world, "watched", failed_per_minute=3)
    answers = [watched.state(str(uuid.uuid4()), token=f"guess-{each}") for each in range(3)]
    expect([each.status for each in answers] == [401] * 3, "; ".join(map(str, answers)))
    for answer in (watched.state(str(uuid.uuid4()), token="guess"), watched.post(by_numbers(1), headers={"Authorization": None})):
        expect_problem(answer, 429, "failed_rate")
        expect(1 <= int(answer.headers["Retry-After"]) <= 21 and "WWW-Authenticate" not in answer.headers, str(answer))
    size = len(watched.text())
    watched.reload({**watched.settings, "log": {"level": "info"}})
    expect_problem(watched.state(str(uuid.uuid4()), token="guess"), 429, "failed_rate")
    expect("failed_rate" not in watched.text()[size:], "whoever guesses fills the log")
    answer = watched.post(by_numbers(9987), wait=60)        # from the same address
    expect(answer.status == 200 and answer.json["allGone"] is True, str(answer))
    expect(watched.stop() == 0, watched.text()[-2000:])


def one_who_waits_much_does_not_keep_the_others_out(world):
    """Above its share a request is sent all the same, and answered as soon as Kafka has it."""
    full = start_gateway(world, "full", connections=4)
    sessions, seen = [login(world) for _ in range(3)], []
    with fault(world, f"delay=3s,op=terminate_session,cluster={ONE}"):
        threads = [threading.Thread(target=lambda each=each: seen.append(full.post(by_numbers(each["number"]), wait=60))) for each in sessions[:2]]
        for thread in threads:
            thread.start()
        wait_for("two wait", lambda: full.metric("curfew_gateway_waiting") == 2)
        answer = full.post(by_numbers(sessions[2]["number"]), wait=60)
        expect(answer.status == 202 and answer.headers["Preference-Applied"] == "wait=0" and answer.json["allGone"] is False, str(answer))
        for thread in threads:
            thread.join()
    expect(len(seen) == 2 and all(each.status == 200 and each.json["allGone"] for each in seen), "; ".join(map(str, seen)))
    wait_for("the end by GET", lambda: ended_state(full, answer.json["id"]))
    expect(full.stop() == 0, full.text()[-2000:])


# ---- what strange clients send ----

def raw(world, lines, body=b"", path="/v1/terminations", method="POST"):
    """Headers as they are given, also twice; the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=90)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in lines:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = Answer(connection.getresponse())
        CONTRACT.exchange(method, path, None, answer)
        return answer
    finally:
        connection.close()


def lines_of(body, key=None, **more):
    lines = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key or str(uuid.uuid4()), "Content-Type": "application/json",
             "Content-Length": str(len(body)), **more}
    return list(lines.items())


def what_could_be_read_in_two_ways_is_not_done(world):
    session = login(world)
    body = json.dumps(by_numbers(session["number"])).encode()
    lines = lines_of(body)
    expect_problem(raw(world, lines + [("Transfer-Encoding", "chunked")], body), 400, "framing")
    expect_problem(raw(world, lines + [("Content-Length", "1")], body), 400, "framing")
    expect_problem(raw(world, lines + [("Idempotency-Key", "another")], body), 400, "key_invalid")
    expect_problem(raw(world, lines + [("Authorization", f"Bearer {OTHER}")], body), 401, "unauthorized")
    expect_problem(raw(world, lines + [("Content-Encoding", "gzip")], body), 415, "not_json")
    expect_problem(raw(world, lines_of(body, **{"Content-Type": "application/json; charset=windows-1251"}), body), 415, "not_json")
    expect_problem(raw(world, [*lines_of(b""), ("Content-Length", "0")], method="GET", path=f"/v1/terminations/{uuid.uuid4()}"), 400, "framing")
    expect(world.sim.is_there(ONE, session["session"]), "a request that was refused ended a session")
    answer = raw(world, [*lines, ("Prefer", "respond-async"), ("Prefer", "wait=60"), ("Content-Encoding", "identity")], body)
    expect(answer.status == 200 and answer.headers["Preference-Applied"] == "wait=60", f"a list in two lines is one list: {answer}")


def as_1c_sends_it_is_taken(world):
    """A byte order mark, a charset, a body in pieces behind Expect: 100-continue, and one connection for all of it."""
    sessions = [login(world) for _ in range(3)]
    connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=90)
    try:
        for session, more in zip(sessions, ({}, {"Expect": "100-continue"}, {"Transfer-Encoding": "chunked"})):
            body = b"\xef\xbb\xbf" + json.dumps(by_numbers(session["number"], reason="вечер"), ensure_ascii=False).encode()
            headers = dict(lines_of(body, **{"Content-Type": "application/json; charset=utf-8", "Prefer": "respond-async, wait=60"}), **more)
            if "Transfer-Encoding" in more:
                del headers["Content-Length"]
            pieces = [body[at:at + 7] for at in range(0, len(body), 7)]
            connection.request("POST", "/v1/terminations", iter(pieces), headers, encode_chunked="Transfer-Encoding" in more)
            answer = Answer(connection.getresponse())
            expect(answer.status == 200 and answer.json["allGone"] is True, f"{more}: {answer}")
            expect(not world.sim.is_there(ONE, session["session"]), "the answer said gone, and the session is there")
    finally:
        connection.close()


def who_hangs_up_while_it_waits_finds_the_end_later(world):
    session, key = login(world), str(uuid.uuid4())
    body = json.dumps(by_numbers(session["number"])).encode()
    with fault(world, f"delay=2s,op=terminate_session,cluster={ONE}"):
        connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=90)
        connection.request("POST", "/v1/terminations", body, dict(lines_of(body, key=key, Prefer="wait=60")))
        wait_for("somebody waits", lambda: world.gateway.metric("curfew_gateway_waiting") == 1)
        connection.close()
        again = world.gateway.post(by_numbers(session["number"]), wait=60, key=key)
    expect(again.status == 200 and again.json["allGone"] is True, str(again))
    expect(len(world.sim.terminations(session["session"])) == 1, "two ends were sent")
    wait_for("nobody waits any more", lambda: world.gateway.metric("curfew_gateway_waiting") == 0)


def behind_a_balancer_any_gateway_knows(world):
    """Asked at one, read at the other; and the same key at both at once is one command."""
    second = start_gateway(world, "second")
    session, key, seen = login(world), str(uuid.uuid4()), []
    body = by_numbers(session["number"])
    first = world.gateway.post(body, key=key)
    ended = wait_for("the end at the other", lambda: ended_state(second, first.json["id"]))
    expect(ended.json["allGone"] is True, str(ended))
    again = second.post(body, wait=60, key=key)
    expect(again.status == 200 and again.json == ended.json, f"{ended}\n{again}")
    session, key = login(world), str(uuid.uuid4())
    body = by_numbers(session["number"])
    threads = [threading.Thread(target=lambda each=each: seen.append(each.post(body, wait=60, key=key))) for each in (world.gateway, second) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(len(seen) == 6 and all(each.status == 200 and each.json["allGone"] for each in seen), "; ".join(map(str, seen)))
    expect(len({each.json["id"] for each in seen}) == 1 and len(world.sim.terminations(session["session"])) == 1, "not one command")
    expect(second.stop() == 0, second.text()[-2000:])


def events_in_any_form_tell_it_the_same(world):
    """And one event for each session besides is no end of the command."""
    worker = world.workers["worker-1"]
    for mode in ("structured", "binary"):
        for form in ("protobuf", "json"):
            worker.reload({**worker.settings, "events": {"mode": mode, "format": form, "per_session": True}})
            sessions = [login(world) for _ in range(2)]
            answer = world.gateway.post(by_numbers(*[each["number"] for each in sessions]), wait=60)
            expect(answer.status == 200 and answer.json["allGone"] is True, f"{mode} {form}: {answer}")
            expect(outcomes(answer) == {each["number"]: "ended" for each in sessions}, f"{mode} {form}: {answer}")
            told = wait_for("both sessions' events", lambda: [event for event in world.events_of(answer.json["id"])
                                                              if event["kind"] == "EVENT_KIND_SESSION"][1:])
            expect(all(event["targets"][0]["outcome"] == "TARGET_OUTCOME_ENDED" for event in told), str(told))
    worker.reload(worker.settings)


# ---- reload ----

def a_reload_changes_tokens_and_cuts_off_nobody(world):
    gateway = start_gateway(world, "reloaded")
    session, seen = login(world), []
    new = world.folder / "new.token"
    new.write_text("token-that-came-later-0123456789\n", encoding="utf-8")
    settings = {**gateway.settings, "gateway": {**gateway.settings["gateway"], "servers": {"srv7": TWO}, "tokens": {"new": {"file": str(new)}}},
                "clusters": [{"name": "not-mine", "addresses": ["127.0.0.1:1"]}]}
    with fault(world, f"delay=2s,op=terminate_session,cluster={ONE}"):
        thread = threading.Thread(target=lambda: seen.append(gateway.post(by_numbers(session["number"]), wait=60)))
        thread.start()
        wait_for("somebody waits", lambda: gateway.metric("curfew_gateway_waiting") == 1)
        loaded = gateway.metric("curfew_config_timestamp_seconds")
        expect(-60 < time.time() - loaded < 3600, f"the configuration in force was loaded at {loaded}")
        expect("curfew_kill_switch" not in gateway.get("/metrics")[1], "it tells a metric of the worker, which it does not know")
        log = gateway.reload(settings)
        expect(gateway.metric("curfew_config_timestamp_seconds") > loaded, "a reload is not seen in when it was loaded")
        expect("gateway.tokens" in log and "gateway.servers" in log, f"it does not say what changed: {log}")
        expect_problem(gateway.post(by_numbers(1)), 401, "unauthorized")
        thread.join()
    expect(seen[0].status == 200 and seen[0].json["allGone"] and seen[0].json["requestedBy"] == "ut", f"who waited: {seen[0]}")
    later = {"token": "token-that-came-later-0123456789"}
    target = {"target": {"connectionString": 'Srvr="srv7";Ref="ib-01"', "sessions": [{"number": 9986}]}}
    answer = gateway.post(target, wait=60, **later)
    expect(answer.status == 200 and answer.json["cluster"] == TWO and answer.json["requestedBy"] == "new", str(answer))
    expect(gateway.metric("curfew_config_reloads_total", result="ok") == 1, "not counted")
    expect("token-that-came" not in gateway.text(), "a token stands in the log")
    expect(gateway.stop() == 0, gateway.text()[-2000:])


def a_bad_configuration_is_not_taken_and_the_gateway_says_why(world):
    gateway = world.gateway
    good = gateway.settings
    for settings, words in (("gateway: {", "line"),
                            ({**good, "gateway": {**good["gateway"], "no_such_key": 1}}, "no_such_key"),
                            ({**good, "gateway": {**good["gateway"], "tokens": {"ut": {"file": "/nowhere"}}}}, "/nowhere"),
                            ({**good, "gateway": {**good["gateway"], "connections": 7}}, "needs a restart"),
                            ({**good, "topics": {"events": "elsewhere"}}, "needs a restart")):
        log = gateway.reload(settings, "the old one stays in force")
        expect(words in log, f"it does not say why: {log}")
        expect(gateway.post(by_numbers(9985), wait=60).status == 200, "the old token is no good any more")
    log = gateway.reload({**good, "log": {"level": "info"}, "gateway": {**good["gateway"], "connections": 7}}, "the old one stays in force")
    level = [line for line in log.splitlines() if "log.level" in line]
    expect(len(level) == 1 and "would change" in level[0], f"it says of a key that it took it, and took none: {level}")
    gateway.reload({**good, "log": {"level": "info"}})
    gateway.reload(good)


def a_gateway_that_cannot_be_reached_safely_does_not_start(world):
    config = world.folder / "open.yaml"
    config.write_text(f"kafka: {{brokers: ['{world.brokers}']}}\ngateway: {{listen: '0.0.0.0:0'}}\n", encoding="utf-8")
    run = world.curfew("gateway", "--config", config, config=None)
    expect(run.status == 78 and "gateway.listen" in run.err and "token" in run.err, str(run))


# ---- what is away ----

def without_a_worker_a_wait_ends_with_the_truth(world):
    worker = world.workers["worker-1"]
    expect(worker.stop() == 0, worker.text()[-2000:])
    session = login(world)
    guard = {"number": session["number"], "startedAt": session["started_at"][:19]}      # its list will be taken late
    answer = world.gateway.post(by_numbers(guard), wait=1)
    expect(answer.status == 202 and answer.json["state"] == "submitted" and answer.json["acceptedAt"] is None, str(answer))
    worker.start()
    ended = wait_for("the end by GET", lambda: ended_state(world.gateway, answer.json["id"]))
    expect(ended.json["allGone"] is True, str(ended))


def refusal(answer):
    return answer if answer.status >= 400 else None


def without_kafka_nothing_is_promised(world):
    world.processes.kill(world.broker, signal.SIGSTOP)
    answer = wait_for("a refusal", lambda: refusal(world.gateway.post(by_numbers(9989))))
    expect(answer.status == 503 and answer.json["code"] in ("uncertain", "not_written", "not_ready"), str(answer))
    wait_for("it says that it is not ready", lambda: world.gateway.readiness()[0] == 503)
    expect_problem(world.gateway.post(by_numbers(9988)), 503, "not_ready")
    world.processes.kill(world.broker, signal.SIGCONT)
    wait_for("it is ready again", lambda: world.gateway.readiness()[0] == 200)


# ---- the contract ----

def the_examples_of_the_contract_are_taken(world):
    """As they stand; what a worker then says of a cluster that is not there is another matter."""
    reader = start_gateway(world, "reader", servers={"srv1c": ONE})
    examples = CONTRACT.document["paths"]["/v1/terminations"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    expect(len(examples) >= 2, "there are no examples")
    for name, example in examples.items():
        answer = reader.post(example["value"])
        expect(answer.status == 202, f"{name}: {answer}")
        wait_for("its end", lambda answer=answer: ended_state(reader, answer.json["id"]))
    expect(reader.stop() == 0, reader.text()[-2000:])


def the_contract_says_what_the_endpoint_does_and_no_more(world):
    """Last: over every exchange of the cases before."""
    expect(not CONTRACT.problems, "\n".join(CONTRACT.problems[:10]))
    documented = set(CONTRACT.document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    expect(documented == codes_of_the_table(), f"schemas/openapi.yaml and problem.def differ: {documented ^ codes_of_the_table()}")
    lost = CONTRACT.missing(NOT_HERE)
    expect(world.picked or not lost, f"documented and never seen: {lost}")


CASES = [
    a_number_is_ended_and_the_answer_says_so,
    without_a_wait_the_answer_says_where_to_look,
    who_waits_shorter_than_it_takes_is_never_told_that_it_is_done,
    a_repeat_with_the_same_key_does_nothing_twice,
    two_requests_with_one_key_at_once_are_one_command,
    each_number_has_its_guard_and_the_answer_says_why,
    a_connection_string_names_cluster_and_infobase,
    sessions_may_be_named_by_uuid,
    a_dry_run_ends_nothing_and_is_not_gone,
    what_survives_is_not_gone,
    the_requests_of_the_extension_for_1c_are_taken_as_they_are,
    the_door_is_for_tokens_and_their_clusters,
    every_refusal_says_what_to_do_in_both_languages,
    what_the_worker_refuses_is_told_as_its_refusal,
    a_token_has_its_rate,
    questions_have_their_rate_too,
    wrong_tokens_are_counted_and_hold_up_nobody_who_has_a_right_one,
    one_who_waits_much_does_not_keep_the_others_out,
    what_could_be_read_in_two_ways_is_not_done,
    as_1c_sends_it_is_taken,
    who_hangs_up_while_it_waits_finds_the_end_later,
    behind_a_balancer_any_gateway_knows,
    events_in_any_form_tell_it_the_same,
    a_reload_changes_tokens_and_cuts_off_nobody,
    a_bad_configuration_is_not_taken_and_the_gateway_says_why,
    a_gateway_that_cannot_be_reached_safely_does_not_start,
    a_restarted_gateway_knows_what_the_events_know,
    a_gateway_that_remembers_nothing_leaves_it_to_the_worker,
    a_gateway_that_dies_while_somebody_waits_loses_nothing,
    a_gateway_told_to_stop_answers_who_waits,
    without_a_worker_a_wait_ends_with_the_truth,
    without_kafka_nothing_is_promised,
    the_examples_of_the_contract_are_taken,
    the_contract_says_what_the_endpoint_does_and_no_more,
]


def run_all(cases, options, real):
    with w.World(options, clusters=2, real=real) as world:
        rules = [{"name": "nobody of that name", "effect": "deny", "requesters": ["*/denied"]}, {"name": "others", "effect": "allow"}]
        world.start_worker("worker-1", {"policy": {"rules": rules}, "timeouts": {"verify": "3s"}})
        world.gateway = start_gateway(world)
        world.picked = bool(options.only)
        cases.run(world, CASES)
        world.check()


def main():
    options = w.arguments(__doc__)
    cases = w.Cases(options)
    for real in (False, True):          # the brokers differ in what comes first: receipts, events, offsets
        print("a real Kafka:" if real else "the embedded broker:", flush=True)
        run_all(cases, options, real)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
