#!/usr/bin/env python3
"""A real Kafka and two workers; the commands topic is made anew, and its partitions are raised. No commands are taken until an
operator accepts it; what is open goes on; nothing is run twice; and no old release frees a later stop."""
import re
import sys
import uuid

import bootstrap

bootstrap.enter()

import yaml
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, ResourceType

from world import World, by_sessions, expect, outcome_of, play, the_checker_is_content, wait_for

COMMANDS, JOURNAL = "curfew.commands", "curfew.journal"
CLUSTERS = 12
PARTITIONS = 2
REFUSED = 5
LATER = 75
UNSAFE = 78
NOTICED_S = 30              # partitions are counted every 10 s


class TopicsWorld(World):
    def __init__(self, options):
        super().__init__(options, clusters=CLUSTERS, sim=["--sessions", "4"], real=True, partitions=PARTITIONS)

    def __enter__(self):
        super().__enter__()
        self.admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
        return self

    def outcome(self, command):
        return outcome_of(self.end_of(command.id))

    def remake_commands(self):
        """Deleted and made again, as an operator does it who mends a topic."""
        self.admin.delete_topics([COMMANDS])[COMMANDS].result()
        wait_for("the topic is gone", lambda: COMMANDS not in self.admin.list_topics(timeout=10).topics)
        self.create_topics()
        self.produced.clear()       # what the checker is told of stood on the topic that is gone

    def says(self, why):
        """Some worker says so on /readyz."""
        return any(why in worker.get("/readyz?verbose")[1] for worker in self.workers.values())

    def held(self, why):
        wait_for(f"held: {why}", lambda: self.says(why), NOTICED_S)

    def accept(self):
        run = self.curfew("topics", "accept", "--reason", "test")
        expect(run.status == 0, f"topics accept: {run}")
        return run


def doctor_on(world, check):
    """(exit status, what the doctor says of it)"""
    run = world.curfew("doctor", "--config", world.workers["worker-1"].config, "--json", config=None)
    found = [each for each in run.json if each["check"] == check]
    expect(found, f"the doctor does not speak of {check}: {run}")
    return run.status, found


def the_doctor_tells_a_held_partition(world, why):
    status, found = doctor_on(world, "commands")
    expect(status == UNSAFE and all(each["state"] == "fail" for each in found), f"wanted {UNSAFE}: {status}, {found}")
    expect(any(why in each["found"] and "topics accept" in each["todo"] for each in found), f"not told, or not what to do: {found}")


def the_doctor_is_content(world):
    for check in ("journal", "commands"):
        status, found = doctor_on(world, check)
        expect(status == 0 and [each["state"] for each in found] == ["ok"], f"{status}, {found}")


def nothing_is_to_be_accepted_from_a_good_topic(world):
    for cluster in list(world.sim.clusters)[:4]:
        world.end_session(cluster, world.login(cluster))
    run = world.curfew("topics", "accept")
    expect(run.status == REFUSED and "nothing is to be accepted" in run.err, f"wanted {REFUSED}: {run}")
    expect("topics accept" not in world.curfew("status").err, "status speaks of a topic that is not there")
    the_doctor_is_content(world)


def a_topic_made_anew_is_read_when_it_is_accepted(world):
    """All partitions have been read from. What was open before goes on; what came after waits, and then runs once."""
    slow, session = "sim-05", world.login("sim-05")
    with world.fault(f"delay=3s,op=get_sessions,times=1,cluster={slow}") as delay:
        before = by_sessions(slow, session)
        world.send(before)
        wait_for("the list is asked for", lambda: world.sim.hits(delay) > 0)
        world.remake_commands()
        expect(world.outcome(before) == "completed", "an open command did not go on")
    mine = {cluster: world.login(cluster) for cluster in list(world.sim.clusters)[:4]}
    after = [by_sessions(cluster, session) for cluster, session in mine.items()]
    for command in after:
        world.send(command)
    for worker in world.workers.values():       # at the latest when the place of reading is looked for anew
        worker.kill()
        worker.start(ready=False)
    world.held("made anew")
    expect(all(world.sim.is_there(cluster, session) for cluster, session in mine.items()), "run from a topic that nobody accepted")
    status = world.curfew("status")
    expect("made anew" in status.err and "topics accept" in status.err, f"status does not tell: {status}")
    the_doctor_tells_a_held_partition(world, "made anew")
    world.accept()
    for command in after:
        expect(world.outcome(command) == "completed", "not run after the release")
    wait_for("ready", world.all_ready)
    for worker in world.workers.values():       # the release is in the journal
        worker.kill()
        worker.start(ready=False)
    wait_for("ready again", world.all_ready)
    for cluster, session in mine.items():
        expect(len(world.sim.terminations(session)) == 1, "run twice")
        world.end_session(cluster, world.login(cluster))


def an_old_release_frees_no_later_stop(world):
    """The control topic is read from its beginning at each start: the release of before stands there."""
    world.remake_commands()
    session = world.login()
    command = by_sessions("sim-01", session)
    world.send(command)
    for worker in world.workers.values():
        worker.kill()
        worker.start(ready=False)
    world.held("made anew")
    expect(world.sim.is_there("sim-01", session), "run from a topic that nobody accepted")
    world.accept()
    expect(world.outcome(command) == "completed", "not run after the release")
    wait_for("ready", world.all_ready)


def lags_told(worker):
    """The partitions whose lag its page tells."""
    return set(re.findall(r'^curfew_consumer_lag\{.*partition="(\d+)"', worker.get("/metrics")[1], re.MULTILINE))


def raised_partitions_are_noticed_and_accepted(world):
    """While running: all partitions stop taking commands, the new ones as well, until it is accepted."""
    last = str(PARTITIONS - 1)
    loser = next(worker for worker in world.workers.values() if last in lags_told(worker))     # when they are shared out anew
    slow, session = "sim-06", world.login("sim-06")
    with world.fault(f"delay=3s,op=get_sessions,times=1,cluster={slow}") as delay:
        before = by_sessions(slow, session)
        world.send(before)
        wait_for("the list is asked for", lambda: world.sim.hits(delay) > 0)
        world.admin.create_partitions([NewPartitions(COMMANDS, 2 * PARTITIONS)])[COMMANDS].result()
        run = world.curfew("topics", "accept")
        expect(run.status not in (0, REFUSED) and "journal" in run.err, f"the journal has too few: {run}")
        world.admin.create_partitions([NewPartitions(JOURNAL, 2 * PARTITIONS)])[JOURNAL].result()
        expect(world.outcome(before) == "completed", "an open command did not go on")
    world.held("number of partitions")
    wait_for("nobody is ready", lambda: all(worker.readiness()[0] == 503 for worker in world.workers.values()), NOTICED_S)
    wait_for("the lag of a partition is told by who has it", lambda: last not in lags_told(loser), NOTICED_S)
    world.producer = None               # it knows the old number
    mine = {cluster: world.login(cluster) for cluster in world.sim.clusters}
    commands = [by_sessions(cluster, session) for cluster, session in mine.items()]
    for command in commands:
        world.send(command)
    for worker in world.workers.values():
        worker.kill()
        worker.start(ready=False)
    world.held("number of partitions")
    wait_for("nobody is ready", lambda: all(worker.readiness()[0] == 503 for worker in world.workers.values()), NOTICED_S)
    expect(all(world.sim.is_there(cluster, session) for cluster, session in mine.items()), "commands were taken")
    the_doctor_tells_a_held_partition(world, f"{2 * PARTITIONS} partitions, and the journal knows {PARTITIONS}")
    world.accept()
    for command in commands:
        expect(world.outcome(command) == "completed", "not run after the release")
    wait_for("both are ready", world.all_ready)
    the_doctor_is_content(world)
    for session in mine.values():
        expect(len(world.sim.terminations(session)) == 1, "not ended once")
    expect(world.curfew("topics", "accept").status == REFUSED, "accepted again without need")


def a_start(world, **topics):
    """One that is meant to be refused, of a worker of its own."""
    path = world.folder / "refused.yaml"
    path.write_text(yaml.safe_dump(world.config_of("refused") | {"topics": topics}), encoding="utf-8")
    return world.curfew("worker", "--config", path, config=None)


def a_topic_that_is_not_there_is_looked_for_again_and_an_unsafe_one_is_not(world):
    """systemd starts a worker again after 75, and leaves it alone after 78."""
    for topic in ("commands", "journal"):
        run = a_start(world, **{topic: "curfew.nowhere"})
        expect(run.status == LATER and "curfew.nowhere" in run.err and "topics create" in run.err, f"wanted {LATER}: {run}")
    set_retention(world, JOURNAL, "604800000")
    run, both = a_start(world), a_start(world, commands="curfew.nowhere")
    set_retention(world, JOURNAL, "-1")
    expect(run.status == UNSAFE and "retention.ms" in run.err, f"wanted {UNSAFE}: {run}")
    expect(both.status == UNSAFE and "retention.ms" in both.err, f"the setting stays when the topic comes, wanted {UNSAFE}: {both}")


def set_retention(world, topic, milliseconds):
    configure(world, topic, "retention.ms", milliseconds)


def set_times(world, topic, kind):
    configure(world, topic, "message.timestamp.type", kind)


def configure(world, topic, name, value):
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    world.admin.incremental_alter_configs([resource])[resource].result()


def ask_for_nobody(world):
    """The broker applies a setting some time after it took it. A command that harms nobody shows when; whose time it bears."""
    world.send(by_sessions("sim-01", str(uuid.uuid4())))
    return world.stamped


def a_command_with_its_senders_time_is_refused(world):
    """The topic was changed while at work: the age of a command cannot be told any more."""
    session = world.login()
    set_times(world, COMMANDS, "CreateTime")
    wait_for("the sender's time", lambda: ask_for_nobody(world) == TIMESTAMP_CREATE_TIME)
    command = by_sessions("sim-01", session)
    world.send(command)
    event = world.end_of(command.id)
    set_times(world, COMMANDS, "LogAppendTime")
    wait_for("the broker's time", lambda: ask_for_nobody(world) == TIMESTAMP_LOG_APPEND_TIME)
    expect(event["reason"]["code"] == "unsafe" and "LogAppendTime" in event["reason"]["message"], f"not refused for that: {event}")
    expect(world.sim.is_there("sim-01", session), "ended by a command of unknown age")
    world.end_session("sim-01", session)


def a_journal_with_its_writers_times_stops_the_partition(world):
    """Before anything is ended; repaired, and the worker started again, it goes on."""
    session = world.login()
    set_times(world, JOURNAL, "CreateTime")
    wait_for("the partition is stopped", lambda: ask_for_nobody(world) and world.says("of the journal bears its writer's time"))
    command = by_sessions("sim-01", session)
    world.send(command)
    expect(world.sim.is_there("sim-01", session), "ended by a licence of unknown age")
    set_times(world, JOURNAL, "LogAppendTime")
    for worker in world.workers.values():
        worker.kill()
        worker.start(ready=False)
    expect(world.outcome(command) == "completed", "not run after the repair")
    wait_for("ready", world.all_ready)


CASES = [
    a_topic_that_is_not_there_is_looked_for_again_and_an_unsafe_one_is_not, nothing_is_to_be_accepted_from_a_good_topic, a_topic_made_anew_is_read_when_it_is_accepted, an_old_release_frees_no_later_stop,
    raised_partitions_are_noticed_and_accepted,
    a_command_with_its_senders_time_is_refused, a_journal_with_its_writers_times_stops_the_partition, the_checker_is_content,
]


def main():
    return play(__doc__, TopicsWorld, CASES, "worker-1", "worker-2")


if __name__ == "__main__":
    sys.exit(main())
