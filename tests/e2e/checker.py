#!/usr/bin/env python3
"""Holds the journal against what the clusters really received. Shares no code with the worker.

    checker.py --brokers HOST:PORT --log FILE [--log FILE ...] [--journal TOPIC] [--commands FILE] [--build DIR]

It reads the journal topic from its beginning and the logs of the simulated clusters (curfew-ras-sim --log FILE
--log-life), nothing else, and folds the journal by its own reading of docs/adr/0002. It finds
  - commands without exactly one end, targets without exactly one counting outcome, sources skipped or answered twice;
  - terminations of sessions that no counting list of that cluster names, that came before their licence, after its age,
    after the expiry, or more often than they were licensed;
  - verdicts that contradict what became of the session;
  - a broken hash chain.
FILE of --commands holds what was produced, one JSON object a line: {"id": ..., "partition": ..., "offset": ...} (id may be
absent for what cannot be decoded). Standard output is one JSON object; people read standard error. Status 0 or 1.
"""
import argparse
import collections
import dataclasses
import datetime
import hashlib
import json
import struct
import sys
import time
import uuid

import bootstrap

if __name__ == "__main__":
    bootstrap.enter()

import confluent_kafka
from curfew.v1 import event_pb2, journal_pb2

LICENCE_MS = 10_000
CLOCK_MS = 2            # both clocks are cut to milliseconds
LATE_MS = 2_000         # a pause inside the system call or in the cluster: told apart, not a breach
VERSION = 1
SUCCESS = {event_pb2.TARGET_OUTCOME_ENDED, event_pb2.TARGET_OUTCOME_ALREADY_GONE, event_pb2.TARGET_OUTCOME_LEFT}
GONE = {event_pb2.TARGET_OUTCOME_ENDED, event_pb2.TARGET_OUTCOME_ALREADY_GONE, event_pb2.TARGET_OUTCOME_LEFT}
PROBLEMS_SHOWN = 40
FOREVER = 1 << 62


def label(outcome):
    return event_pb2.TargetOutcome.Name(outcome).removeprefix("TARGET_OUTCOME_").lower()


def ms_of(timestamp):
    return timestamp.seconds * 1000 + timestamp.nanos // 1_000_000


def ticks_of(time_text):
    """The cluster's own wall clock, as text, in 1/10,000 s since the year 1."""
    moment = datetime.datetime.fromisoformat(time_text)
    return ((moment - datetime.datetime(1, 1, 1)) // datetime.timedelta(microseconds=100)) if time_text else 0


def digest_of(targets):
    """What an approval must name (docs/journal.md, rule 11)."""
    digest = hashlib.sha256()
    for index, target in sorted(targets.items()):
        if not target.HasField("snapshot") or target.verdict:
            continue
        found = target.snapshot
        digest.update(struct.pack(">I", index) + uuid.UUID(found.uuid).bytes + uuid.UUID(found.infobase).bytes
                      + struct.pack(">Iq", found.number, ticks_of(found.started_at)))
    return digest.hexdigest()


# ---- what is read ----

@dataclasses.dataclass
class Line:
    """One journal record as it stands in the log."""
    partition: int
    offset: int
    at: int             # the broker's time, ms
    value: bytes

    def __str__(self):
        return f"journal {self.partition}/{self.offset}"


def read_topic(brokers, topic, properties=None, timeout=60):
    """Every record of a topic up to its present end, as {partition: [message, ...]}."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "curfew-checker", "enable.auto.commit": False,
                                         "fetch.wait.max.ms": 20, "log_level": 0,
                                         "check.crcs": True, **(properties or {})})
    found = consumer.list_topics(topic, timeout).topics[topic]
    if found.error:
        raise confluent_kafka.KafkaException(found.error)
    bounds = {p: consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, p), timeout) for p in found.partitions}
    messages = {p: [] for p in bounds}
    left = {p for p, (low, high) in bounds.items() if high > low}
    consumer.assign([confluent_kafka.TopicPartition(topic, p, bounds[p][0]) for p in left])
    end = time.monotonic() + timeout
    while left:
        if time.monotonic() > end:
            raise TimeoutError(f"{topic} was not read to its end within {timeout} s")
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            raise confluent_kafka.KafkaException(message.error())
        messages[message.partition()].append(message)
        if message.offset() + 1 >= bounds[message.partition()][1]:
            left.discard(message.partition())
    consumer.close()
    return messages, {p: low for p, (low, _high) in bounds.items()}


@dataclasses.dataclass
class Life:
    """What really became of one session."""
    infobase: str = ""
    number: int = 0
    user: str = ""
    started: int = 0
    ended: int = FOREVER
    cause: str = ""


@dataclasses.dataclass
class Termination:
    """A request to end a session, as a cluster received it."""
    cluster: str        # UUID
    session: str
    at: int             # when its bytes were read
    done_at: int
    applied: bool
    user: str


class Clusters:
    """The logs of the simulated clusters."""

    def __init__(self, paths):
        self.names = {}          # lower-case name or UUID -> UUID
        self.lives = {}          # (cluster, session) -> Life
        self.terminations = []
        self.updates = []        # of infobases: {"cluster", "infobase", "at", "parameter", "applied"}; parameter None: it hung unread
        self.has_lives = False
        for path in paths:
            with open(path, encoding="utf-8") as lines:
                for text in lines:
                    if text.endswith("\n"):     # a line half written belongs to a process that was killed
                        self.line(json.loads(text))

    def line(self, line):
        cluster = line["cluster"]
        self.names[cluster.lower()] = cluster
        if "cluster_name" in line:
            self.names[line["cluster_name"].lower()] = cluster
        if line["what"] == "session_started":
            self.has_lives = True
            self.lives[cluster, line["session"]] = Life(line.get("infobase_name", ""), line["number"], line["user"], line["wall_ms"])
        elif line["what"] == "session_ended":
            life = self.lives.setdefault((cluster, line["session"]), Life())
            life.ended, life.cause = line["wall_ms"], line["cause"]
        elif line["what"] == "update_infobase":
            self.updates.append({"cluster": cluster, "infobase": line.get("infobase", ""), "at": line["received_ms"],
                                 "parameter": line.get("denied_parameter"), "applied": line["applied"]})
        elif line["what"] == "terminate":
            self.terminations.append(Termination(cluster, line.get("session", ""), line["received_ms"], line["wall_ms"],
                                                 line["applied"], line.get("user", "")))


# ---- the fold ----

@dataclasses.dataclass
class Licence:
    since: int
    until: int
    indexes: frozenset
    where: str
    end: int            # no first act at or after it


class Command:
    """One accepted command, as the counting records tell it."""

    def __init__(self, line, record):
        self.id = record.command_id
        self.where = str(line)
        self.accepted_at = line.at
        self.command = record.accepted.command
        self.cluster = self.command.cluster
        self.expires = ms_of(record.accepted.expires_at)
        self.asked = self.asked_for()
        self.chunks = {}
        self.chunk_epoch = None
        self.targets = None      # index -> ResolvedTarget, when the list counts
        self.resolved_at = 0
        self.round = 0           # lists that count
        self.round_at = {}       # index -> when its list counted
        self.nobody_left = False
        self.grace_until = 0
        self.was_approved = False
        self.lock_from = 0      # of a drain: its lock lets people in until then
        self.end_by = 0          # 0: the expiry
        self.withheld = None     # (epoch, digest, until): the next list of that epoch waits
        self.waits = None        # (digest, until): this list waits for its approval
        self.licensed = set()
        self.licences = []
        self.outcomes = {}       # index -> (outcome, at)
        self.end = None          # "closed" or "rejected"
        self.outcome = 0
        self.cancelled_at = None
        self.drains = self.command.HasField("drain")
        self.locked = False      # from LOCKED to RESTORED
        self.stray = False       # a lock of it was found behind its end, and is being removed
        self.lock_licences = []  # [(since, until, takes, where)]: for one write each

    def asked_for(self):
        selector = self.command.terminate.selector
        if selector.WhichOneof("by") == "sessions":
            return list(dict.fromkeys(uuid.lower() for uuid in selector.sessions.uuids))
        if selector.WhichOneof("by") == "numbers":
            return list(dict.fromkeys(selector.numbers.numbers))
        return []

    @property
    def options(self):
        return self.command.drain.options if self.drains else self.command.terminate.options

    def has_handler(self, index):
        """Its word may say that a session left by itself."""
        target = (self.targets or {}).get(index)
        return target is not None and target.handler in (journal_pb2.HANDLER_MODE_INSTEAD, journal_pb2.HANDLER_MODE_BEFORE)

    @property
    def is_dry_run(self):
        return self.options.dry_run

    @property
    def repeats(self):
        return self.drains or self.options.until_empty

    @property
    def goes_on(self):
        return self.repeats and not self.is_dry_run and not self.nobody_left

    def license(self, since, until, indexes, where):
        self.licences.append(Licence(since, until, indexes, where, self.end_by or self.expires))
        self.licensed |= indexes

    def indexes(self):
        return set(range(len(self.asked))) | set(self.targets or {})


class Owner:
    """Who owns a partition at a place of its log."""

    def __init__(self):
        self.epoch = None        # (writer, number)
        self.sequence = 0
        self.broken = False

    def take(self, record):
        """Does this record count?"""
        epoch = record.writer, record.epoch
        if record.WhichOneof("body") == "owner":
            if record.sequence != 1 or (self.epoch and record.epoch <= self.epoch[1]):
                return False
            self.epoch, self.sequence, self.broken = epoch, 1, False
            return True
        if epoch != self.epoch or self.broken or record.sequence <= self.sequence:
            return False
        if record.sequence > self.sequence + 1:
            self.broken = True
            return False
        self.sequence += 1
        return True


class Chain:
    """The hash chains of all epochs of one partition; what does not count is chained as well."""

    def __init__(self):
        self.last = {}           # epoch -> (sequence, digest of its bytes, previous as it said)
        self.digests = {}        # epoch -> {sequence: digest}

    def judge(self, line, record):
        """None, or what is wrong."""
        epoch = record.writer, record.epoch
        digest = hashlib.sha256(line.value).digest()
        known = self.digests.setdefault(epoch, {})
        sequence = record.sequence
        if sequence in known:
            return None if known[sequence] == digest else f"{line}: two records of one epoch and sequence {sequence}"
        known[sequence] = digest
        if sequence == 0:
            return f"{line}: sequence 0"
        if sequence == 1:
            return f"{line}: a first record names a previous one" if record.previous else None
        if sequence - 1 in known and record.previous != known[sequence - 1]:
            return f"{line}: the record before it was another one"
        return None

    def holes(self):
        """Records missing in the middle: appends that were lost, told apart from damage."""
        return sum(max(known) - len(known) for known in self.digests.values() if known)


class Journal:
    def __init__(self):
        self.commands = {}       # id -> Command
        self.refused = {}        # id -> where: refused at the door
        self.sources = {}        # (partition, offset) -> (kind, where)
        self.answered = set()    # ids with an answer of any kind
        self.figures = collections.Counter()
        self.problems = []
        self.reported = set()

    def problem(self, text):
        self.problems.append(text)

    def read(self, partition, lines):
        owner, chain = Owner(), Chain()
        for line in lines:
            record = journal_pb2.Record()
            self.figures["records"] += 1
            try:
                record.ParseFromString(line.value)
            except Exception as error:      # the runtime's own classes differ between its versions
                self.problem(f"{line}: not a record: {error}")
                continue
            if record.version != VERSION or not record.WhichOneof("body"):
                self.problem(f"{line}: version {record.version}, body {record.WhichOneof('body')}")
                continue
            wrong = chain.judge(line, record)
            if wrong:
                self.problem(wrong)
            if not owner.take(record):
                self.figures["void"] += 1
            elif record.WhichOneof("body") == "owner":
                self.figures["epochs"] += 1
                self.drop_chunks(partition)
            else:
                self.source(line, record)
                getattr(self, "on_" + record.WhichOneof("body"), self.on_other)(line, record)
        self.figures["holes"] += chain.holes()

    def drop_chunks(self, partition):
        for command in self.commands.values():
            if command.partition == partition:
                command.chunks, command.withheld = {}, None

    def source(self, line, record):
        kind = record.WhichOneof("body")
        takes = kind in ("accepted", "duplicate", "forwarded") or (kind == "rejected" and not record.rejected.after_accepted)
        if not takes:
            return
        place = record.source.partition, record.source.offset
        if place in self.sources:
            self.problem(f"{line}: {kind} answers command {place[0]}/{place[1]}, which {self.sources[place][1]} answered already")
        self.sources[place] = kind, str(line)

    def open(self, line, record, kind):
        """The command that a record is about, while it may still change."""
        command = self.commands.get(record.command_id)
        if command is None:
            self.problem(f"{line}: {kind} of a command that nobody accepted: {record.command_id}")
            return None
        if command.end:
            self.figures["repeats"] += 1
            return None
        return command

    def on_accepted(self, line, record):
        if record.command_id in self.commands or record.command_id in self.refused:
            self.problem(f"{line}: accepted a second time: {record.command_id}")
            return
        command = Command(line, record)
        command.partition = line.partition
        self.commands[command.id] = command
        self.answered.add(command.id)

    def on_rejected(self, line, record):
        if record.rejected.after_accepted:
            command = self.open(line, record, "rejected")
            if command and command.targets is not None:
                self.problem(f"{line}: refused after its list counted")
            elif command:
                command.end = "rejected"
            return
        self.figures["refused at the door"] += 1
        if not record.rejected.HasField("command"):
            self.figures["undecodable"] += 1
            self.figures["letters not named"] += not record.rejected.HasField("dead_letter")
            return
        self.answered.add(record.command_id)
        if record.command_id in self.commands or record.command_id in self.refused:
            self.figures["conflicts"] += 1
        else:
            self.refused[record.command_id] = str(line)

    def on_duplicate(self, line, record):
        self.figures["duplicates"] += 1
        if record.command_id not in self.commands and record.command_id not in self.refused:
            self.problem(f"{line}: a duplicate of nothing: {record.command_id}")

    def on_forwarded(self, line, record):
        self.figures["forwarded"] += 1

    def on_resolved(self, line, record):
        command, resolved = self.open(line, record, "resolved"), record.resolved
        if not command:
            return
        if resolved.round != command.round + 1 or (command.round and not command.goes_on):
            self.figures["repeats"] += 1
            return
        if command.round and command.indexes() - set(command.outcomes):
            self.problem(f"{line}: round {resolved.round} of {command.id} counts before the last one's outcomes")
            return
        if not 1 <= resolved.chunk <= resolved.chunks:
            self.problem(f"{line}: chunk {resolved.chunk} of {resolved.chunks}")
            return
        if command.chunk_epoch != (record.writer, record.epoch):
            command.chunks, command.chunk_epoch = {}, (record.writer, record.epoch)
        command.chunks.setdefault(resolved.chunk, (line, resolved))
        if len(command.chunks) == resolved.chunks:
            self.freeze(line, record, command)

    def freeze(self, line, record, command):
        first = min(each.at for each, _part in command.chunks.values())
        listed = {}
        for _line, part in command.chunks.values():
            for target in part.targets:
                if target.index in listed or target.index in (command.targets or {}):
                    self.problem(f"{line}: target {target.index} stands twice in the lists of {command.id}")
                listed[target.index] = target
        command.chunks = {}
        command.targets = {**(command.targets or {}), **listed}
        command.round += 1
        command.round_at.update(dict.fromkeys(listed, line.at))
        command.nobody_left = all(target.verdict for target in listed.values())
        if command.nobody_left and line.at + CLOCK_MS < command.lock_from:
            self.problem(f"{line}: {command.id} says empty {command.lock_from - line.at} ms before its lock begins")
        command.resolved_at = line.at
        command.grace_until = ms_of(record.resolved.grace_until)
        command.end_by = ms_of(record.resolved.end_by)
        if command.withheld and command.withheld[0] == (record.writer, record.epoch):
            command.waits = command.withheld[1:]
            if command.waits[0] != digest_of(listed):
                self.problem(f"{line}: {command.id} waits for the approval of another list than this one")
        command.withheld = None
        may = frozenset(i for i, target in listed.items() if target.HasField("snapshot") and not target.verdict)
        if not command.is_dry_run and not command.waits and not command.grace_until:
            command.license(line.at, first + LICENCE_MS, may, str(line))
        self.figures["further rounds"] += command.round > 1
        self.judge_list(line, command)

    def on_pending(self, line, record):
        command = self.open(line, record, "pending")
        if command:
            command.withheld = (record.writer, record.epoch), record.pending.resolved_digest, ms_of(record.pending.until)

    def on_approved(self, line, record):
        command = self.open(line, record, "approved")
        if not command or record.HasField("reason"):
            self.figures["approvals refused"] += 1
            return
        if not command.waits:
            self.problem(f"{line}: {command.id} is approved, and nothing of it waits")
            return
        digest, until = command.waits
        if record.approved.resolved_digest != digest:
            self.problem(f"{line}: {command.id} is approved by the digest of another list")
        if record.approved.by.lower() in ("", command.command.requested_by.lower()):
            self.problem(f"{line}: {command.id} is approved by '{record.approved.by}', who asked for it or is nobody")
        if line.at > until + LICENCE_MS:
            self.problem(f"{line}: {command.id} is approved {line.at - until} ms too late")
        waited = line.at - command.resolved_at
        command.waits = None
        command.was_approved = True
        if not command.locked:      # else its times are known to those who are kept out
            command.grace_until += waited if command.grace_until else 0
            command.end_by += waited if command.end_by else 0
        self.figures["lists approved"] += 1

    def judge_list(self, line, command):
        """The list names what was asked for, and nothing else."""
        by = command.command.terminate.selector.WhichOneof("by")
        if command.asked and set(command.targets) != set(range(len(command.asked))):
            self.problem(f"{line}: {len(command.asked)} asked for, the list names {sorted(command.targets)}")
            return
        for index, target in command.targets.items():
            if not target.HasField("snapshot"):
                if not target.verdict:
                    self.problem(f"{line}: target {index} of {command.id} was not found and has no verdict")
                continue
            found = target.snapshot
            if by == "sessions" and found.uuid.lower() != command.asked[index]:
                self.problem(f"{line}: asked for session {command.asked[index]}, the list names {found.uuid}")
            if by == "numbers" and found.number != command.asked[index]:
                self.problem(f"{line}: asked for number {command.asked[index]}, the list names {found.number}")

    def behind_the_end(self, record):
        """A closed drain: a lock of it that came late may still be removed."""
        command = self.commands.get(record.command_id)
        return command if command and command.end and command.drains else None

    def on_attempt(self, line, record):
        ended = self.behind_the_end(record)
        if ended and record.attempt.act == journal_pb2.ACT_RESTORE:
            ended.stray = True
            ended.lock_licences.append((line.at, line.at + LICENCE_MS, False, str(line)))
            return
        command = self.open(line, record, "attempt")
        if not command:
            return
        if record.attempt.act == journal_pb2.ACT_RESTORE:
            if not command.locked:
                self.problem(f"{line}: {command.id} is to give back a lock that it does not hold")
            command.lock_licences.append((line.at, line.at + LICENCE_MS, False, str(line)))
            return
        if command.targets is None:
            self.problem(f"{line}: an attempt before the list of {command.id}")
            return
        if record.attempt.act == journal_pb2.ACT_HANDLE:    # the handler is told how they ended: nothing is ended under it
            if command.indexes() - set(command.outcomes):
                self.problem(f"{line}: a handler is told of the end of {command.id} before all targets have their outcome")
            self.figures["told afterwards"] += 1
            return
        may = frozenset(i for i in record.attempt.targets if i in command.targets and not command.targets[i].verdict)
        if len(may) != len(record.attempt.targets):
            self.problem(f"{line}: the attempt names targets that are not to be ended: {command.id}")
        if command.is_dry_run:
            self.problem(f"{line}: an attempt of a dry run: {command.id}")
        if command.waits:
            self.problem(f"{line}: an attempt of {command.id}, whose list waits for an approval")
        grace_until = max(command.grace_until, command.lock_from)
        if line.at + CLOCK_MS < grace_until:
            self.problem(f"{line}: an attempt of {command.id} {grace_until - line.at} ms before its grace is over")
        command.license(line.at, line.at + LICENCE_MS, may, str(line))

    def on_locked(self, line, record):
        command = self.open(line, record, "locked")
        if not command:
            return
        anew = command.locked and set(command.targets or ()) == set(command.outcomes)   # it begins at once
        early = command.targets is None or anew or (command.was_approved and command.round == 1 and not command.licences)
        if not command.drains or command.is_dry_run or not early:
            self.problem(f"{line}: {command.id} is no drain, or acts already, and takes a lock")
        if command.waits:
            self.problem(f"{line}: {command.id} takes a lock, and waits for an approval")
        command.locked = True
        command.lock_from = command.lock_from or ms_of(record.locked.grace_until)
        command.end_by = ms_of(record.locked.end_by) if record.locked.attempt == 1 else command.end_by
        command.lock_licences.append((line.at, line.at + LICENCE_MS, True, str(line)))
        self.figures["locks taken"] += 1

    def on_restored(self, line, record):
        ended = self.behind_the_end(record)
        if ended and ended.stray:
            if not record.reason.message:
                self.problem(f"{line}: {ended.id} gives back behind its end and does not say why")
            ended.stray = False
            self.figures["late locks removed"] += 1
            return
        command = self.open(line, record, "restored")
        if not command:
            return
        if not command.locked:
            self.problem(f"{line}: {command.id} gives back a lock that it does not hold")
        command.locked = False
        self.figures["locks given back"] += 1
        self.figures["foreign locks kept"] += record.restored.kept_foreign

    def on_outcome(self, line, record):
        command = self.open(line, record, "outcome")
        if not command:
            return
        if command.is_dry_run and command.targets is not None:
            self.problem(f"{line}: an outcome of a dry run: {command.id}")
        for end in record.outcome.ends:
            if end.index not in command.indexes():
                self.problem(f"{line}: an outcome for target {end.index}, which {command.id} does not have")
            elif end.index in command.outcomes:
                self.figures["repeats"] += 1
                if command.outcomes[end.index][0] != end.outcome:
                    self.problem(f"{line}: target {end.index} of {command.id} is {label(end.outcome)}, and was "
                                 f"{label(command.outcomes[end.index][0])}")
            elif not end.outcome:
                self.problem(f"{line}: an outcome without one: target {end.index} of {command.id}")
            else:
                waited = (command.grace_until or command.lock_from) and end.index not in command.licensed
                if end.outcome == event_pb2.TARGET_OUTCOME_LEFT and not waited and not command.has_handler(end.index):
                    self.problem(f"{line}: target {end.index} of {command.id} is said to have left, and nobody waited for it")
                command.outcomes[end.index] = end.outcome, line.at

    def on_topics_accepted(self, line, record):
        """Another topic of that name: its offsets begin anew."""
        self.figures["topics_accepted"] += 1
        if record.topics_accepted.from_beginning:
            self.sources = {place: found for place, found in self.sources.items() if place[0] != line.partition}

    def on_cancelled(self, line, record):
        command = self.open(line, record, "cancelled")
        if command and command.cancelled_at is None:
            command.cancelled_at = line.at

    def on_closed(self, line, record):
        command = self.open(line, record, "closed")
        if not command:
            return
        if command.locked:
            self.problem(f"{line}: {command.id} is closed and holds a lock")
        left = sorted(command.indexes() - set(command.outcomes))
        outcome = record.closed.outcome
        if outcome == event_pb2.COMMAND_OUTCOME_DRY_RUN:
            if not command.is_dry_run:
                self.problem(f"{line}: closed as a dry run, which it is not: {command.id}")
        elif left:
            self.problem(f"{line}: {command.id} is closed, its targets {left} have no outcome")
        else:
            self.judge_outcome(line, command, outcome)
        command.end, command.outcome = "closed", outcome

    def counted(self, command):
        """Verdicts that say how the command ended: of a session in several rounds the last one; protected ones not when nobody
        else is left."""
        last = {}
        for index, target in (command.targets or {}).items():
            last[target.snapshot.uuid or index] = max(index, last.get(target.snapshot.uuid or index, index))
        for index, (verdict, _at) in command.outcomes.items():
            target = (command.targets or {}).get(index)
            superseded = target is not None and last[target.snapshot.uuid or index] != index
            left_out = command.nobody_left and command.repeats and verdict == event_pb2.TARGET_OUTCOME_PROTECTED
            if verdict in SUCCESS or not (superseded or left_out):
                yield verdict

    def judge_outcome(self, line, command, outcome):
        verdicts = list(self.counted(command))
        if command.command.HasField("drain"):       # empty is empty of those who may be ended
            verdicts = [verdict for verdict in verdicts if verdict != event_pb2.TARGET_OUTCOME_PROTECTED]
        good = sum(verdict in SUCCESS for verdict in verdicts)
        rounds = command.repeats
        unfinished = (rounds and command.round and not command.nobody_left) or (not command.asked and not command.round)
        if good == len(verdicts) and not unfinished:
            fitting = {event_pb2.COMMAND_OUTCOME_COMPLETED}
        elif good:
            fitting = {event_pb2.COMMAND_OUTCOME_PARTIALLY_COMPLETED}
        else:
            fitting = {event_pb2.COMMAND_OUTCOME_FAILED, event_pb2.COMMAND_OUTCOME_EXPIRED, event_pb2.COMMAND_OUTCOME_CANCELLED}
        if command.options.disconnect_connections:   # all are gone, and something of them is left
            fitting |= {event_pb2.COMMAND_OUTCOME_PARTIALLY_COMPLETED} if good else set()
        if outcome not in fitting:
            self.problem(f"{line}: {command.id} is {event_pb2.CommandOutcome.Name(outcome)}, with {good} of "
                         f"{len(verdicts)} targets gone")

    def on_other(self, line, record):
        self.figures[record.WhichOneof("body")] += 1

    def close(self):
        """Nothing more comes: what must be there by now?"""
        for command in self.commands.values():
            if not command.end:
                state = "never resolved" if command.targets is None else f"{len(command.outcomes)} of {len(command.indexes())} outcomes"
                self.problem(f"no end of {command.id}, accepted at {command.where}, {state}")
        by_partition = collections.defaultdict(list)
        for partition, offset in self.sources:
            by_partition[partition].append(offset)
        for partition, offsets in by_partition.items():
            missing = set(range(min(offsets), max(offsets) + 1)) - set(offsets)
            if missing:
                self.problem(f"commands {partition}: offsets {sorted(missing)[:10]} were never answered, later ones were")


# ---- the journal against the clusters ----

class Judge:
    def __init__(self, journal, clusters):
        self.journal = journal
        self.clusters = clusters
        self.late = []
        self.licences = collections.defaultdict(list)    # (cluster, session) -> [(Licence, command, until)]
        for command in journal.commands.values():
            self.index(command)

    def cluster_of(self, command):
        return self.clusters.names.get(command.cluster.lower())

    def index(self, command):
        cluster = self.cluster_of(command)
        for licence in command.licences:
            for index in licence.indexes:
                session = command.targets[index].snapshot.uuid
                until = min(licence.until, licence.end)
                outcome, at = command.outcomes.get(index, (0, 0))
                if outcome and outcome not in SUCCESS:   # a verdict "not ended" ends the licence
                    until = min(until, at + CLOCK_MS)
                self.licences[cluster, session].append((licence, command, until))

    def terminations(self):
        counted = collections.Counter()
        for each in self.clusters.terminations:
            counted[each.cluster, each.session] += 1
            self.termination(each)
        for key, count in counted.items():
            licensed = len(self.licences.get(key, ()))
            if licensed and count > licensed:
                self.journal.problem(f"session {key[1]}: {count} terminations were received, {licensed} licensed")

    def locks(self):
        """Every write of a lock has a licence of its own, and what is closed has left no lock behind."""
        free = collections.defaultdict(list)
        for command in self.journal.commands.values():
            for since, until, takes, where in command.lock_licences:
                free[self.cluster_of(command)].append((since, until, takes, where))
        last = {}
        for each in sorted(self.clusters.updates, key=lambda update: update["at"]):
            either = each["parameter"] is None      # to take the lock or to give it back: only the worker knew
            ours = each["parameter"] in self.journal.commands
            fitting = [one for one in free[each["cluster"]]
                       if (either or one[2] == ours) and one[0] - CLOCK_MS <= each["at"] <= one[1] + CLOCK_MS]
            if fitting:
                free[each["cluster"]].remove(max(fitting) if either else min(fitting))
            else:
                self.journal.problem(f"the lock of infobase {each['infobase']} was written at {each['at']}, and no licence allows it")
            if each["applied"]:
                last[each["cluster"], each["infobase"]] = each["parameter"]
        for (_cluster, infobase), parameter in last.items():
            command = self.journal.commands.get(parameter)
            if command and command.end:
                self.journal.problem(f"infobase {infobase} still has the lock of {command.id}, which is closed")

    def termination(self, each):
        licences = self.licences.get((each.cluster, each.session))
        if not licences:
            self.journal.problem(f"session {each.session} ({each.user}) of cluster {each.cluster} was asked to end, and no counting "
                                 f"list names it")
            return
        if any(licence.since - CLOCK_MS <= each.at <= until + CLOCK_MS for licence, _command, until in licences):
            return
        begun = [entry for entry in licences if entry[0].since - CLOCK_MS <= each.at]
        if not begun:
            licence, command, _until = min(licences, key=lambda entry: entry[0].since)
            self.journal.problem(f"session {each.session} was asked to end {licence.since - each.at} ms before its licence "
                                 f"{licence.where} of {command.id}")
            return
        licence, command, until = max(begun, key=lambda entry: entry[2])
        late = each.at - until
        if late <= LATE_MS:
            self.late.append(late)
        else:
            self.journal.problem(f"session {each.session} was asked to end {late} ms after its licence {licence.where} of "
                                 f"{command.id} was over")

    def verdicts(self):
        for command in self.journal.commands.values():
            cluster = self.cluster_of(command)
            for index, (outcome, at) in command.outcomes.items():
                self.journal.figures[label(outcome)] += 1
                if outcome in GONE and self.clusters.has_lives:
                    self.gone(command, cluster, index, outcome, at)

    def gone(self, command, cluster, index, outcome, at):
        target = (command.targets or {}).get(index)
        name = f"target {index} of {command.id} is {label(outcome)}"
        if target is None:
            self.journal.problem(f"{name} without a list")
            return
        session = target.snapshot.uuid if target.HasField("snapshot") else target.asked_session
        if session:
            life = self.clusters.lives.get((cluster, session))
            if life and life.ended > at + CLOCK_MS:
                when = "it lives" if life.ended == FOREVER else f"it ended {life.ended - at} ms later ({life.cause})"
                self.journal.problem(f"{name}, session {session}: {when}")
            if target.HasField("snapshot") and life and life.started > command.round_at[index] + CLOCK_MS:
                self.journal.problem(f"{name}, session {session} started after the list")
            return
        self.number_gone(command, cluster, index, name)

    def number_gone(self, command, cluster, index, name):
        """A number was not found: then no such session may have lived through the whole search."""
        numbers = command.command.terminate.selector.numbers
        for (of, session), life in self.clusters.lives.items():
            if (of == cluster and life.number == command.asked[index] and life.infobase.lower() == numbers.infobase.lower()
                    and life.started < command.accepted_at and life.ended > command.resolved_at):
                self.journal.problem(f"{name}, number {life.number}: session {session} was there all the time")

    def protected(self):
        """Targets with a verdict from the start are ended by nobody (another command's licence aside)."""
        ended = {(each.cluster, each.session) for each in self.clusters.terminations}
        for command in self.journal.commands.values():
            for target in (command.targets or {}).values():
                key = self.cluster_of(command), target.snapshot.uuid
                if target.verdict and key in ended and key not in self.licences:
                    self.journal.problem(f"session {key[1]} was spared by {command.id}, and was asked to end")


def check_produced(journal, path):
    with open(path, encoding="utf-8") as lines:
        for text in lines:
            made = json.loads(text)
            if made.get("id") and made["id"].lower() not in journal.answered:
                journal.problem(f"command {made['id']} was produced and never answered")
            if made.get("offset") is not None and (made["partition"], made["offset"]) not in journal.sources:
                journal.problem(f"what stands at commands {made['partition']}/{made['offset']} was never answered")
            journal.figures["produced"] += 1


def check(brokers, logs, journal_topic="curfew.journal", commands=None, properties=None):
    """(problems, figures)"""
    messages, lows = read_topic(brokers, journal_topic, properties)
    journal = Journal()
    kinds = set()
    for partition, found in messages.items():
        if lows[partition]:
            journal.problem(f"journal {partition} begins at {lows[partition]}: what stood before it is gone, nothing can be said")
        kinds.update(message.timestamp()[0] for message in found)
        journal.read(partition, [Line(partition, m.offset(), m.timestamp()[1], m.value() or b"") for m in found])
    journal.close()
    clusters = Clusters(logs)
    judge = Judge(journal, clusters)
    judge.terminations()
    judge.locks()
    judge.verdicts()
    judge.protected()
    if commands:
        check_produced(journal, commands)
    figures = dict(sorted(journal.figures.items()))
    figures.update(accepted=len(journal.commands), closed=sum(c.end == "closed" for c in journal.commands.values()),
                   terminations=len(clusters.terminations), effective=sum(t.applied for t in clusters.terminations),
                   late=len(judge.late), latest_ms=max(judge.late, default=0),
                   append_time=kinds <= {confluent_kafka.TIMESTAMP_LOG_APPEND_TIME})
    return journal.problems, figures


def report(problems, figures, out=sys.stderr):
    for problem in problems[:PROBLEMS_SHOWN]:
        print(f"checker: {problem}", file=out)
    if len(problems) > PROBLEMS_SHOWN:
        print(f"checker: and {len(problems) - PROBLEMS_SHOWN} more", file=out)
    told = ", ".join(f"{name} {value}" for name, value in figures.items())
    print(f"checker: {'clean' if not problems else f'{len(problems)} problems'}: {told}", file=out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--journal", default="curfew.journal")
    parser.add_argument("--log", action="append", default=[], metavar="FILE", help="of a simulated cluster; repeatable")
    parser.add_argument("--commands", metavar="FILE", help="what was produced")
    parser.add_argument("--build", metavar="DIR", help="whose Python environment to use (build/release)")
    parser.add_argument("-X", action="append", default=[], metavar="key=value", help="for librdkafka")
    options = parser.parse_args()
    properties = dict(pair.split("=", 1) for pair in options.X)
    problems, figures = check(options.brokers, options.log, options.journal, options.commands, properties)
    report(problems, figures)
    print(json.dumps({"clean": not problems, "figures": figures, "problems": problems}, ensure_ascii=False))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
