#!/usr/bin/env python3
"""Sessions get time to leave by themselves, and rounds go on until nobody matches any more: with the real binary, on the
embedded broker, against simulated clusters."""
import datetime
import sys

import bootstrap

bootstrap.enter()

from curfew.v1 import command_pb2
from world import World, by_sessions, command_for, expect, outcome_of, play, verdicts_of, wait_for

ONE = "sim-01"
IB = "ib-01"
GRACE_S = 5


def ms_of(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


class GraceWorld(World):
    def __init__(self, options):
        settings = {"policy": {"acting_time": "60s"}, "timeouts": {"verify": "5s"}}
        super().__init__(options, clusters=1, sim=["--sessions", "4"], settings=settings)

    def with_grace(self, sessions, seconds=GRACE_S):
        command = by_sessions(ONE, *sessions)
        command.terminate.options.grace.seconds = seconds
        self.send(command)
        return command

    def progress(self, command, what):
        def told():
            found = [event for event in self.events_of(command.id) if event.get("progress") == f"PROGRESS_{what}"]
            return found[-1] if found else None
        return wait_for(f"{what} of {command.id}", told)

    def verdicts(self, command):
        event = self.end_of(command.id)
        return outcome_of(event), dict(zip((target["session"] for target in event["targets"]), verdicts_of(event)))


def not_before(world, session, until):
    for each in world.sim.terminations(session):
        expect(each["received_ms"] >= until, f"it was asked to end {until - each['received_ms']} ms before the grace was over")


def who_leaves_has_left_and_who_stays_is_ended_when_the_grace_is_over(world):
    leaves, stays = (world.login(ONE, IB) for _ in range(2))
    command = world.with_grace([leaves, stays])
    until = ms_of(world.progress(command, "WAITING")["until"])
    world.sim.ask("logout", cluster=ONE, session=leaves)
    outcome, verdicts = world.verdicts(command)
    expect(outcome == "completed" and verdicts == {leaves: "left", stays: "ended"}, f"{outcome} {verdicts}")
    expect(not world.sim.terminations(leaves), "who had left was asked to end")
    not_before(world, stays, until)
    left = world.progress(command, "LEFT")
    expect([target["session"] for target in left["targets"]] == [leaves], f"{left}")


def a_cancel_in_the_grace_lets_everybody_stay(world):
    stays = world.login(ONE, IB)
    command = world.with_grace([stays], 60)
    world.progress(command, "WAITING")
    expect(world.curfew("cancel", command.id).status == 0, "cancel")
    outcome, verdicts = world.verdicts(command)
    expect(outcome == "cancelled" and verdicts == {stays: "stopped"}, f"{outcome} {verdicts}")
    expect(world.sim.is_there(ONE, stays), "it was ended all the same")


def a_worker_that_dies_in_the_grace_gives_it_whole(world):
    leaves, stays = (world.login(ONE, IB) for _ in range(2))
    command = world.with_grace([leaves, stays])
    until = ms_of(world.progress(command, "WAITING")["until"])
    world.worker.kill()
    world.sim.ask("logout", cluster=ONE, session=leaves)
    world.worker.start()
    outcome, verdicts = world.verdicts(command)
    expect(outcome == "completed" and verdicts == {leaves: "left", stays: "ended"}, f"{outcome} {verdicts}")
    not_before(world, stays, until)


def rounds_go_on_until_nobody_matches(world):
    first = world.login(ONE, IB, "Раунд")
    bystander = world.login(ONE, IB, "Другой")
    command = command_for(ONE)
    condition = command.terminate.selector.filter.condition
    condition.field, condition.comparison = "user", command_pb2.COMPARISON_EQUAL
    condition.values.append("Раунд")
    command.terminate.options.until_empty = True
    world.send(command)
    wait_for("the first one is ended", lambda: not world.sim.is_there(ONE, first))
    second = world.login(ONE, IB, "Раунд")    # the next round's list comes a second later
    outcome, verdicts = world.verdicts(command)
    expect(outcome == "completed" and verdicts == {first: "ended", second: "ended"}, f"{outcome} {verdicts}")
    expect(world.sim.is_there(ONE, bystander), "somebody else was ended")
    world.progress(command, "ROUND")


def the_command_line_waits_for_the_grace_also_for_more_than_a_minute(world):
    stays = world.login(ONE, IB)
    run = world.terminate(ONE, "--session", stays, "--grace", "62s")    # the 60 s are for being accepted
    expect(run.status == 0 and run.json["targets"][0]["outcome"] == "ended", str(run))
    run = world.terminate(ONE, "--session", stays, "--until-empty")
    expect(run.status == 2 and "--filter" in str(run), str(run))


def nothing_contradicts_the_journal(world):
    figures = world.check()
    expect(figures["left"] == 2 and figures["further rounds"] >= 2, f"{figures}")


CASES = [
    who_leaves_has_left_and_who_stays_is_ended_when_the_grace_is_over, a_cancel_in_the_grace_lets_everybody_stay,
    a_worker_that_dies_in_the_grace_gives_it_whole, rounds_go_on_until_nobody_matches,
    the_command_line_waits_for_the_grace_also_for_more_than_a_minute, nothing_contradicts_the_journal,
]


def main():
    return play(__doc__, GraceWorld, CASES, "worker-1")


if __name__ == "__main__":
    sys.exit(main())
