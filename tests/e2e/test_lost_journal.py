#!/usr/bin/env python3
"""A real Kafka and a worker whose clock is wrong; and one whose journal is lost: it is deleted and made again, and its worker starts anew. What was read before
stands in no record any more: nothing of it is run a second time, and an operator is told."""
import sys
import time

import bootstrap

bootstrap.enter()

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from world import World, by_numbers, expect, outcome_of, play, wait_for

COMMANDS, JOURNAL = "curfew.commands", "curfew.journal"
ONE, IB = "sim-01", "ib-01"
GROUP = "curfew"
NOTICED_S = 30
AHEAD_S, NEAR_S = 7200, 60


class LostWorld(World):
    def __init__(self, options):
        super().__init__(options, clusters=1, sim=["--sessions", "6"], real=True, partitions=1)

    def remake_journal(self):
        admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
        admin.delete_topics([JOURNAL])[JOURNAL].result()
        wait_for("the topic is gone", lambda: JOURNAL not in admin.list_topics(timeout=10).topics)
        self.create_topics()

    def committed(self):
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": GROUP, "log_level": 0})
        try:
            return consumer.committed([TopicPartition(COMMANDS, 0)], timeout=30)[0].offset
        finally:
            consumer.close()


def what_was_read_before_the_journal_was_lost_is_not_run_again(world):
    worker = world.workers["worker-1"]
    victim = world.sim.login(ONE)
    command = by_numbers(ONE, IB, victim["number"])
    place = world.send(command)
    expect(outcome_of(world.end_of(command.id)) == "completed", "not run")
    wait_for("the commit", lambda: world.committed() > place[1])
    last = wait_for("the journal", lambda: world.tail(JOURNAL).messages)[-1].value()
    newcomer = world.sim.login(ONE)
    expect(newcomer["number"] == victim["number"], "the simulator did not use the number again")
    worker.kill()
    world.remake_journal()
    world.produce(last, partition=0, topic=JOURNAL)     # as from a worker that had not noticed: the place of reading is there again
    worker.start(ready=False)
    wait_for("the worker tells that its journal lost records", lambda: "cannot be trusted" in worker.get("/readyz?verbose")[1], NOTICED_S)
    expect(world.sim.is_there(ONE, newcomer["session"]), "a command that was over was run again, and ended somebody else")
    ends = [event for event in world.events_of(command.id) if event.get("outcome")]
    expect(len(ends) == 1, f"{len(ends)} ends of one command")


def what_leaves_bears_the_brokers_time(world):
    """Brokers from 4.0 on refuse what lies an hour ahead of their clock, and a worker's own clock may; what is old is thrown away early."""
    worker = world.workers["worker-1"]
    worker.stop()
    with world.clock_shifted(AHEAD_S):
        worker.start()
    begun = time.time()
    session = world.login(ONE)
    world.end_session(ONE, session)
    place = world.produce(b"no command", key=ONE.encode())
    letter = wait_for("the dead letter", lambda: next((message for message in world.tail("curfew.dead-letters").messages
                                                       if dict(message.headers())["curfew_dlq_offset"] == str(place[1]).encode()
                                                       and message.value() == b"no command"), None))
    events = [message for message in world.tail("curfew.events").messages if message.key() == ONE.encode()]
    expect(len(events) > 0, "there are no events")
    for message in (letter, *events):
        expect(begun - NEAR_S < message.timestamp()[1] / 1000 < time.time() + NEAR_S, f"{message.timestamp()}, and it was {begun}")
    worker.stop()
    worker.start()


CASES = [what_leaves_bears_the_brokers_time, what_was_read_before_the_journal_was_lost_is_not_run_again]


def main():
    return play(__doc__, LostWorld, CASES, "worker-1")


if __name__ == "__main__":
    sys.exit(main())
