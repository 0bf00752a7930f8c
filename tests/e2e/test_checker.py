#!/usr/bin/env python3
"""Does the checker see? A small true story is clean; every lie told about it must be found."""
import hashlib
import json
import pathlib
import sys
import tempfile
import uuid

import bootstrap

bootstrap.enter()

import checker
from curfew.v1 import event_pb2, journal_pb2
from world import Cases, arguments, expect

T = 1_800_000_000_000       # the story begins, ms
CLUSTER, OTHER = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
ANNA, BORIS, CLARA, DORA = (str(uuid.UUID(int=100 + i)) for i in range(4))
COMMAND, SECOND, THIRD = (str(uuid.UUID(int=1000 + i)) for i in range(3))
LEFT = event_pb2.TARGET_OUTCOME_LEFT
ENDED, GONE, SURVIVED = (event_pb2.TARGET_OUTCOME_ENDED, event_pb2.TARGET_OUTCOME_ALREADY_GONE, event_pb2.TARGET_OUTCOME_SURVIVED)
COMPLETED, FAILED = event_pb2.COMMAND_OUTCOME_COMPLETED, event_pb2.COMMAND_OUTCOME_FAILED


class Story:
    """A journal partition that is written in good order, and the logs of the clusters."""

    def __init__(self):
        self.lines = []
        self.log = []
        self.epoch = self.sequence = 0
        self.writer = self.previous = b""
        self.source = -1
        for session, number, user in ((ANNA, 1, "Анна"), (BORIS, 2, "Борис"), (CLARA, 3, "Клара"), (DORA, 4, "Дора")):
            self.event("session_started", session, -1000, number=number, user=user)

    def owner(self, at, epoch=None):
        self.epoch = epoch or self.epoch + 1
        self.sequence, self.previous = 0, b""
        self.writer = self.epoch.to_bytes(16, "big")
        return self.append(at, "owner", journal_pb2.Owner(instance="w"))

    def append(self, at, kind, body, command="", source=False, **head):
        self.sequence += 1
        record = journal_pb2.Record(version=1, writer=self.writer, epoch=self.epoch, sequence=self.sequence, previous=self.previous,
                                    command_id=command)
        getattr(record, kind).CopyFrom(body)
        if source:
            self.source += 1
            record.source.topic, record.source.partition, record.source.offset = "curfew.commands", 0, self.source
        for name, value in head.items():
            setattr(record, name, value)
        return self.put(at, record)

    def put(self, at, record):
        value = record.SerializeToString()
        self.previous = hashlib.sha256(value).digest()
        self.lines.append(checker.Line(0, len(self.lines), T + at, value))
        return record

    def accepted(self, at, command, sessions=(), numbers=(), expires=900_000, dry_run=False, until_empty=False, by="asker"):
        accepted = journal_pb2.Accepted()
        accepted.command.id, accepted.command.cluster = command, "main"
        selector = accepted.command.terminate.selector
        if numbers:
            selector.numbers.infobase = "ib"
            selector.numbers.numbers.extend(numbers)
        elif until_empty:
            selector.filter.condition.field = "user"
        else:
            selector.sessions.uuids.extend(sessions)
        accepted.command.terminate.options.dry_run = dry_run
        accepted.command.terminate.options.until_empty = until_empty
        accepted.command.requested_by = by
        accepted.expires_at.FromMilliseconds(T + expires)
        return self.append(at, "accepted", accepted, command, source=True)

    def resolved(self, at, command, *targets, chunk=1, chunks=1, first=0, turn=1, grace=0):
        resolved = journal_pb2.Resolved(round=turn, chunk=chunk, chunks=chunks)
        if grace:
            resolved.grace_until.FromMilliseconds(T + grace)
        for index, (session, number, verdict) in enumerate(targets, first):
            target = resolved.targets.add(index=index, verdict=verdict)
            if session:
                target.snapshot.uuid, target.snapshot.number = session, number
                target.snapshot.infobase, target.snapshot.started_at = OTHER, "2026-03-01T12:30:45"
        return self.append(at, "resolved", resolved, command)

    def pending(self, at, command, digest, until=60_000):
        pending = journal_pb2.Pending(resolved_digest=digest)
        pending.until.FromMilliseconds(T + until)
        return self.append(at, "pending", pending, command)

    def approved(self, at, command, digest, by="chief"):
        return self.append(at, "approved", journal_pb2.Approved(by=by, resolved_digest=digest), command)

    def attempt(self, at, command, *indexes):
        return self.append(at, "attempt", journal_pb2.Attempt(round=1, attempt=2, targets=indexes), command)

    def outcome(self, at, command, **ends):
        ends = {int(name[1:]): value for name, value in ends.items()}
        made = journal_pb2.Outcome(round=1, ends=[journal_pb2.TargetEnd(index=i, outcome=o) for i, o in ends.items()])
        return self.append(at, "outcome", made, command)

    def closed(self, at, command, outcome=COMPLETED):
        return self.append(at, "closed", journal_pb2.Closed(outcome=outcome), command)

    def event(self, what, session, at, number=1, user="", cluster=CLUSTER, **more):
        self.log.append({"what": what, "cluster": cluster, "cluster_name": "main" if cluster == CLUSTER else "other", "session": session,
                         "number": number, "user": user, "app": "1CV8C", "infobase_name": "ib", "wall_ms": T + at, "received_ms": T + at,
                         "applied": True, "cause": "terminated", **more})

    def ended(self, session, at):
        self.event("session_ended", session, at)

    def terminated(self, session, at, **more):
        self.event("terminate", session, at, **more)

    def judge(self, produced=None):
        journal = checker.Journal()
        journal.read(0, self.lines)
        journal.close()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "log"
            path.write_text("".join(json.dumps(line) + "\n" for line in self.log), encoding="utf-8")
            judge = checker.Judge(journal, checker.Clusters([path]))
            judge.terminations()
            judge.locks()
            judge.verdicts()
            judge.protected()
            if produced:
                commands = pathlib.Path(folder) / "produced"
                commands.write_text("".join(json.dumps(line) + "\n" for line in produced), encoding="utf-8")
                checker.check_produced(journal, commands)
        return journal.problems, judge


def true_story(upto=99):
    """Anna is ended; Boris refuses twice and is ended under a second owner; nobody else is touched."""
    story = Story()
    steps = [
        lambda: story.owner(0),
        lambda: story.accepted(10, COMMAND, [ANNA]),
        lambda: story.resolved(20, COMMAND, (ANNA, 1, 0)),
        lambda: (story.terminated(ANNA, 25), story.ended(ANNA, 26)),
        lambda: story.outcome(40, COMMAND, t0=ENDED),
        lambda: story.closed(50, COMMAND),
        lambda: story.accepted(60, SECOND, numbers=[2, 9]),
        lambda: story.resolved(70, SECOND, (BORIS, 2, 0), ("", 0, GONE)),
        lambda: story.terminated(BORIS, 80, applied=False),
        lambda: story.owner(5000),
        lambda: story.attempt(16000, SECOND, 0),
        lambda: (story.terminated(BORIS, 16010), story.ended(BORIS, 16020)),
        lambda: story.outcome(16030, SECOND, t0=ENDED, t1=GONE),
        lambda: story.closed(16040, SECOND),
    ]
    for step in steps[:upto]:
        step()
    return story


def clean(story, **more):
    problems, judge = story.judge(**more)
    expect(not problems, f"a true story, and it complains: {problems}")
    return judge


def found(story, *words, **more):
    problems, _judge = story.judge(**more)
    expect(any(all(word in problem for word in words) for problem in problems), f"not found: {words}; only {problems}")


def a_true_story_is_clean(_world):
    clean(true_story())
    clean(true_story(), produced=[{"id": COMMAND, "partition": 0, "offset": 0}, {"id": SECOND.upper()}])


def what_has_no_end_is_found(_world):
    found(true_story(13), "no end of", SECOND)
    found(true_story(3), "no end of", COMMAND)
    story = true_story(4)
    story.closed(50, COMMAND)
    found(story, "have no outcome")


def what_is_ended_without_a_list_is_found(_world):
    story = true_story()
    story.terminated(CLARA, 17000)
    found(story, CLARA, "no counting list")
    story = true_story()
    story.terminated(ANNA, 30, cluster=OTHER)
    found(story, ANNA, OTHER)


def what_is_ended_at_the_wrong_time_is_found(_world):
    for at, words in ((15, "before its licence"), (40_000, "was over")):
        story = true_story(3)
        story.terminated(ANNA, at)
        story.ended(ANNA, at)
        story.outcome(60_000, COMMAND, t0=ENDED)
        story.closed(60_001, COMMAND)
        found(story, ANNA, words)
    story = true_story(3)
    story.terminated(ANNA, 20 + checker.LICENCE_MS + 500)
    story.ended(ANNA, 10_600)
    story.outcome(60_000, COMMAND, t0=ENDED)
    story.closed(60_001, COMMAND)
    expect(clean(story).late == [500], "a pause inside the system call is not told apart")
    story = Story()
    story.owner(0)
    story.accepted(10, COMMAND, [ANNA], expires=1000)
    story.resolved(20, COMMAND, (ANNA, 1, 0))
    story.terminated(ANNA, 5000)
    story.ended(ANNA, 5001)
    story.outcome(6000, COMMAND, t0=ENDED)
    story.closed(6001, COMMAND)
    found(story, ANNA, "was over")


def what_is_ended_too_often_is_found(_world):
    story = true_story()
    story.terminated(ANNA, 27)
    found(story, ANNA, "2 terminations were received, 1 licensed")


def in_grace(attempt_at, ended_as):
    story = true_story(1)
    story.accepted(10, COMMAND, [ANNA])
    story.resolved(20, COMMAND, (ANNA, 1, 0), grace=5000)
    if attempt_at:
        story.attempt(attempt_at, COMMAND, 0)
        story.terminated(ANNA, attempt_at + 10)
    story.ended(ANNA, max(attempt_at, 3000) + 20)
    story.outcome(max(attempt_at, 3000) + 30, COMMAND, t0=ended_as)
    story.closed(max(attempt_at, 3000) + 40, COMMAND)
    return story


def an_act_in_the_grace_is_found(_world):
    clean(in_grace(5001, ENDED))
    clean(in_grace(0, LEFT))
    found(in_grace(4000, ENDED), "before its grace is over")
    found(in_grace(5001, LEFT), "nobody waited for it")
    story = in_grace(0, LEFT)
    story.terminated(ANNA, 1000)     # RESOLVED is no licence when it waits
    found(story, ANNA, "no counting list")


def waiting(digest=None, approved=None, by="chief", act=True):
    story = true_story(1)
    story.accepted(10, COMMAND, [ANNA])
    record = story.resolved(0, COMMAND, (ANNA, 1, 0))
    story.lines.pop()
    story.sequence -= 1
    story.previous = hashlib.sha256(story.lines[-1].value).digest()
    right = checker.digest_of({0: record.resolved.targets[0]})
    story.pending(15, COMMAND, digest or right)
    story.resolved(20, COMMAND, (ANNA, 1, 0))
    if approved is not False:
        story.approved(3000, COMMAND, approved or right, by)
    if act:
        story.attempt(4000, COMMAND, 0)
        story.terminated(ANNA, 4010)
        story.ended(ANNA, 4020)
    story.outcome(4030, COMMAND, t0=ENDED if act else event_pb2.TARGET_OUTCOME_EXPIRED)
    story.closed(4040, COMMAND, COMPLETED if act else event_pb2.COMMAND_OUTCOME_EXPIRED)
    return story


def an_act_that_nobody_approved_is_found(_world):
    clean(waiting())
    clean(waiting(approved=False, act=False))
    found(waiting(approved=False), "waits for an approval")
    found(waiting(digest="00"), "another list")
    found(waiting(approved="11"), "digest of another list")
    found(waiting(by="Asker"), "who asked for it")


def rounds(second_at, last=True):
    story = true_story(1)
    story.accepted(10, COMMAND, until_empty=True)
    story.resolved(20, COMMAND, (ANNA, 1, 0))
    story.terminated(ANNA, 25)
    story.ended(ANNA, 26)
    steps = [(40, lambda: story.outcome(40, COMMAND, t0=ENDED)),
             (second_at, lambda: story.resolved(second_at, COMMAND, (BORIS, 2, 0), first=1, turn=2))]
    for _at, step in sorted(steps, key=lambda each: each[0]):
        step()
    story.terminated(BORIS, 60)
    story.ended(BORIS, 61)
    story.outcome(70, COMMAND, t1=ENDED)
    if last:
        story.resolved(80, COMMAND, turn=3)
    story.closed(90, COMMAND)
    return story


def a_round_out_of_turn_is_found(_world):
    clean(rounds(50))
    found(rounds(30), "before the last one's outcomes")
    found(rounds(50, last=False), "COMPLETED", "2 of 2")


def an_act_after_not_ended_is_found(_world):
    story = true_story(3)
    story.outcome(100, COMMAND, t0=SURVIVED)
    story.closed(110, COMMAND, FAILED)
    clean(story)
    story.terminated(ANNA, 5000)
    story.ended(ANNA, 5001)
    found(story, ANNA, "was over")


def a_false_verdict_is_found(_world):
    story = true_story(3)
    story.outcome(40, COMMAND, t0=ENDED)
    story.closed(50, COMMAND)
    found(story, "it lives")
    story.ended(ANNA, 5000)
    found(story, "it ended 4960 ms later")
    story = true_story(1)
    story.accepted(60, SECOND, numbers=[3])
    story.resolved(70, SECOND, ("", 0, GONE))
    story.outcome(80, SECOND, t0=GONE)
    story.closed(90, SECOND)
    found(story, CLARA, "was there all the time")
    story = true_story(3)
    story.outcome(40, COMMAND, t0=SURVIVED)
    story.closed(50, COMMAND, COMPLETED)
    found(story, "0 of 1 targets gone")


def another_list_than_asked_for_is_found(_world):
    for targets, words in ((((CLARA, 3, 0),), "asked for session"), (((ANNA, 1, 0), (BORIS, 2, 0)), "1 asked for"),
                           ((("", 0, 0),), "no verdict")):
        story = true_story(2)
        story.resolved(20, COMMAND, *targets)
        found(story, words)
    story = true_story(1)
    story.accepted(60, SECOND, numbers=[2])
    story.resolved(70, SECOND, (CLARA, 3, 0))
    found(story, "asked for number 2")


def a_protected_session_that_is_ended_is_found(_world):
    story = true_story(2)
    story.resolved(20, COMMAND, (ANNA, 1, event_pb2.TARGET_OUTCOME_PROTECTED))
    story.terminated(ANNA, 25)
    found(story, ANNA, "no counting list")
    story = true_story(1)
    story.accepted(10, COMMAND, [ANNA], dry_run=True)
    story.resolved(20, COMMAND, (ANNA, 1, 0))
    story.closed(30, COMMAND, event_pb2.COMMAND_OUTCOME_DRY_RUN)
    clean(story)
    story.terminated(ANNA, 25)
    found(story, ANNA, "no counting list")


def void_records_license_nothing(_world):
    """A worker that was replaced writes a list: nobody may act on it, and it is no repeat either."""
    story = true_story(2)
    story.owner(15)
    owner = story.writer, story.epoch, story.sequence, story.previous
    story.writer, story.epoch, story.sequence = (1).to_bytes(16, "big"), 1, 2
    story.previous = hashlib.sha256(story.lines[1].value).digest()
    story.resolved(20, COMMAND, (ANNA, 1, 0))
    story.writer, story.epoch, story.sequence, story.previous = owner
    story.terminated(ANNA, 25)
    story.ended(ANNA, 25)
    found(story, ANNA, "no counting list")
    story.resolved(30, COMMAND, (ANNA, 1, 0))
    found(story, ANNA, "ms before its licence")


def a_hole_voids_the_rest_of_its_epoch(_world):
    story = true_story(2)
    story.sequence += 1
    story.resolved(20, COMMAND, (ANNA, 1, 0))
    story.terminated(ANNA, 25)
    found(story, ANNA, "no counting list")
    story = true_story(4)
    story.owner(30, epoch=1)        # not above the present one: void, and so is all that follows from it
    story.outcome(40, COMMAND, t0=ENDED)
    found(story, "no end of", COMMAND)


def chunks_of_two_epochs_make_no_list(_world):
    story = true_story(1)
    story.accepted(10, COMMAND, [ANNA, BORIS])
    story.resolved(20, COMMAND, (ANNA, 1, 0), chunk=1, chunks=2)
    story.owner(25)
    story.resolved(30, COMMAND, (BORIS, 2, 0), chunk=2, chunks=2, first=1)
    story.terminated(BORIS, 35)
    found(story, BORIS, "no counting list")
    story.resolved(40, COMMAND, (ANNA, 1, 0), chunk=1, chunks=2)
    found(story, BORIS, "before its licence")


def a_broken_chain_is_found(_world):
    story = true_story()
    record = journal_pb2.Record.FromString(story.lines[4].value)
    record.reason.message = "changed later"
    story.lines[4].value = record.SerializeToString()
    found(story, "the record before it was another one")
    story = true_story()
    del story.lines[2]
    problems, _judge = story.judge()
    expect(problems, "a record was taken away, and nothing is said")
    story = true_story()
    copy = journal_pb2.Record.FromString(story.lines[1].value)
    copy.reason.message = "another one"
    story.lines.append(checker.Line(0, 99, T + 99_000, copy.SerializeToString()))
    found(story, "two records of one epoch and sequence")
    story = true_story()
    story.lines.append(checker.Line(0, 99, T + 99_000, story.lines[1].value))
    clean(story)                    # the same bytes once more: an append that came twice
    story.lines.append(checker.Line(0, 100, T + 99_000, b"\xff\xff"))
    found(story, "not a record")


def what_is_answered_twice_or_never_is_found(_world):
    story = true_story()
    story.source = 0
    story.append(17_000, "duplicate", journal_pb2.Duplicate(), COMMAND, source=True)
    found(story, "answered already")
    story = true_story()
    story.source += 1
    story.append(17_000, "duplicate", journal_pb2.Duplicate(), COMMAND, source=True)
    found(story, "were never answered, later ones were")
    found(true_story(), THIRD, "never answered", produced=[{"id": THIRD, "partition": 0, "offset": 1}])
    found(true_story(), "0/7 was never answered", produced=[{"id": None, "partition": 0, "offset": 7}])
    story = true_story()
    story.accepted(17_000, COMMAND, [ANNA])
    found(story, "accepted a second time")


def an_outcome_that_changes_is_found(_world):
    story = true_story(12)
    story.outcome(16030, SECOND, t0=SURVIVED)
    story.outcome(16031, SECOND, t0=ENDED)
    found(story, "target 0", "was survived")


def a_write_that_hung_needs_a_licence_of_either_kind(_world):
    """Such a write was never read by the cluster: nobody can say whether it takes the lock or gives it back."""
    for licensed in (True, False):
        story = Story()
        story.owner(0)
        accepted = journal_pb2.Accepted()
        accepted.command.id, accepted.command.cluster, accepted.command.drain.infobase = COMMAND, "main", "ib"
        story.append(10, "accepted", accepted, COMMAND, source=True)
        if licensed:
            story.append(20, "locked", journal_pb2.Locked(infobase="ib", attempt=1), COMMAND)
        story.event("update_infobase", ANNA, 25, infobase="ib", applied=False)
        problems, _judge = story.judge()
        complains = any("no licence allows it" in problem for problem in problems)
        expect(complains != licensed, f"{'licensed' if licensed else 'not licensed'}: {problems}")


CASES = [a_true_story_is_clean, what_has_no_end_is_found, what_is_ended_without_a_list_is_found,
         what_is_ended_at_the_wrong_time_is_found, what_is_ended_too_often_is_found, an_act_after_not_ended_is_found, an_act_in_the_grace_is_found, an_act_that_nobody_approved_is_found, a_round_out_of_turn_is_found,
         a_false_verdict_is_found, another_list_than_asked_for_is_found, a_protected_session_that_is_ended_is_found,
         void_records_license_nothing, a_hole_voids_the_rest_of_its_epoch, chunks_of_two_epochs_make_no_list, a_broken_chain_is_found,
         what_is_answered_twice_or_never_is_found, an_outcome_that_changes_is_found, a_write_that_hung_needs_a_licence_of_either_kind]


def main():
    options = arguments(__doc__)
    cases = Cases(options)
    cases.run(None, CASES)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
