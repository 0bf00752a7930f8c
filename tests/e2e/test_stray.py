#!/usr/bin/env python3
"""A lock that is written after its drain is closed: found, removed, told; and nobody else's lock is taken for one. One that
is taken away while its drain holds is told, and not set again."""
import sys
import uuid

import bootstrap

bootstrap.enter()

from test_drain import FOUND, ONE, is_locked, lock_of, set_lock
from world import Cases, World, arguments, expect, wait_for

REQUEST_S = 2
BOUND_S = 10 + REQUEST_S    # a licence's age, and the longest request
LATE_S = 25                 # so much later the cluster carries it out
SOON_S = 5                  # "at once", on a busy machine
WITHIN_S = 60


def worker_of(w):
    return w.workers["worker-1"]


def status_of(w):
    return w.curfew("status", "--json").json


def closed_with_a_lock_under_way(w, infobase, seconds=LATE_S):
    """A drain whose write hangs in the cluster is given up and closed. Its id."""
    rule = w.sim.fault(f"delay={seconds}s,op=update,times=1")
    run = w.curfew("drain", "--cluster", ONE, "--infobase", infobase, "--hold", "1h", "--json")
    expect(run.status == 0, f"drain: {run}")
    identity = run.json["id"]
    wait_for("the write is on its way", lambda: w.sim.hits(rule) > 0)
    expect(w.curfew("cancel", identity).status == 0, "cancel")
    w.end_of(identity, WITHIN_S)
    expect(not is_locked(w, infobase), "it came too soon: nothing is shown")
    expect(not status_of(w)["locks"], "closed, and status shows a lock")
    return identity


def expect_given_back(w, infobase, before, seconds):
    wait_for(lambda: f"{infobase} has {before}; it has {lock_of(w, infobase)}", lambda: lock_of(w, infobase) == before, seconds)


def locks_by_doctor(w):
    findings = w.curfew("doctor", "--config", worker_of(w).config, "--json", config=None).json
    return [each for each in findings if each["check"].startswith("lock")]


def restored_events(w, identity):
    """Each once: they are delivered at least once."""
    return list({event["journal"]["offset"]: event for event in w.events_of(identity) if event["kind"] == "EVENT_KIND_RESTORED"}.values())


def a_lock_that_comes_behind_the_end_is_removed_by_its_owner_and_told(w):
    before = set_lock(w, "ib-01", **FOUND)
    identity = closed_with_a_lock_under_way(w, "ib-01")
    expect(worker_of(w).metric("curfew_locks_watched") == 1, "nobody looks after it")
    wait_for("the late lock", lambda: is_locked(w, "ib-01"), WITHIN_S)
    expect(lock_of(w, "ib-01")["denied_parameter"] == identity, "not the lock of that drain")
    expect_given_back(w, "ib-01", before, BOUND_S * 2)
    wait_for("the event", lambda: len(restored_events(w, identity)) == 2)
    expect("removed" in restored_events(w, identity)[1]["reason"]["message"], f"{restored_events(w, identity)[1]}")
    worker = worker_of(w)
    expect(worker.metric("curfew_stray_locks_found_total", cluster=ONE) == 1, "it is not counted as found")
    expect(worker.metric("curfew_stray_locks_removed_total", cluster=ONE) == 1, "it is not counted as removed")
    expect(worker.metric("curfew_stray_locks") == 0 and worker.metric("curfew_locks_held") == 0, "one is left")
    expect(identity in worker.text() and "a lock of ours came late" in worker.text(), "the log does not tell")


def one_that_came_while_no_worker_ran_is_removed_at_the_start(w):
    before = set_lock(w, "ib-02", **FOUND)
    identity = closed_with_a_lock_under_way(w, "ib-02")
    worker_of(w).kill()
    wait_for("the late lock", lambda: is_locked(w, "ib-02"), WITHIN_S)
    worker_of(w).start()
    expect_given_back(w, "ib-02", before, SOON_S)
    wait_for("the event", lambda: len(restored_events(w, identity)) == 2)
    expect(worker_of(w).metric("curfew_stray_locks_removed_total", cluster=ONE) == 1, "it is not counted")


def one_that_cannot_be_removed_is_shown_until_it_can(w):
    before = set_lock(w, "ib-03", **FOUND)
    identity = closed_with_a_lock_under_way(w, "ib-03")
    worker_of(w).kill()
    wait_for("the late lock", lambda: is_locked(w, "ib-03"), WITHIN_S)
    rule = w.sim.fault("error=Rights,op=update")
    worker_of(w).start()
    wait_for("it is found", lambda: worker_of(w).metric("curfew_stray_locks") == 1)
    stray = wait_for("status shows it", lambda: status_of(w)["strays"])
    expect(len(stray) == 1 and stray[0]["infobase"] == "ib-03" and stray[0]["command"] == identity, f"{stray}")
    expect(stray[0]["state"] == "being removed" and stray[0]["cluster"] == ONE, f"{stray}")
    expect(is_locked(w, "ib-03"), "it is gone, and the cluster refused")
    w.sim.unfault(rule)
    expect_given_back(w, "ib-03", before, 2 * BOUND_S + SOON_S)
    wait_for("status shows nothing", lambda: not status_of(w)["strays"])
    expect(worker_of(w).metric("curfew_stray_locks") == 0, "the metric still counts it")


def a_lock_of_a_command_that_nobody_knows_is_kept_and_named(w):
    unknown = str(uuid.uuid4())
    before = set_lock(w, "ib-04", sessions_deny=True, denied_from="", denied_to="", denied_message="обновление", denied_parameter=unknown)
    run = w.curfew("drain", "--cluster", ONE, "--infobase", "ib-04", "--json", "--wait")
    expect(run.status == 0, f"drain: {run}")
    w.end_of(run.json["command_id"], WITHIN_S)
    expect(lock_of(w, "ib-04") == before, f"{lock_of(w, 'ib-04')} is not {before}")
    expect(worker_of(w).metric("curfew_stray_locks_unknown_total", cluster=ONE) == 1, "it is not counted")
    expect(unknown in worker_of(w).text(), "the log does not name the command")
    strays = status_of(w)["strays"]
    expect([each["command"] for each in strays] == [unknown] and strays[0]["state"] == "not explained", f"status: {strays}")
    expect(unknown in w.curfew("status").out, "status shows it to programs only")
    found = locks_by_doctor(w)
    expect(len(found) == 1 and found[0]["state"] == "warn" and "ib-04" in found[0]["check"] and unknown in found[0]["found"], f"doctor: {found}")
    set_lock(w, "ib-04", sessions_deny=False, denied_message="", denied_parameter="")
    found = locks_by_doctor(w)
    expect(len(found) == 1 and found[0]["state"] == "ok", f"doctor: {found}")


def one_that_is_taken_away_in_a_hold_is_told_and_not_set_again(w):
    before = set_lock(w, "ib-02", **FOUND)
    run = w.curfew("drain", "--cluster", ONE, "--infobase", "ib-02", "--hold", "1h", "--json", "--wait")
    expect(run.status == 0 and is_locked(w, "ib-02"), f"drain: {run}")
    worker_of(w).kill()         # whoever owns the partition next looks at once
    taken = set_lock(w, "ib-02", sessions_deny=False)
    worker_of(w).start()
    wait_for("it is found", lambda: worker_of(w).metric("curfew_held_locks_open") == 1)
    expect(worker_of(w).metric("curfew_held_locks_opened_total", cluster=ONE) == 1, "it is not counted")
    expect("keeps people or jobs out no longer" in worker_of(w).text(), "the log does not tell")
    expect(lock_of(w, "ib-02") == taken, "what somebody changed is not kept")
    expect(w.curfew("restore", "--cluster", ONE, "--infobase", "ib-02", "--wait").status == 0, "restore")
    expect_given_back(w, "ib-02", before, SOON_S)
    wait_for("nothing is held", lambda: worker_of(w).metric("curfew_held_locks_open") == 0)


def the_journal_holds_what_was_done(w):
    figures = w.check()
    expect(figures["late locks removed"] == 3, f"{figures}")


def main():
    options = arguments(__doc__, seed=(1, "of the simulated world"))
    cases = Cases(options)
    with World(options, clusters=1, sim=["--infobases", "4", "--sessions", "8", "--seed", options.seed]) as w:
        w.start_worker("worker-1", {"clusters": [w.cluster_config(ONE) | {"timeouts": {"request": f"{REQUEST_S}s"}}]})
        cases.run(w, [a_lock_that_comes_behind_the_end_is_removed_by_its_owner_and_told,
                      one_that_came_while_no_worker_ran_is_removed_at_the_start, one_that_cannot_be_removed_is_shown_until_it_can,
                      a_lock_of_a_command_that_nobody_knows_is_kept_and_named,
                      one_that_is_taken_away_in_a_hold_is_told_and_not_set_again, the_journal_holds_what_was_done])
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
