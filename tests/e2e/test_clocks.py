#!/usr/bin/env python3
"""Locks and ages over a change of the clocks in Berlin, in October and in March, over RAS and over rac: the real programs, whose
clocks stand a minute before it, against simulated clusters whose clocks change with it."""
import contextlib
import datetime
import sys
import time

import bootstrap

bootstrap.enter()

from world import Cases, Failed, World, arguments, expect, merged, wait_for

RAS, RAC = "sim-01", "sim-02"
WINTER, SUMMER = 60, 120            # minutes ahead of UTC
OCTOBER = datetime.datetime(2026, 10, 25, 1, 0, tzinfo=datetime.timezone.utc), SUMMER, WINTER
MARCH = datetime.datetime(2026, 3, 29, 1, 0, tzinfo=datetime.timezone.utc), WINTER, SUMMER
DRAINED, LOOKED_AT = "ib-01", "ib-02"
LEAD_S, BEHIND_S = 40, 8            # before the change everything is up; the lock begins so long after it
FIELDS = ("sessions_deny", "scheduled_jobs_deny", "denied_from", "denied_to", "denied_message", "denied_parameter")

class TooLate(Exception):
    """It took too long until everything was up."""


class ClockWorld(World):
    def __init__(self, options, change, lead_s):
        self.at, self.before, self.after = change
        self.offset_s = int(self.at.timestamp() - lead_s - time.time())
        super().__init__(options, clusters=2, sim=["--one-port", "--sessions", "3", "--zone", str(self.before)])

    def cluster_config(self, cluster):
        config = merged(super().cluster_config(cluster), {"time_zone": "Europe/Berlin"})
        rac = {"executor": "rac", "rac": {"program": str(self.build / "curfew-rac-sim"), "environment": {"RAC_SIM_LOG": str(self.rac_log)},
                                          "allow_password_on_command_line": True}}
        return merged(config, rac) if cluster == RAC else config

    @property
    def rac_log(self):
        return self.folder / "rac.log"

    def left_s(self):
        """Until the clocks change, as the programs see it."""
        return self.at.timestamp() - time.time() - self.offset_s

    def local(self, minutes, seconds):
        """What a clock so far ahead of UTC shows so long after the change."""
        return (self.at + datetime.timedelta(minutes=minutes, seconds=seconds)).replace(tzinfo=None)

    def lock(self, cluster):
        found = self.sim.ask("lock", infobase=DRAINED, cluster=cluster)
        return {field: found.get(field) for field in FIELDS}

    def idle(self, cluster, minutes):
        """A session that did nothing for so long, by the clock before the change."""
        self.sim.ask("set", zone_minutes=self.before - minutes)
        session = self.login(cluster, LOOKED_AT)
        self.sim.ask("set", zone_minutes=self.before)
        return session

    def matching(self, cluster, expression):
        run = self.curfew("sessions", "--cluster", cluster, "--filter", f"infobase = '{LOOKED_AT}' and {expression}", "--json",
                          "--config", self.worker.config)
        expect(run.status == 0, str(run))
        return {each["uuid"] for each in run.json}

    def held(self, identity):
        return any(each["command"] == identity and each["empty"] for each in self.curfew("status", "--json").json["locks"])


def drains(world):
    """A drain of each cluster whose grace ends just behind the change, and what stood there before."""
    before = {cluster: world.lock(cluster) for cluster in (RAS, RAC)}
    identities = {}
    for cluster in (RAS, RAC):
        grace_s = int(world.left_s()) + BEHIND_S
        run = world.curfew("drain", "--cluster", cluster, "--infobase", DRAINED, "--grace", f"{grace_s}s", "--hold", "1h", "--json")
        expect(run.status == 0, str(run))
        identities[cluster] = run.json["id"]
    for cluster in (RAS, RAC):
        lock = wait_for("the lock", lambda cluster=cluster: world.lock(cluster)["sessions_deny"] and world.lock(cluster))
        begin = datetime.datetime.fromisoformat(lock["denied_from"])
        # Summer time is what both clocks show at the latest: behind it in March, and the later reading in October.
        expect(world.local(SUMMER, 0) < begin < world.local(SUMMER, 2 * BEHIND_S), f"{cluster}: {lock['denied_from']}")
        expect(not lock["denied_to"], f"{cluster}: {lock}")
    return identities, before


def over_the_change(world):
    sleepers = {cluster: world.idle(cluster, 150) for cluster in (RAS, RAC)}
    for cluster in (RAS, RAC):
        world.idle(cluster, 90)
    if world.left_s() < 5:
        raise TooLate
    identities, before = drains(world)
    if world.left_s() < 1:
        raise TooLate
    for cluster, sleeper in sleepers.items():
        expect(world.matching(cluster, "idle >= 2h") == {sleeper}, f"{cluster}: {world.matching(cluster, 'idle >= 2h')} before the change")
    wait_for("the clocks change", lambda: world.left_s() <= 0)
    world.sim.ask("set", zone_minutes=world.after)
    for cluster, sleeper in sleepers.items():
        found = world.matching(cluster, "idle >= 2h")
        expect(found == {sleeper}, f"{cluster}: {found} behind the change, {sleeper} was meant")
    for cluster, identity in identities.items():
        wait_for(f"the hold of {cluster}", lambda identity=identity: world.held(identity))
        with contextlib.suppress(Failed):
            world.sim.login(cluster, DRAINED, force=False)
            raise AssertionError(f"{cluster} is held, and lets people in: {world.lock(cluster)}")
        again = world.lock(cluster)["denied_from"]
        expect(bool(again) == (world.after == SUMMER), f"{cluster}: a lock from {again}")
        run = world.curfew("restore", "--cluster", cluster, "--infobase", DRAINED, "--wait")
        expect(run.status == 0 and world.lock(cluster) == before[cluster], f"{run}: {world.lock(cluster)} is not {before[cluster]}")
    expect("--denied-from=" in world.rac_log.read_text(encoding="utf-8"), "rac was not asked")
    world.check()


def with_time_enough(options, change):
    """What takes long to start gets more time the next time."""
    for lead_s in (LEAD_S, 3 * LEAD_S):
        world = ClockWorld(options, change, lead_s)
        with contextlib.suppress(TooLate), world.clock_shifted(world.offset_s), world:
            world.start_worker("worker-1")
            over_the_change(world)
            return
    raise Failed("the machine is too slow")


def an_hour_that_comes_twice_in_october(options):
    with_time_enough(options, OCTOBER)


def an_hour_that_is_left_out_in_march(options):
    with_time_enough(options, MARCH)


def main():
    options = arguments(__doc__)
    cases = Cases(options)
    cases.run(options, [an_hour_that_comes_twice_in_october, an_hour_that_is_left_out_in_march])
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
