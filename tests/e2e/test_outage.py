#!/usr/bin/env python3
"""The only broker is killed with -9 under load and started again on its own data, twice, once for longer than a licence and a
session of the group: nothing is lost, nothing is ended twice or without its licence, and all goes on by itself (I11)."""
import collections
import contextlib
import os
import signal
import sys
import threading
import time

import bootstrap

bootstrap.enter()

from world import World, by_sessions, expect, kafka_module, play, the_checker_is_content, wait_for

CLUSTERS = 8
AWAY_S = (1, 14)            # before it is started again: shorter and longer than a licence (10 s) and a session of the group (10 s)
LOAD_S = 4                  # before, between and after
READY_AGAIN_S = 60
PACE_S = 0.03               # between two commands


class OutageWorld(World):
    def __init__(self, options):
        super().__init__(options, clusters=CLUSTERS, sim=["--sessions", "4"], real=True)

    def start_broker(self):
        """A broker that was killed is let in again when its last session is over: 9 s if nothing is said."""
        kafka = kafka_module()
        process, self.brokers = kafka.start(self.folder / "kafka", {"broker.session.timeout.ms": "1000",
                                                                    "broker.heartbeat.interval.ms": "200"})
        self.broker = self.processes.adopt(process)


class Load(threading.Thread):
    """Sends one command after another, each about a session of its own; waits while the broker is away."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.sent, self.done, self.failed = world, [], threading.Event(), None

    def run(self):
        try:
            names = list(self.world.sim.clusters)
            while not self.done.wait(PACE_S):
                cluster = names[len(self.sent) % len(names)]
                session = self.world.login(cluster)
                command = by_sessions(cluster, session)
                self.world.send(command)
                self.sent.append((command, session))
        except Exception as error:      # told by the test
            self.failed = error


def the_broker_comes_back_on_its_data(world):
    load = Load(world)
    load.start()
    time.sleep(LOAD_S)      # the load itself is the test
    for away in AWAY_S:
        os.killpg(world.broker.pid, signal.SIGKILL)
        world.broker.wait()
        world.processes.forget(world.broker)
        killed = time.monotonic()
        if away > 10:
            wait_for("nobody is ready", lambda: all(w.readiness()[0] == 503 for w in world.workers.values()), away + 10)
        time.sleep(max(0, killed + away - time.monotonic()))
        world.broker = world.processes.adopt(kafka_module().again(world.folder / "kafka"))
        back = time.monotonic()
        wait_for("both are ready", world.all_ready, READY_AGAIN_S)
        print(f"        away for {back - killed:.1f} s, ready again after {time.monotonic() - back:.1f} s", flush=True)
        time.sleep(LOAD_S)
    load.done.set()
    load.join(90)
    expect(load.failed is None and not load.is_alive(), f"the load: {load.failed or 'does not end'}")
    with contextlib.suppress(KeyError):
        del world.tails["curfew.events"]        # it may have lost its place with the broker
    for command, _session in load.sent:
        event = world.end_of(command.id, 90)
        expect(event["outcome"] in ("COMMAND_OUTCOME_COMPLETED",), f"{command.id}: {event}")
    received = collections.Counter(line["session"] for line in world.sim.logged("terminate"))
    ended = [session for _command, session in load.sent]
    alive = {each["session"] for cluster in world.sim.clusters for each in world.sim.sessions(cluster)}
    expect(not alive & set(ended), f"still there: {sorted(alive & set(ended))[:5]}")
    twice = [session for session in ended if received[session] != 1]
    expect(not twice, f"not asked to end exactly once: {twice[:5]}")
    print(f"        {len(ended)} commands", flush=True)
    expect(all(worker.alive() for worker in world.workers.values()), "a worker ended")


def main():
    return play(__doc__, OutageWorld, [the_broker_comes_back_on_its_data, the_checker_is_content], "worker-1", "worker-2")


if __name__ == "__main__":
    sys.exit(main())
