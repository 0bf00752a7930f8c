#!/usr/bin/env python3
"""Ended is not yet released: what a session leaves in the cluster is looked for, and disconnected when that is asked for.
On the embedded broker, against simulated clusters whose connections stay."""
import sys
import time

import bootstrap

bootstrap.enter()

from world import World, expect, play

ONE = "sim-01"
IB = "ib-01"
PARTIAL = 3
VERIFY_S = 4


class ReleaseWorld(World):
    def __init__(self, options):
        settings = {"timeouts": {"verify": f"{VERIFY_S}s", "release": "8s"}}
        super().__init__(options, clusters=1, sim=["--sessions", "6", "--connection-linger", "1h"], settings=settings)

    def left(self, cluster, number):
        return [each for each in self.sim.ask("connections", cluster=cluster)["connections"] if each["session_number"] == number]


def one_more(world, cluster=ONE):
    login = world.sim.login(cluster, IB)
    expect(world.left(cluster, login["number"]), "the session has no connection: nothing is tested")
    return login


def what_is_left_is_disconnected(world):
    mine, other = one_more(world), one_more(world)
    run = world.terminate(ONE, "--session", mine["session"], "--disconnect-connections")
    expect(run.status == 0 and run.json["outcome"] == "completed", str(run))
    expect(not world.left(ONE, mine["number"]), "its connection is still there, and the command says completed")
    expect(world.left(ONE, other["number"]) and world.sim.is_there(ONE, other["session"]), "somebody else was touched")
    asked = [line for line in world.sim.logged("disconnect") if line.get("applied")]
    expect(len(asked) == 1, f"wanted one disconnect: {asked}")
    shown = world.curfew("show", mine["session"], "--json")
    expect(shown.json[0]["released_at"] and shown.json[0]["decided_at"] <= shown.json[0]["released_at"], str(shown))


def who_left_no_connection_is_released_too(world):
    world.sim.ask("set", connection_linger="0s")
    try:
        mine = world.sim.login(ONE, IB)
        run = world.terminate(ONE, "--session", mine["session"], "--disconnect-connections")
    finally:
        world.sim.ask("set", connection_linger="1h")
    expect(run.status == 0 and not world.left(ONE, mine["number"]), f"a connection stayed: nothing is tested: {run}")
    shown = world.curfew("show", mine["session"], "--json")
    expect(shown.json[0]["released_at"], str(shown))


def nobody_is_disconnected_unasked(world):
    mine = one_more(world)
    before = len(world.sim.logged("disconnect"))
    world.end_session(ONE, mine["session"])
    expect(world.left(ONE, mine["number"]), "the connection went by itself: nothing is tested")
    expect(len(world.sim.logged("disconnect")) == before, "a connection was disconnected")


def a_newcomer_under_the_number_keeps_his_connection(world):
    mine = one_more(world)
    world.end_session(ONE, mine["session"])
    newcomer = one_more(world)
    expect(newcomer["number"] == mine["number"], "the simulator did not use the number again: nothing is tested")
    third = one_more(world)
    run = world.terminate(ONE, "--session", third["session"], "--session", mine["session"], "--disconnect-connections")
    expect(run.status == 0, str(run))
    expect(world.sim.is_there(ONE, newcomer["session"]) and world.left(ONE, newcomer["number"]), "the newcomer was cut off")


def connections_that_are_not_shown_are_not_called_gone(world):
    mine = one_more(world)
    fault = world.sim.fault("error=v8.service.Admin.Cluster#Rights,op=get_infobase_connections_short")
    try:
        run = world.terminate(ONE, "--session", mine["session"], "--disconnect-connections")
    finally:
        world.sim.unfault(fault)
    expect(run.status == PARTIAL and run.json["outcome"] == "partially_completed", str(run))
    expect("connections" in run.json["reason"]["message"], str(run))
    expect(run.json["targets"][0]["outcome"] == "ended", str(run))


def what_cannot_be_disconnected_is_a_leak(world):
    mine = one_more(world)
    before = world.worker.metric("curfew_connections_leaked_total", cluster=ONE)
    fault = world.sim.fault("lie,op=disconnect")
    try:
        run = world.terminate(ONE, "--session", mine["session"], "--disconnect-connections")
    finally:
        world.sim.unfault(fault)
    left = len(world.left(ONE, mine["number"]))    # who had the number before may have left one as well
    expect(run.status == PARTIAL and f"{left} of their connections" in run.json["reason"]["message"], str(run))
    expect(world.worker.metric("curfew_connections_leaked_total", cluster=ONE) == before + left, "the leak is not counted")
    shown = world.curfew("show", mine["session"], "--json")
    expect(shown.json[0]["outcome"] == "ended" and not shown.json[0]["released_at"], str(shown))
    expect(shown.json[0]["connections_left"] == left, str(shown))


def a_running_call_is_interrupted_when_that_is_asked_for(world):
    mine = one_more(world)
    world.sim.ask("call", cluster=ONE, session=mine["session"], ms=60000)
    fault = world.sim.fault("stay=forever,op=terminate_session")
    try:
        begun = time.monotonic()
        run = world.terminate(ONE, "--session", mine["session"], "--interrupt-calls")
        took = time.monotonic() - begun
    finally:
        world.sim.unfault(fault)
    expect(run.status == 0 and run.json["targets"][0]["outcome"] == "ended", str(run))
    expect(took >= VERIFY_S / 2, f"it was interrupted after {took:.1f} s, before half of the time for verification")
    interrupts = [line for line in world.sim.logged("interrupt") if line["session"] == mine["session"]]
    expect(len(interrupts) == 1, f"wanted one interrupt: {interrupts}")


def a_call_is_not_interrupted_unasked(world):
    mine = one_more(world)
    world.sim.ask("call", cluster=ONE, session=mine["session"], ms=60000)
    fault = world.sim.fault("stay=forever,op=terminate_session")
    try:
        run = world.terminate(ONE, "--session", mine["session"])
    finally:
        world.sim.unfault(fault)
    expect(run.status == 1 and run.json["targets"][0]["outcome"] == "survived", str(run))
    expect(not [line for line in world.sim.logged("interrupt") if line["session"] == mine["session"]], "it was interrupted")
    world.sim.ask("call", cluster=ONE, session=mine["session"], ms=0)


CASES = [
    what_is_left_is_disconnected, who_left_no_connection_is_released_too, nobody_is_disconnected_unasked, a_newcomer_under_the_number_keeps_his_connection,
    connections_that_are_not_shown_are_not_called_gone, what_cannot_be_disconnected_is_a_leak, a_running_call_is_interrupted_when_that_is_asked_for,
    a_call_is_not_interrupted_unasked,
]


def main():
    return play(__doc__, ReleaseWorld, CASES, "worker-1")


if __name__ == "__main__":
    sys.exit(main())
