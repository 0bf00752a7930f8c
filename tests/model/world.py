"""What is around the workers: cluster, topics, coordinator and nemesis; and the oracle that judges them."""
import random

from journal import Fold, Order, Record
from rules import (AGE, APPEND_TIMEOUT, CALM, COPY, END, NOT_ENDED, NUMBERS, OWNERS_WHEN_CALM, REMEMBER, SETTLE,
                   SOURCE_KINDS)
from worker import Worker

# How often each fault strikes, in percent of the ticks. A run's climate is its seed modulo their number.
CLIMATES = {
    "mixed": {"move": 2, "pause": 2, "crash": 1, "restart": 8, "stall": 2, "users": 4, "cut": 2, "strike": 5,
              "cancel": .8, "switch": 1, "group offset": 1},
    "takeover": {"move": 1.5, "pause": .5, "crash": .1, "restart": 8, "stall": 1, "users": 1, "cut": 1, "strike": 5,
                 "cancel": .3},
    "restarts": {"move": 2, "crash": 3, "restart": 20, "users": 4, "stall": 1, "group offset": 1},
    "control": {"move": 2, "crash": 1, "restart": 10, "users": 2, "cut": 5, "strike": 6, "cancel": 2, "switch": 1.5},
    "cancels": {"move": 1, "crash": .5, "restart": 10, "users": 1},
}


class Violation(Exception):
    """A promise was broken."""


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
        self.calm, self.calm_since, self.kill_on, self.closed_times = False, END, False, {}
        self.climate = list(CLIMATES)[seed % len(CLIMATES)]
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
        self.say(f"append {rec}")
        if self.calm:
            self.flight.append(rec)
            return
        fate = self.rng.random()
        if fate < .04:
            self.say("  lost")
        elif fate < (.04 + self.late_owner if rec.kind == "OWNER" else .10):
            span = (AGE - 2, 2 * AGE) if self.climate == "takeover" else (2, self.rng.choice((APPEND_TIMEOUT, 90)))
            self.late.append((self.now + self.rng.randint(*span), rec))
        else:
            self.flight.append(rec)
            if fate > 1 - self.copies:
                copy = Record(rec.kind, rec.epoch, rec.called, rec.command, rec.round, rec.part, rec.body)
                self.late.append((self.now + self.rng.randint(2, 200), copy))

    def reading_rate(self):
        return .8 if self.calm else self.reading

    def land_some(self):
        for item in [x for x in self.late if x[0] <= self.now] if self.late else ():
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
            if not self.calm:
                for worker in self.workers:
                    if worker.owner and worker.writer != rec.epoch[1]:
                        self.aim(worker)
            elif rec.called > self.calm_since:
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
        rng, climate = self.rng, CLIMATES[self.climate]
        rates = {kind: rate * rng.choice((.3, 1, 3)) / 100 for kind, rate in climate.items()}
        self.landing, self.reading = rng.choice((.2, .6, .9)), rng.choice((.2, .6, .9))
        self.control_reading, self.lane_rate = rng.choice((.05, .5, .8)), rng.choice((.15, .6, .9))
        self.aim_rate, self.cancel_rate = rng.choice((.05, .2)), rng.choice((0, .3, .6))
        self.late_owner = .5 if self.climate == "takeover" else .15
        self.dark_start = 60 if self.climate == "control" else 10
        self.copies = .3 if self.climate == "restarts" else .1
        self.notice_delays, self.strike_pauses = (0, 2, 25), (0, 0, 2, 8, AGE - 4)
        if self.climate == "cancels":    # quick workers, long lanes, many cancels
            self.landing = self.reading = self.control_reading = .9
            self.lane_rate, self.aim_rate, self.cancel_rate, self.dark_start = .15, .3, .8, 100
            self.notice_delays, self.strike_pauses = (0, 2), (0,)
        self.weather, below = [], 0.0
        for kind, rate in rates.items():
            below += rate
            self.weather.append((below, kind))

    def nemesis(self):
        rng, x = self.rng, self.rng.random()
        if x >= self.weather[-1][0]:
            return
        kind = next(kind for below, kind in self.weather if x < below)
        worker = rng.choice(self.workers)
        if kind == "move":
            self.move(1 - self.holder)
        elif kind == "pause":
            worker.pause(rng.choice((5, 20, 80)))
        elif kind == "crash" and worker.up:
            self.say(f"{worker.writer} crashes")
            worker.up = False
        elif kind == "restart" and not worker.up:
            worker.boot()
        elif kind == "strike":
            if worker.lane:
                self.strike(worker)
        elif kind == "stall":
            worker.tail_stalls_until = self.now + rng.randint(3, 25)
        elif kind == "users":
            if self.sessions and rng.random() < .4:
                del self.sessions[rng.choice(sorted(self.sessions))]
            else:
                self.login()
        elif kind == "cut":
            worker.control_cut_until = self.now + rng.choice((5, 30, 100))
        elif kind == "cancel":
            self.order_control("cancel", rng.choice(self.orders).id)
        elif kind == "switch":
            self.order_control("release" if self.kill_on else "kill", "")
        elif kind == "group offset":
            self.group_offset = rng.randint(0, len(self.orders))

    def strike(self, worker):
        """Aims: cuts a worker off for about as long as a licence lives; somebody else takes over meanwhile."""
        rng = self.rng
        worker.pause(rng.choice(self.strike_pauses))
        worker.tail_stalls_until = worker.paused_until + rng.choice((0, 3, 12, AGE))
        worker.control_cut_until = worker.paused_until + rng.choice((0, 3, 12, AGE))
        if self.holder == worker.index:
            self.move(1 - worker.index)
        if self.truth.open and rng.random() < self.cancel_rate:
            self.order_control("cancel", rng.choice(self.truth.open))

    def aim(self, worker):
        """A moment at which being cut off hurts most: a licence or an OWNER came back, or another's OWNER landed."""
        if not self.calm and self.rng.random() < self.aim_rate:
            self.strike(worker)

    def move(self, holder):
        self.holder = holder
        self.say(f"partition moves to {self.workers[holder].name}")
        for i, worker in enumerate(self.workers):
            earliest = worker.notices[-1][0] if worker.notices else self.now
            worker.notices.append((earliest + self.rng.choice(self.notice_delays), i == holder))

    def order_control(self, kind, name):
        if kind != "cancel":
            self.kill_on = kind == "kill"
        self.control.append((self.now, kind, name))
        self.say(f"control: {kind} {name}")

    def calm_down(self):
        self.calm, self.calm_since = True, self.now
        if self.kill_on:
            self.order_control("release", "")
        for worker in self.workers:
            worker.paused_until = 0
            worker.tail_stalls_until = worker.control_cut_until = 0
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
            for item in [x for x in self.delayed if x[0] <= self.now] if self.delayed else ():
                self.delayed.remove(item)
                self.take_effect(item[1])
            for worker in self.workers:
                if worker.up and worker.paused_until <= self.now and self.rng.random() < .75:
                    worker.step()
        self.judge_end()
