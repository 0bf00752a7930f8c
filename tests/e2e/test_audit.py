#!/usr/bin/env python3
"""A real Kafka and journals that are not whole: records deleted at the beginning, taken from the end, put in again. What is missing is said by
status, doctor, show and restore, a worker runs nothing that it cannot know; and another journal is begun as docs/operations.md says."""
import re
import sys
import uuid

import bootstrap

bootstrap.enter()

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

import checker
from curfew.v1 import journal_pb2
from world import ROOT, Worker, World, expect, merged, play, wait_for

ONE, IB = "sim-01", "ib-01"
FAILED, NOT_FOUND = 1, 4
STOPS_S = 30


class AuditWorld(World):
    def __init__(self, options):
        super().__init__(options, clusters=1, sim=["--sessions", "6"], real=True, partitions=1)

    def __enter__(self):
        super().__enter__()
        self.admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
        return self


class Estate:
    """Commands, journal, group and worker of their own: what is done to them disturbs no other case."""

    def __init__(self, world, name, **more):
        self.world, self.journal = world, f"{name}.journal"
        topics = {"commands": f"{name}.commands", "journal": self.journal}
        self.worker = Worker(world, name, merged(world.config_of(name), {"kafka": {"group": name}, "topics": topics, **more}))
        expect(self.run("topics", "create", "--partitions", 1).status == 0, "topics create")

    def run(self, *arguments):
        return self.world.curfew(*arguments, "--config", self.worker.config, config=None)

    def end_one(self):
        session = self.world.login()
        run = self.run("terminate", "--cluster", ONE, "--session", session, "--wait")
        expect(run.status == 0, f"not ended: {run}")
        return session

    def stopped(self):
        """Its worker is gone, and has committed."""
        expect(self.worker.stop() == 0, "the worker did not end well")
        expect(self.partition()[1]["promised"], "nothing was committed")
        return self

    def partition(self):
        run = self.run("status", "--json")
        return run.status, run.json["partitions"][0]

    def doctor(self, check="journal"):
        run = self.run("doctor", "--json")
        return run.status, [each for each in run.json if each["check"] == check]

    def delete_below(self, offset):
        place = TopicPartition(self.journal, 0, offset)
        self.world.admin.delete_records([place])[place].result()

    def records(self):
        return [message.value() for message in checker.read_topic(self.world.brokers, self.journal)[0][0]]

    def remake(self, values):
        """As an unclean leader leaves it: these records, and then no more."""
        self.world.admin.delete_topics([self.journal])[self.journal].result()
        wait_for("the topic is gone", lambda: self.journal not in self.world.admin.list_topics(timeout=10).topics)
        expect(self.run("topics", "create", "--partitions", 1).status == 0, "topics create")
        for value in values:
            self.world.produce(value, partition=0, topic=self.journal, note=False)

    def stops(self, why):
        self.worker.start(ready=False)
        wait_for(f"the worker stops the partition: {why}", lambda: why in self.worker.get("/readyz?verbose")[1], STOPS_S)
        self.worker.kill()


def estate_with_sessions(world, name, count=1, **more):
    estate = Estate(world, name, **more)
    estate.worker.start()
    sessions = [estate.end_one() for _each in range(count)]
    return estate.stopped(), sessions


def a_whole_journal_is_called_whole_up_to_what_was_promised(world):
    estate, (session,) = estate_with_sessions(world, "whole")
    status, partition = estate.partition()
    expect(status == 0 and partition["missing"] == [] and partition["doubt"] is None and partition["first_offset"] == 0, f"{status}, {partition}")
    expect(partition["promised"]["commands"] == 1 and partition["end_offset"] == partition["records"], f"{partition}")
    status, found = estate.doctor()
    expect(status == 0 and [each["state"] for each in found] == ["ok"], f"{status}, {found}")
    expect(estate.run("show", session).status == 0, "show")
    expect(estate.run("show", str(uuid.uuid4())).status == NOT_FOUND, "a session that no command selected")


def the_first_record_deleted_is_told_and_the_worker_goes_on(world):
    """It is the OWNER; a worker needs only what stands behind it."""
    estate, (session,) = estate_with_sessions(world, "first")
    estate.delete_below(1)
    status, partition = estate.partition()
    expect(status == FAILED and partition["missing"] == ["beginning"] and partition["first_offset"] == 1, f"{status}, {partition}")
    expect(partition["counted_from"] == 1 and partition["damaged"] == 0, f"the commit says who owned it there: {partition}")
    run = estate.run("status")
    expect(run.status == FAILED and "records below offset 1 are gone" in run.err and "record 2 of epoch 1" in run.err, f"status: {run}")
    status, found = estate.doctor()
    expect(status == FAILED and [each["state"] for each in found] == ["fail"], f"{status}, {found}")
    expect("below offset 1 are gone" in found[0]["found"] and "begin another journal" in found[0]["todo"], f"{found}")
    expect(estate.doctor("locks")[1][0]["state"] == "warn", "locks of drains that are gone are not looked for, and nothing says so")
    run = estate.run("show", session)
    expect(run.status == FAILED and session in run.out and "not whole" in run.err, f"show what is left, and say that it may not be all: {run}")
    run = estate.run("show", str(uuid.uuid4()))
    expect(run.status == FAILED and "not known" in run.err, f"no command is known, and none may be called: {run}")
    run = estate.run("restore", "--cluster", ONE, "--infobase", IB, "--wait", "--timeout", "5s")
    expect(run.status == FAILED and "nothing was sent" in run.err and "not known" in run.err, f"restore: {run}")
    estate.worker.start()
    estate.end_one()
    estate.worker.stop()


def what_a_worker_needs_deleted_is_told_and_stops_it(world):
    estate, _sessions = estate_with_sessions(world, "needed", 2)
    estate.delete_below(3)
    status, partition = estate.partition()
    expect(status == FAILED and partition["missing"] == ["beginning", "needed"] and partition["counted_from"] is None, f"{status}, {partition}")
    status, found = estate.doctor()
    expect(status == FAILED and "will stop" in found[0]["found"], f"{status}, {found}")
    estate.stops("cannot be trusted")


def a_journal_with_every_record_deleted_is_not_taken_for_a_new_one(world):
    estate, _sessions = estate_with_sessions(world, "empty")
    estate.delete_below(-1)      # up to its end
    status, partition = estate.partition()
    expect(status == FAILED and partition["records"] == 0 and "all its records" in partition["doubt"], f"{status}, {partition}")
    expect(estate.doctor()[0] == FAILED, "doctor")
    estate.stops("cannot be trusted")


def without_a_commit_a_beginning_that_is_gone_stops_the_worker(world):
    """What was deleted may have been about commands that are still valid: they would be run again."""
    estate = Estate(world, "uncommitted")
    estate.worker.start()
    victim = world.sim.login(ONE)
    run = estate.run("terminate", "--cluster", ONE, "--infobase", IB, "--number", victim["number"], "--wait")
    expect(run.status == 0, f"not ended: {run}")
    estate.stopped().worker.write_config(merged(estate.worker.settings, {"kafka": {"group": "another-group"}}))
    status, found = estate.doctor()
    expect(status == 0 and found[0]["state"] == "warn" and "has no offset" in found[0]["found"], f"nothing speaks of the end: {status}, {found}")
    newcomer = world.sim.login(ONE)
    expect(newcomer["number"] == victim["number"], "the simulator did not use the number again")
    estate.delete_below(2)
    estate.stops("records below offset 2 are gone")
    expect(world.sim.is_there(ONE, newcomer["session"]), "a command that was over was run again, and ended somebody else")


def an_end_that_is_cut_is_told_and_stops_the_worker(world):
    estate, _sessions = estate_with_sessions(world, "cut", 2)
    estate.remake(estate.records()[:3])
    status, partition = estate.partition()
    expect(status == FAILED and partition["missing"] == ["end"] and partition["damaged"] == 0, f"{status}, {partition}")
    status, found = estate.doctor()
    expect(status == FAILED and "records at its end are gone" in found[0]["found"] and "auditors" in found[0]["todo"], f"{status}, {found}")
    expect(estate.run("show", str(uuid.uuid4())).status == FAILED, "what was cut off may have named it")
    estate.stops("cannot be trusted")


def what_was_put_in_again_is_told(world):
    estate, _sessions = estate_with_sessions(world, "again")
    records = estate.records()
    world.produce(records[1], partition=0, topic=estate.journal, note=False)
    status, partition = estate.partition()
    expect(status == 0 and partition["repeats"] == 1 and partition["damaged"] == 0, f"a repeat counts for nothing: {status}, {partition}")
    expect([each["state"] for each in estate.doctor()[1]] == ["warn", "ok"], "the doctor does not tell the repeat")
    changed = journal_pb2.Record.FromString(records[-1])
    changed.reason.message = "changed"
    world.produce(changed.SerializeToString(), partition=0, topic=estate.journal, note=False)
    status, partition = estate.partition()
    expect(status == FAILED and partition["damaged"] == 1, f"another record with the last one's number: {status}, {partition}")
    status, found = estate.doctor()
    expect(status == FAILED and f"the first at offset {len(records) + 1}" in found[0]["found"], f"{status}, {found}")


# ---- another journal ----

def steps_of_the_page():
    """The numbered list of docs/operations.md."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    part = page.split("When it has become too long, begin another one:", 1)[1]
    steps = re.findall(r"^(\d)\. (.*)$", part.split("\n## ", 1)[0], re.MULTILINE)
    expect([number for number, _text in steps] == list("12345"), f"the page has other steps than this test: {steps}")
    return [text for _number, text in steps]


def said_on(step, *words):
    for word in words:
        expect(f"`{word}`" in step, f"the step does not say `{word}`: {step}")


def another_journal_is_begun_as_the_page_says(world):
    """Each step in the page's own words, with a drain and open commands behind it."""
    old = Estate(world, "old")
    old.worker.start()
    session = old.end_one()
    run = old.run("drain", "--cluster", ONE, "--infobase", "ib-02", "--hold", "1h", "--wait")
    expect(run.status == 0, f"drain: {run}")
    wait, look, stop, start, keep = steps_of_the_page()

    said_on(wait, "curfew status")
    expect(old.run("status", "--json").json["locks"], "the drain holds no lock")
    expect(old.run("restore", "--cluster", ONE, "--infobase", "ib-02", "--wait").status == 0, "restore")
    wait_for("no open command and no lock", lambda: not any(old.run("status", "--json").json[what] for what in ("open", "locks")))

    said_on(look, "curfew doctor", "policy.validity_max")
    run = old.run("doctor")
    expect(run.status == 0 and "none left behind" in run.out, f"doctor: {run}")

    said_on(stop, "topics.commands", "topics.journal", "curfew topics create")
    expect(old.worker.stop() == 0, "the worker did not end well")
    before = old.records()
    new = Estate(world, "new", kafka={"group": "old"})      # only the names of the two topics are others
    told = new.worker.config.read_text(encoding="utf-8")
    expect("new.commands" in told and "new.journal" in told and "old." not in told, "the configuration names other topics")

    expect("names" in start, start)
    new.worker.start()
    later = new.end_one()
    status, partition = new.partition()
    expect(status == 0 and partition["epoch"] == 1 and partition["first_offset"] == 0, f"{status}, {partition}")
    expect(new.doctor()[0] == 0 and new.doctor("commands")[1][0]["state"] == "ok", "doctor on the new journal")
    expect(new.run("show", session).status == NOT_FOUND, "the new journal knows what the old one told")

    said_on(keep, "show", "status")
    run = old.run("show", session, "--json")
    expect(run.status == 0 and run.json[0]["outcome"] == "ended", f"the old journal does not tell any more: {run}")
    expect(old.run("show", later).status == NOT_FOUND, "the old journal knows what came after it")
    status, partition = old.partition()
    expect(status == 0 and partition["records"] == len(before), f"the old journal was written to: {status}, {partition}")
    new.worker.stop()


CASES = [
    a_whole_journal_is_called_whole_up_to_what_was_promised, the_first_record_deleted_is_told_and_the_worker_goes_on,
    what_a_worker_needs_deleted_is_told_and_stops_it, a_journal_with_every_record_deleted_is_not_taken_for_a_new_one,
    without_a_commit_a_beginning_that_is_gone_stops_the_worker, an_end_that_is_cut_is_told_and_stops_the_worker, what_was_put_in_again_is_told,
    another_journal_is_begun_as_the_page_says,
]


def main():
    return play(__doc__, AuditWorld, CASES)


if __name__ == "__main__":
    sys.exit(main())
