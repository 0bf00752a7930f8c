#!/usr/bin/env python3
"""The real worker over `executor: rac`: a stand-in for the platform's program, run process by process, against simulated clusters of three
versions behind one administration server."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

import bootstrap

bootstrap.enter()

from world import Cases, World, arguments, by_sessions, expect, merged, wait_for

NEW, ENGLISH, OLD = "sim-01", "sim-02", "sim-03"
IB = "ib-01"
FAILED, PARTIAL, REFUSED, CONFIG = 1, 3, 5, 78
PLAYS = {
    NEW: {"RAC_SIM_VERSION": "8.3.21.1895"},
    ENGLISH: {"RAC_SIM_VERSION": "8.5.1.1150", "RAC_SIM_LANGUAGE": "en", "RAC_SIM_ENCODING": "cp1251", "RAC_SIM_CRLF": "1"},
    OLD: {"RAC_SIM_VERSION": "8.3.10.2252", "RAC_SIM_ENCODING": "cp866", "RAC_SIM_CLIENT_LANGUAGE": "ru"},
}
PASSWORD = "s3cret-of-rac"


class RacWorld(World):
    def __init__(self, options):
        super().__init__(options, clusters=3, sim=["--one-port", "--sessions", "20"],
                         settings={"timeouts": {"verify": "2s"}})
        self.sim_arguments.remove("--plain")        # overlong and odd names as well

    def path(self, cluster, what):
        return self.folder / f"{cluster}.rac.{what}"

    def cluster_config(self, cluster):
        environment = {**PLAYS[cluster], "RAC_SIM_FAULTS": str(self.path(cluster, "faults")),
                       "RAC_SIM_LOG": str(self.path(cluster, "log"))}
        return merged(super().cluster_config(cluster),
                      {"executor": "rac", "timeouts": {"request": "3s"}, "limits": {"in_flight": 2, "breaker_failures": 100},
                       "rac": {"program": str(self.build / "curfew-rac-sim"), "environment": environment,
                               "allow_password_on_command_line": cluster != OLD}})

    @contextlib.contextmanager
    def fault(self, cluster, *rules):
        """The stand-in's rules, for as long as the block takes."""
        file = self.path(cluster, "faults")
        draft = file.with_suffix(".draft")
        draft.write_text("".join(rule + "\n" for rule in rules), encoding="utf-8")
        draft.rename(file)
        try:
            yield
        finally:
            file.unlink()

    def runs(self, cluster, *words):
        """The starts whose arguments have all these words."""
        file = self.path(cluster, "log")
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [run for run in map(json.loads, lines) if all(word in run["argv"] for word in words)]

    def alive(self):
        """The stand-ins that run now: those of this world tell it by their environment."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(process / "exe").endswith("/curfew-rac-sim") and str(self.folder) in (process / "environ").read_text():
                    found.append(int(process.name))
        return found


def outcomes(run):
    return [target["outcome"] for target in run.json["targets"]]


def expect_run(run, status, *wanted):
    expect(run.status == status, f"wanted status {status}: {run}")
    expect(outcomes(run) == list(wanted), f"wanted {wanted}: {run}")
    return run


# ---- what people type ----

def a_session_is_ended_by_its_uuid_unharmed(world):
    for cluster in PLAYS:
        mine, other = (world.sim.login(cluster, user=name)["session"] for name in ('"a', 'b"'))
        world.end_session(cluster, mine)
        expect(not world.sim.is_there(cluster, mine), f"{cluster}: it is still there")
        expect(world.sim.is_there(cluster, other), f"{cluster}: another session was ended as well")
        sent = world.runs(cluster, "terminate", f"--session={mine}")
        expect(len(sent) == 1 and len(world.sim.terminations(mine)) == 1, f"{cluster}: not sent exactly once: {sent}")
        expect(not world.runs(cluster, "terminate", f"--session={other}"), f"{cluster}: another one was sent")


def sessions_are_ended_by_their_numbers_whatever_the_version_prints(world):
    for cluster in PLAYS:
        made = [world.sim.login(cluster, "ib-02", user=f"Кассир {i}, Ёлкина") for i in range(3)]
        wanted = ",".join(str(each["number"]) for each in made[:2])
        expect_run(world.terminate(cluster, "--infobase", "IB-02", "--number", wanted), 0, "ended", "ended")
        expect([world.sim.is_there(cluster, each["session"]) for each in made] == [False, False, True], f"{cluster}: the wrong ones are gone")
        last = made[2]
        run = world.terminate(cluster, "--infobase", "ib-02", "--number", last["number"], "--user", "кассир 3, ёлкина")
        expect_run(run, FAILED, "no_longer_matches")
        run = world.terminate(cluster, "--infobase", "ib-02", "--number", last["number"], "--user", "кассир 2, ёлкина", "--started-at", last["started_at"])
        expect_run(run, 0, "ended")


def the_reason_reaches_the_user_where_the_version_can(world):
    shown = world.sim.login(NEW)["session"]
    expect_run(world.terminate(NEW, "--session", shown, "--message", "Закройте \"всё\"; $HOME"), 0, "ended")
    expect(world.runs(NEW, f"--session={shown}", "--error-message=Закройте \"всё\"; $HOME"), "the message was not passed as it is")
    silent = world.sim.login(OLD)["session"]
    expect_run(world.terminate(OLD, "--session", silent, "--message", "Закройте всё"), 0, "ended")


def what_is_not_there_is_already_gone(world):
    expect_run(world.terminate(NEW, "--session", str(uuid.uuid4())), 0, "already_gone")
    expect_run(world.terminate(OLD, "--infobase", IB, "--number", "999999"), 0, "already_gone")


def sessions_are_listed_with_what_their_version_reports(world):
    expected = {each["session"]: each for each in world.sim.sessions(ENGLISH)}
    run = world.curfew("sessions", "--cluster", ENGLISH, "--json", "--config", world.workers["worker-1"].config, config=None)
    expect(run.status == 0, str(run))
    listed = {each["uuid"]: each for each in run.json}
    expect(set(listed) == set(expected), "the list is not that of the simulator")
    some = next(iter(expected))
    expect(listed[some]["user_name"] == expected[some]["user"] and listed[some]["infobase_name"] == expected[some]["infobase_name"],
           f"{listed[some]} is not {expected[some]}")


def a_filter_ends_those_whom_it_means(world):
    for cluster in PLAYS:
        mine, other = (world.sim.login(cluster, user=name)["session"] for name in ("Ольга Ёж", "Олег Ёж"))
        run = expect_run(world.terminate(cluster, "--filter", "user = 'ольга ёж' and app in (1CV8C)"), 0, "ended")
        expect(run.json["targets"][0]["session"] == mine and world.sim.is_there(cluster, other), str(run))


def a_filter_over_what_the_version_does_not_print_is_refused(world):
    before = {each["session"] for each in world.sim.sessions(OLD)}
    run = world.terminate(OLD, "--filter", "cpu >= 1s or user like '*'")
    expect(run.status == REFUSED and "does not report 'cpu'" in run.out, str(run))
    expect({each["session"] for each in world.sim.sessions(OLD)} == before, "somebody was ended")


def connections_are_released_and_calls_interrupted(world):
    mine = world.sim.login(NEW)
    left = lambda: [each for each in world.sim.ask("connections", cluster=NEW)["connections"] if each["session_number"] == mine["number"]]
    expect(left(), "the session has no connection: nothing is tested")
    run = world.terminate(NEW, "--session", mine["session"], "--disconnect-connections")
    expect(run.status == 0 and run.json["outcome"] == "completed" and not left(), str(run))
    busy = world.sim.login(NEW)["session"]
    world.sim.ask("call", cluster=NEW, session=busy, ms=60000)
    rule = world.sim.fault(f"stay=forever,op=terminate_session,session={busy}")
    run = world.terminate(NEW, "--session", busy, "--interrupt-calls")
    world.sim.unfault(rule)
    expect_run(run, 0, "ended")
    expect(len(world.runs(NEW, "interrupt-current-server-call", f"--session={busy}")) == 1, "not interrupted exactly once")


LOCK = ("sessions_deny", "scheduled_jobs_deny", "denied_from", "denied_to", "denied_message", "denied_parameter", "permission_code")


def lock_of(world, cluster, infobase, **fields):
    found = world.sim.ask("lock", cluster=cluster, infobase=infobase, **fields)
    return {field: found.get(field) for field in LOCK}


def a_drain_locks_and_gives_back_what_was_there(world):
    for cluster in (NEW, ENGLISH):
        world.sim.login(cluster, "ib-02")
        before = lock_of(world, cluster, "ib-02", denied_message="Обед\n\nдо двух: \"всем\"", denied_from="2026-01-01T01:00:00")
        run = world.curfew("drain", "--cluster", cluster, "--infobase", "ib-02", "--grace", "2s", "--wait", "--json", "--timeout", "2m")
        expect(run.status == 0 and run.json["outcome"] == "completed" and run.json["totals"]["ended"], str(run))
        wait_for(lambda: f"{cluster}: {lock_of(world, cluster, 'ib-02')} is {before}", lambda: lock_of(world, cluster, "ib-02") == before)
        written = world.runs(cluster, "infobase", "update")
        expect(any("--denied-message=" in word for run in written for word in run["argv"]), "the lock was not written by rac")


def a_code_that_would_be_shown_is_not_written(world):
    session = world.sim.login(OLD, "ib-03")["session"]
    before = lock_of(world, OLD, "ib-03")
    run = world.curfew("drain", "--cluster", OLD, "--infobase", "ib-03", "--wait", "--json", "--timeout", "1m")
    expect(run.status and "allow_password_on_command_line" in run.out, str(run))
    expect(lock_of(world, OLD, "ib-03") == before and world.sim.is_there(OLD, session), "something was changed all the same")
    expect(not world.runs(OLD, "infobase", "update"), "it was tried")


# ---- what can go wrong ----

def one_failing_session_of_many_does_not_stop_the_rest(world):
    made = [world.sim.login(NEW, "ib-03")["session"] for _ in range(8)]
    rule = world.sim.fault(f"error=Generic,op=terminate_session,session={made[3]}")
    run = world.terminate(NEW, *(word for each in made for word in ("--session", each)))
    world.sim.unfault(rule)
    by_session = {target["session"]: target for target in run.json["targets"]}
    expect(run.status == PARTIAL and run.json["outcome"] == "partially_completed", f"partial is not success: {run}")
    expect(by_session[made[3]]["outcome"] in ("failed", "survived"), str(by_session[made[3]]))
    expect([each for each in made if world.sim.is_there(NEW, each)] == [made[3]], "the others are not gone")


def status_zero_proves_nothing(world):
    session = world.sim.login(NEW)["session"]
    with world.fault(NEW, "lie session-terminate"):
        expect_run(world.terminate(NEW, "--session", session), FAILED, "survived")
    with world.fault(ENGLISH, "zero session-terminate"):
        other = world.sim.login(ENGLISH)["session"]
        rule = world.sim.fault(f"error=Generic,op=terminate_session,session={other}")
        expect_run(world.terminate(ENGLISH, "--session", other), FAILED, "survived")
        world.sim.unfault(rule)


def gone_by_its_words_is_not_gone(world):
    session = world.sim.login(NEW)["session"]
    rule = world.sim.fault(f"error=SessionNotFound,op=terminate_session,session={session}")
    run = world.terminate(NEW, "--session", session)
    world.sim.unfault(rule)
    expect(run.status == FAILED and outcomes(run) in (["survived"], ["failed"]), str(run))


def ends_only_after_the_list_is_back(world, cluster, *rules):
    """While rac's lists are spoiled nothing is concluded; then the command goes on."""
    made = [world.sim.login(cluster)["session"] for _ in range(2)]
    before = len(world.runs(cluster, "session", "list"))
    with world.fault(cluster, *rules):
        command = by_sessions(cluster, *made)
        world.send(command)
        wait_for("two lists were tried", lambda: len(world.runs(cluster, "session", "list")) >= before + 2)
        expect(not [event for event in world.events_of(command.id) if event.get("outcome")], "it was concluded from a list that is none")
        expect(all(world.sim.is_there(cluster, each) for each in made), "something was ended without a list")
    end = world.end_of(command.id)
    expect(end["outcome"] == "COMMAND_OUTCOME_COMPLETED", str(end))
    expect({target["outcome"] for target in end["targets"]} == {"TARGET_OUTCOME_ENDED"}, str(end))


def a_timeout_is_not_zero_sessions(world):
    worker = world.workers["worker-1"]
    forced = worker.metric("curfew_programs_forced_total")
    ends_only_after_the_list_is_back(world, NEW, "stubborn session-list")
    expect(worker.metric("curfew_programs_forced_total") > forced, "programs that outlived their deadline are not counted")
    wait_for("none of them is left", lambda: worker.metric("curfew_programs_overdue") == 0)


def a_list_that_is_cut_is_no_list(world):
    ends_only_after_the_list_is_back(world, NEW, "cut session-list 3000")
    ends_only_after_the_list_is_back(world, OLD, "dies session-list 1")
    known = world.sim.clusters[NEW]
    printed = subprocess.run([world.build / "curfew-rac-sim", "session", "list", f"--cluster={known['uuid']}", known["address"]],
                             capture_output=True, check=True).stdout
    expect(printed.count(b"\n\n") > 2, "there is nothing to cut")
    between_blocks = printed.index(b"\n\n") + 2        # nothing in the text tells
    ends_only_after_the_list_is_back(world, NEW, f"dies session-list {between_blocks}")
    ends_only_after_the_list_is_back(world, ENGLISH, "dies session-list 0")
    ends_only_after_the_list_is_back(world, ENGLISH, "nothing session-list")
    ends_only_after_the_list_is_back(world, ENGLISH, "orphan session-list")


def words_instead_of_a_list_are_not_the_empty_list(world):
    ends_only_after_the_list_is_back(world, NEW, "lie session-list", "warn session-list")


def an_end_without_an_answer_is_in_doubt_and_not_repeated(world):
    session = world.sim.login(NEW)["session"]
    with world.fault(NEW, "late session-terminate"):
        expect_run(world.terminate(NEW, "--session", session), 0, "ended")
    expect(len(world.sim.terminations(session)) == 1, "it was sent twice")


def warnings_do_no_harm(world):
    session = world.sim.login(OLD)["session"]
    with world.fault(OLD, "warn any", "stdout session-terminate"):
        expect(world.runs(OLD), "no run at all")
        world.terminate(OLD, "--session", session)
    expect(not world.sim.is_there(OLD, session), "it is still there")


def no_process_is_left_behind(world):
    left = world.workers["worker-1"].metric("curfew_programs_left_open_total")
    session = world.sim.login(NEW)["session"]
    with world.fault(NEW, "orphan session-terminate", "slow session-terminate 50"):
        expect_run(world.terminate(NEW, "--session", session), 0, "ended")
    wait_for(lambda: f"every rac ended: {world.alive()}", lambda: not world.alive())
    expect(world.workers["worker-1"].metric("curfew_programs_running") == 0, "the worker counts programs that ended")
    expect(world.workers["worker-1"].metric("curfew_programs_left_open_total") > left, "what they left behind is not counted")


def a_killed_worker_finds_its_way_back(world):
    session = world.sim.login(NEW)["session"]
    worker = world.workers["worker-1"]
    with world.fault(NEW, "late session-terminate"):
        command = by_sessions(NEW, session)
        world.send(command)
        wait_for("it was sent", lambda: world.sim.terminations(session))
        expect(world.alive(), "no rac runs: nothing is tested")
        worker.kill()
    wait_for(lambda: f"they went with their worker: {world.alive()}", lambda: not world.alive())
    worker.start()
    end = world.end_of(command.id)
    expect(end["targets"][0]["outcome"] == "TARGET_OUTCOME_ENDED", str(end))
    expect(len(world.sim.terminations(session)) == 1, "it was sent again")


# ---- configuration ----

def config_with(world, name, change):
    config = merged(world.config_of("worker-9"), {})
    config["clusters"] = [merged(config["clusters"][0], change)]
    file = world.folder / f"{name}.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    return file


def the_first_cluster_is_never_taken_silently(world):
    file = config_with(world, "several", {"cluster": ""})
    run = world.curfew("sessions", "--cluster", NEW, "--config", file, config=None)
    expect(run.status == CONFIG, str(run))
    for each in world.sim.clusters.values():
        expect(each["uuid"] in run.err, f"{each['uuid']} is not named: {run}")


def a_password_needs_leave_in_words(world):
    secret = world.folder / "password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    admin = {"admin": {"user": "admin", "password_file": str(secret)}}
    refused = config_with(world, "password", {**admin, "rac": {"allow_password_on_command_line": False}})
    run = world.curfew("config", "check", "--config", refused, config=None)
    expect(run.status == CONFIG and "allow_password_on_command_line" in run.err + run.out, str(run))
    allowed = config_with(world, "allowed", {**admin, "rac": {"allow_password_on_command_line": True}})
    run = world.curfew("config", "check", "--config", allowed, config=None)
    expect(run.status == 0, str(run))
    run = world.curfew("config", "explain", "--config", allowed, config=None)
    expect(run.status == 0 and PASSWORD not in run.out + run.err, "the password is shown")


def rac_inherits_nothing(world):
    names = {re.split("=", each, maxsplit=1)[0] for run in world.runs(NEW) for each in run["environment"]}
    expect(names == {"PATH", "LC_ALL", *PLAYS[NEW], "RAC_SIM_FAULTS", "RAC_SIM_LOG"}, f"rac got {sorted(names)}")


def doctor_looks_at_the_program(world):
    def findings(file):
        run = world.curfew("doctor", "--config", file, "--json", config=None)
        return {each["check"]: each for each in run.json}
    good = findings(world.workers["worker-1"].config)
    expect(good[f"rac {OLD}"]["state"] == "ok" and "8.3.10.2252" in good[f"rac {OLD}"]["found"], str(good))
    expect(good[f"cluster {ENGLISH}"]["state"] == "ok", str(good))
    bad = findings(config_with(world, "nowhere", {"rac": {"program": "/nonexistent/rac"}}))
    expect(bad[f"rac {NEW}"]["state"] == "fail" and "/nonexistent/rac" in bad[f"rac {NEW}"]["found"], str(bad))


def it_costs_what_the_manual_says(world):
    """One process for each session, and lists that serve all of them."""
    made = [world.sim.login(NEW, "ib-03")["session"] for _ in range(40)]
    before = len(world.runs(NEW))
    world.sim.clear()
    run = world.terminate(NEW, *(word for each in made for word in ("--session", each)))
    expect(run.status == 0 and outcomes(run) == ["ended"] * len(made), str(run))
    spent = len(world.runs(NEW)) - before
    print(f"        {spent} processes for {len(made)} sessions: {spent / len(made):.2f} each")
    expect(spent <= 1.5 * len(made), f"{spent} processes for {len(made)} sessions")


CASES = [
    a_session_is_ended_by_its_uuid_unharmed,
    sessions_are_ended_by_their_numbers_whatever_the_version_prints,
    the_reason_reaches_the_user_where_the_version_can,
    what_is_not_there_is_already_gone,
    sessions_are_listed_with_what_their_version_reports,
    a_filter_ends_those_whom_it_means,
    a_filter_over_what_the_version_does_not_print_is_refused,
    connections_are_released_and_calls_interrupted,
    a_drain_locks_and_gives_back_what_was_there,
    a_code_that_would_be_shown_is_not_written,
    one_failing_session_of_many_does_not_stop_the_rest,
    status_zero_proves_nothing,
    gone_by_its_words_is_not_gone,
    a_timeout_is_not_zero_sessions,
    a_list_that_is_cut_is_no_list,
    words_instead_of_a_list_are_not_the_empty_list,
    an_end_without_an_answer_is_in_doubt_and_not_repeated,
    warnings_do_no_harm,
    no_process_is_left_behind,
    the_first_cluster_is_never_taken_silently,
    a_password_needs_leave_in_words,
    rac_inherits_nothing,
    doctor_looks_at_the_program,
    it_costs_what_the_manual_says,
    a_killed_worker_finds_its_way_back,
]


def main():
    options = arguments(__doc__)
    cases = Cases(options)
    with RacWorld(options) as world:
        world.start_worker("worker-1")
        cases.run(world, CASES)
        world.check()
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
