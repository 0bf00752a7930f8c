#!/usr/bin/env python3
"""A real Kafka, a worker, and clusters that answer late, not at all, wrongly or with lies; a broker and a worker that stand
still. Whatever happens, a verdict is true, and nothing is ended without its licence."""
import contextlib
import os
import signal
import sys
import time
import uuid

import bootstrap

bootstrap.enter()

from world import World, by_numbers, by_sessions, expect, play, the_checker_is_content, verdicts_of, wait_for

CLUSTERS = 16
IB = "ib-01"
REQUEST_S, VERIFY_S, LICENCE_S = 2, 4, 10
PAUSE_S = 14                # longer than a licence and than a session of the group
SPOILT_COMMANDS = 60
TROUBLE_S = 11              # a session of the group, and a little
CONFLICT = 5                # exit status


class FaultWorld(World):
    def __init__(self, options):
        super().__init__(options, clusters=CLUSTERS, sim=["--sessions", "8"], real=True,
                         settings={"timeouts": {"verify": f"{VERIFY_S}s"}})
        self.next = 0

    def cluster_config(self, cluster):
        config = super().cluster_config(cluster)
        config["timeouts"] = {"request": f"{REQUEST_S}s", "connect": f"{REQUEST_S}s"}
        return config

    def fresh(self):
        """A cluster that no case has spoilt yet, and a session of it."""
        self.next += 1
        cluster = f"sim-{self.next:02d}"
        return cluster, self.login(cluster)

    def outcome(self, command, seconds=90):
        verdicts = verdicts_of(self.end_of(command.id, seconds))
        return verdicts[0] if len(verdicts) == 1 else verdicts


def ended_once(world, spec, times_received=1, outcome="ended"):
    cluster, session = world.fresh()
    with world.fault(f"{spec},cluster={cluster}") as fault:
        command = by_sessions(cluster, session)
        world.send(command)
        found = world.outcome(command)
        expect(world.sim.hits(fault) > 0, "the fault never came")
    expect(found == outcome, f"wanted {outcome}, got {found}")
    expect(not world.sim.is_there(cluster, session), "it is still there")
    received = world.sim.terminations(session)
    expect(len(received) == times_received, f"{len(received)} terminations were received, wanted {times_received}")
    other = world.login(cluster)
    world.end_session(cluster, other)       # and the cluster is of use again


# ---- answers ----

def a_reply_that_comes_too_late_is_nobody_elses(world):
    ended_once(world, "late=5s,op=terminate_session,times=1")


def a_connection_cut_inside_the_reply(world):
    ended_once(world, "cut=3,op=terminate_session,times=1")


def a_lost_reply(world):
    ended_once(world, "lost,op=terminate_session,times=1")


def a_request_that_was_dropped_is_licensed_anew(world):
    ended_once(world, "drop,op=terminate_session,times=1", times_received=2)


def survives(world, fault):
    cluster, session = world.fresh()
    with world.fault(f"{fault},cluster={cluster}"):
        command = by_sessions(cluster, session)
        world.send(command)
        found = world.outcome(command)
    expect(found == "survived", f"wanted survived, got {found}")
    expect(world.sim.is_there(cluster, session), "it is gone")


def a_lie_is_found_out(world):
    survives(world, "lie,op=terminate_session")


def a_session_that_lingers_is_waited_for(world):
    cluster, session = world.fresh()
    with world.fault(f"stay=2s,cluster={cluster}"):
        begun = time.monotonic()
        world.end_session(cluster, session)
        expect(time.monotonic() - begun >= 1.9, "it was called ended while it was listed")


def a_session_that_stays_survived(world):
    survives(world, "stay=forever")


def an_empty_list_that_lies_is_not_believed(world):
    cluster, session = world.fresh()
    with world.fault(f"empty,op=get_sessions,cluster={cluster}"):
        command = by_sessions(cluster, session, valid_s=8)
        world.send(command)
        found = world.outcome(command)
        expect(found not in ("ended", "already_gone", "left") or not world.sim.is_there(cluster, session),
               f"{found}, and it is there")
    made = world.sim.login(cluster, user="Кассир")
    with world.fault(f"empty,op=get_sessions,cluster={cluster},times=1"):
        command = by_numbers(cluster, IB, made["number"])
        world.send(command)
        found = world.outcome(command)
    expect(found == "ended" and not world.sim.is_there(cluster, made["session"]), f"wanted ended, got {found}")


def a_slow_list_still_ends_sessions(world):
    cluster, session = world.fresh()
    with world.fault(f"delay=1500ms,op=get_sessions,cluster={cluster}"):
        command = by_sessions(cluster, session, valid_s=30)
        world.send(command)
        found = world.outcome(command)
    expect(found == "ended", f"wanted ended, got {found}")


def a_cluster_that_goes_mad_gets_true_verdicts(world):
    """Every fifth request meets one of many faults; what the verdicts say is held against the truth by the checker."""
    world.next += 1
    cluster = f"sim-{world.next:02d}"
    sessions = [world.login(cluster) for _ in range(SPOILT_COMMANDS)]
    with world.fault(f"chaos=0.2,cluster={cluster}"):
        commands = [by_sessions(cluster, session, valid_s=45) for session in sessions]
        for command in commands:
            world.send(command)
        found = [world.outcome(command, 120) for command in commands]
    for session, verdict in zip(sessions, found):
        there = world.sim.is_there(cluster, session)
        expect(not (there and verdict in ("ended", "already_gone")), f"{verdict}, and {session} is there")
    print("        " + ", ".join(f"{verdict} {found.count(verdict)}" for verdict in sorted(set(found))))


# ---- messages ----

def what_is_as_large_as_the_broker_takes_stops_nobody(world):
    cluster, session = world.fresh()
    place = world.produce(b"\xff" * 1_048_000, key=cluster)
    expect(place is not None, "the broker did not take it")
    world.end_session(cluster, session)


# ---- a broker and a worker that stand still ----

@contextlib.contextmanager
def stopped(process):
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def ready_again(worker):
    """By itself, also where the broker took the client's late second request to join for another worker of that name."""
    wait_for("ready again", lambda: worker.readiness()[0] == 200 or not worker.alive(), 90)
    expect(worker.alive(), f"it did not recover by itself:\n{worker.text()[-2000:]}")


def nothing_is_ended_while_the_journal_cannot_be_written(world):
    cluster, session = world.fresh()
    worker = world.workers["worker-1"]
    with world.fault(f"delay=600ms,op=get_sessions,times=1,cluster={cluster}") as delay:
        command = by_sessions(cluster, session)
        world.send(command)
        wait_for("the list is asked for", lambda: world.sim.hits(delay) > 0)
        with stopped(world.broker):
            time.sleep(PAUSE_S)      # the time itself is the test: licences grow old in it
            expect(not world.sim.terminations(session), "it was asked to end without a licence")
            status, text = worker.readiness()
            expect(status != 200, f"/readyz is {status} although the journal cannot be written: {text}")
            expect(worker.get("/livez")[0] == 200, "/livez")
    ready_again(worker)
    expect(world.outcome(command) == "ended", "it did not recover")
    expect(not world.sim.is_there(cluster, session), "it is still there")


def an_old_licence_is_not_acted_on(world):
    """The cluster lets nobody act until the licence is old: a new one is asked for."""
    cluster, session = world.fresh()
    with world.fault(f"hang,op=terminate_session,times=1,cluster={cluster}"), world.fault(f"stay=0s,cluster={cluster}"):
        command = by_sessions(cluster, session)
        world.send(command)
        wait_for("the first attempt", lambda: world.sim.terminations(session))
        with stopped(world.broker):
            time.sleep(PAUSE_S)
            expect(len(world.sim.terminations(session)) == 1, "it was asked to end again without a new licence")
    ready_again(world.workers["worker-1"])
    expect(world.outcome(command) == "ended", "it did not recover")
    expect(len(world.sim.terminations(session)) == 2, f"{world.sim.terminations(session)}")


def a_worker_that_was_paused_does_no_harm(world):
    """The owner stands still in the middle; another one takes over and finishes; then it wakes up."""
    cluster, session = world.fresh()
    first = world.workers["worker-1"]
    with world.fault(f"delay=700ms,op=get_sessions,times=2,cluster={cluster}") as delay:
        command = by_sessions(cluster, session)
        world.send(command)
        wait_for("the list is asked for", lambda: world.sim.hits(delay) > 0)
        with stopped(first.process):
            second = world.start_worker("worker-2", ready=False)
            found = world.outcome(command, 120)
            expect(found in ("ended", "already_gone"), f"got {found}")
            second.wait_ready()
            newcomer = world.login(cluster)
    wait_for("both are ready", lambda: first.readiness()[0] == 200 and second.readiness()[0] == 200, 120)
    expect(world.sim.is_there(cluster, newcomer), "the newcomer was ended")
    expect(len(world.sim.terminations(session)) == 1, f"{world.sim.terminations(session)}")
    for name in list(world.sim.clusters)[:4]:
        world.end_session(name, str(uuid.uuid4()), "already_gone")
    expect(second.stop() == 0, "worker-2 does not end well")
    for name in list(world.sim.clusters)[:4]:
        world.end_session(name, str(uuid.uuid4()), "already_gone")


def of_two_workers_of_one_name_the_first_stops(world):
    """It says why, and the other one goes on with its work."""
    cluster, session = world.fresh()
    first = world.workers["worker-1"]
    time.sleep(TROUBLE_S)       # a session's length in peace: whoever is fenced now was not fenced by itself
    twin = world.start_worker("twin", {"kafka": {"instance": "worker-1"}})
    status = first.wait()
    expect(status == CONFLICT, f"wanted exit status {CONFLICT}, got {status}")
    expect("another worker has joined the group as kafka.instance 'worker-1'" in first.text(), "it does not say why")
    expect(twin.alive() and twin.readiness()[0] == 200, f"the twin: {twin.readiness()}")
    world.end_session(cluster, session)
    expect(twin.stop() == 0, "the twin does not end well")
    first.start()


CASES = [
    a_reply_that_comes_too_late_is_nobody_elses, a_connection_cut_inside_the_reply, a_lost_reply,
    a_request_that_was_dropped_is_licensed_anew, a_lie_is_found_out, a_session_that_lingers_is_waited_for,
    a_session_that_stays_survived, an_empty_list_that_lies_is_not_believed, a_slow_list_still_ends_sessions,
    what_is_as_large_as_the_broker_takes_stops_nobody,
    nothing_is_ended_while_the_journal_cannot_be_written,
    an_old_licence_is_not_acted_on, a_worker_that_was_paused_does_no_harm, a_cluster_that_goes_mad_gets_true_verdicts,
    of_two_workers_of_one_name_the_first_stops, the_checker_is_content,
]


def main():
    return play(__doc__, FaultWorld, CASES, "worker-1")


if __name__ == "__main__":
    sys.exit(main())
