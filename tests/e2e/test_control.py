#!/usr/bin/env python3
"""A real Kafka and two workers: cancel, the kill switch on the control topic and by signal, and a control topic that cannot
be read. What was not sent when a stop was read is never sent; what nobody can know of stops everything after 10 s."""
import contextlib
import signal
import sys
import time
import uuid

import bootstrap

bootstrap.enter()

from confluent_kafka.admin import AdminClient

import published
from world import World, by_sessions, command_for, expect, now_ms, outcome_of, play, the_checker_is_content, verdicts_of, wait_for

CLUSTERS = 24
CONTROL = "curfew.control"
STOP_S = 2                  # the kill switch is in force everywhere so long after it was appended
LICENCE_S = 10
NOT_FOUND, REFUSED, TIMED_OUT = 4, 5, 6
STRANGER = "stranger@test"   # whom the policy lets do nothing
LONG_BY = "Ж" * 128          # 256 bytes, the most that is taken: a byte less would cut the last letter in two


class ControlWorld(World):
    def __init__(self, options):
        rules = [{"name": "strangers", "effect": "deny", "requesters": [STRANGER]}, {"name": "others", "effect": "allow"}]
        super().__init__(options, clusters=CLUSTERS, sim=["--sessions", "4"], real=True, settings={"policy": {"rules": rules}})
        self.next = 0

    def cluster_config(self, cluster):
        config = super().cluster_config(cluster)
        config["limits"] = {"per_minute": 100000, "in_flight": 1}
        return config

    def fresh(self, count=1):
        """A cluster that no case has used, and sessions of it."""
        self.next += 1
        cluster = f"sim-{self.next:02d}"
        return cluster, [self.login(cluster) for _ in range(count)]

    def control(self, by="someone@test", **what):
        command = command_for("", valid_s=None, **what)
        command.requested_by = by
        return self.produce(command.SerializeToString(), topic=CONTROL)

    def switch(self, engaged):
        command = command_for("", valid_s=None)
        command.kill_switch.engaged = engaged
        self.produce(command.SerializeToString(), topic=CONTROL)

    def halted(self, wanted, workers=None):
        return all(worker.metric("curfew_kill_switch") == wanted for worker in workers or self.workers.values() if worker.alive())

    def verdicts(self, command, seconds=90):
        event = self.end_of(command.id, seconds)
        return outcome_of(event), verdicts_of(event)


def expect_stopped(world, command, sessions, cluster, words):
    """... and the end says who stopped it, and why."""
    event = world.end_of(command.id)
    for told in (event, *event["targets"]):
        expect(words in told["reason"]["message"], f"wanted '{words}': {told['reason']}")
    outcome, verdicts = world.verdicts(command)
    expect(outcome == "cancelled" and set(verdicts) == {"stopped"}, f"wanted stopped: {outcome} {verdicts}")
    for session in sessions:
        expect(world.sim.is_there(cluster, session), "it was ended all the same")


# ---- cancel ----

def a_cancel_stops_what_was_not_sent(world):
    """The requester has the longest name that is taken, in Cyrillic: the journal must take it whole."""
    cluster, sessions = world.fresh(2)
    with world.fault(f"delay=2s,op=get_sessions,times=1,cluster={cluster}") as delay:
        command = by_sessions(cluster, *sessions)
        world.send(command)
        wait_for("the list is asked for", lambda: world.sim.hits(delay) > 0)
        cancel = command_for("", valid_s=None)
        cancel.requested_by = LONG_BY
        cancel.cancel.command_id = command.id
        world.produce(cancel.SerializeToString(), topic=CONTROL)
        expect_stopped(world, command, sessions, cluster, f"cancelled by '{LONG_BY}': test")
    expect(all(worker.alive() for worker in world.workers.values()), "a worker ended")


def a_cancel_that_comes_before_its_command_is_kept(world):
    cluster, sessions = world.fresh()
    command = by_sessions(cluster, *sessions)
    cancel = command_for("", valid_s=None)
    cancel.cancel.command_id = command.id
    world.produce(cancel.SerializeToString(), topic=CONTROL)
    for worker in world.workers.values():   # each has read it when a look that began later is answered
        wait_for("control is read", lambda each=worker: each.metric("curfew_control_age_seconds") < 0.5)
    with world.fault(f"delay=1s,op=get_sessions,times=1,cluster={cluster}"):
        world.send(command)
        expect_stopped(world, command, sessions, cluster, "cancelled by 'someone@test': test")


# ---- the kill switch ----

def the_kill_switch_stops_all_that_was_not_sent_within_2_s(world):
    """Ends wait in the executor behind a hung one (one in flight for each cluster); it survives a restart."""
    made = [world.fresh(3) for _ in range(4)]
    commands = []
    faults = contextlib.ExitStack()
    for cluster, sessions in made:
        hang = faults.enter_context(world.fault(f"delay=4s,op=terminate_session,cluster={cluster}"))
        command = by_sessions(cluster, *sessions)
        world.send(command)
        wait_for(f"an end is out in {cluster}", lambda each=hang: world.sim.hits(each) > 0)
        commands.append(command)
    with faults:
        world.switch(True)
        engaged = now_ms()
        wait_for("every worker has read it", lambda: world.halted(1), STOP_S)
        expect(now_ms() - engaged < STOP_S * 1000, f"it took {now_ms() - engaged} ms")
        for command, (_cluster, sessions) in zip(commands, made):
            world.verdicts(command)
            sent = [session for session in sessions if world.sim.terminations(session)]
            expect(len(sent) == 1, f"{len(sent)} of 3 were asked to end, wanted the one that was out")
    nothing_is_ended_while_engaged(world)
    for worker in world.workers.values():
        worker.kill()
        worker.start(ready=False)
    for worker in world.workers.values():
        worker.wait_ready()
    expect(world.halted(1), "a restart released it")
    nothing_is_ended_while_engaged(world)
    world.switch(False)
    wait_for("released", lambda: world.halted(0), STOP_S)
    it_goes_on(world)


def nothing_is_ended_while_engaged(world, words="halted by 'someone@test': test"):
    cluster, sessions = world.fresh()
    command = by_sessions(cluster, *sessions)
    world.send(command)
    expect_stopped(world, command, sessions, cluster, words)


def it_goes_on(world):
    cluster, sessions = world.fresh()
    world.end_session(cluster, sessions[0])


def what_people_type_stops_every_worker(world):
    """`curfew halt` and its release, without a configuration."""
    halt = world.curfew("halt", "--reason", "a test", "--requested-by", "anna@test")
    expect(halt.status == 0 and len(halt.out.strip()) == len(str(uuid.uuid4())), f"halt: {halt}")
    wait_for("every worker has read it", lambda: world.halted(1), STOP_S)
    what_is_shown_says(world, True, halt.out.strip(), "anna@test", "a test")
    nothing_is_ended_while_engaged(world, "halted by 'anna@test': a test")
    release = world.curfew("halt", "--release", "--json")
    expect(release.status == 0 and release.json["topic"] == CONTROL, f"release: {release}")
    wait_for("released", lambda: world.halted(0), STOP_S)
    what_is_shown_says(world, False, release.json["id"], None, None)
    it_goes_on(world)


def what_is_shown_says(world, engaged, order, by, reason):
    """`status` and `doctor`, which ask no worker."""
    shown = world.curfew("status", "--json").json["kill_switch"]
    expect((shown["engaged"], shown["order"], shown["reason"]) == (engaged, order, reason) and by in (None, shown["by"]), f"status: {shown}")
    looked = world.curfew("doctor", "--json", "--config", world.worker.config)
    found = [each for each in looked.json if each["check"] == "kill switch"]
    expect([each["state"] for each in found] == ["warn" if engaged else "ok"], f"doctor: {looked}")
    expect(not engaged or by in found[0]["found"] and reason in found[0]["found"] and "--release" in found[0]["todo"], f"doctor: {found}")


def a_signal_stops_one_worker_and_the_topic_does_not_release_it(world):
    for worker in world.workers.values():
        worker.signal(signal.SIGUSR1)
    wait_for("engaged by signal", lambda: world.halted(1))
    nothing_is_ended_while_engaged(world, "halted by 'SIGUSR1'")
    world.switch(True)
    world.switch(False)
    for worker in world.workers.values():
        wait_for("the release is read", lambda each=worker: each.metric("curfew_control_age_seconds") < 0.5)
    nothing_is_ended_while_engaged(world, "halted by 'SIGUSR1'")
    for worker in world.workers.values():
        worker.signal(signal.SIGUSR2)
    wait_for("released by signal", lambda: world.halted(0))
    it_goes_on(world)


# ---- what is refused ----

def place_of(event):
    return event["source"]["topic"], int(event["source"].get("offset", 0))      # JSON leaves a zero out


def refusals(world, order=None, offset=None):
    """Events about an order, by its id or its place."""
    found = []
    for message in world.tail("curfew.events").messages:
        attributes, event = published.read(message)
        if event["kind"] == "EVENT_KIND_ORDER_REFUSED" and (
                event.get("commandId") == order if order else place_of(event) == (CONTROL, offset)):
            found.append((attributes, event))
    return found


def a_refused_order_is_told_by_one_event(world):
    """Two workers read it, one tells it, once; and after a restart again under the same id, if it is young enough."""
    release = command_for("", valid_s=None)
    release.kill_switch.engaged = False
    release.requested_by = STRANGER
    offset = world.produce(release.SerializeToString(), topic=CONTROL)[1]
    garbage = world.produce(b"\xff\xfe no order", topic=CONTROL)[1]
    attributes, event = wait_for("the event of a refused release", lambda: refusals(world, release.id))[0]
    expect(event["reason"]["code"] == "denied" and "kill_switch was refused, and changed nothing" in event["reason"]["message"]
           and "policy.rules" in event["reason"]["message"], f"{event}")
    expect(place_of(event) == (CONTROL, offset) and event["requestedBy"] == STRANGER, f"{event}")
    expect("outcome" not in event and "journal" not in event, f"it is told like the end of a command: {event}")
    unread = wait_for("the event of what cannot be read", lambda: refusals(world, offset=garbage))[0][1]
    expect("commandId" not in unread and "undecodable" == unread["reason"]["code"], f"{unread}")
    it_goes_on(world)                                                   # time enough for a second one
    expect(len(refusals(world, release.id)) == 1 and len(refusals(world, offset=garbage)) == 1, "it was told twice")
    for worker in world.workers.values():
        worker.kill()
        worker.start(ready=False)
    again = wait_for("told again after a restart", lambda: refusals(world, release.id)[1:])
    expect({each[0]["id"] for each in again} == {attributes["id"]}, "a repeat has another id")
    wait_for("every worker is ready", world.all_ready)


def cancel_and_wait(world, identity, by="someone@test", timeout="30s"):
    return world.curfew("cancel", identity, "--reason", "a test", "--requested-by", by, "--wait", "--timeout", timeout)


def a_cancel_that_waits_tells_its_sender_what_became_of_it(world):
    cluster, sessions = world.fresh()
    with world.fault(f"delay=4s,op=get_sessions,times=1,cluster={cluster}") as delay:
        command = by_sessions(cluster, *sessions)
        world.send(command)
        wait_for("the list is asked for", lambda: world.sim.hits(delay) > 0)
        refused = cancel_and_wait(world, command.id, by=STRANGER)
        expect(refused.status == REFUSED and "policy.rules" in refused.err, f"{refused}")
        taken = cancel_and_wait(world, command.id)
        expect(taken.status == 0 and "over: cancelled" in taken.err and len(taken.out.strip()) == len(command.id), f"{taken}")
    late = cancel_and_wait(world, command.id)
    expect(late.status == NOT_FOUND and "has ended (cancelled): nothing was sent" in late.err and not late.out, f"{late}")
    unknown = cancel_and_wait(world, str(uuid.uuid4()), timeout="2s")
    expect(unknown.status == TIMED_OUT and "is the id right" in unknown.err, f"{unknown}")


def a_restore_that_is_refused_tells_its_sender(world):
    cluster, _sessions = world.fresh()
    drained = world.curfew("drain", "--cluster", cluster, "--infobase", "ib-01", "--hold", "1h", "--reason", "a test", "--wait")
    expect(drained.status == 0, f"drain: {drained}")

    def restore(by):
        return world.curfew("restore", "--cluster", cluster, "--infobase", "ib-01", "--requested-by", by, "--wait", "--timeout", "30s")
    begun = time.monotonic()
    refused = restore(STRANGER)
    expect(refused.status == REFUSED and "policy.rules" in refused.err and "goes on" not in refused.err, f"{refused}")
    expect(time.monotonic() - begun < 25, "it was waited for in vain")
    held = world.curfew("status", "--json").json["locks"]
    expect([each["cluster"] for each in held] == [cluster], f"the lock is gone: {held}")
    given_back = restore("anna@test")
    expect(given_back.status == 0, f"{given_back}")


# ---- a control topic that cannot be read ----

def without_the_control_topic_nothing_is_ended(world):
    """ADR 2, rule 9: the topic is away (so is its leader); everything else works."""
    admin = AdminClient({"bootstrap.servers": world.brokers, "log_level": 0})
    admin.delete_topics([CONTROL])[CONTROL].result()
    wait_for("nobody is ready", lambda: all(w.readiness()[0] == 503 for w in world.workers.values()), LICENCE_S + 15)
    for worker in world.workers.values():
        expect("control" in worker.readiness()[1] or "control" in worker.get("/readyz?verbose")[1], f"{worker.readiness()}")
        expect("nothing is ended until it is" in worker.text(), "the log does not say so")
    cluster, sessions = world.fresh(3)
    command = by_sessions(cluster, *sessions)
    world.send(command)
    wait_for("it is accepted", lambda: world.events_of(command.id))
    time.sleep(5)           # the time itself is the test: an end takes milliseconds
    expect(not any(world.sim.terminations(session) for session in sessions), "it was ended although control cannot be read")
    world.create_topics()
    wait_for("both are ready", world.all_ready)
    outcome, verdicts = world.verdicts(command)
    expect(outcome == "completed" and set(verdicts) == {"ended"}, f"it does not go on: {outcome} {verdicts}")
    world.switch(True)      # and what stands on the new topic is heard
    wait_for("the kill switch on the new topic", lambda: world.halted(1), STOP_S)
    world.switch(False)
    wait_for("released", lambda: world.halted(0), STOP_S)


CASES = [
    a_cancel_stops_what_was_not_sent, a_cancel_that_comes_before_its_command_is_kept,
    the_kill_switch_stops_all_that_was_not_sent_within_2_s, what_people_type_stops_every_worker,
    a_signal_stops_one_worker_and_the_topic_does_not_release_it, a_refused_order_is_told_by_one_event,
    a_cancel_that_waits_tells_its_sender_what_became_of_it, a_restore_that_is_refused_tells_its_sender,
    without_the_control_topic_nothing_is_ended, the_checker_is_content,
]


def main():
    return play(__doc__, ControlWorld, CASES, "worker-1", "worker-2")


if __name__ == "__main__":
    sys.exit(main())
