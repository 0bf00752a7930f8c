"""The journal as every reader sees it: records, and the fold that turns them into state."""
from dataclasses import dataclass, field

from rules import REMEMBER, SOURCE_KINDS


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
