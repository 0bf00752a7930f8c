#!/usr/bin/env python3
"""The HTTP endpoint through everything: request -> Kafka -> worker -> RAS -> event -> answer.

Invariants: an answer says that all are gone only when the simulator's sessions are; a repeat does nothing twice, whichever
process remembers; who waits longer than he wanted is told where to look, never "done"; a token sees its clusters alone.
"""
import http.client
import json
import sys
import threading
import uuid

import bootstrap

bootstrap.enter()

import world as w
from world import expect, wait_for

ONE, TWO = "sim-01", "sim-02"
TOKEN, OTHER = "token-of-the-tests-0123456789", "token-of-another-0123456789"


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
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def post(self, body, wait=None, key=None, token=TOKEN, headers=None):
        everything = {"Content-Type": "application/json", "Authorization": f"Bearer {token}",
                      "Idempotency-Key": key or str(uuid.uuid4())}
        if wait is not None:
            everything["Prefer"] = f"wait={wait}"
        everything.update(headers or {})
        everything = {name: value for name, value in everything.items() if value is not None}
        return self.request("POST", "/v1/terminations", body if isinstance(body, (bytes, str)) else json.dumps(body), everything)

    def state(self, identity, token=TOKEN, headers=None):
        return self.request("GET", f"/v1/terminations/{identity}", headers={"Authorization": f"Bearer {token}", **(headers or {})})


def start_gateway(world, name="gateway", **settings):
    tokens = {}
    for each, token, clusters in (("ut", TOKEN, []), ("shop", OTHER, [TWO])):
        file = world.folder / f"{each}.token"
        file.write_text(token + "\n", encoding="utf-8")
        tokens[each] = {"file": str(file), "clusters": clusters}
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
    answer = world.gateway.post(by_numbers(session["number"], 9999, requestedBy="Иванов", reason="вечер"), wait=60)
    expect(answer.status == 200 and answer.json["allGone"] is True, str(answer))
    expect(outcomes(answer) == {session["number"]: "ended", 9999: "already_gone"}, str(answer))
    expect(answer.json["state"] == "ended" and answer.json["outcome"] == "completed", str(answer))
    expect(answer.json["sessions"][0]["id"] == session["session"] and answer.json["sessions"][0]["gone"] is True, str(answer))
    expect(answer.json["requestedBy"] == "ut/Иванов" and answer.json["cluster"] == ONE, str(answer))
    expect(answer.headers["Preference-Applied"] == "wait=60", str(answer))
    expect(not world.sim.is_there(ONE, session["session"]), "the answer said gone, and the session is there")


CASES = [a_number_is_ended_and_the_answer_says_so]


def main():
    options = w.arguments(__doc__)
    cases = w.Cases(options)
    with w.World(options, clusters=2) as world:
        world.start_worker("worker-1")
        gateway = start_gateway(world)
        world.gateway = gateway
        cases.run(world, CASES)
        world.check()
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
