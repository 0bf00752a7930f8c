"""A worker: reads control and journal, owns the partition or not, decides, appends and acts."""
from dataclasses import dataclass

from journal import Fold, Record
from rules import AGE, APPEND_TIMEOUT, ATTEMPTS, CHUNK, COPY, REPLY_WAIT, ROUND_TIME, ROUNDS, SOURCE_KINDS


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
        self.up, self.paused_until = True, 0
        self.tail_stalls_until = 0
        self.control_cut_until = 0 if world.calm else world.now + world.rng.choice((0, 0, world.dark_start))
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
        if world.now >= self.control_cut_until and rng.random() < (.5 if world.calm else world.control_reading):
            self.read_control()
        for _ in range(4):
            if self.fold.pos == len(world.log) or world.now < self.tail_stalls_until:
                break
            if rng.random() < world.reading_rate():
                self.read(world.log[self.fold.pos])
        if self.owner is None:
            return self.maybe_ask()
        if self.is_uncertain():
            return self.start_over()
        if rng.random() < .1:
            world.saved_start = self.fold.start_mark(world.now)
        if self.lane and rng.random() < world.lane_rate:
            return self.try_send(*self.lane.pop(0))
        return self.decide()

    def pause(self, ticks):
        self.paused_until = max(self.paused_until, self.world.now + ticks)
        self.world.say(f"{self.writer} paused for {ticks}" + (" inside the system call" if self.in_syscall else ""))

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
            if self.owner:
                self.world.aim(self)
            self.read_owner(rec)
        elif self.owner and rec.epoch == self.owner.epoch:
            self.settle(rec)
            if rec.kind in ("RESOLVED", "ATTEMPT"):
                self.world.aim(self)
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
        if rec.epoch[1] == self.writer:      # not only the last one asked for: a slow broker must not starve us
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
        if self.control_end_at < 0 and self.guard("control_before_ask"):
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
        if not self.in_flight:
            return False
        if world.now - min(self.in_flight.values()) > APPEND_TIMEOUT:
            return True
        return not world.calm and world.rng.random() < .01

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
        frozen = command.lists[rnd]
        ours = command.licences[rnd, frozen[0]][0].epoch == self.owner.epoch
        if ours or self.guard("adopt_list"):
            return frozen
        return self.own_lists.setdefault((command.name, rnd), self.world.matching(command.order))

    def is_cancelled(self, command):
        return command.cancelled and (self.guard("cancelled_binds") or command.name in self.cancels)

    def advance_target(self, command, rnd, uuid):
        """One look at one target: gives its verdict, asks for a licence, or puts an act into the lane."""
        key = (command.name, rnd, uuid)
        if (rnd, uuid) in command.outcomes or ("OUTCOME", *key) in self.in_flight:
            return False
        if self.lane and any(waiting == key for waiting, _ in self.lane):
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
            self.in_syscall = act
            self.pause(world.rng.choice((1, 5, 20, 80)))
        else:
            self.finish_send(act)

    def finish_send(self, act):
        key = (act.order, act.round, act.uuid)
        self.sent[key] = self.world.now
        if not self.world.send(act) and not self.guard("no_reply_is_doubt"):
            self.failed.add(key)
