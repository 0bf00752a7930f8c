#!/usr/bin/env python3
"""Session numbers are used again. Whoever gets the number of a session that was to be ended must live: between the list
and the act, between a crash and the recovery, and when commands are delivered again. On a real Kafka."""
import random
import sys
import time

import bootstrap

bootstrap.enter()

import confluent_kafka
from confluent_kafka import admin
from world import Cases, Failed, World, arguments, by_numbers, expect, the_checker_is_content, verdicts_of, wait_for

CLUSTER = "sim-01"
IB = "ib-01"
ROUNDS = 12
REQUEST_S = 3
GROUP_EMPTY_S = 60          # a static member is forgotten after the session timeout


class ReuseWorld(World):
    def cluster_config(self, cluster):
        config = super().cluster_config(cluster)
        config["timeouts"] = {"request": f"{REQUEST_S}s"}
        return config

    def take_over(self, victim, user):
        """The victim leaves by itself and somebody else gets its number."""
        self.sim.ask("logout", session=victim["session"])
        newcomer = self.sim.login(CLUSTER, IB, user=user)
        expect(newcomer["number"] == victim["number"], "the simulator did not use the number again")
        return newcomer

    def ask_for(self, victim, **more):
        command = by_numbers(CLUSTER, IB, victim["number"], **more)
        self.send(command)
        return command

    def spared(self, newcomer):
        expect(self.sim.is_there(CLUSTER, newcomer["session"]), f"the newcomer {newcomer['session']} was ended")
        expect(not self.sim.terminations(newcomer["session"]), f"the newcomer {newcomer['session']} was asked to end")

    def verdict(self, command, *wanted, seconds=90):
        event = self.end_of(command.id, seconds)
        found = verdicts_of(event)
        expect(found[0] in wanted, f"wanted one of {wanted}: {event}")
        return found[0]


GONE = "ended", "already_gone"


def between_list_and_act(world):
    """The list is taken at once and answered later; meanwhile the number changes hands."""
    for turn in range(ROUNDS):
        victim = world.sim.login(CLUSTER, IB, user="Жертва")
        fault = world.sim.fault("late=400ms,op=get_sessions,times=1")
        command = world.ask_for(victim)
        wait_for("the list is taken", lambda: world.sim.hits(fault) > 0)
        time.sleep(world.random.uniform(0, 0.5))     # some just before the answer, some just after the act
        if not world.sim.is_there(CLUSTER, victim["session"]):
            world.verdict(command, "ended")
            continue
        newcomer = world.take_over(victim, f"Новый {turn}")
        world.verdict(command, *GONE)
        world.spared(newcomer)


def while_the_act_is_under_way(world):
    for turn in range(ROUNDS):
        victim = world.sim.login(CLUSTER, IB, user="Жертва")
        fault = world.sim.fault("delay=300ms,op=terminate_session,times=1")
        command = world.ask_for(victim)
        wait_for("the end is asked for", lambda: world.sim.hits(fault) > 0)
        newcomer = world.take_over(victim, f"Новый {turn}")
        world.verdict(command, *GONE)
        world.spared(newcomer)


def leave(world, session):
    """It logs out, or was ended just now: between a look and the word it may go."""
    try:
        world.sim.ask("logout", session=session["session"])
    except Failed:
        expect(not world.sim.is_there(CLUSTER, session["session"]), "it can neither log out nor is it gone")


def before_an_attempt_is_made_again(world):
    """The first request is lost unanswered, and the number changes hands before the next look."""
    for kind in ("drop", "hang", "silent", "lost"):
        victim = world.sim.login(CLUSTER, IB, user="Жертва")
        fault = world.sim.fault(f"{kind},op=terminate_session,times=1")
        slow = world.sim.fault("delay=300ms,op=get_sessions,skip=1,times=1")
        command = world.ask_for(victim)
        wait_for("the end is asked for", lambda: world.sim.hits(fault) > 0)
        leave(world, victim)
        newcomer = world.sim.login(CLUSTER, IB, user=f"Новый {kind}")
        expect(newcomer["number"] == victim["number"], "the simulator did not use the number again")
        world.verdict(command, *GONE)
        world.spared(newcomer)
        world.sim.unfault(slow)


def crash(world, fault, change):
    """kill -9 when the fault was met; what `change` does happens before the next start."""
    wait_for("the moment to crash", lambda: world.sim.hits(fault) > 0)
    world.worker.kill()
    result = change()
    world.worker.start()
    return result


def between_crash_and_recovery(world):
    """The end was asked for and never carried out; the worker that comes back knows only the journal."""
    for turn, kind in enumerate(("delay=1500ms", "hang", "silent", "drop", "delay=100ms")):
        victim = world.sim.login(CLUSTER, IB, user="Жертва")
        fault = world.sim.fault(f"{kind},op=terminate_session,times=1")
        command = world.ask_for(victim)

        def change(victim=victim, turn=turn):
            leave(world, victim)
            return world.sim.login(CLUSTER, IB, user=f"После сбоя {turn}")
        newcomer = crash(world, fault, change)
        expect(newcomer["number"] == victim["number"], "the simulator did not use the number again")
        world.verdict(command, *GONE)
        world.spared(newcomer)


def a_crash_before_the_list_counts(world):
    """Nothing was frozen yet: only a guard can tell the newcomer from the one that was meant."""
    victim = world.sim.login(CLUSTER, IB, user="Жертва")
    fault = world.sim.fault("delay=2s,op=get_sessions,times=1")
    command = world.ask_for(victim, guard={"user": "Жертва"})
    newcomer = crash(world, fault, lambda: world.take_over(victim, "Совсем другой"))
    world.verdict(command, "no_longer_matches")
    world.spared(newcomer)
    victim = world.sim.login(CLUSTER, IB, user="Жертва")
    fault = world.sim.fault("delay=2s,op=get_sessions,times=1")
    command = world.ask_for(victim, guard={"started_at": victim["started_at"]})
    time.sleep(1.1)         # the cluster's clock has whole seconds

    newcomer = crash(world, fault, lambda: world.take_over(victim, "Жертва"))
    world.verdict(command, "no_longer_matches")
    world.spared(newcomer)


def the_same_message_again(world):
    """A producer that repeats itself, after the number has changed hands."""
    victim = world.sim.login(CLUSTER, IB, user="Жертва")
    command = world.ask_for(victim)
    world.verdict(command, "ended")
    newcomer = world.sim.login(CLUSTER, IB, user="Новый")
    expect(newcomer["number"] == victim["number"], "the simulator did not use the number again")
    for count in (2, 3):
        world.send(command)
        event = world.end_of(command.id, count=count)
        expect(event.get("duplicate") and event["outcome"] == "COMMAND_OUTCOME_COMPLETED", str(event))
    world.spared(newcomer)


def reset_offsets(world, partitions):
    """As an operator does with the group's tools; refused while the group has members."""
    client = admin.AdminClient({"bootstrap.servers": world.brokers, "log_level": 0})
    places = [confluent_kafka.TopicPartition("curfew.commands", p, 0) for p in range(partitions)]

    def tried():
        try:
            asked = client.alter_consumer_group_offsets([confluent_kafka.ConsumerGroupTopicPartitions("curfew", places)])
            return not any(place.error for place in asked["curfew"].result(20).topic_partitions)
        except confluent_kafka.KafkaException:
            return False        # the group still has its static member
    wait_for("the group's offsets can be reset", tried, GROUP_EMPTY_S)
    asked = client.list_consumer_group_offsets([confluent_kafka.ConsumerGroupTopicPartitions("curfew")])
    found = {place.partition: place.offset for place in asked["curfew"].result(20).topic_partitions}
    expect(set(found.values()) == {0}, f"the offsets were not reset: {found}")


def on_redelivery(world):
    """Every command of this test is delivered once more, and every number belongs to somebody else by now."""
    expect(world.worker.stop() == 0, "the worker does not end well")
    reset_offsets(world, world.partitions)
    newcomers = [world.sim.login(CLUSTER, IB, user=f"Поздний {i}") for i in range(ROUNDS)]
    before = len(world.sim.logged("terminate"))
    world.worker.start()
    victim = world.sim.login(CLUSTER, IB, user="Жертва")
    command = world.ask_for(victim)
    world.verdict(command, "ended")
    for newcomer in newcomers:
        world.spared(newcomer)
    expect(len(world.sim.logged("terminate")) == before + 1, "commands of the past were carried out again")
    world.worker.kill()
    world.worker.start()
    expect(len(world.sim.logged("terminate")) == before + 1, "commands of the past were carried out again after a crash")


CASES = [between_list_and_act, while_the_act_is_under_way, before_an_attempt_is_made_again, between_crash_and_recovery,
         a_crash_before_the_list_counts, the_same_message_again, on_redelivery, the_checker_is_content]


def main():
    options = arguments(__doc__, seed=(1, "of the moments"))
    cases = Cases(options)
    print(f"seed={options.seed}")
    with ReuseWorld(options, clusters=1, sim=["--sessions", "4"], real=True, partitions=2) as world:
        world.random = random.Random(options.seed)
        world.start_worker("worker-1")
        cases.run(world, CASES)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
