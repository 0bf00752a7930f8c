#!/usr/bin/env python3
"""Three workers of one group on a real Kafka, twenty clusters, two thousand commands; workers are killed with -9 at random
and restarted in turn meanwhile. Then everything must have come to its end exactly once, and the independent checker must
find nothing.

    test_chaos.py --build DIR [--seed S] [--commands N] [--kills N] [--seconds N]
"""
import datetime
import json
import random
import signal
import sys
import threading
import time
import traceback
import uuid

import bootstrap

bootstrap.enter()

import encodings_of_clients as encodings
from world import Failed, World, arguments, by_numbers, by_sessions, command_for, expect, now_ms, wait_for

WORKERS = ["worker-1", "worker-2", "worker-3"]
CLUSTERS = 20
INFOBASES = 3
PARTITIONS = 12
VALID_S = 900
CLOSED_WITHIN_S = 180       # after the last kill: licences of the dead grow old (10 s), and some verify for 30 s
RECOVER_S = 60              # I4

LONG_S = 12                 # longer than a session of the group (10 s) and than a licence: others take over
FAULTS = [                  # of every cluster, all the time: something is always under way when a worker dies
    "delay=5ms..200ms,op=get_sessions", "delay=1ms..100ms,op=terminate_session", "lost,op=terminate_session,p=0.01",
    "drop,op=terminate_session,p=0.01", "reset,op=get_sessions,p=0.01", "stay=100ms..800ms,p=0.2",
]
SPOILT = [                  # what stands among the commands
    lambda random: b"\xff" * random.randrange(1, 200),
    lambda random: b"{\"id\": 5}",
    lambda random: b"",
    lambda random: None,
    lambda random: random.randbytes(random.randrange(1, 400)),
]


class Producer:
    """Sends the commands over time, and logs in whom they are about."""

    def __init__(self, world, count, seconds, seed):
        self.world, self.count, self.seconds = world, count, seconds
        self.random = random.Random(seed)
        self.commands = []           # (command, victims, when sent)
        self.newcomers = []
        self.duplicates = self.spoilt = self.unknown = 0
        self.error = None
        self.thread = threading.Thread(target=self.run, name="producer")

    def run(self):
        try:
            begun = time.monotonic()
            for turn in range(self.count):
                wait = begun + self.seconds * turn / self.count - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                self.one()
        except Exception as error:
            traceback.print_exc()
            self.error = error

    def one(self):
        draw = self.random.random()
        if draw < 0.03:
            self.spoilt += 1
            partition = self.random.randrange(PARTITIONS)
            self.world.produce(self.random.choice(SPOILT)(self.random), key=b"x", partition=partition)
        elif draw < 0.07 and self.commands:
            self.duplicates += 1
            self.again()
        elif draw < 0.09:
            self.unknown += 1
            command = command_for("no-such-cluster", valid_s=VALID_S)
            command.terminate.selector.sessions.uuids.append(str(uuid.uuid4()))
            self.send(command, [])
        else:
            self.ask()

    def again(self):
        """The same command once more; a third of them with other content, which is a conflict."""
        first, _victims, _sent = self.random.choice(self.commands[-200:])
        if self.random.random() < 0.3:
            other = by_sessions(first.cluster, str(uuid.uuid4()), valid_s=VALID_S)
            other.id = first.id
            first = other
        self.world.send(first)

    def ask(self):
        cluster = f"sim-{self.random.randrange(CLUSTERS) + 1:02d}"
        infobase = f"ib-{self.random.randrange(INFOBASES) + 1:02d}"
        user = f"Пользователь {len(self.commands)}"
        victims = [self.world.sim.login(cluster, infobase, user=user) for _ in range(self.random.choice([1, 1, 1, 2, 5]))]
        if self.random.random() < 0.5:
            command = by_sessions(cluster, *[victim["session"] for victim in victims], valid_s=VALID_S)
        else:
            command = by_numbers(cluster, infobase, *[victim["number"] for victim in victims], valid_s=VALID_S, guard={"user": user})
        self.send(command, victims)
        if self.random.random() < 0.15:
            self.change_hands(cluster, infobase, victims[0])

    def change_hands(self, cluster, infobase, victim):
        """One that is to be ended leaves by itself, and somebody else gets its number (or one that was just ended)."""
        time.sleep(self.random.uniform(0, 0.02))
        try:
            self.world.sim.ask("logout", cluster=cluster, session=victim["session"])
        except Failed:
            pass                 # it was ended meanwhile
        self.newcomers.append((cluster, self.world.login(cluster, infobase, user="Новый")))

    def send(self, command, victims):
        name = self.random.choice(list(encodings.ENCODINGS)) if self.random.random() < 0.2 else "protobuf"
        headers, value = encodings.ENCODINGS[name](command)
        wrong = self.random.random() < 0.02
        partition = self.random.randrange(PARTITIONS) if wrong else None
        self.world.produce(value, key=command.cluster, headers=headers, partition=partition, identity=command.id)
        self.commands.append((command, victims, now_ms()))


class Chaos:
    def __init__(self, world, options):
        self.world, self.options = world, options
        self.random = random.Random(options.seed + 1)
        self.recoveries = []         # seconds from the start of a killed worker until it is ready
        self.stops = []
        self.pauses = 0

    def kill_one(self, turn):
        worker = self.world.workers[self.random.choice(WORKERS)]
        if turn % 4 == 3:
            self.pause(worker)
        worker.kill()
        time.sleep(LONG_S if turn % 4 == 1 else self.random.uniform(0, 2))
        begun = time.monotonic()
        worker.start(ready=False)
        worker.wait_ready()
        self.recoveries.append(time.monotonic() - begun)

    def pause(self, worker):
        """It stands still until others own its partitions, wakes up, and does not know it."""
        worker.signal(signal.SIGSTOP)
        time.sleep(LONG_S)
        worker.signal(signal.SIGCONT)
        self.pauses += 1
        time.sleep(self.random.uniform(0, 3))

    def restart_all(self):
        for name in WORKERS:
            worker = self.world.workers[name]
            begun = time.monotonic()
            status = worker.stop()
            self.stops.append(time.monotonic() - begun)
            expect(status == 0, f"{name} ended with {status} after SIGTERM")
            worker.start()

    def run(self, producer):
        """Kills spread over the time of the commands, a rolling restart in the middle."""
        begun = time.monotonic()
        for turn in range(self.options.kills):
            wait = begun + self.options.seconds * (turn + 0.5) / self.options.kills - time.monotonic()
            time.sleep(max(wait, 0))
            if turn == self.options.kills // 2:
                self.restart_all()
            self.kill_one(turn)
            expect(not producer.error, f"the producer failed: {producer.error}")


def open_commands(world, producer):
    """Ids without a final event."""
    by_command = world.tail("curfew.events").by_command
    return [command.id for command, _victims, _sent in producer.commands
            if not any(event.get("outcome") for event in by_command.get(command.id, ()))]


def slowest_end(world, producer):
    """From a command's production to its end, by the events: the worst and the median, ms."""
    by_command = world.tail("curfew.events").by_command
    times = []
    for command, _victims, sent in producer.commands:
        closed = next(event["closedAt"] for event in by_command[command.id] if event.get("outcome") and "closedAt" in event)
        times.append(time_ms(closed) - sent)
    times.sort()
    return times[-1], times[len(times) // 2]


def time_ms(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def bystanders_live(world, producer, living):
    """Nobody was ended but those who were named."""
    named = {victim["session"] for _command, victims, _sent in producer.commands for victim in victims}
    asked = {line["session"] for line in world.sim.logged("terminate")}
    foreign = asked - named
    expect(not foreign, f"{len(foreign)} sessions were asked to end that no command meant: {list(foreign)[:3]}")
    ended = {line["session"] for line in world.sim.logged("session_ended")}
    expect(not ended & living, f"{len(ended & living)} bystanders are gone")
    gone = [session for _cluster, session in producer.newcomers if session in ended or session in asked]
    expect(not gone, f"{len(gone)} of {len(producer.newcomers)} newcomers were ended: {gone[:3]}")


def play(world, options):
    for name in WORKERS:
        world.start_worker(name, ready=False)
    for worker in world.workers.values():
        worker.wait_ready()
    living = {session["session"] for cluster in world.sim.clusters for session in world.sim.sessions(cluster)}
    for spec in FAULTS:
        world.sim.fault(spec)
    producer = Producer(world, options.commands, options.seconds, options.seed)
    chaos = Chaos(world, options)
    begun = time.monotonic()
    producer.thread.start()
    try:
        chaos.run(producer)
    finally:
        producer.thread.join()
    expect(not producer.error, f"the producer failed: {producer.error}")
    produced_in = time.monotonic() - begun
    settled = time.monotonic()
    try:
        wait_for(lambda: f"{len(open_commands(world, producer))} commands come to their end: {open_commands(world, producer)[:3]}",
                 lambda: not open_commands(world, producer), CLOSED_WITHIN_S)
    except Failed as error:
        print(f"FAILED  {error}")
        world.failed = True
    settled = time.monotonic() - settled
    wait_for("all are ready", world.all_ready)
    figures = world.check()
    bystanders_live(world, producer, living)
    expect(not world.failed, "commands did not come to their end")
    worst, median = slowest_end(world, producer)
    terminations = world.sim.logged("terminate")
    told = {
        "seed": options.seed, "commands": len(producer.commands), "duplicates": producer.duplicates, "spoilt": producer.spoilt,
        "unknown clusters": producer.unknown, "terminations": len(terminations), "effective": figures["effective"],
        "newcomers": len(producer.newcomers), "kills": len(chaos.recoveries), "pauses": chaos.pauses, "restarts": len(chaos.stops), "epochs": figures.get("epochs", 0), "records": figures["records"],
        "void": figures.get("void", 0), "holes": figures["holes"], "produced in s": round(produced_in, 1),
        "settled in s": round(settled, 1), "slowest recovery s": round(max(chaos.recoveries, default=0), 2),
        "slowest stop s": round(max(chaos.stops, default=0), 2), "slowest end ms": worst, "median end ms": median,
    }
    print(json.dumps(told))
    expect(max(chaos.recoveries, default=0) < RECOVER_S, "a worker took too long to recover")
    for name in WORKERS:
        status = world.workers[name].stop()
        expect(status == 0, f"{name} ended with {status}")


def main():
    options = arguments(__doc__, seed=(now_ms() % 1_000_000, "of everything that is drawn"), commands=(2000, "how many"),
                        kills=(10, "kill -9 of a worker"), seconds=(120, "over which commands are produced"))
    print(f"seed={options.seed} commands={options.commands} kills={options.kills}", flush=True)
    try:
        with World(options, clusters=CLUSTERS, sim=["--sessions", "20", "--infobases", str(INFOBASES)], partitions=PARTITIONS,
                   real=True) as world:
            play(world, options)
    except Failed as error:
        print(f"FAILED  seed={options.seed}: {error}", flush=True)
        return 1
    print(f"ok      seed={options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
