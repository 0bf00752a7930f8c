#!/usr/bin/env python3
"""The real program against a RAS that its authors never saw (foreign_ras.py): every freedom that the protocol leaves to a
server, and every way in which one can fail or lie. On the embedded broker; one server for each case, cases beside each other."""
import datetime
import math
import random
import re
import sys
import uuid

import bootstrap

bootstrap.enter()

import yaml

import foreign_ras as foreign
import foreign_wire as wire
from foreign_site import after_the_end, case, drain, play
from world import ROOT, expect, wait_for

PARTIAL, NOT_FOUND, REFUSED = 3, 4, 5
KNOWN = (3, 4, 5, 6, 7, 9, 10, 11, 16)

# ---- the tables ----

ANSWERS = {12: (wire.CLUSTER, True), 14: (wire.CLUSTER, False), 30: (wire.PROCESS, True), 43: (wire.SUMMARY, True),
           47: (wire.SUMMARY, False), 49: (wire.INFOBASE, False), 51: (wire.CONNECTION, True), 53: (wire.CONNECTION, True),
           55: (wire.CONNECTION, False), 66: (wire.SESSION, True), 68: (wire.SESSION, True), 70: (wire.SESSION, False)}


def recorded_packets():
    """(file, endpoint version, direction, packet type, body) of every recording."""
    for path in sorted((ROOT / "tests/vectors").glob("*.hex")):
        version = 10
        for line in path.read_text(encoding="utf-8").splitlines():
            named = re.match(r"# endpoint version: (\d+)", line)
            version = int(named[1]) if named else version
            if line[:1] not in (">", "<") or line.startswith("> 1c535750"):
                continue
            reader = wire.Reader(bytes.fromhex(line[2:]))
            kind = reader.take(1)[0]
            body = wire.Reader(reader.take(reader.size()))
            reader.end()
            if kind == wire.OPEN_ACK:
                body.value("string")
                version = int(float(body.value("string")))
            yield path.name, version, line[0], kind, body


def the_second_opinion_agrees_with_the_recordings():
    """Read to the last byte, and written again as it was."""
    count = 0
    for name, version, direction, kind, body in recorded_packets():
        if kind != wire.MESSAGE:
            continue
        body.nsize(), body.value("short")
        number = body.value("byte") == wire.TYPED and body.value("byte")
        if direction == ">" and number in wire.REQUESTS:
            for field in wire.REQUESTS[number][1]:
                body.value(field, version)
        elif direction == "<" and number in ANSWERS:
            begin, (record, many) = body.at, ANSWERS[number]
            found = body.list_of(record, version) if many else body.record(record, version)
            again = wire.encode_list(record, found, version) if many else wire.encode(record, found, version)
            expect(again == body.data[begin:], f"{name}: message {number} is not written as it was")
        else:
            continue
        body.end()
        count += 1
    expect(count > 80, f"only {count} messages were compared")


def any_value(draw, kind, name):
    if kind in ("int", "long"):
        top = 1 << (31 if kind == "int" else 63)
        return draw.randint(0 if name.startswith("blocked") else -top, top - 1)
    if kind == "string":
        return draw.choice(["", None, "Ж" * draw.choice([31, 32, 63, 64, 2000]), "x" * draw.choice([63, 64, 127, 128, 4095]),
                            '"\'\n\t:\\', "😀"])
    if kind == "datetime":
        return draw.choice([None, datetime.datetime(1, 1, 1, 0, 0, 1), datetime.datetime(9999, 12, 31, 23, 59, 59),
                            datetime.datetime(2024, 2, 29, 23, 59, 59)])
    return {"uuid": uuid.UUID(int=draw.getrandbits(128)), "bool": draw.random() < 0.5, "licenses": []}[kind]


def printed(kind, value):
    """As `curfew sessions --json` shows it."""
    if kind == "uuid":
        return None if value == wire.NONE else str(value)
    if kind == "datetime":
        return value and value.isoformat()
    return value or None if kind == "string" else value


@case()
def every_field_is_read_as_it_was_sent_at_every_version(site):
    draw = random.Random(4)
    sent = []
    for number in range(1, 131):            # more than 127: a count of two bytes
        values = {name: any_value(draw, kind, name) for _since, kind, name in wire.SESSION}
        values.update(infobase=site.infobase["uuid"], session_id=number)
        values["licenses"] = [{name: any_value(draw, kind, name) for _since, kind, name in wire.LICENSE}] * (number % 3)
        sent.append(site.cluster.add(site.cluster.sessions, **values))
    for version in KNOWN:
        site.ras.versions, site.ras.pieces = {f"{version}.0"}, draw.choice([61, 4096, None])
        run = site.sessions()
        expect(run.status == 0, f"version {version}: {run}")
        found = {each["uuid"]: each for each in run.json}
        for session in sent:
            for since, kind, name in wire.SESSION:
                shown = found[str(session["uuid"])].get({"session_id": "number"}.get(name, name))
                if since <= version and kind != "licenses":
                    expect(shown == printed(kind, session[name]), f"version {version}: {name} is {shown!r}, was {session[name]!r}")


@case()
def versions_that_nobody_knows_are_refused_with_both_lists(site):
    site.login()
    for version in (8, 12, 13, 14, 15):
        site.ras.versions = {f"{version}.0"}
        run = site.sessions()
        expect(run.status == REFUSED and f"RAS names {version}.0" in run.err and "speaks 16.0" in run.err, str(run))
        expect("get_agent_admins" not in run.err, f"names a request that nobody made: {run}")


@case()
def the_doctor_says_what_to_do_about_each(site):
    config = site.world.config_of("doctor") | {"clusters": [site.world.cluster_config(site.name)]}
    file = site.world.folder / "doctor.yaml"

    def finding(status, word):
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        run = site.world.curfew("doctor", "--json", "--config", file)
        found = next(each for each in run.json if each["check"].startswith("cluster"))
        expect(found["state"] == "fail" and word in (found["todo"] or ""), f"wanted what to do about it, with '{word}': {found}")
        expect(run.status == status, str(run))
        site.ras.behave()
    site.when("sessions", foreign.bytes_instead(LIES["void"]))
    finding(1, "endpoint_version")
    site.when("sessions", foreign.refusing("Failure", "что-то случилось"))
    finding(1, "console")
    site.ras.versions = {"13.0"}
    finding(REFUSED, "executor: rac")
    site.ras.versions = {"10.0"}
    config["clusters"][0]["cluster"] = str(uuid.uuid4())
    finding(NOT_FOUND, "served there")


# ---- ends ----

def odd_but_legal(site):
    """Answers byte by byte, keep-alives before them, other forms of nothing, several clusters, an old version."""
    site.ras.add_cluster("another")
    site.ras.versions, site.ras.pieces, site.ras.no_params = {"9.0"}, 1, b"\0"
    site.when("*", foreign.before_the_answer(wire.packet(wire.KEEP_ALIVE, b"") + wire.packet(wire.KEEP_ALIVE, b"what")))


@case(ras=odd_but_legal)
def sessions_are_ended_by_uuid_number_and_filter(site):
    other = site.cluster.login(site.cluster.add_infobase("other"), "Чужой", number=2)
    by_uuid, by_number, kept = site.login(), site.login("Ж" * 64), site.login(None)
    matching = [site.login(f"filter {each}", app_id="COMConnection", host=None) for each in range(3)]
    site.ends(by_uuid)
    site.ends("--infobase=UT", f"--number={by_number['session_id']}")
    site.ends("--filter", "app = COMConnection and user like 'filter*'")
    expect(not any(site.there(each) for each in (by_uuid, by_number, *matching)), "told ended, and still there")
    expect(site.there(kept) and site.there(other), "somebody else was ended")
    found, run = site.verdicts(by_uuid)
    expect(found == ["already_gone"] and run.status == 0, str(run))


@case()
def an_end_that_takes_a_while_is_waited_for(site):
    mine = site.login(lingers_s=1.5)
    site.ends(mine)
    expect(not site.there(mine), "told ended, and still there")


@case()
def who_does_not_go_has_survived(site):
    mine = site.login(lingers_s=math.inf)
    found, run = site.verdicts(mine)
    expect(found == ["survived"] and run.status == 1, str(run))


@case()
def who_gets_the_number_of_the_ended_lives(site):
    newcomers = []

    async def hand_over(connection, answer):
        done = answer()
        newcomers.append(site.login("Новый", number=mine["session_id"]))
        await connection.send(done)
    mine = site.login()
    site.when("terminate_session", hand_over)
    site.ends("--infobase=ut", f"--number={mine['session_id']}")
    expect(len(newcomers) == 1 and site.there(newcomers[0]), "the newcomer was ended")


@case()
def of_two_under_one_number_nobody_is_guessed(site):
    """One is on the way out and still listed; the next already has the number."""
    old = site.login("Старый", number=7, started_at=datetime.datetime(2026, 1, 1))
    new = site.login("Новый", number=7, started_at=datetime.datetime(2026, 1, 2))
    found, run = site.verdicts("--infobase=ut", "--number=7")
    expect(found == ["no_longer_matches"] and "lists 2 sessions" in run.out, str(run))
    expect(site.there(old) and site.there(new) and "terminate_session" not in site.ras.asked, "somebody was ended")
    found, run = site.verdicts("--infobase=ut", "--number=7", "--user=Старый")
    expect(found == ["ended"] and site.there(new) and not site.there(old), str(run))


@case()
def a_session_without_a_uuid_makes_no_list(site):
    """There is no ending it, and no telling that it is gone: the cluster is in trouble, and is said to be."""
    mine = site.login(number=7)
    unnamed = dict(mine, uuid=uuid.UUID(int=0), session_id=8)
    site.cluster.sessions[unnamed["uuid"]] = unnamed
    run = site.sessions()
    expect(run.status != 0 and "without a UUID" in run.err, str(run))
    run = site.world.curfew("terminate", "--cluster", site.name, "--infobase=ut", "--number=8", "--expires-in", "3s", "--wait", "--json")
    expect([target["outcome"] for target in run.json["targets"]] == ["expired"], str(run))
    expect("terminate_session" not in site.ras.asked, "an end was sent")


@case()
def not_found_is_no_proof_while_the_list_shows_it(site):
    mine = site.login()
    site.when("terminate_session", foreign.refusing("SessionNotFound", "Сеанс с указанным идентификатором не найден"))
    found, run = site.verdicts(mine)
    expect(found[0] in ("survived", "failed", "unknown") and run.status == 1, str(run))


@case()
def a_refusal_is_told_with_its_class_and_text(site):
    mine = site.login()
    site.when("terminate_session", foreign.refusing("Rights", "Недостаточно прав\nна кластер"))
    found, run = site.verdicts(mine)
    expect(found == ["failed"] and run.status == 1 and "Недостаточно прав" in run.out, str(run))


@case()
def a_text_that_is_no_utf8_does_not_hide_the_refusal(site):
    mine = site.login()
    site.when("terminate_session", foreign.refusing("Rights", "Нет прав\0\x1b".encode("cp1251") + b"\xff\xfe"))
    found, run = site.verdicts(mine)
    expect(found == ["failed"] and run.status == 1 and "Rights" in run.out, str(run))


UNANSWERED = {"cut off, and done": (foreign.close_unanswered, True), "cut off before": (foreign.close_before, False),
              "silent, and done": (foreign.done_and_silent, True), "silent, and not done": (foreign.silent, False)}


@case(each=UNANSWERED)
def no_answer_is_neither_yes_nor_no(site, unanswered):
    """It is asked once; what a list then shows is told, and nothing else."""
    act, done = unanswered
    mine = site.login()
    rule = site.when("terminate_session", act)
    if done:
        site.ends(mine)
        expect(rule.hits == 1, f"asked {rule.hits} times")
    else:
        found, run = site.verdicts(mine)
        expect(found[0] in ("survived", "failed", "unknown") and run.status == 1 and site.there(mine), str(run))


def typed(connection, number, body):
    return connection.wrap(wire.TYPED, bytes([number]) + body)


LIES = {
    "an empty list, once": lambda c: typed(c, 66, b"\0"),
    "a list cut short": lambda c: typed(c, 66, wire.size(1) + b"\0" * 40),
    "a byte too many": lambda c: typed(c, 66, b"\0\0"),
    "no list": lambda c: typed(c, 66, b""),
    "another message": lambda c: typed(c, 51, b"\0"),
    "void": lambda c: c.wrap(wire.VOID, b""),
    "another endpoint": lambda c: c.wrap(wire.TYPED, bytes([66]) + b"\0", endpoint=c.endpoint + 1),
    "a count without end": lambda c: typed(c, 66, b"\xff\xff\xff\xff\x07"),
    "2 GiB": lambda c: bytes([wire.MESSAGE]) + b"\xff\xff\xff\xff\x07" + b"\0" * 1000,
    "compressed": lambda c: wire.packet(wire.MESSAGE, wire.nsize(c.endpoint) + b"\0\1\1\x42\0"),
    "an exception without a class": lambda c: c.wrap(wire.EXCEPTION, b"\x80"),
    "an endless cause": lambda c: c.wrap(wire.EXCEPTION, (wire.string("swp.A") + wire.string("") + b"\0") * 5000 + b"\x80"),
    "a refusal": lambda c: c.wrap(wire.EXCEPTION, wire.Refusal("Failure", "Администратор кластера не аутентифицирован").bytes),
    "a failure of the endpoint": lambda c: wire.packet(wire.FAILURE, b"\0" + wire.nsize(c.endpoint) + wire.Refusal("swp.Endpoint", "").bytes),
    "another packet": lambda c: wire.packet(wire.CONNECT_ACK, b"\x80"),
}


@case(each=LIES)
def no_lie_about_the_list_makes_a_session_gone(site, lie):
    """It stays for ever, and whatever the next lists are: nobody may say that it is gone."""
    mine = site.login(lingers_s=math.inf)
    rule = after_the_end(site, foreign.bytes_instead(lie))
    rule.times = 3 if lie is LIES["an empty list, once"] else math.inf
    found, run = site.verdicts(mine)
    expect(found[0] in ("survived", "unknown") and run.status == 1, str(run))


# ---- locks and connections ----

def lock_of(site):
    return {name: wire.ticks(value) if name in ("denied_from", "denied_to") else value or 0
            for name in foreign.LOCK_FIELDS for value in [site.infobase.get(name)]}


@case({"endpoint_version": "16.0"})
def a_drain_gives_back_every_field_to_the_bit(site):
    site.infobase.update(denied_from=1, denied_to=wire.ticks(datetime.datetime(9999, 12, 31, 23, 59, 59)), denied_message="Ж" * 900,
                         denied_parameter=None, permission_code="код", descr="другое", configuration_unload_delay=999)
    before = lock_of(site)
    mine = site.login()
    run = drain(site, "--wait", "--hold", "1h")
    expect(run.status == 0 and not site.there(mine), f"drain: {run}")
    expect(site.infobase["sessions_deny"] and site.infobase["scheduled_jobs_deny"], f"not held: {lock_of(site)}")
    run = site.world.curfew("restore", "--cluster", site.name, "--infobase", "ut", "--wait")
    expect(run.status == 0 and lock_of(site) == before, f"{lock_of(site)} is not {before}: {run}")


@case()
def whatever_a_cluster_lists_can_be_ended(site):
    """Odd texts, numbers and dates go through the journal and come back, or the partition would stop there."""
    draw = random.Random(11)
    odd = []
    for number in range(1, 60):
        values = {name: any_value(draw, kind, name) for _since, kind, name in wire.SESSION
                  if name not in ("uuid", "infobase", "session_id", "app_id", "user_name", "licenses", "started_at")}
        started = draw.choice([1, wire.ticks(datetime.datetime(1900, 2, 28, 1, 2, 3)), 0, wire.ticks(datetime.datetime(3999, 12, 31))])
        odd.append(site.login(any_value(draw, "string", "user_name"), number=number, started_at=started, **values))
    site.ends(*odd)
    expect(not any(site.there(each) for each in odd), "told ended, and still there")


@case()
def a_date_that_is_none_stops_no_partition(site):
    good, bad = site.login(), site.login(last_active_at=-1)
    run = site.sessions()
    expect(run.status == 1 and "last_active_at" in run.err, str(run))
    site.cluster.leave(bad)
    site.ends(good)


@case()
def a_lock_that_is_refused_ends_nobody(site):
    site.infobase["accounts"] = {("owner", "secret")}
    mine = site.login()
    run = drain(site, "--wait")
    expect(run.status not in (0, 3) and site.there(mine), f"drain: {run}")


@case()
def a_write_that_is_refused_ends_nobody(site):
    site.when("update_infobase", foreign.refusing("Rights", "Недостаточно прав"))
    mine, before = site.login(), lock_of(site)
    run = drain(site, "--wait")
    expect(run.status not in (0, 3) and site.there(mine) and lock_of(site) == before, f"drain: {run}")


@case()
def a_lock_half_written_is_not_called_held_and_given_back(site):
    site.ras.fields_not_written = ("scheduled_jobs_deny",)
    mine, before = site.login(), lock_of(site)
    run = drain(site, "--wait")
    wait_for(lambda: f"{before}; it is {lock_of(site)}", lambda: lock_of(site) == before, 20)


@case()
def a_lock_that_another_overwrites_is_kept_and_told(site):
    mine = site.login()
    run = drain(site, "--wait", "--hold", "1h")
    expect(run.status == 0 and not site.there(mine), f"drain: {run}")
    site.infobase.update(denied_message="мой", denied_parameter="2026.11.21 12:00:00 5")
    site.world.curfew("restore", "--cluster", site.name, "--infobase", "ut", "--wait")
    lock = lock_of(site)
    expect(lock["sessions_deny"] and lock["denied_message"] == "мой" and not lock["scheduled_jobs_deny"], f"{lock}")
    told = wait_for("the event", lambda: [each for each in site.world.events_of(run.json["command_id"])
                                          if each["kind"] == "EVENT_KIND_RESTORED"])
    expect(told[0].get("keptForeign"), f"nobody is told: {told}")


@case()
def what_a_session_leaves_is_waited_for_and_disconnected(site):
    goes, stays, other = site.login(), site.login(), site.login()
    site.cluster.connect(site.infobase, goes, lingers_s=1)
    left = site.cluster.connect(site.infobase, stays, lingers_s=math.inf)
    kept = site.cluster.connect(site.infobase, other, conn_id=8)
    run = site.terminate(goes, stays, "--disconnect-connections")
    expect(run.status == 0, str(run))
    expect(left["uuid"] not in site.cluster.connections and kept["uuid"] in site.cluster.connections and site.there(other), "wrong ones")


@case()
def what_cannot_be_disconnected_is_told(site):
    mine = site.login()
    site.cluster.connect(site.infobase, mine, lingers_s=math.inf)
    site.when("disconnect", foreign.refusing("Rights", "Недостаточно прав"))
    run = site.terminate(mine, "--disconnect-connections")
    expect(run.status == PARTIAL and run.json["targets"][0]["outcome"] == "ended", str(run))
    expect("though they were to be disconnected" in run.json["reason"]["message"], str(run))


if __name__ == "__main__":
    sys.exit(play(__doc__, [the_second_opinion_agrees_with_the_recordings]))
