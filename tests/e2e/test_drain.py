#!/usr/bin/env python3
"""Drains through the real program: lock, grace, rounds, hold, and what was there comes back, whatever happens in between."""
import datetime
import sys
import time

import bootstrap

bootstrap.enter()

from world import Cases, World, arguments, expect, wait_for

ONE = "sim-01"
FIELDS = ("sessions_deny", "scheduled_jobs_deny", "denied_from", "denied_to", "denied_message", "denied_parameter", "permission_code")
FOUND = {"denied_message": "last month", "denied_from": "2026-01-01T01:00:00", "denied_to": "2026-01-01T02:00:00"}
PROTECTED = ("RAS", "SrvrConsole", "COMConsole", "Designer")
WITHIN_S = 60       # I9: a lock is given back within 60 s of a healthy worker's return
NOT_FOUND, REFUSED = 4, 5


def lock_of(w, infobase):
    found = w.sim.ask("lock", infobase=infobase, cluster=ONE)
    return {field: found[field] for field in FIELDS if field in found}


def set_lock(w, infobase, **fields):
    w.sim.ask("lock", infobase=infobase, cluster=ONE, **fields)
    return lock_of(w, infobase)


def is_locked(w, infobase):
    return lock_of(w, infobase)["sessions_deny"]


def users(w, infobase):
    return [each for each in w.sim.sessions(ONE, infobase) if each["app"] not in PROTECTED]


def drain(w, infobase, *more, **options):
    return w.curfew("drain", "--cluster", ONE, "--infobase", infobase, *more, "--json", "--timeout", "5m", **options)


def started(w, infobase, *more):
    """The id of a drain that nobody waits for."""
    run = drain(w, infobase, *more)
    expect(run.status == 0, f"drain: {run}")
    return run.json["id"]


def expect_given_back(w, infobase, before, seconds=WITHIN_S):
    wait_for(lambda: f"{infobase} has {before}; it has {lock_of(w, infobase)}", lambda: lock_of(w, infobase) == before, seconds)


def expect_end(w, identity, outcome, seconds=2 * WITHIN_S):
    end = w.end_of(identity, seconds)
    expect(end["outcome"] == f"COMMAND_OUTCOME_{outcome.upper()}", f"wanted {outcome}: {str(end)[:900]}")
    return end


def holds_of(w):
    return {each["command"]: each for each in w.curfew("status", "--json").json["locks"]}


def wait_held(w, identity):
    """The infobase is empty, verified, and held."""
    return wait_for("the hold", lambda: (lambda held: held and held["empty"] and held)(holds_of(w).get(identity)))


def server_time(text):
    return datetime.datetime.fromisoformat(text)


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def moscow_now():
    return datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=3))).replace(tzinfo=None)


# ---- the way of a drain ----

def a_drain_empties_the_infobase_and_gives_back_what_was_there(w):
    before = set_lock(w, "ib-01", **FOUND)
    count = len(users(w, "ib-01"))
    run = drain(w, "ib-01", "--wait")
    expect(run.status == 0 and run.json["outcome"] == "completed", f"drain: {run}")
    expect(run.json["totals"]["ended"] == count > 0, f"{count} sessions were there: {run.json['totals']}")
    expect(not users(w, "ib-01"), "the infobase is not empty")
    expect(lock_of(w, "ib-01") == before, f"{lock_of(w, 'ib-01')} is not {before}")


def users_are_warned_by_the_clusters_own_clock_and_who_leaves_has_left(w):
    leaver = w.login(ONE, "ib-02", "Уходит")
    stayer = w.login(ONE, "ib-02", "Остаётся")
    before = lock_of(w, "ib-02")
    identity = started(w, "ib-02", "--grace", "8s", "--message", "Обновление")
    lock = wait_for("the lock", lambda: is_locked(w, "ib-02") and lock_of(w, "ib-02"))
    ahead = (server_time(lock["denied_from"]) - moscow_now()).total_seconds()
    expect(0 < ahead < 10, f"denied from {lock['denied_from']}, in {ahead} s")
    expect(lock["scheduled_jobs_deny"], "jobs are not denied")
    expect(lock["denied_parameter"] == identity, f"the lock does not name its command: {lock}")
    expect(lock["denied_message"].startswith("Обновление\n\nСообщение для администратора:\n"), f"not the layout of clients: {lock}")
    w.sim.ask("logout", session=leaver)
    expect(w.sim.is_there(ONE, stayer), "somebody was ended during the grace")
    end = expect_end(w, identity, "completed")
    outcomes = {target["session"]: target["outcome"] for target in end["targets"]}
    expect(outcomes[leaver] == "TARGET_OUTCOME_LEFT" and outcomes[stayer] == "TARGET_OUTCOME_ENDED", f"{outcomes}")
    expect_given_back(w, "ib-02", before)


def empty_means_nothing_before_the_lock_begins(w):
    for each in users(w, "ib-02"):
        w.sim.ask("logout", session=each["session"])
    identity = started(w, "ib-02", "--grace", "6s", "--hold", "1h")
    wait_for("the lock", lambda: is_locked(w, "ib-02"))
    late = w.login(ONE, "ib-02", "Поздний", force=False)         # it lets him in
    designer = w.login(ONE, "ib-02", "Поздний", app="Designer", force=False)
    wait_held(w, identity)
    expect(not w.sim.is_there(ONE, late), "held, and not empty")
    expect(w.sim.is_there(ONE, designer), "the protected one is gone")
    expect(w.curfew("restore", "--cluster", ONE, "--infobase", "ib-02", "--wait").status == 0, "restore")
    end = expect_end(w, identity, "completed")
    outcomes = {target["session"]: target["outcome"] for target in end["targets"]}
    expect(outcomes[late] == "TARGET_OUTCOME_ENDED" and outcomes[designer] == "TARGET_OUTCOME_PROTECTED", f"{outcomes}")
    w.sim.ask("logout", session=designer)


def log_in_slowly(w, infobase, seconds, *people):
    """They have no user name for so long, and whoever comes later has one at once."""
    w.sim.ask("set", nameless=f"{seconds}s")
    sessions = [w.login(ONE, infobase, user) for user in people]
    w.sim.ask("set", nameless="0s")
    return sessions


def empty_is_not_said_over_somebody_who_is_logging_in(w):
    late, boss = log_in_slowly(w, "ib-02", 5, "Бухгалтер", "Администратор")
    identity = started(w, "ib-02", "--hold", "1h")
    wait_held(w, identity)
    expect(not w.sim.is_there(ONE, late), "held, and not empty: who has a name now is no protected one")
    expect(w.sim.is_there(ONE, boss), "the protected one is gone")
    expect(w.curfew("restore", "--cluster", ONE, "--infobase", "ib-02", "--wait").status == 0, "restore")
    outcomes = {target["session"]: target["outcome"] for target in expect_end(w, identity, "completed")["targets"]}
    expect(outcomes[late] == "TARGET_OUTCOME_ENDED" and outcomes[boss] == "TARGET_OUTCOME_PROTECTED", f"{outcomes}")
    w.sim.ask("logout", session=boss)


def a_drain_that_ends_in_doubt_names_who_is_left(w):
    before = lock_of(w, "ib-02")
    late, = log_in_slowly(w, "ib-02", 60, "Бухгалтер")
    run = drain(w, "ib-02", "--hold", "1h", "--deadline", "8s", "--wait")
    expect(run.status not in (0, 3) and w.sim.is_there(ONE, late), f"drain: {run}")
    expect(late in run.out and "has no user yet" in run.out, f"he is not named: {run}")
    expect_given_back(w, "ib-02", before)
    w.sim.ask("logout", session=late)


def nobody_left_is_not_said_over_somebody_who_is_logging_in(w):
    late, boss = log_in_slowly(w, "ib-02", 5, "Бухгалтер", "Администратор")
    run = w.terminate(ONE, "--filter", "infobase = ib-02", "--until-empty", "--timeout", "2m")
    expect(run.status == 0 and not w.sim.is_there(ONE, late) and w.sim.is_there(ONE, boss), f"{run}")
    w.sim.ask("logout", session=boss)


def a_hold_is_shown_by_status_and_ended_by_restore(w):
    before = set_lock(w, "ib-03", **FOUND)
    run = drain(w, "ib-03", "--hold", "1h", "--wait")
    expect(run.status == 0 and run.json["outcome"] == "completed", f"drain --wait returns at the start of the hold: {run}")
    identity = run.json["command_id"]
    held = wait_held(w, identity)
    expect(held["infobase"] == "ib-03" and held["cluster"] == ONE, f"status: {held}")
    expect(not users(w, "ib-03"), "held, and not empty")
    run = w.curfew("restore", "--cluster", ONE, "--infobase", "IB-03", "--wait")
    expect(run.status == 0, f"restore: {run}")
    expect(lock_of(w, "ib-03") == before, f"{lock_of(w, 'ib-03')} is not {before}")
    expect_end(w, identity, "completed")
    expect(not holds_of(w), "status still shows a lock")
    run = w.curfew("restore", "--cluster", ONE, "--infobase", "ib-03", "--wait")
    expect(run.status == NOT_FOUND, f"nothing is held there: {run}")


def either_name_of_a_cluster_finds_its_lock(w):
    identity = started(w, "ib-03", "--hold", "1h")
    wait_held(w, identity)
    run = w.curfew("restore", "--config", w.worker.config, "--cluster", w.sim.clusters[ONE]["uuid"], "--infobase", "ib-03", "--wait", config=None)
    expect(run.status == 0 and not is_locked(w, "ib-03"), f"restored by the cluster's UUID: {run}")
    expect_end(w, identity, "completed")


def either_name_of_an_infobase_finds_its_lock(w):
    identity = started(w, "ib-03", "--hold", "1h")
    uuid = wait_held(w, identity)["infobase_uuid"]
    run = w.curfew("restore", "--cluster", ONE, "--infobase", uuid, "--wait")
    expect(run.status == 0 and not is_locked(w, "ib-03"), f"drained by name, restored by UUID: {run}")
    expect_end(w, identity, "completed")
    identity = started(w, uuid, "--hold", "1h")
    held = wait_held(w, identity)
    expect((held["infobase"], held["infobase_name"]) == (uuid, "ib-03"), f"{held}")
    run = w.curfew("restore", "--cluster", ONE, "--infobase", "ib-04", "--wait")
    expect(run.status == NOT_FOUND and "nothing to restore" in run.err, f"another one's lock: {run}")
    run = w.curfew("restore", "--cluster", ONE, "--infobase", "IB-03", "--wait")
    expect(run.status == 0 and not is_locked(w, "ib-03"), f"drained by UUID, restored by name: {run}")
    expect_end(w, identity, "completed")


def a_drain_of_what_is_not_there_is_refused_at_once(w):
    begun = time.monotonic()
    run = drain(w, "ib-99", "--wait")
    expect(run.status == NOT_FOUND and "ib-99" in run.out + run.err, f"{run}")
    expect(time.monotonic() - begun < 10, "it waited for an infobase that is not there")


def a_later_drain_is_not_ended_by_an_earlier_restore(w):
    identity = started(w, "ib-03", "--hold", "1h")
    wait_held(w, identity)
    w.workers["worker-1"].stop()
    w.workers["worker-1"].start()       # reads the control topic again, from its beginning
    expect(is_locked(w, "ib-03"), "the hold was ended by a restore from before it")
    expect(w.curfew("cancel", identity).status == 0, "cancel")
    expect_end(w, identity, "completed")
    expect(not is_locked(w, "ib-03"), "a cancel in the hold does not give back")


def a_grace_without_a_time_zone_is_refused(w):
    w.workers["worker-1"].stop()
    name = "worker-zoneless"
    settings = w.config_of(name)
    for cluster in settings["clusters"]:
        del cluster["time_zone"]
    worker = w.start_worker(name)
    worker.stop()
    worker.write_config(settings)
    worker.start()
    run = drain(w, "ib-01", "--grace", "10s", "--wait")
    expect(run.status == REFUSED and "time_zone" in run.out, f"refused with the reason: {run}")
    run = drain(w, "ib-01", "--wait")
    expect(run.status == 0, f"without a grace it is done: {run}")
    worker.stop()
    w.workers["worker-1"].start()


# ---- other administrators (I9) ----

def a_strangers_change_is_kept_and_the_rest_given_back(w):
    before = set_lock(w, "ib-03", sessions_deny=False, scheduled_jobs_deny=False, denied_message="")
    identity = started(w, "ib-03", "--hold", "1h")
    wait_held(w, identity)
    set_lock(w, "ib-03", sessions_deny=True, denied_message="мой замок", denied_parameter="2026.11.21 12:00:00 5")
    expect(w.curfew("restore", "--cluster", ONE, "--infobase", "ib-03", "--wait").status == 0, "restore")
    lock = lock_of(w, "ib-03")
    expect(lock["sessions_deny"] and lock["denied_message"] == "мой замок", f"the stranger's lock is gone: {lock}")
    expect(not lock["scheduled_jobs_deny"], "jobs are still denied")
    expect_end(w, identity, "completed")
    set_lock(w, "ib-03", **{field: before[field] or "" for field in FIELDS if field in before})


def a_stale_end_in_the_past_does_not_let_people_in(w):
    before = set_lock(w, "ib-04", sessions_deny=True, denied_from="2026-01-01T01:00:00", denied_to="2026-01-01T02:00:00")
    w.sim.login(ONE, "ib-04", "Кто-то")     # the stale lock keeps nobody out
    identity = started(w, "ib-04", "--hold", "1h")
    wait_held(w, identity)
    expect(lock_of(w, "ib-04")["denied_parameter"] == identity and not users(w, "ib-04"), "not empty, or not ours")
    expect(not lock_of(w, "ib-04")["denied_to"], "the lock has an end in the past")
    expect(w.curfew("restore", "--cluster", ONE, "--infobase", "ib-04", "--wait").status == 0, "restore")
    expect(lock_of(w, "ib-04") == before, f"{lock_of(w, 'ib-04')} is not {before}")


def a_delayed_lock_of_somebody_else_stays_in_force_and_comes_back(w):
    before = set_lock(w, "ib-04", sessions_deny=True, denied_from="2031-01-01T01:00:00", denied_to="2031-01-01T02:00:00",
                      denied_message="ночью")
    identity = started(w, "ib-04", "--hold", "1h")
    wait_held(w, identity)
    lock = lock_of(w, "ib-04")
    expect(lock["denied_message"] == "ночью" and not lock["denied_to"] and not lock["denied_from"], f"the stricter of both: {lock}")
    expect(w.curfew("restore", "--cluster", ONE, "--infobase", "ib-04", "--wait").status == 0, "restore")
    expect(lock_of(w, "ib-04") == before, f"{lock_of(w, 'ib-04')} is not {before}")
    set_lock(w, "ib-04", sessions_deny=False, denied_from="", denied_to="", denied_message="")


# ---- kill -9 ----

def again(w):
    w.workers["worker-1"].kill()
    w.workers["worker-1"].start()


def killed_at(w, infobase, ready, *more, fault=None):
    """Kills the worker when `ready`; the lock must come back, and the command must close."""
    before = lock_of(w, infobase)
    rule = w.sim.fault(fault) if fault else None
    identity = started(w, infobase, *more)
    wait_for("the moment to die", lambda: ready(rule))
    if rule:
        w.sim.unfault(rule)
    again(w)
    w.curfew("restore", "--cluster", ONE, "--infobase", infobase)
    expect_given_back(w, infobase, before)
    w.end_of(identity, 2 * WITHIN_S)
    expect(lock_of(w, infobase) == before, f"{lock_of(w, infobase)} is not {before}")


def killed_between_licence_and_lock(w):
    killed_at(w, "ib-05", lambda rule: w.sim.hits(rule) > 0, "--hold", "1h", fault="hang,op=update")


def killed_when_the_lock_was_written_and_no_answer_came(w):
    killed_at(w, "ib-05", lambda rule: w.sim.hits(rule) > 0, "--hold", "1h", fault="silent,op=update,times=1")


def killed_in_the_grace(w):
    w.sim.login(ONE, "ib-05", "Пятый")
    killed_at(w, "ib-05", lambda _rule: is_locked(w, "ib-05"), "--grace", "1m", "--hold", "1h")


def killed_in_a_round(w):
    w.sim.login(ONE, "ib-05", "Шестой")
    killed_at(w, "ib-05", lambda rule: w.sim.hits(rule) > 0, "--hold", "1h", fault="hang,op=terminate")


def killed_in_the_hold(w):
    killed_at(w, "ib-05", lambda _rule: any(each["empty"] for each in holds_of(w).values()), "--hold", "1h")


def killed_while_giving_back(w):
    before = lock_of(w, "ib-05")
    identity = started(w, "ib-05", "--hold", "1h")
    wait_held(w, identity)
    rule = w.sim.fault("hang,op=update")
    expect(w.curfew("restore", "--cluster", ONE, "--infobase", "ib-05").status == 0, "restore")
    wait_for("the write back", lambda: w.sim.hits(rule) > 0)
    w.sim.unfault(rule)
    again(w)
    expect_given_back(w, "ib-05", before)
    expect_end(w, identity, "completed")


def a_worker_that_is_away_while_the_hold_ends_gives_back_on_its_return(w):
    before = lock_of(w, "ib-05")
    identity = started(w, "ib-05", "--hold", "5s")
    wait_held(w, identity)
    w.workers["worker-1"].kill()
    wait_for("the hold is over", lambda: w.curfew("status", "--json").json["locks"][0]["until"] < utc_now())
    expect(is_locked(w, "ib-05"), "given back by nobody")
    w.workers["worker-1"].start()
    expect_given_back(w, "ib-05", before)
    expect_end(w, identity, "completed")


def the_journal_holds_what_was_done(w):
    w.check()


def main():
    options = arguments(__doc__, seed=(1, "of the simulated world"))
    cases = Cases(options)
    with World(options, clusters=1, sim=["--infobases", "5", "--sessions", "40", "--seed", options.seed]) as w:
        w.start_worker("worker-1", {"clusters": [w.cluster_config(ONE) | {"timeouts": {"request": "5s"}}],
                                    "policy": {"protected_users": ["Администратор"]}})
        cases.run(w, [a_drain_empties_the_infobase_and_gives_back_what_was_there,
                      users_are_warned_by_the_clusters_own_clock_and_who_leaves_has_left,
                      empty_means_nothing_before_the_lock_begins, empty_is_not_said_over_somebody_who_is_logging_in,
                      a_drain_that_ends_in_doubt_names_who_is_left, nobody_left_is_not_said_over_somebody_who_is_logging_in,
                      a_hold_is_shown_by_status_and_ended_by_restore, either_name_of_an_infobase_finds_its_lock,
                      either_name_of_a_cluster_finds_its_lock,
                      a_drain_of_what_is_not_there_is_refused_at_once, a_later_drain_is_not_ended_by_an_earlier_restore,
                      a_grace_without_a_time_zone_is_refused, a_strangers_change_is_kept_and_the_rest_given_back,
                      a_stale_end_in_the_past_does_not_let_people_in, a_delayed_lock_of_somebody_else_stays_in_force_and_comes_back,
                      killed_between_licence_and_lock, killed_when_the_lock_was_written_and_no_answer_came, killed_in_the_grace,
                      killed_in_a_round, killed_in_the_hold, killed_while_giving_back,
                      a_worker_that_is_away_while_the_hold_ends_gives_back_on_its_return, the_journal_holds_what_was_done])
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
