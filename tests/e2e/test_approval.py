#!/usr/bin/env python3
"""Above the threshold a command waits until a second person approves its very list: with the real binary, on the embedded
broker, against simulated clusters."""
import concurrent.futures
import sys

import bootstrap

bootstrap.enter()

from world import World, by_sessions, expect, merged, outcome_of, play, verdicts_of, wait_for

ONE = "sim-01"
IB = "ib-01"
REFUSED = 5
APPROVAL_S, SHORT_S = 90, 2     # a worker that was killed is back in the group within 20 s


class ApprovalWorld(World):
    def __init__(self, options):
        settings = {"policy": {"approve_above": 2, "approval_time": f"{APPROVAL_S}s"}, "timeouts": {"verify": "5s"}}
        super().__init__(options, clusters=1, sim=["--sessions", "4"], settings=settings)

    def three(self):
        return [self.login(ONE, IB) for _ in range(3)]

    def asked(self, sessions):
        """The command, and the digest of its list that waits."""
        command = by_sessions(ONE, *sessions)
        self.send(command)
        pending = self.event(command, lambda event: event["kind"] == "EVENT_KIND_PENDING_APPROVAL")
        expect({target["session"] for target in pending["targets"]} == set(sessions), f"{pending}")
        return command, pending["resolvedDigest"]

    def event(self, command, wanted):
        return wait_for(f"an event of {command.id}", lambda: next((e for e in self.events_of(command.id) if wanted(e)), None))

    def waiting(self):
        """What waits and has not ended, as the events tell it."""
        for events in self.tail("curfew.events").by_command.values():
            if not any(event.get("outcome") for event in events):
                yield from (event for event in events if event["kind"] == "EVENT_KIND_PENDING_APPROVAL")

    def set_time(self, seconds):
        """How long approvals are waited for from now on."""
        self.worker.reload(merged(self.worker.settings, {"policy": {"approval_time": f"{seconds}s"}}))

    def approve(self, command, digest, by, *more, status=0):
        run = self.curfew("approve", command.id, "--digest", digest, "--requested-by", by, *more)
        expect(run.status == status, str(run))
        return run

    def refused(self, command, code):
        self.event(command, lambda event: event.get("progress") == "PROGRESS_NOT_APPROVED" and event["reason"]["code"] == code)

    def verdicts(self, command):
        event = self.end_of(command.id, 2 * APPROVAL_S)
        return outcome_of(event), set(verdicts_of(event))


def all_there(world, sessions):
    return all(world.sim.is_there(ONE, session) for session in sessions)


def a_second_person_lets_the_list_be_ended(world):
    sessions = world.three()
    command, digest = world.asked(sessions)
    told = world.approve(command, digest, command.requested_by.upper(), "--wait", status=REFUSED)
    expect("somebody else must approve it" in told.err, f"the sender is not told why: {told}")
    world.refused(command, "denied")
    world.approve(command, "0" * 64, "chief@test")
    world.refused(command, "conflict")
    expect(all_there(world, sessions), "ended without an approval")
    told = world.approve(command, digest, "chief@test", "--wait")
    expect("the command is approved" in told.err, f"{told}")
    outcome, verdicts = world.verdicts(command)
    expect(outcome == "completed" and verdicts == {"ended"}, f"{outcome} {verdicts}")


def few_sessions_and_a_plan_wait_for_nobody(world):
    sessions = world.three()
    world.end_session(ONE, sessions[0])
    run = world.terminate(ONE, *(part for session in sessions for part in ("--session", session)), "--dry-run")
    expect(run.status == 0 and run.json["outcome"] == "dry_run", str(run))
    expect(all_there(world, sessions[1:]), "a plan ended somebody")


def without_an_approval_in_time_everybody_stays(world):
    sessions = world.three()
    world.set_time(SHORT_S)
    command, digest = world.asked(sessions)
    outcome, verdicts = world.verdicts(command)
    world.set_time(APPROVAL_S)
    expect(outcome == "expired" and verdicts == {"expired"}, f"{outcome} {verdicts}")
    world.approve(command, digest, "chief@test")
    world.end_session(ONE, world.login(ONE, IB))    # the worker has gone on meanwhile
    expect(all_there(world, sessions), "ended after its time")


def an_approval_finds_the_worker_that_comes_back(world):
    sessions = world.three()
    command, digest = world.asked(sessions)
    world.worker.kill()
    world.approve(command, digest, "chief@test")
    world.worker.start()
    outcome, verdicts = world.verdicts(command)
    expect(outcome == "completed" and verdicts == {"ended"}, f"{outcome} {verdicts}")


def the_command_line_says_what_to_approve(world):
    sessions = world.three()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(world.terminate, ONE, *(part for session in sessions for part in ("--session", session)))
        pending = wait_for("it waits", lambda: next(iter(world.waiting()), None))
        words = f"curfew approve {pending['commandId']} --digest {pending['resolvedDigest']}"
        expect(world.curfew(*words.split()[1:], "--requested-by", "chief@test").status == 0, words)
        run = running.result()
    expect(run.status == 0 and words in run.err, str(run))


# ---- drains ----

def lock_of(world, infobase):
    found = world.sim.ask("lock", infobase=infobase, cluster=ONE)
    return {field: found[field] for field in ("sessions_deny", "scheduled_jobs_deny", "denied_from", "denied_message") if field in found}


def drain(world, infobase, *more):
    """Its id, and the digest of its list that waits."""
    run = world.curfew("drain", "--cluster", ONE, "--infobase", infobase, "--reason", "update", *more, "--json")
    expect(run.status == 0, str(run))
    command = run.json["id"]
    pending = wait_for("it waits", lambda: next((e for e in world.waiting() if e["commandId"] == command), None))
    return command, pending


def a_drain_touches_nothing_before_its_whole_list_is_approved(world):
    before = lock_of(world, IB)
    there = {world.sim.login(ONE, IB)["session"] for _ in range(4)}
    command, pending = drain(world, IB, "--grace", "4s", "--hold", "1h")
    expect(there <= {target["session"] for target in pending["targets"]}, f"not all are named: {pending}")
    expect(lock_of(world, IB) == before and all_there(world, there), "something was done without an approval")
    expect(world.curfew("approve", command, "--digest", pending["resolvedDigest"], "--requested-by", "chief@test").status == 0, "approve")
    wait_for("the lock", lambda: lock_of(world, IB)["sessions_deny"])
    expect(all_there(world, there), "somebody was ended during the grace")
    wait_for("the hold", lambda: any(each["command"] == command and each["empty"] for each in world.curfew("status", "--json").json["locks"]))
    expect(not any(world.sim.is_there(ONE, session) for session in there), "held, and not empty")
    expect(world.curfew("restore", "--cluster", ONE, "--infobase", IB, "--wait").status == 0, "restore")
    expect(world.end_of(command)["outcome"] == "COMMAND_OUTCOME_COMPLETED", f"{world.end_of(command)}")
    expect(lock_of(world, IB) == before, f"{lock_of(world, IB)} is not {before}")


def a_drain_that_is_not_approved_or_is_cancelled_leaves_no_trace(world):
    before = lock_of(world, IB)
    there = world.three()
    command, _pending = drain(world, IB)
    expect(world.curfew("cancel", command).status == 0, "cancel")
    expect(world.end_of(command)["outcome"] == "COMMAND_OUTCOME_CANCELLED", f"{world.end_of(command)}")
    world.set_time(SHORT_S)
    command, _pending = drain(world, IB)
    expect(world.end_of(command)["outcome"] == "COMMAND_OUTCOME_EXPIRED", f"{world.end_of(command)}")
    world.set_time(APPROVAL_S)
    expect(lock_of(world, IB) == before and all_there(world, there), "something was done without an approval")


def a_drain_stops_before_it_ends_more_than_it_says(world):
    before = lock_of(world, IB)
    run = world.curfew("drain", "--cluster", ONE, "--infobase", IB, "--max-targets", "2", "--wait", "--json")
    expect(run.status == REFUSED and "at most 2 are allowed" in run.out, str(run))
    expect(lock_of(world, IB) == before, "it was locked")


def nothing_contradicts_the_journal(world):
    figures = world.check()
    expect(figures["lists approved"] == 4 and figures["approvals refused"] == 2, f"{figures}")


CASES = [
    a_second_person_lets_the_list_be_ended, few_sessions_and_a_plan_wait_for_nobody, without_an_approval_in_time_everybody_stays,
    an_approval_finds_the_worker_that_comes_back, the_command_line_says_what_to_approve,
    a_drain_touches_nothing_before_its_whole_list_is_approved, a_drain_that_is_not_approved_or_is_cancelled_leaves_no_trace,
    a_drain_stops_before_it_ends_more_than_it_says, nothing_contradicts_the_journal,
]


def main():
    return play(__doc__, ApprovalWorld, CASES, "worker-1")


if __name__ == "__main__":
    sys.exit(main())
