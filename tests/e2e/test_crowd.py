#!/usr/bin/env python3
"""A drain of a thousand sessions while users log in again, jobs start again and another administrator changes the lock: empty, verified,
and given back, with a worker that is left alone, and with one that is killed at every step. On a real Kafka."""
import contextlib
import sys
import threading

import bootstrap

bootstrap.enter()

from test_drain import ONE, again, drain, expect_end, is_locked, lock_of, set_lock, started, the_journal_holds_what_was_done, users, wait_held
from world import Cases, Failed, World, arguments, expect, wait_for

MANY = 900
QUIET, KILLED = "ib-01", "ib-02"
LONG_S = 400
MINE = {"sessions_deny": True, "denied_message": "теперь мой", "denied_parameter": "2026.11.21 12:00:00 5"}


@contextlib.contextmanager
def crowd(w, infobase):
    """Users log in again at once, and jobs start again."""
    expect(len(users(w, infobase)) >= MANY, f"only {len(users(w, infobase))} sessions")
    done = threading.Event()

    def come():
        while not done.wait(0.02):
            for app in ("1CV8C", "BackgroundJob"):
                with contextlib.suppress(Failed):       # denied: that is the point
                    w.sim.login(ONE, infobase, "Опять", app=app, force=False)

    thread = threading.Thread(target=come)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def expect_done(w, infobase, identity, end):
    """The other administrator's lock stays and is told; all else is as it was."""
    expect(int(end["totals"]["ended"]) >= MANY, f"{end['totals']}")
    lock = lock_of(w, infobase)
    expect({key: lock[key] for key in MINE} == MINE, f"the other administrator's lock is gone: {lock}")
    expect(not lock["scheduled_jobs_deny"], "jobs are still denied")
    restored = [event for event in w.events_of(identity) if event["kind"] == "EVENT_KIND_RESTORED"]
    expect(restored and restored[-1].get("keptForeign"), f"nobody is told: {restored}")
    return restored


def a_thousand_sessions_under_load_are_gone_and_stay_gone(w):
    with crowd(w, QUIET):
        run = drain(w, QUIET, "--wait", "--deadline", "5m", "--hold", "5s", seconds=LONG_S)
        expect(run.status == 0 and run.json["outcome"] == "completed", f"drain: status {run.status}, {run.out[:300]} {run.err}")
        expect(not users(w, QUIET), "held, and not empty")
        set_lock(w, QUIET, **MINE)
        end = expect_end(w, run.json["command_id"], "completed")
    expect(len(expect_done(w, QUIET, run.json["command_id"], end)) == 1, "given back more than once")


def the_same_with_the_worker_killed_at_every_step(w):
    with crowd(w, KILLED):
        rule = w.sim.fault("hang,op=update")
        identity = started(w, KILLED, "--grace", "5s", "--deadline", "5m", "--hold", "1h")
        wait_for("the lock is on its way", lambda: w.sim.hits(rule) > 0)
        w.sim.unfault(rule)
        again(w)
        wait_for("the lock stands", lambda: is_locked(w, KILLED))
        again(w)
        slow = w.sim.fault("delay=30ms,op=terminate")
        for left in (800, 300):
            wait_for(f"less than {left} are there", lambda left=left: len(users(w, KILLED)) < left, LONG_S)
            expect(users(w, KILLED), "they were gone already: nothing is tested")
            again(w)
        w.sim.unfault(slow)
        wait_held(w, identity)
        expect(not users(w, KILLED), "held, and not empty")
        again(w)
        set_lock(w, KILLED, **MINE)
        rule = w.sim.fault("hang,op=update")
        expect(w.curfew("restore", "--cluster", ONE, "--infobase", KILLED).status == 0, "restore")
        wait_for("the write back", lambda: w.sim.hits(rule) > 0)
        w.sim.unfault(rule)
        again(w)
        end = expect_end(w, identity, "completed")
    expect_done(w, KILLED, identity, end)


def main():
    options = arguments(__doc__, seed=(1, "of the simulated world"))
    cases = Cases(options)
    more = ["--infobases", "2", "--sessions", "2000", "--relogin", "200ms", "--seed", options.seed]
    with World(options, clusters=1, sim=more, real=True) as w:
        w.start_worker("worker-1", {"clusters": [w.cluster_config(ONE) | {"timeouts": {"request": "5s"}}]})
        cases.run(w, [a_thousand_sessions_under_load_are_gone_and_stay_gone, the_same_with_the_worker_killed_at_every_step,
                      the_journal_holds_what_was_done])
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
