#!/usr/bin/env python3
"""The manners of a RAS that its clients cannot choose: how it opens its service, how many connections it bears and for how long,
what it says beside its answers, and what may stand in a list. As test_foreign_ras.py, with its server and its rules."""
import asyncio
import datetime
import itertools
import math
import socket
import sys
import threading
import time
import uuid

import bootstrap

bootstrap.enter()

import foreign_ras as foreign
import foreign_wire as wire
from foreign_site import after_the_end, case, drain, play
from world import expect, wait_for

PARTIAL = 3
KNOWN = (3, 4, 5, 6, 7, 9, 10, 11, 16)
LAST_ID = (1 << 31) - 1


def cp1251(text):
    return text.encode("cp1251")


# ---- opening ----

@case(each={f"{version}.0": version for version in KNOWN})
def a_session_is_ended_at_the_only_version_that_is_spoken(site, version):
    site.ras.versions = {f"{version}.0"}
    mine, other = site.login(), site.login()
    site.ends("--infobase=ut", f"--number={mine['session_id']}")
    expect(site.there(other) and not site.there(mine), "the wrong one")


def failure(text, service=wire.string(wire.SERVICE) + wire.string("10.0"), endpoint=None, name="swp.Endpoint", stack=(), cause=b"\x80"):
    return wire.packet(wire.FAILURE, service + wire.nsize(endpoint) + wire.Refusal(name, text, cause=cause, stack=stack).bytes)


def caused(text, name="v8.service.UnsupportedService", cause=b"\x80"):
    return wire.string(name) + wire.string(text) + b"\0" + cause


REFUSALS = {
    "no list and no cause": failure("Service not started"),
    "no text at all": failure(None),
    "the list in the first text": failure("supported=[3.0, 5.0, 9.0]"),
    "the list behind two causes": failure("", cause=caused("x", "swp.A", caused("y", "swp.B", caused("supported=[3.0, 9.0]")))),
    "no blanks": failure("", cause=caused("version=10.0 supported=[3.0,5.0,9.0] end")),
    "blanks everywhere": failure("", cause=caused("supported=[ 3.0 , 5.0 , 9.0 ]")),
    "no order, and unknown ones": failure("", cause=caused("supported=[9.0, 5.0, 300.0, 12.0, x, 8.0, 4.5]")),
    "an empty list": failure("", cause=caused("supported=[]")),
    "no service": failure("", service=wire.nsize(None), cause=caused("supported=[9.0]")),
    "an empty service": failure("", service=b"\0", cause=caused("supported=[9.0]")),
    "an endpoint": failure("", endpoint=7, cause=caused("supported=[9.0]")),
    "a stack": failure("", stack=[("a", "b", "c.cpp", 7)] * 3, cause=caused("supported=[9.0]")),
    "Russian in cp1251": failure(cp1251("Служба не запущена"), cause=caused(cp1251("версия supported=[9.0]"))),
}


@case(each=REFUSALS)
def however_a_version_is_refused_another_is_found(site, refusal):
    site.ras.versions, site.ras.refuse = {"9.0"}, lambda _version: refusal
    site.ends(site.login())


@case()
def a_version_that_is_answered_lower_rules_the_records(site):
    async def lower(connection, _answer):
        connection.version, connection.endpoint = 9, 77
        await connection.send(wire.packet(wire.OPEN_ACK, wire.string(wire.SERVICE) + wire.string("9.0") + wire.nsize(77) + b"\x80"))
    site.when("open", lower)
    site.ends(site.login())


@case()
def what_a_server_says_of_itself_is_read_over(site):
    said = (wire.nsize(4) + wire.string("keep_alive.timeout") + b"\x04\0\0\x27\x10" + wire.string("имя") + b"\x0a" + wire.string("ras")
            + wire.string("none") + b"\x80" + wire.string("secure.required") + b"\x01\0")
    site.when("connect", foreign.bytes_instead(lambda _connection: wire.packet(wire.CONNECT_ACK, said)))
    site.ras.no_params = said
    site.ends(site.login())


@case(each={str(each): each for each in (0, 127, 128, 8191, 8192, LAST_ID)})
def an_endpoint_may_have_any_number(site, number):
    site.ras.endpoints = itertools.repeat(number)
    site.ends(site.login())


@case()
def a_format_that_is_not_compressed_is_read(site):
    async def act(connection, answer):
        reader = wire.Reader(answer())
        reader.take(1), reader.size()
        endpoint = reader.nsize()
        await connection.send(wire.packet(wire.MESSAGE, wire.nsize(endpoint) + b"\1\0" + reader.data[reader.at + 2:]))
    for name in ("authenticate", "clusters", "sessions", "infobases", "terminate_session"):
        site.when(name, act)
    site.ends(site.login())


# ---- connections and accounts ----

def several_addresses(site):
    """Nobody listens; a full backlog; silence; and at last the RAS, at ::1."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    site.held = [full, *(socket.socket() for _each in range(3))]
    for each in site.held[1:]:
        each.setblocking(False)
        each.connect_ex(full.getsockname())
    silent = socket.create_server(("127.0.0.1", 0))
    site.held.append(silent)
    closed = socket.socket()        # bound, so that nobody else gets the port, and not listening
    closed.bind(("127.0.0.1", 0))
    site.held.append(closed)
    nobody = closed.getsockname()[1]
    ports = [nobody, full.getsockname()[1], silent.getsockname()[1]]
    site.ras.stop(site.addresses[0])
    site.addresses = [*(f"127.0.0.1:{port}" for port in ports), site.ras.listen("::1")]


@case(ras=several_addresses)
def the_address_that_answers_is_found(site):
    site.ends(site.login())
    begun = time.monotonic()
    site.ends(site.login())
    expect(time.monotonic() - begun < 5, "the addresses that do not answer are asked first again")


@case()
def a_ras_that_restarts_is_found_again(site):
    async def die(_connection, answer):
        answer()
        server = site.ras.servers.pop(site.addresses[0])
        server.close()
        for writer in list(site.ras.writers):
            writer.transport.abort()
    mine = site.login()
    rule = site.when("terminate_session", die, times=1)

    def back():
        wait_for("the end of the RAS", lambda: rule.hits)
        time.sleep(0.5)
        site.ras.listen(port=int(site.addresses[0].rpartition(":")[2]))
    thread = threading.Thread(target=back)
    thread.start()
    site.ends(mine)
    thread.join()


@case()
def a_connection_for_each_answer_is_enough(site):
    for name in ("terminate_session", "infobases"):     # a list and the names behind it share one
        site.when(name, foreign.close_after)
    site.ends(site.login(), site.login())


@case()
def five_thousand_sessions_are_listed_and_the_right_ones_ended(site):
    crowd = [site.login(f"user {each}") for each in range(4800)]
    robots = [site.login(f"robot {each}", app_id="BackgroundJob") for each in range(200)]
    site.ends("--filter", "user like 'robot*' and app = BackgroundJob")
    expect(not any(site.there(each) for each in robots), "told ended, and still there")
    expect(all(site.there(each) for each in crowd), "somebody else was ended")


@case(ras=lambda site: setattr(site.cluster, "admin", ("admin", "secret")))
def refused_credentials_end_nobody(site):
    mine = site.login()
    run = site.terminate(mine)
    expect(run.status not in (0, 3) and "authenticate_cluster" in run.out + run.err, str(run))
    expect("terminate_session" not in site.ras.asked, "an end was sent without authentication")


@case()
def rights_that_are_lost_meanwhile_are_shown_again(site):
    async def forget(connection, _answer):
        connection.admin_of.clear()
        await connection.send(connection.wrap(wire.EXCEPTION, wire.Refusal("Failure", "не аутентифицирован").bytes))
    site.when("terminate_session", forget, times=1)
    site.ends(site.login())


@case()
def an_answer_that_trickles_past_its_time_is_none(site):
    mine = site.login(lingers_s=math.inf)
    rule = after_the_end(site, foreign.trickling(3, 0.2))
    found, run = site.verdicts(mine)
    expect(found == ["unknown"] and run.status == 1 and rule.hits, str(run))


@case(each={"cut off": False, "never answered": True})
def one_connection_is_enough(site, ignores):
    """All others are turned away: that is no reason to call anybody's end failed."""
    site.ras.connections_max, site.ras.ignores_the_rest = 1, ignores
    crowd = [site.login(f"user {each}") for each in range(12)]
    site.ends(*crowd)
    expect(not any(site.there(each) for each in crowd), "told ended, and still there")


@case()
def a_connection_for_each_list_is_enough(site):
    """Every list is followed by the end of its connection: the next question goes on where the last one stopped."""
    for name in ("clusters", "sessions", "infobases", "session_info", "terminate_session"):
        site.when(name, foreign.close_after)
    mine, other = site.login(), site.login("Другой")
    site.ends("--infobase=ut", f"--number={mine['session_id']}")
    expect(site.there(other), "the wrong one")


@case()
def a_lock_is_held_and_given_back_though_every_list_and_write_ends_its_connection(site):
    for name in ("clusters", "sessions", "infobases", "infobase_connections", "update_infobase", "terminate_session"):
        site.when(name, foreign.close_after)
    mine = site.login()
    run = drain(site, "--wait", "--hold", "1h")
    expect(run.status == 0 and not site.there(mine) and site.infobase["sessions_deny"], f"drain: {run}")
    run = site.world.curfew("restore", "--cluster", site.name, "--infobase", "ut", "--wait")
    expect(run.status == 0 and not site.infobase["sessions_deny"], str(run))


@case()
def who_cannot_read_and_write_a_lock_on_one_connection_locks_and_ends_nobody(site):
    """A record that was read on another connection may be stale: it is not written."""
    site.when("infobase_info", foreign.close_after)
    mine = site.login()
    run = drain(site, "--wait", "--expires-in", "5s")
    expect(run.status not in (0, 3) and site.there(mine) and not site.infobase.get("sessions_deny"), f"drain: {run}")


@case()
def who_hangs_up_on_everybody_who_logs_in_loses_nobody(site):
    site.when("authenticate", foreign.close_after)
    mine = site.login()
    run = site.world.curfew("terminate", "--cluster", site.name, "--session", mine["uuid"], "--expires-in", "3s", "--wait", "--json")
    expect(run.status not in (0, 3) and site.there(mine), str(run))
    expect(len(site.ras.opened) < 60, f"connected {len(site.ras.opened)} times")


def idle_for(seconds, what):
    """Who comes back after `seconds` finds his endpoint gone; `what` he is told, or None: the connection is cut."""
    async def act(connection, answer):
        now, last = time.monotonic(), getattr(connection, "last", None)
        connection.last = now
        if last is None or now - last < seconds:
            await connection.send(answer())
        elif what:
            await connection.send(what(connection))
            connection.last = last
        else:
            connection.writer.close()
    return act


IDLE = {
    "cut": None,
    "the endpoint failed": lambda c: failure("Endpoint not found", service=b"\0", endpoint=c.endpoint),
    "not authenticated": lambda c: c.wrap(wire.EXCEPTION, wire.Refusal("Failure", "Администратор кластера не аутентифицирован").bytes),
    "no rights": lambda c: c.wrap(wire.EXCEPTION, wire.Refusal("Rights", "Недостаточно прав").bytes),
}


@case(each=IDLE)
def who_was_idle_begins_again(site, what):
    rights = what in (IDLE["not authenticated"], IDLE["no rights"])

    async def forget(connection, answer):
        connection.last = time.monotonic()
        await connection.send(answer())
    site.when("authenticate", forget)
    site.when("*", idle_for(0.6, what))
    for _turn in range(3):
        site.ends(site.login())
        time.sleep(0.8)
    expect(rights or site.ras.asked.count("authenticate") > 1, "nobody was idle")


FAREWELLS = {
    "closes the endpoint": lambda c: wire.packet(wire.CLOSE, wire.nsize(c.endpoint)),
    "disconnects": lambda _c: wire.packet(wire.DISCONNECT, b"\x80"),
    "the endpoint fails": lambda c: failure("stopped", service=b"\0", endpoint=c.endpoint),
}


@case(each={f"{name}, {when}": (make, pause) for name, make in FAREWELLS.items() for when, pause in (("at once", 0), ("later", 0.05))})
def a_farewell_behind_an_end_is_no_trouble(site, farewell):
    make, pause = farewell
    site.when("terminate_session", foreign.behind_the_answer(make, pause))
    for _turn in range(2):
        site.ends(site.login())


@case({"timeouts": {"connect": "2s", "request": "20s"}}, alone=True)
def twenty_thousand_sessions_are_one_list(site):
    """30 MB: the two who are meant stand behind all others."""
    blobs = {}

    async def act(connection, _answer):
        if connection.version not in blobs:
            template = {"uuid": uuid.uuid4(), "infobase": site.infobase["uuid"], "app_id": "1CV8C", "session_id": 7, "host": "w" * 300,
                        "user_name": "Ж" * 300, "db_proc_info": "x" * 260, "current_service_name": "s" * 200, "data_separation": "ы" * 40}
            one = wire.encode(wire.SESSION, template, connection.version)
            blobs[connection.version] = b"".join(uuid.UUID(int=each + 1).bytes + one[16:] for each in range(20_000))
        with site.ras.lock:
            mine = list(site.cluster.sessions.values())
            rest = b"".join(wire.encode(wire.SESSION, each, connection.version) for each in mine)
        blob = blobs[connection.version]
        sizes.append(len(blob))
        await connection.send(connection.wrap(wire.TYPED, bytes([66]) + wire.size(20_000 + len(mine)) + blob + rest))
    sizes = []
    site.when("sessions", act)
    first, second = site.login(number=9, app_id="COMConnection"), site.login("последний", app_id="COMConnection")
    site.ends(first)
    site.ends("--filter", "app = COMConnection and user = 'последний'")
    expect(min(sizes) > 30_000_000, f"no large list: {min(sizes)}")
    expect(not site.there(first) and not site.there(second), "told ended, and still there")


# ---- refusals of an end ----

@case(each={"Rights": "Rights", "another service": "v8.service.Other#AccessDenied", "no service": "core.RightsException", "unknown": "Whatever"})
def a_refusal_of_any_class_is_told(site, name):
    mine = site.login()
    text = "Недостаточно прав «для» этого\n\tвторая строка"
    site.when("terminate_session", foreign.refusing(name, text, stack=[("a", "b", "c", 1)], cause=caused("причина", "swp.B")))
    found, run = site.verdicts(mine)
    expect(found == ["failed"] and run.status == 1 and "Недостаточно прав" in run.out and site.there(mine), str(run))
    expect(name.rpartition("#")[2] in run.out, f"the class is not told: {run}")


@case()
def who_is_found_dead_was_not_ended_by_us(site):
    async def dies(connection, answer):
        site.cluster.leave(mine)
        await connection.send(answer())
    mine = site.login()
    site.when("terminate_session", dies)
    found, run = site.verdicts(mine)
    expect(found == ["already_gone"] and run.status == 0, str(run))


@case()
def trouble_with_a_process_while_listing_passes(site):
    site.when("sessions", foreign.refusing("swp.UnknownThrowable", " server_addr=tcp://srv:1560 descr=recv returns zero"), times=1)
    site.when("clusters", foreign.bytes_instead(lambda c: c.wrap(wire.TYPED, bytes([12]) + b"\0")), times=1)    # its agent starts
    site.ends(site.login())


@case()
def who_is_on_the_way_out_is_not_gone_whatever_he_looks_like(site):
    """The entry that lingers may fall asleep and lose its process and its computer; it is the same session all the same."""
    async def fade(connection, answer):
        done = answer()
        mine.update(hibernate=True, connection=wire.NONE, process=wire.NONE, last_active_at=0, host=None)
        await connection.send(done)
    site.when("terminate_session", fade)
    mine = site.login(lingers_s=1.5)
    site.ends(mine)
    expect(not site.there(mine), "told ended, and still there")
    mine = site.login(lingers_s=math.inf)
    found, run = site.verdicts(mine)
    expect(found == ["survived"] and run.status == 1, str(run))


UNKNOWN_MESSAGE = {"refused": (foreign.refusing("v8.service.UnexpectedMessage", "unexpected message"), "ended"),
                   "cut off": (foreign.close_before, "unknown"), "never answered": (foreign.silent, "unknown")}


@case(each=UNKNOWN_MESSAGE)
def who_was_the_last_one_is_gone_when_the_question_for_him_is_answered(site, unknown):
    """An empty list alone proves nothing. A server that does not know the question for one session says so; one that hangs up or is
    silent has not spoken of him."""
    act, outcome = unknown
    site.when("session_info", act)
    found, run = site.verdicts(site.login())
    expect(found == [outcome], str(run))


@case(each={"no rights": "Rights", "not authenticated": "Failure", "unknown": "Whatever"})
def a_refused_question_is_no_proof_beside_empty_lists(site, name):
    """Whoever lost his rights is shown nobody, and is told nothing of anybody."""
    site.when("session_info", foreign.refusing(name, "нет"))
    after_the_end(site, foreign.bytes_instead(lambda c: c.wrap(wire.TYPED, bytes([66]) + b"\0")))
    mine = site.login(lingers_s=math.inf)
    found, run = site.verdicts(mine)
    expect(found == ["unknown"] and run.status == 1 and site.there(mine), str(run))


@case(each=UNKNOWN_MESSAGE)
def a_server_without_connections_is_not_asked_for_ever(site, unknown):
    site.when("infobase_connections", unknown[0])
    mine = site.login()
    site.cluster.connect(site.infobase, mine, lingers_s=math.inf)
    run = site.terminate(mine, "--disconnect-connections")
    expect(run.json["targets"][0]["outcome"] == "ended" and run.status == PARTIAL, str(run))


# ---- what stands in a list ----

@case()
def a_session_without_any_date_is_found_by_its_number_and_by_no_filter(site):
    """A filter means who was there when it was asked; of this one nobody can tell."""
    by_number, by_filter = site.login(started_at=0, last_active_at=0), site.login("без даты", started_at=0, last_active_at=0)
    site.ends("--infobase=ut", f"--number={by_number['session_id']}")
    site.terminate("--filter", "user = 'без даты'")
    expect(not site.there(by_number) and site.there(by_filter), "the wrong one")



@case()
def whoever_stands_twice_in_the_list_is_one(site):
    """As when a session moves while the list is made: the counters differ, the session does not."""
    async def act(connection, _answer):
        with site.ras.lock:
            all_of_them = list(site.cluster.sessions.values())
            again = [dict(each, calls_all=7, process=wire.NONE, hibernate=True) for each in all_of_them]
        await connection.send(connection.wrap(wire.TYPED, bytes([66]) + wire.encode_list(wire.SESSION, all_of_them + again, connection.version)))
    site.when("sessions", act)
    mine = site.login(number=7)
    run = site.ends("--filter", "number = 7")
    expect(len(run.json["targets"]) == 1, f"one session, two targets: {run}")
    mine = site.login(number=8)
    run = site.ends("--infobase=ut", "--number=8")
    expect(len(run.json["targets"]) == 1 and not site.there(mine), str(run))


@case()
def one_uuid_for_two_people_makes_no_list(site):
    """An end of the one would be the end of the other, whoever is protected."""
    async def act(connection, _answer):
        both = [mine, dict(mine, session_id=8, user_name="Другой")]
        await connection.send(connection.wrap(wire.TYPED, bytes([66]) + wire.encode_list(wire.SESSION, both, connection.version)))
    mine = site.login(number=7)
    site.when("sessions", act)
    run = site.sessions()
    expect(run.status != 0 and str(mine["uuid"]) in run.err, str(run))
    run = site.world.curfew("terminate", "--cluster", site.name, "--infobase=ut", "--number=7", "--expires-in", "3s", "--wait", "--json")
    expect([target["outcome"] for target in run.json["targets"]] == ["expired"], str(run))
    expect("terminate_session" not in site.ras.asked, "an end was sent")


UNREADABLE = {"user_name": cp1251("Иванов"), "app_id": cp1251("Клиент"), "host": b"ws\xff", "client_ip": b"1\0002", "locale": b"\xc3",
              "db_proc_info": b"\xed\xa0\x80", "current_service_name": b"a\0b", "data_separation": b"\xf8\x88\x80\x80\x80"}


@case(each=UNREADABLE)
def a_text_that_nobody_can_read_hides_nobody_else(site, raw):
    """Its session is shown and let alone, for it might be one that is protected; every other one is ended as ever."""
    field = next(name for name, value in UNREADABLE.items() if value is raw)
    values = {"app_id": "COMConnection", field: raw}
    odd = site.login(values.pop("user_name", "Тест"), **values)
    mine, kept = site.login("робот", app_id="COMConnection"), site.login("Другой")
    listed = site.sessions()
    expect(listed.status == 0 and len(listed.json) == 3, str(listed))
    shown = next(each for each in listed.json if each["uuid"] == str(odd["uuid"]))
    expect("\\" in shown[field], f"how it is shown: {shown[field]!r}")
    site.ends(mine)
    found, run = site.verdicts("--filter", "user != 'Другой'")
    expect(found in ([], ["protected"]) and site.there(odd) and site.there(kept), str(run))
    found, run = site.verdicts(odd)
    expect(found == ["protected"] and run.status != 0 and site.there(odd), str(run))
    expect("cannot be read" in run.out, f"why is not told: {run}")


@case(each={**UNREADABLE, "its name": None})
def a_drain_says_empty_over_nobody_who_cannot_be_read(site, raw):
    """Whether he may stay is not known: nobody else is ended either, and the lock is given back."""
    where, field = site.infobase, next((name for name, value in UNREADABLE.items() if value is raw and raw), None)
    if not field:
        where = site.cluster.add_infobase(cp1251("склад"))
    values = {"app_id": "COMConnection", **({field: raw} if field else {})}
    odd = site.cluster.login(where, values.pop("user_name", "Тест"), number=5, **values)
    mine = site.cluster.login(where, "Другой", number=6)
    run = drain(site, "--wait", "--hold", "1h", infobase=str(where["uuid"]))
    expect(run.status not in (0, 3) and "not UTF-8" in run.out and (not field or "number 5" in run.out), f"drain: {run}")
    expect(site.there(odd) and site.there(mine) and not where["sessions_deny"], "somebody was ended, or is kept out")
    if not field:   # then everybody is in doubt, and may be excluded by number
        run = drain(site, "--wait", "--exclude", "number in (5, 6)", infobase=str(where["uuid"]))
        expect(run.status == 0 and site.there(odd) and site.there(mine), f"drain: {run}")
        return
    run = drain(site, "--wait", "--exclude", "number = 5")
    expect(run.status == 0 and site.there(odd) and not site.there(mine), f"drain: {run}")
    other = site.login("Другой", number=7)
    site.ends(other)


@case()
def nobody_left_is_not_said_while_he_who_cannot_be_read_may_be_meant(site):
    odd, mine = site.login(cp1251("Иванов"), number=5), site.login("Иванов")
    run = site.terminate("--filter", "infobase = ut and user = 'Иванов'", "--until-empty")
    expect(run.status not in (0, 3) and "not UTF-8" in run.out + run.err and site.there(mine), str(run))
    run = site.terminate("--filter", "infobase = ut and user = 'Иванов'", "--until-empty", "--exclude", "number = 5")
    expect(run.status == 0 and site.there(odd) and not site.there(mine), str(run))


@case()
def a_licence_or_a_name_that_nobody_can_read_is_no_trouble(site):
    bad = {"full_name": b"C:\\\xcf\xf3\xf2\xfc", "full_presentation": b"\xff", "series": b"\0"}
    strange = site.cluster.add_infobase(cp1251("склад"), descr=cp1251("описание"))
    site.infobase["descr"] = b"\xff\xfe"
    stranger = site.cluster.login(strange, "Тест", number=5)
    site.ends("--infobase=ut", f"--number={site.login(licenses=[bad])['session_id']}")
    found, run = site.verdicts("--filter", "number = 5")
    expect(site.there(stranger) and found in ([], ["protected"]), str(run))


@case()
def a_lock_is_given_back_beside_texts_that_nobody_can_read(site):
    site.infobase.update(descr=cp1251("описание"), db_user=b"\xff", locale=b"\xc3")
    mine = site.login()
    run = drain(site, "--wait", "--hold", "1h")
    expect(run.status == 0 and not site.there(mine) and site.infobase["sessions_deny"], f"drain: {run}")
    run = site.world.curfew("restore", "--cluster", site.name, "--infobase", "ut", "--wait")
    expect(run.status == 0 and not site.infobase["sessions_deny"] and site.infobase["descr"] == cp1251("описание"), str(run))


@case()
def a_rule_denies_the_infobase_also_when_its_name_cannot_be_read(site):
    books = site.cluster.add_infobase(cp1251("Бухгалтерия"))
    mine = site.cluster.login(books, "Тест")
    run = drain(site, "--wait", "--expires-in", "5s", infobase=str(books["uuid"]))
    expect(run.status not in (0, 3) and "rule 'books'" in run.out + run.err and site.there(mine), f"drain: {run}")
    expect("update_infobase" not in site.ras.asked, "it was locked")


RULES = [{"name": "books", "effect": "deny", "infobases": ["Бухгалтерия"],
          "clusters": [a_rule_denies_the_infobase_also_when_its_name_cannot_be_read.__name__]}, {"name": "rest", "effect": "allow"}]


@case()
def sessions_of_no_infobase_and_of_unknown_applications_are_ended_by_uuid(site):
    nowhere = site.cluster.login({"uuid": wire.NONE, "name": ""}, None, number=3, app_id="JobScheduler2")
    gone = site.cluster.login({"uuid": uuid.uuid4(), "name": ""}, "Тест", number=4)
    nameless = site.login("Тест", app_id=None)
    huge = site.login("Тест", number=LAST_ID)
    site.ends(nowhere, gone, nameless)
    site.ends("--infobase=ut", f"--number={LAST_ID}")
    expect(not any(site.there(each) for each in (nowhere, gone, nameless, huge)), "told ended, and still there")


@case()
def a_number_above_the_signed_ones_hides_nobody(site):
    over, mine = site.login("Тест", number=-5), site.login()
    site.ends(over, mine)
    expect(not site.there(over), "told ended, and still there")


@case()
def of_two_infobases_of_one_name_nobody_is_guessed(site):
    twin = site.cluster.add_infobase("UT")
    mine, other = site.login(number=7), site.cluster.login(twin, number=7)
    run = site.terminate("--infobase=ut", "--number=7")
    expect(run.status != 0 and site.there(mine) and site.there(other), str(run))
    run = drain(site, "--wait", "--expires-in", "5s")
    expect(run.status != 0 and site.there(mine) and site.there(other), str(run))
    expect(not site.infobase.get("sessions_deny") and not twin.get("sessions_deny"), "one of them was locked")


if __name__ == "__main__":
    sys.exit(play(__doc__, policy={"rules": RULES}))
