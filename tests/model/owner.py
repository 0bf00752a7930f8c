#!/usr/bin/env python3
"""Random exploration of the rules by which workers share one partition of the journal.

Workers append records to one partition of the journal, read them back in log order and end sessions of one cluster.
A seeded nemesis moves the partition, pauses, crashes and restarts workers, cuts them off from the control topic, and
loses, repeats and delays appends; users log in and out, and session numbers are used again. An oracle reads the whole
log and sees every act. After CALM the faults stop, and everything must come to an end.

Every rule that a worker or a reader relies on is a named guard (GUARDS). A run takes at most one guard away. Without
any taken away no run may violate a promise; with each one taken away some run must, or the rule is superfluous.

    owner.py [--runs N] [--seed S] [--only GUARD] [--trace]

The exit status is 0 only if both hold. `--only GUARD --seed S --runs 1 --trace` replays one run exactly and prints it.
Why each rule is there: docs/adr/0002-ownership-rules-forced-by-the-model.md. Not modelled: locks and their restoring,
grace, forwarding between partitions, dead letters, the hash chain.
"""
import argparse
import random
import sys
from dataclasses import dataclass, field

GUARDS = {
    # What every reader of the journal does (taken away from all readers alike, the oracle too).
    "void_rule": "records of an epoch that does not own the partition at their place do not count",
    "epoch_grows": "an OWNER counts only if its epoch is above the present owner's (taken away: if never seen before)",
    "first_counts": "of the same record only the first counts, repeats change nothing",
    "source_order": "ACCEPTED, REJECTED, DUPLICATE count only above the last source offset that counted",
    "chunks_complete": "a RESOLVED counts only when all its chunks stand",
    "chunks_one_epoch": "chunks of an earlier epoch are forgotten at an OWNER",
    "start_owner": "a saved start offset carries the epoch that owned the partition there",
    "start_oldest_open": "a saved start offset lies at or before the oldest open command",
    # How a worker becomes, stays and ceases to be the owner.
    "owner_readback": "nothing is decided before the worker's own OWNER was read back",
    "writer_id_fresh": "each process has a writer id of its own, random at its start, never a configured name",
    "new_epoch_each_ask": "each OWNER asked for has a new epoch, also of the same process",
    "stop_on_foreign_owner": "whoever reads another's OWNER stops at once",
    "ask_again": "an assigned worker whose OWNER came out void, or was followed by another's, asks again",
    "ask_only_if_assigned": "OWNER is appended only for a partition in the present assignment",
    "assignment_confirmed": "before asking, the coordinator confirmed the group generation that assigned the partition",
    "read_before_ask": "OWNER is asked for only when the journal was read to its end as it stood when the wish arose",
    "forget_in_flight": "on reading the own OWNER back, what was in flight before it is forgotten",
    "uncertain_new_owner": "an append that ends uncertain leads to a new OWNER, never to going on in the same epoch",
    # Commands and lists.
    "position_from_journal": "reading of commands goes on where the journal says, not where the group's offset stands",
    "dedupe_by_id": "a known command id at another offset is a DUPLICATE and is not run",
    "adopt_list": "a list that was read back is adopted whoever wrote it, never resolved again",
    "round_waits": "a round starts only when every target of the last one has its outcome read back",
    "close_after_outcomes": "CLOSED is appended only when every outcome was read back",
    "announce_after_readback": "an event is sent only when its record was read back",
    # Licences and acts.
    "licence_readback": "an act needs a licence that was read back",
    "licence_own_epoch": "an act needs a licence of the worker's own present epoch",
    "licence_age": "a licence is good for AGE, then a new one is needed",
    "age_from_append": "a licence's age counts from the call that appended it, not from its read-back",
    "expiry_at_act": "append time of the licence plus its age is not beyond the command's or the round's end",
    "recheck_at_send": "everything is checked again in the step that hands the bytes to the kernel",
    "act_by_uuid": "sessions are ended by UUID, never by number",
    # Verdicts.
    "in_doubt": "a target that another epoch held a licence for is never called already gone: it may have been us",
    "list_first": "no verdict without a list taken after the decision to give it",
    "no_reply_is_doubt": "a request without a reply is in doubt and leads to a list, never to 'failed'",
    "wait_foreign_licence": "'not ended' is said only when every licence of another epoch is past its age",
    "wait_from_readback": "that wait counts from the read-back of the own OWNER, not from its append",
    # Control.
    "hold_fire": "from reading a cancel on nothing is sent, before CANCELLED is read back",
    "cancelled_binds": "a CANCELLED that was read back binds every later owner",
    "kill_switch": "nothing is sent while the kill switch, as last read, is on",
    "control_fresh": "the control topic was read to its end after the licence was appended",
}

NUMBERS = (1, 2, 3, 4, 5)   # the session numbers there are
AGE = 20            # ticks that a licence is good for
APPEND_TIMEOUT = 30  # ticks after which an append that was not read back is uncertain
REPLY_WAIT = 3      # ticks between an act and the next look at its target
ATTEMPTS = 2        # licences per target and round before it is said to have survived
ROUNDS = 3          # most rounds of a drain
ROUND_TIME = 50     # ticks that a later round may act
REMEMBER = 110      # longest validity: records younger than this are always read again
CALM = 340          # faults stop here, or as soon as everything is closed
SETTLE = 40         # ticks that calm lasts at least: do the workers leave each other in peace?
END = 700           # everything must be closed by then
OWNERS_WHEN_CALM = 6  # more OWNER records than this in the calm phase are a fight
CHUNK = 2           # targets per RESOLVED record
NOT_ENDED = ("already_gone", "survived", "stopped", "expired", "failed")
COPY = "'"          # without dedupe_by_id a copy runs under this name
SOURCE_KINDS = ("ACCEPTED", "REJECTED", "DUPLICATE")


class Violation(Exception):
    """A promise was broken."""


@dataclass(slots=True)
class Order:
    """One record of the commands topic."""
    offset: int
    id: str
    kind: str           # once | drain
    numbers: tuple
    arrives: int
    expiry: int


@dataclass(slots=True)
class Record:
    """One record of the journal. `called` is the boot time of the append call: only its writer knows it."""
    kind: str
    epoch: tuple         # (number, writer id)
    called: int
    command: str = ""
    round: int = 0
    part: int = 0        # chunk, target or source offset
    body: tuple = ()
    time: int = -1       # the broker's append time
    pos: int = -1

    def __str__(self):
        return f"{self.kind} {self.command} r{self.round} {self.part} {self.body} by {self.epoch[1]}/{self.epoch[0]}"


@dataclass(slots=True)
class Command:
    """What a reader of the journal knows about an accepted command."""
    name: str
    order: Order
    mark: tuple                                     # where to start reading to see all of it
    cancelled: Record | None = None
    closed: Record | None = None
    lists: list = field(default_factory=list)       # per round: tuple of UUIDs
    end_by: list = field(default_factory=list)
    list_ids: list = field(default_factory=list)
    chunks: dict = field(default_factory=dict)
    licences: dict = field(default_factory=dict)    # (round, uuid) -> licences in log order
    outcomes: dict = field(default_factory=dict)    # (round, uuid) -> Record

    def finished(self, rnd):
        return all((rnd, u) in self.outcomes for u in self.lists[rnd])


class Fold:
    """State as a pure function of the records in log order: the same code for workers and for the oracle."""

    def __init__(self, without, orders, start=None):
        self.without, self.orders = without, orders
        self.pos, self.owner, self.source = start or (0, (0, ""), 0)
        if without == "start_owner":
            self.owner = (0, "")
        self.highest = self.owner[0]
        self.seen = {self.owner}
        self.commands = {}
        self.marks = []      # (time, mark) of every record read
        self.open = []

    def apply(self, rec):
        """Reads the next record; True if it counts."""
        mark = (self.pos, self.owner, self.source)
        self.marks.append((rec.time, mark))
        self.pos += 1
        if rec.kind == "OWNER":
            return self.apply_owner(rec)
        if rec.epoch != self.owner and self.without != "void_rule":
            return False
        if rec.kind in SOURCE_KINDS:
            return self.apply_source(rec, mark)
        command = self.commands.get(rec.command)
        if command is None:
            return False     # a late repeat of a command closed before our start offset
        if rec.kind == "RESOLVED":
            return self.apply_chunk(command, rec)
        return self.apply_step(command, rec)

    def apply_owner(self, rec):
        self.highest = max(self.highest, rec.epoch[0])
        if self.without == "epoch_grows":
            if rec.epoch in self.seen:
                return False
            self.seen.add(rec.epoch)
        elif rec.epoch[0] <= self.owner[0]:
            return False
        self.owner = rec.epoch
        if self.without != "chunks_one_epoch":
            for name in self.open:
                self.commands[name].chunks.clear()
        return True

    def apply_source(self, rec, mark):
        known = rec.command in self.commands
        if self.without != "source_order":
            if rec.part < self.source:
                return False
        elif rec.kind == "ACCEPTED" and known:
            return False
        self.source = max(self.source, rec.part + 1)
        if rec.kind == "ACCEPTED":
            self.commands[rec.command] = Command(rec.command, self.orders[rec.part], mark)
            self.open.append(rec.command)
        return True

    def apply_chunk(self, command, rec):
        rnd = len(command.lists)
        if rec.round != rnd or command.closed:
            return False
        index, count, list_id, end_by, targets = rec.body
        command.chunks.setdefault(index, rec)
        if self.without == "chunks_complete" or len(command.chunks) == count:
            got = [command.chunks[i] for i in sorted(command.chunks)]
            command.chunks = {}
            command.lists.append(tuple(u for c in got for u in c.body[4]))
            command.end_by.append(end_by)
            command.list_ids.append([c.body[2] for c in got])
            oldest = min(got, key=lambda c: c.called)
            for u in command.lists[rnd]:
                command.licences[rnd, u] = [oldest]
        return True

    def apply_step(self, command, rec):
        key = (rec.round, rec.part)
        if rec.kind == "CLOSED":
            if command.closed and self.without != "first_counts":
                return False
            if not command.closed:
                self.open.remove(rec.command)
            command.closed = rec
        elif rec.kind == "CANCELLED":
            if command.cancelled or command.closed:
                return False
            command.cancelled = rec
        elif rec.kind == "OUTCOME":
            if key in command.outcomes and self.without != "first_counts":
                return False
            command.outcomes[key] = rec
        elif rec.kind == "ATTEMPT":
            got = command.licences.get(key)
            if got is None or len(got) != rec.body[0] or key in command.outcomes:
                return False     # not the next attempt: a repeat
            got.append(rec)
        return True

    def start_mark(self, now):
        """What is saved with the committed offset: where a later start may begin to read."""
        best = (self.pos, self.owner, self.source)
        for time, mark in self.marks:
            if time > now - REMEMBER:
                best = mark
                break
        if self.without != "start_oldest_open":
            for name in self.open:
                best = min(best, self.commands[name].mark)
        return best


@dataclass(slots=True)
class Act:
    """A request to end one session."""
    worker: str
    licence: Record
    order: str
    round: int
    uuid: int
    checked: int
    read_to: int             # how far its worker had read the journal when it checked
    owner_read: tuple        # whom its worker took for the owner when it checked
    residual: str = ""       # why a late effect is outside what any rule can prevent
    effective: bool = False


class World:
    """The cluster, the topics and the coordinator, the nemesis and the oracle."""

    def __init__(self, seed, without, trace=False):
        self.rng = random.Random(seed)
        self.without, self.trace = without, trace
        self.now = 0
        self.log, self.flight, self.late = [], [], []
        self.control, self.events, self.delayed = [], {}, []
        self.sessions, self.number_of, self.stuck, self.next_uuid = {}, {}, set(), 1
        self.orders = self.make_orders()
        self.holder, self.saved_start, self.group_offset = 0, None, 0
        self.calm, self.calm_since, self.cut, self.kill_on, self.closed_times = False, END, -1, False, {}
        self.make_weather()
        self.truth = Fold(without if without != "start_owner" else "none", self.orders)
        self.effects = {}
        self.act_count = self.residual = 0
        self.calm_owners = 0
        self.counted_source = {}
        for _ in range(4):
            self.login()
        self.workers = [Worker(self, i, name) for i, name in enumerate("ab")]

    def say(self, text):
        if self.trace:
            print(f"{self.now:4d} {text}")

    def make_orders(self):
        rng, orders, at = self.rng, [], 0
        ids = ["c1", "c2", rng.choice(("c1", "c2")), "c3"]
        for offset, name in enumerate(ids):
            at += rng.randint(1, 80)
            first = next((o for o in orders if o.id == name), None)
            if first:
                orders.append(Order(offset, name, first.kind, first.numbers, at, first.expiry))
                continue
            kind = "drain" if rng.random() < .35 else "once"
            numbers = NUMBERS if kind == "drain" else tuple(sorted(rng.sample(NUMBERS, 4)))
            orders.append(Order(offset, name, kind, numbers, at, at + rng.randint(40, REMEMBER)))
        return orders

    # --- sessions ---------------------------------------------------------------------------------------------------

    def login(self):
        free = [n for n in NUMBERS if n not in self.sessions]
        if free:
            number, uuid = self.rng.choice(free), self.next_uuid
            self.next_uuid += 1
            self.sessions[number], self.number_of[uuid] = uuid, number
            if self.rng.random() < .12:
                self.stuck.add(uuid)

    def matching(self, order):
        return tuple(sorted(u for n, u in self.sessions.items() if n in order.numbers))

    def is_cancelled(self, name):
        return name in self.truth.commands and self.truth.commands[name].cancelled

    def present(self, uuid):
        return self.sessions.get(self.number_of[uuid]) == uuid

    # --- the journal ------------------------------------------------------------------------------------------------

    def append(self, rec):
        """Takes a record from its writer. Its fate: lost, late, twice, or in order with its writer's others."""
        fate = self.rng.random() if not self.calm else 1.0
        self.say(f"append {rec}" + (" (lost)" if fate < .04 else " (late)" if fate < .10 else ""))
        if fate < .04:
            return
        if fate < .10:
            self.late.append((self.now + self.rng.randint(2, self.rng.choice((30, 90))), rec))
            return
        self.flight.append(rec)
        if fate < .20:
            copy = Record(rec.kind, rec.epoch, rec.called, rec.command, rec.round, rec.part, rec.body)
            self.late.append((self.now + self.rng.randint(2, 160), copy))

    def reading_rate(self):
        return .8 if self.calm else self.reading

    def land_some(self):
        for item in [x for x in self.late if x[0] <= self.now]:
            self.late.remove(item)
            self.land(item[1])
        for _ in range(2):
            if self.flight and self.rng.random() < (.8 if self.calm else self.landing):
                writer = self.rng.choice(self.flight).epoch[1]
                rec = next(r for r in self.flight if r.epoch[1] == writer)
                self.flight.remove(rec)
                self.land(rec)

    def land(self, rec):
        rec.time, rec.pos = self.now, len(self.log)
        self.log.append(rec)
        before = self.truth.commands.get(rec.command)
        rounds = len(before.lists) if before else 0
        counts = self.truth.apply(rec)
        self.say(f"  lands at {rec.pos}: {rec}" + ("" if counts else "  void or repeat"))
        if rec.kind == "OWNER":
            if self.calm:
                self.calm_owners += 1
                if self.calm_owners > OWNERS_WHEN_CALM:
                    raise Violation("I4: workers fight for ownership for ever")
            return
        if counts:
            self.judge_record(rec, rounds)

    # --- the oracle -------------------------------------------------------------------------------------------------

    def judge_record(self, rec, rounds):
        if rec.kind in SOURCE_KINDS:
            if rec.part in self.counted_source:
                raise Violation(f"I4: source offset {rec.part} answered twice")
            self.counted_source[rec.part] = rec.kind
            return
        command = self.truth.commands[rec.command]
        if rec.kind == "RESOLVED" and len(command.lists) > rounds:
            if rec.command.endswith(COPY):
                raise Violation(f"I2: a copy of {rec.command[:-1]} was resolved anew")
            ids = command.list_ids[-1]
            if len(set(ids)) > 1 or len(ids) != rec.body[1]:
                raise Violation(f"I2: {rec.command} froze something that is no complete list")
            if rounds and not command.finished(rounds - 1):
                raise Violation(f"I4: {rec.command} started a round before the last one was done")
        elif rec.kind == "CLOSED":
            if rec.command in self.closed_times:
                raise Violation(f"I4: {rec.command} closed twice")
            self.closed_times[rec.command] = self.now
            if not all(command.finished(r) for r in range(len(command.lists))):
                raise Violation(f"I4: {rec.command} closed before every target had its outcome")
        elif rec.kind == "OUTCOME":
            done = self.effects.get((rec.command, rec.round, rec.part))
            if done and rec.body[0] in NOT_ENDED and not done.residual:
                raise Violation(f"false verdict: {rec.command} says {rec.body[0]} of {rec.part}, but ended it")

    def judge_act(self, act):
        """Called when the bytes go out. `act.checked` is when the worker's last instruction before that ran."""
        at, name = act.checked, act.order
        who = f"{act.worker} on {name} r{act.round} uuid {act.uuid}"
        command = self.truth.commands.get(name)
        licences = command.licences.get((act.round, act.uuid), []) if command else []
        if act.licence.pos < 0 or act.licence.pos >= act.read_to:
            raise Violation(f"I1: licence not read back: {who}")
        if not command or act.round >= len(command.lists) or act.uuid not in command.lists[act.round]:
            raise Violation(f"I2: not in the frozen list: {who}")
        if not any((x.epoch, x.called) == (act.licence.epoch, act.licence.called) for x in licences):
            raise Violation(f"I1: licence does not count: {who}")
        if at > command.end_by[act.round]:
            raise Violation(f"I3: after the end: {who}")
        if self.now > command.end_by[act.round]:
            self.residual += 1
        cancelled = command.cancelled
        if cancelled and at > cancelled.time and (
                act.licence.epoch[0] >= cancelled.epoch[0] or at > cancelled.time + AGE
                or act.owner_read[0] >= cancelled.epoch[0]):
            raise Violation(f"CANCELLED not respected: {who}")
        for time, kind, target in self.control:
            if kind == "cancel" and target == name and at > time + AGE:
                raise Violation(f"cancel ignored: {who}")
        for begin, end in self.kill_times():
            if begin + AGE < at < end:
                raise Violation(f"kill switch ignored: {who}")

    def kill_times(self):
        begin = None
        for time, kind, _ in self.control:
            if kind == "kill" and begin is None:
                begin = time
            elif kind == "release" and begin is not None:
                yield begin, time
                begin = None
        if begin is not None:
            yield begin, END + 1

    def judge_end(self):
        for order in self.orders:
            if order.offset not in self.counted_source:
                raise Violation(f"I4: command at offset {order.offset} was never answered")
        for name, command in self.truth.commands.items():
            if not command.closed:
                raise Violation(f"I4: {name} never closed")
        for (name, rnd, uuid), said in self.events.items():
            command = self.truth.commands[name]
            rec = command.closed if rnd < 0 else command.outcomes.get((rnd, uuid))
            if rec is None or rec.body[0] != said:
                raise Violation(f"announced {said} of {name} r{rnd} {uuid}, the journal says otherwise")

    # --- acts -------------------------------------------------------------------------------------------------------

    def send(self, act):
        """The bytes of an act leave; True if a reply comes back."""
        self.act_count += 1
        self.say(f"ACT by {act.worker}: {act.order} r{act.round} uuid {act.uuid}, checked at {act.checked}")
        if self.now > act.checked:
            act.residual = "paused inside the system call"
        self.judge_act(act)
        if not self.calm and self.rng.random() < .04:
            act.residual = "the RAS stood still"
            self.delayed.append((self.now + self.rng.randint(5, 60), act))
            return False
        self.take_effect(act)
        return self.rng.random() < .8

    def take_effect(self, act):
        uuid = act.uuid
        if self.without == "act_by_uuid":
            uuid = self.sessions.get(self.number_of[uuid])
            if uuid is not None and uuid != act.uuid:
                raise Violation(f"newcomer {uuid} with the number of {act.uuid} ended")
        if uuid is None or not self.present(uuid) or uuid in self.stuck:
            return
        del self.sessions[self.number_of[uuid]]
        act.effective = True
        key = (act.order, act.round, uuid)
        self.effects[key] = act
        command = self.truth.commands[act.order]
        said = command.outcomes.get((act.round, uuid))
        if said and said.body[0] in NOT_ENDED:
            if not act.residual:
                raise Violation(f"false verdict: {act.order} said {said.body[0]} of {uuid}, then ended it")
            self.residual += 1

    def announce(self, name, rnd, uuid, verdict):
        old = self.events.setdefault((name, rnd, uuid), verdict)
        if old != verdict:
            raise Violation(f"two events of one id: {name} r{rnd} {uuid}: {old}, {verdict}")

    # --- the nemesis and the loop -----------------------------------------------------------------------------------

    def make_weather(self):
        """Each run has faults of its own: the same kinds, in proportions that differ."""
        rng = self.rng
        usual = {"move": 2, "pause": 1, "wake": 8, "crash": .8, "restart": 8, "stall": 2, "users": 4, "cut": 3,
                 "strike": 8, "cancel": .8, "switch": 1, "group offset": 1}
        rates = {kind: rate * rng.choice((.3, 1, 3)) / 100 for kind, rate in usual.items()}
        self.landing = rng.choice((.15, .4, .8))
        self.reading = rng.choice((.15, .4, .8))
        self.weather, below = [], 0.0
        for kind, rate in rates.items():
            below += rate
            self.weather.append((below, kind))

    def nemesis(self):
        rng, x = self.rng, self.rng.random()
        kind = next((kind for below, kind in self.weather if x < below), None)
        worker = rng.choice(self.workers)
        if kind == "move":
            self.move(1 - self.holder)
        elif kind == "pause":
            worker.paused = True
            self.say(f"{worker.writer} paused")
        elif kind == "wake":
            worker.paused = False
        elif kind == "crash" and worker.up:
            self.say(f"{worker.writer} crashes")
            worker.up = False
        elif kind == "restart" and not worker.up:
            worker.boot()
        elif kind == "strike":
            self.strike()
        elif kind == "stall":
            worker.tail_stalls_until = self.now + rng.randint(3, 25)
        elif kind == "users":
            if self.sessions and rng.random() < .4:
                del self.sessions[rng.choice(sorted(self.sessions))]
            else:
                self.login()
        elif kind == "cut":
            self.cut = rng.choice((-1, 0, 1))
        elif kind == "cancel":
            self.order_control("cancel", rng.choice(self.orders).id)
        elif kind == "switch":
            self.order_control("release" if self.kill_on else "kill", "")
        elif kind == "group offset":
            self.group_offset = rng.randint(0, len(self.orders))

    def strike(self):
        """Aims: an owner that is about to act is stopped or loses its tail, and the partition moves on."""
        for worker in self.workers:
            if worker.up and not worker.paused and worker.lane:
                worker.paused = self.rng.random() < .5
                worker.tail_stalls_until = self.now + self.rng.choice((0, 5, 30))
                self.say(f"{worker.writer} {'paused' if worker.paused else 'cut off from its tail'} before it acts")
                self.move(1 - worker.index)
                if self.rng.random() < .3:
                    self.order_control("cancel", worker.lane[0][0][0])

    def move(self, holder):
        self.holder = holder
        self.say(f"partition moves to {self.workers[holder].name}")
        for i, worker in enumerate(self.workers):
            earliest = worker.notices[-1][0] if worker.notices else self.now
            worker.notices.append((earliest + self.rng.choice((0, 2, 25)), i == holder))

    def order_control(self, kind, name):
        if kind != "cancel":
            self.kill_on = kind == "kill"
        self.control.append((self.now, kind, name))
        self.say(f"control: {kind} {name}")

    def calm_down(self):
        self.calm, self.calm_since, self.cut = True, self.now, -1
        if self.kill_on:
            self.order_control("release", "")
        for worker in self.workers:
            worker.paused = False
            worker.tail_stalls_until = 0
            if not worker.up:
                worker.boot()

    def done(self):
        return (not self.flight and not self.late and len(self.counted_source) == len(self.orders)
                and not self.truth.open and all(w.fold.pos == len(self.log) for w in self.workers))

    def run(self):
        for self.now in range(1, END):
            if self.calm:
                if self.now > self.calm_since + SETTLE and self.done():
                    break
            elif self.now == CALM or self.done():
                self.calm_down()
            else:
                self.nemesis()
            self.land_some()
            for item in [x for x in self.delayed if x[0] <= self.now]:
                self.delayed.remove(item)
                self.take_effect(item[1])
            for worker in self.workers:
                if worker.up and not worker.paused and self.rng.random() < .75:
                    worker.step()
        self.judge_end()


class Worker:
    """One worker process as the rules want it, less the guard taken away."""

    def __init__(self, world, index, name):
        self.world, self.index, self.name, self.starts = world, index, name, 0
        self.boot()

    def guard(self, name):
        return self.world.without != name

    def boot(self):
        """A new process: nothing is left of the last one but its records, landed or still on their way."""
        world = self.world
        self.starts += 1
        self.writer = f"{self.name}.{self.starts}" if self.guard("writer_id_fresh") else "same"
        self.fold = Fold(world.without, world.orders, world.saved_start if world.rng.random() < .7 else None)
        self.up, self.paused, self.tail_stalls_until = True, False, 0
        self.notices, self.assigned = [], world.holder == self.index
        self.asked, self.asked_at, self.asks = None, -1, 0     # the epoch last asked for, when, how often
        self.last_number = 0
        self.end_wanted = -1                                   # journal end that must be read before we ask
        self.owner, self.owner_read_at = None, -1              # our OWNER as read back, while it is the present one
        self.in_flight = {}                                    # (kind, command, round, part) -> time of the call
        self.read_at = {}                                      # log position -> when we read it
        self.lane = []                                         # acts decided on: (command, round, uuid), licence
        self.in_syscall = None                                 # an act that was checked while its bytes are not out
        self.sent = {}                                         # (command, round, uuid) -> when we sent in this epoch
        self.failed, self.early, self.own_lists = set(), {}, {}   # used only where a guard is taken away
        self.control_pos, self.control_end_at = 0, -1
        self.cancels, self.kill = set(), False
        world.say(f"{self.writer} starts to read at {self.fold.pos}")

    # --- one step of the loop ---------------------------------------------------------------------------------------

    def step(self):
        world, rng = self.world, self.world.rng
        if self.in_syscall:
            act, self.in_syscall = self.in_syscall, None
            return self.finish_send(act)
        while self.notices and self.notices[0][0] <= world.now:
            self.assigned, self.asks = self.notices.pop(0)[1], 0
        if world.cut != self.index and rng.random() < .5:
            self.read_control()
        for _ in range(4):
            if self.fold.pos < len(world.log) and world.now >= self.tail_stalls_until and rng.random() < world.reading_rate():
                self.read(world.log[self.fold.pos])
        if self.owner is None:
            return self.maybe_ask()
        if self.is_uncertain():
            return self.start_over()
        if rng.random() < .1:
            world.saved_start = self.fold.start_mark(world.now)
        if self.lane and rng.random() < .6:
            return self.try_send(*self.lane.pop(0))
        return self.decide()

    def read_control(self):
        first_time = self.control_end_at < 0
        for _, kind, name in self.world.control[self.control_pos:]:
            if kind != "cancel":
                self.kill = kind == "kill"
            elif not (first_time and self.world.is_cancelled(name)):
                self.cancels.add(name)   # control is no history: a new process may not find a cancel long dealt with
        self.control_pos = len(self.world.control)
        self.control_end_at = self.world.now

    def read(self, rec):
        counts = self.fold.apply(rec)
        if not counts:
            return
        self.read_at[rec.pos] = self.world.now
        if rec.kind == "OWNER":
            self.read_owner(rec)
        elif self.owner and rec.epoch == self.owner.epoch:
            self.settle(rec)
            if self.guard("announce_after_readback"):
                self.announce(rec)

    def settle(self, rec):
        part = rec.part
        if rec.kind == "RESOLVED":
            if len(self.fold.commands[rec.command].lists) <= rec.round:
                return                   # more chunks to come
            part = 0
        self.in_flight.pop((rec.kind, rec.command, rec.round, part), None)

    # --- owning the partition ---------------------------------------------------------------------------------------

    def read_owner(self, rec):
        if rec.epoch == self.asked:
            if self.owner is None or self.guard("owner_readback"):
                self.become_owner(rec)
        elif self.guard("stop_on_foreign_owner"):
            self.resign()

    def become_owner(self, rec):
        self.world.say(f"{self.writer} is owner, epoch {rec.epoch[0]}")
        self.owner, self.owner_read_at = rec, self.world.now
        if self.guard("forget_in_flight"):
            self.in_flight.clear()
        for memory in (self.lane, self.sent, self.failed, self.early):
            memory.clear()

    def resign(self):
        self.owner = None
        self.lane.clear()

    def maybe_ask(self):
        if not self.may_ask():
            return
        if self.asked and self.fold.owner[0] < self.asked[0] and self.world.now - self.asked_at <= APPEND_TIMEOUT:
            return                       # still on its way
        if self.asks and not self.guard("ask_again"):
            return
        if self.end_wanted < 0:
            self.end_wanted = len(self.world.log)
        if self.fold.pos >= self.end_wanted or not self.guard("read_before_ask"):
            self.ask()

    def may_ask(self):
        if not self.guard("ask_only_if_assigned"):
            return True
        confirmed = self.world.holder == self.index or not self.guard("assignment_confirmed")
        return self.assigned and confirmed

    def ask(self):
        number = max(self.fold.highest, self.last_number) + 1
        if self.last_number and not self.guard("new_epoch_each_ask"):
            number = self.last_number
        self.last_number = number
        self.asks += 1
        self.end_wanted = -1
        self.asked, self.asked_at = (number, self.writer), self.world.now
        rec = Record("OWNER", self.asked, self.world.now)
        self.world.append(rec)
        if not self.guard("owner_readback"):
            rec.time = self.world.now
            self.become_owner(rec)

    def is_uncertain(self):
        """An append failed or timed out: perhaps it is lost, perhaps it landed, perhaps it will."""
        world = self.world
        if any(world.now - called > APPEND_TIMEOUT for called in self.in_flight.values()):
            return True
        return bool(self.in_flight) and not world.calm and world.rng.random() < .01

    def start_over(self):
        self.world.say(f"{self.writer}: an append ended uncertain")
        if not self.guard("uncertain_new_owner"):
            self.in_flight.clear()       # decides again in the same epoch
            return
        self.resign()

    # --- appending and announcing -----------------------------------------------------------------------------------

    def append(self, kind, name, rnd=0, part=0, body=()):
        rec = Record(kind, self.owner.epoch, self.world.now, name, rnd, part, body)
        self.in_flight[kind, name, rnd, 0 if kind == "RESOLVED" else part] = self.world.now
        self.world.append(rec)
        if not self.guard("announce_after_readback"):
            self.announce(rec)
        return rec

    def announce(self, rec):
        if rec.kind == "OUTCOME":
            self.world.announce(rec.command, rec.round, rec.part, rec.body[0])
        elif rec.kind == "CLOSED":
            self.world.announce(rec.command, -1, 0, rec.body[0])

    def broker_time(self):
        """Never below the broker's clock: append time of our OWNER plus the time since we called for it."""
        return self.owner.time + self.world.now - self.owner.called

    # --- deciding ---------------------------------------------------------------------------------------------------

    def decide(self):
        """Does one thing: takes in a command or carries an open one a step further."""
        names = [None, *self.fold.open]
        self.world.rng.shuffle(names)
        for name in names:
            if self.consume() if name is None else self.advance(self.fold.commands[name]):
                return

    def consume(self):
        orders, offset = self.world.orders, self.fold.source
        if not self.guard("position_from_journal"):
            offset = max(offset, self.world.group_offset)
        if offset >= len(orders) or orders[offset].arrives > self.world.now:
            return False
        if any(key[0] in SOURCE_KINDS for key in self.in_flight):
            return False
        order = orders[offset]
        kind, name = ("ACCEPTED", order.id) if self.broker_time() <= order.expiry else ("REJECTED", order.id)
        if name in self.fold.commands:
            if self.guard("dedupe_by_id"):
                kind = "DUPLICATE"
            else:
                name += COPY
        self.append(kind, name, 0, offset)
        return True

    def advance(self, command):
        name, rnd = command.name, len(command.lists) - 1
        if name in self.cancels and not command.cancelled and ("CANCELLED", name, 0, 0) not in self.in_flight:
            self.append("CANCELLED", name)
            return True
        if ("CLOSED", name, 0, 0) in self.in_flight or ("RESOLVED", name, rnd + 1, 0) in self.in_flight:
            return False
        if rnd < 0 or self.round_done(command, rnd):
            return self.next_round(command, rnd)
        return any(self.advance_target(command, rnd, uuid) for uuid in self.targets(command, rnd))

    def is_last(self, command, rnd):
        return command.order.kind == "once" or rnd + 1 == ROUNDS or not command.lists[rnd]

    def round_done(self, command, rnd):
        if not self.guard("close_after_outcomes" if self.is_last(command, rnd) else "round_waits"):
            return all((rnd, u) in command.outcomes or ("OUTCOME", command.name, rnd, u) in self.in_flight
                       for u in command.lists[rnd])
        return command.finished(rnd)

    def next_round(self, command, rnd):
        if self.is_cancelled(command):
            self.append("CLOSED", command.name, body=("cancelled",))
        elif command.name in self.cancels and self.guard("hold_fire"):
            return False
        elif rnd >= 0 and self.is_last(command, rnd):
            self.append("CLOSED", command.name, body=("completed",))
        elif rnd < 0 and self.broker_time() > command.order.expiry:
            self.append("CLOSED", command.name, body=("expired",))
        else:
            self.resolve(command, rnd + 1)
        return True

    def resolve(self, command, rnd):
        """Freezes one complete list, in chunks. It counts only when read back."""
        targets = self.world.matching(command.order)
        end_by = command.order.expiry if rnd == 0 else self.broker_time() + ROUND_TIME
        chunks = [targets[i:i + CHUNK] for i in range(0, len(targets), CHUNK)] or [()]
        list_id = (self.writer, self.world.now)
        for i, chunk in enumerate(chunks):
            self.append("RESOLVED", command.name, rnd, i, (i, len(chunks), list_id, end_by, chunk))

    def targets(self, command, rnd):
        key = (command.name, rnd)
        if self.guard("adopt_list") or command.licences.get((rnd, 0), self.owner) is None:
            return command.lists[rnd]
        first = command.licences[rnd, command.lists[rnd][0]][0]
        if first.epoch == self.owner.epoch:
            return command.lists[rnd]
        return self.own_lists.setdefault(key, self.world.matching(command.order))

    def is_cancelled(self, command):
        return command.cancelled and (self.guard("cancelled_binds") or command.name in self.cancels)

    def advance_target(self, command, rnd, uuid):
        """One look at one target: gives its verdict, asks for a licence, or puts an act into the lane."""
        key = (command.name, rnd, uuid)
        if (rnd, uuid) in command.outcomes or ("OUTCOME", *key) in self.in_flight:
            return False
        if any(waiting == key for waiting, _ in self.lane):
            return False
        if self.world.now < self.sent.get(key, -REPLY_WAIT) + REPLY_WAIT or self.world.rng.random() < .1:
            return False                 # too early, or the list failed: that says nothing
        licences = command.licences.get((rnd, uuid), [])
        foreign = any(rec.epoch != self.owner.epoch for rec in licences)
        reason = self.reason_to_stop(command, rnd, uuid, len(licences))
        if key in self.failed:
            return self.verdict(key, "failed")
        if not self.world.present(uuid) and (self.guard("list_first") or not reason):
            ours = key in self.sent or (foreign and self.guard("in_doubt"))
            return self.verdict(key, "ended" if ours else "already_gone")
        if reason:
            return not (foreign and self.licence_may_live()) and self.verdict(key, reason)
        if self.kill and self.guard("kill_switch") or command.name in self.cancels and self.guard("hold_fire"):
            return False
        licence = self.may_send(command, rnd, uuid)
        if licence:
            self.lane.append((key, licence))
        elif ("ATTEMPT", *key) in self.in_flight:
            return False
        else:
            self.early[key] = self.append("ATTEMPT", *key, (len(licences),))
        return True

    def verdict(self, key, text):
        self.append("OUTCOME", *key, (text,))
        return True

    def reason_to_stop(self, command, rnd, uuid, attempts):
        if self.is_cancelled(command):
            return "stopped"
        if self.broker_time() > command.end_by[rnd]:
            return "expired"
        if attempts >= ATTEMPTS and not self.may_send(command, rnd, uuid):
            return "survived"
        return None

    def licence_may_live(self):
        """True while a paused owner before us may still hold a licence that is young enough."""
        if not self.guard("wait_foreign_licence"):
            return False
        since = self.owner_read_at if self.guard("wait_from_readback") else self.owner.called
        return self.world.now - since <= AGE

    # --- acting -----------------------------------------------------------------------------------------------------

    def licence_of(self, command, rnd, uuid):
        """The licence for the next act on this target: each is good for one."""
        key = (command.name, rnd, uuid)
        got = command.licences.get((rnd, uuid), [])
        if not self.guard("licence_readback") and key in self.early:
            got = [self.early[key]]
        if not self.guard("adopt_list") and not got and command.licences:
            got = list(command.licences.values())[0]
        if not got or (got[-1].epoch != self.owner.epoch and self.guard("licence_own_epoch")):
            return None
        return got[-1] if got[-1].called > self.sent.get(key, -1) else None

    def may_send(self, command, rnd, uuid):
        """The licence if an act is allowed at this very moment, else None."""
        licence = self.owner and self.licence_of(command, rnd, uuid)
        if not licence or (rnd, uuid) in command.outcomes:
            return None
        now, since = self.world.now, licence.called
        if not self.guard("age_from_append") or licence.epoch != self.owner.epoch:
            since = self.read_at.get(licence.pos, now)
        if now - since > AGE and self.guard("licence_age"):
            return None
        if max(licence.time, 0) + now - since > command.end_by[rnd] and self.guard("expiry_at_act"):
            return None
        if self.kill and self.guard("kill_switch") or self.is_cancelled(command):
            return None
        if command.name in self.cancels and self.guard("hold_fire"):
            return None
        if self.control_end_at < licence.called and self.guard("control_fresh"):
            return None
        return licence

    def try_send(self, key, licence):
        name, rnd, uuid = key
        command = self.fold.commands[name]
        if self.guard("recheck_at_send"):
            licence = self.may_send(command, rnd, uuid)
        if not licence:
            return
        world = self.world
        act = Act(self.writer, licence, name, rnd, uuid, world.now, self.fold.pos, self.fold.owner)
        if not world.calm and world.rng.random() < .15:
            world.say(f"{self.writer} paused inside the system call")
            self.in_syscall, self.paused = act, True
        else:
            self.finish_send(act)

    def finish_send(self, act):
        key = (act.order, act.round, act.uuid)
        self.sent[key] = self.world.now
        if not self.world.send(act) and not self.guard("no_reply_is_doubt"):
            self.failed.add(key)


def explore(seed, without, trace=False):
    """One run; the violation's text, or None, and the number of residual acts."""
    world = World(seed, without, trace)
    try:
        world.run()
    except Violation as violation:
        world.say(f"VIOLATION {violation}")
        return str(violation), world
    return None, world


def row(name, runs, first_seed, trace, enough):
    """Explores without one guard; prints its row of the table and says whether it came out as it must."""
    found, first, done, acts, residual = 0, None, 0, 0, 0
    for seed in range(first_seed, first_seed + runs):
        text, world = explore(seed, name, trace)
        done += 1
        acts += world.act_count
        residual += world.residual
        if text:
            found += 1
            first = first or (seed, text)
        if found >= enough:
            break
    good = (found == 0) == (name == "none")
    print(f"{name:24} {done:6} {found:6}  " + (f"{first[0]:6}  {first[1]}" if first else "     -")
          + ("" if good else "   <-- unexpected"), flush=True)
    if name == "none":
        print(f"{'':24} {acts} acts, {residual} late ones inside the stated residual window", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description="Explore the rules of journal ownership at random.")
    parser.add_argument("--runs", type=int, default=1500, help="runs with every guard, and most runs without one")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--only", metavar="GUARD", choices=["none", *GUARDS], help="one row only ('none': all guards)")
    parser.add_argument("--trace", action="store_true", help="print every step; best with --only and --runs 1")
    args = parser.parse_args()
    print(f"{'guard taken away':24} {'runs':>6} {'bad':>6}  {'first':>6}  what happened")
    bad = 0
    for name in [args.only] if args.only else ["none", *GUARDS]:
        enough = args.runs if name == "none" else 3
        bad += not row(name, args.runs, args.seed, args.trace, enough)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
