#!/usr/bin/env python3
"""Sessions chosen by conditions: who matches is ended and nobody else, the command line and the worker agree, and what makes
no sense ends nobody. On the embedded broker, against simulated clusters."""
import datetime
import sys

import bootstrap

bootstrap.enter()

from world import World, command_for, expect, play, the_checker_is_content

MANY, FEW, OLD, ZONELESS = "sim-01", "sim-02", "sim-03", "sim-04"
IB = "ib-01"
SESSIONS = 620
USAGE, REFUSED = 2, 5
CALLS_PER_SESSION = 1.2
MOSCOW = datetime.timezone(datetime.timedelta(hours=3))


class FilterWorld(World):
    def __init__(self, options):
        super().__init__(options, clusters=4, sim=["--sessions", str(SESSIONS)], settings={"limits": {"targets_per_command": 1000}})

    def cluster_config(self, cluster):
        config = super().cluster_config(cluster)
        if cluster == OLD:
            config["endpoint_version"] = "4.0"      # tells nothing about processor time
        if cluster == ZONELESS:
            del config["time_zone"]
        return config

    def matching(self, cluster, expression):
        run = self.curfew("sessions", "--cluster", cluster, "--filter", expression, "--json", "--config", self.worker.config)
        expect(run.status == 0, str(run))
        return {each["uuid"]: each for each in run.json}

    def explained(self, cluster, expression):
        run = self.curfew("sessions", "--cluster", cluster, "--filter", expression, "--explain", "--json", "--config", self.worker.config)
        expect(run.status == 0, str(run))
        return {each["session"]["uuid"]: each for each in run.json}

    def there(self, cluster):
        return {each["session"] for each in self.sim.sessions(cluster)}

    def requests(self):
        return self.sim.ask("state")["counters"]["requests"]


def condition(filter_, field, comparison, *values):
    filter_.condition.field = field
    filter_.condition.comparison = comparison
    filter_.condition.values.extend(values)


EQUAL, GREATER_OR_EQUAL, IN, MATCHES = 1, 6, 7, 8


def refused_and_nobody_ended(world, command, code, words):
    before = world.there(command.cluster)
    world.send(command)
    end = world.end_of(command.id)
    expect(end["outcome"] == "COMMAND_OUTCOME_REJECTED" and end["reason"]["code"] == code, f"wanted rejected, {code}: {end}")
    expect(words in end["reason"]["message"], f"wanted '{words}': {end['reason']}")
    expect(world.there(command.cluster) == before, "somebody was ended")


# ---- who is ended ----

def five_hundred_sessions_are_ended_by_one_command(world):
    expression = "class in (interactive, service, external, job) and number <= 200 and not user like 'робот*'"
    wanted = set(world.matching(MANY, expression))
    expect(len(wanted) >= 500, f"only {len(wanted)} sessions match: nothing is tested")
    before, asked = world.there(MANY), world.requests()
    run = world.terminate(MANY, "--filter", expression, seconds=120)
    calls = (world.requests() - asked) / len(wanted)
    expect(run.status == 0 and run.json["outcome"] == "completed", str(run)[:2000])
    expect(run.json["totals"]["ended"] == len(wanted), str(run.json["totals"]))
    expect(before - world.there(MANY) == wanted, "others than those that match are gone")
    print(f"        {len(wanted)} sessions, {calls:.3f} RAS calls for each")
    expect(calls <= CALLS_PER_SESSION, f"{calls:.3f} RAS calls per ended session")


def the_command_line_and_the_worker_agree(world):
    mine = world.sim.login(FEW, user="Анна", host="PC-1")
    other = world.sim.login(FEW, user="Борис", host="PC-1")
    expression = "user = АННА and host like 'pc-?'"
    why = world.explained(FEW, expression)
    expect(why[mine["session"]]["matches"] == "yes" and why[other["session"]]["matches"] == "no", str(why))
    told = {each["condition"]: each for each in why[other["session"]]["conditions"]}
    expect(told["user = 'АННА'"]["value"] == "Борис" and told["user = 'АННА'"]["answer"] == "no", str(told))
    expect(told["host like pc-?"]["answer"] == "yes", str(told))
    run = world.terminate(FEW, "--filter", expression)
    expect(run.status == 0 and [each["session"] for each in run.json["targets"]] == [mine["session"]], str(run))
    expect(world.sim.is_there(FEW, other["session"]), "somebody else was ended")


def a_tree_of_a_kafka_command_means_the_same(world):
    mine, other = world.sim.login(FEW, user="Вера"), world.sim.login(FEW, user="Глеб")
    command = command_for(FEW)
    any_ = command.terminate.selector.filter.all.filters.add().any
    condition(any_.filters.add(), "user", EQUAL, "вера")
    condition(any_.filters.add(), "user_name", IN, "nobody", "nobody else")
    condition(command.terminate.selector.filter.all.filters.add(), "infobase", MATCHES, "IB-*")
    world.send(command)
    end = world.end_of(command.id)
    expect(end["outcome"] == "COMMAND_OUTCOME_COMPLETED" and [each["session"] for each in end["targets"]] == [mine["session"]], str(end))
    expect(world.sim.is_there(FEW, other["session"]), "somebody else was ended")


def idle_time_counts_in_the_clusters_zone(world):
    now = datetime.datetime.now(MOSCOW).replace(tzinfo=None)
    why = world.explained(MANY, "idle >= 20m")
    compared = 0
    for each in why.values():
        idle = (now - datetime.datetime.fromisoformat(each["session"]["last_active_at"])).total_seconds()
        if abs(idle - 1200) < 30:
            continue
        compared += 1
        expect(each["matches"] == ("yes" if idle > 1200 else "no"), f"idle for {idle:.0f} s: {each}")
    expect(compared > 20, f"only {compared} sessions are left to compare")


def nobody_that_matches_is_no_failure(world):
    before = world.there(FEW)
    run = world.terminate(FEW, "--filter", "user = 'nobody of that name'")
    expect(run.status == 0 and run.json["outcome"] == "completed" and not run.json["targets"], str(run))
    expect(world.there(FEW) == before, "somebody was ended")


def a_dry_run_tells_the_plan_and_ends_nobody(world):
    mine = world.sim.login(FEW, user="Дина")
    run = world.terminate(FEW, "--filter", "user = Дина", "--dry-run")
    expect(run.status == 0 and run.json["outcome"] == "dry_run", str(run))
    expect([each["session"] for each in run.json["targets"]] == [mine["session"]], str(run))
    expect(world.sim.is_there(FEW, mine["session"]) and not world.sim.terminations(mine["session"]), "the plan was carried out")


# ---- who is not ended ----

def who_is_excluded_is_left_alone(world):
    kept, gone = world.sim.login(FEW, user="Ева", host="A"), world.sim.login(FEW, user="Ева", host="B")
    run = world.terminate(FEW, "--filter", "user = Ева", "--exclude", "host = a")
    expect(run.status == 0 and [each["session"] for each in run.json["targets"]] == [gone["session"]], str(run))
    run = world.terminate(FEW, "--session", kept["session"], "--exclude", "host = a")
    expect(run.status == REFUSED and run.json["targets"][0]["outcome"] == "protected", str(run))
    expect(world.sim.is_there(FEW, kept["session"]), "the excluded one was ended")


def the_session_of_ras_itself_is_not_meant(world):
    ras = world.sim.login(FEW, user="", app="RAS")
    console = world.sim.login(FEW, user="Жанна", app="SrvrConsole")
    user = world.sim.login(FEW, user="Жанна")
    run = world.terminate(FEW, "--filter", "app in (RAS, SrvrConsole) or user = Жанна")
    expect(run.status == 0 and [each["session"] for each in run.json["targets"]] == [user["session"]], str(run))
    expect(world.sim.is_there(FEW, ras["session"]) and world.sim.is_there(FEW, console["session"]), "RAS or a console was ended")


def designer_is_meant_only_by_its_name(world):
    designer = world.sim.login(FEW, user="Зоя", app="Designer")
    run = world.terminate(FEW, "--filter", "user = Зоя")
    expect(run.status == REFUSED and run.json["targets"][0]["outcome"] == "protected", str(run))
    run = world.terminate(FEW, "--filter", "user = Зоя and app = designer")
    expect(run.status == 0 and not world.sim.is_there(FEW, designer["session"]), str(run))


def who_came_after_the_command_is_not_seen(world):
    before = world.login(FEW, user="Инна")
    world.worker.stop()
    world.sim.ask("logout", cluster=FEW, session=before)
    command = command_for(FEW)
    condition(command.terminate.selector.filter, "user", EQUAL, "Инна")
    world.send(command)
    newcomer = world.login(FEW, user="Инна")
    world.worker.start()
    end = world.end_of(command.id)
    expect(end["outcome"] == "COMMAND_OUTCOME_COMPLETED" and not end.get("targets"), str(end))
    expect(world.sim.is_there(FEW, newcomer), "the newcomer was ended")


def a_number_taken_by_a_newcomer_is_not_the_one_that_was_meant(world):
    """The worker was away: its list comes late."""
    victim = world.sim.login(FEW, user="Клара")
    world.worker.stop()
    command = command_for(FEW)
    command.terminate.selector.numbers.infobase = IB
    command.terminate.selector.numbers.numbers.append(victim["number"])
    world.send(command)
    world.sim.ask("logout", cluster=FEW, session=victim["session"])
    newcomer = world.sim.login(FEW, user="Лев")
    expect(newcomer["number"] == victim["number"], "the simulator did not use the number again: nothing is tested")
    world.worker.start()
    end = world.end_of(command.id)
    expect(end["targets"][0]["outcome"] in ("TARGET_OUTCOME_ALREADY_GONE", "TARGET_OUTCOME_NO_LONGER_MATCHES"), str(end))
    expect(world.sim.is_there(FEW, newcomer["session"]), "the newcomer was ended")


def a_drain_leaves_alone_who_is_excluded(world):
    infobase = "ib-03"
    kept, gone = world.sim.login(FEW, infobase=infobase, user="Павел"), world.sim.login(FEW, infobase=infobase, user="Роман")
    command = command_for(FEW)
    command.drain.infobase = infobase
    command.drain.hold.seconds = 1
    command.drain.options.exclude.condition.field = "user"
    command.drain.options.exclude.condition.comparison = EQUAL
    command.drain.options.exclude.condition.values.append("павел")
    world.send(command)
    end = world.end_of(command.id)
    expect(end["outcome"] == "COMMAND_OUTCOME_COMPLETED", str(end)[:2000])
    verdicts = {each["session"]: each["outcome"] for each in end["targets"]}
    expect(verdicts[kept["session"]] == "TARGET_OUTCOME_PROTECTED" and verdicts[gone["session"]] == "TARGET_OUTCOME_ENDED", str(verdicts))
    expect(world.sim.is_there(FEW, kept["session"]) and not world.sim.terminations(kept["session"]), "the excluded one was ended")


# ---- what makes no sense ----

def a_filter_without_sense_ends_nobody(world):
    empty = command_for(FEW)
    empty.terminate.selector.filter.SetInParent()
    refused_and_nobody_ended(world, empty, "invalid", "empty")
    hollow = command_for(FEW)
    hollow.terminate.selector.filter.all.SetInParent()
    refused_and_nobody_ended(world, hollow, "invalid", "empty")
    unknown = command_for(FEW)
    condition(unknown.terminate.selector.filter, "usr", EQUAL, "x")
    refused_and_nobody_ended(world, unknown, "invalid", "did you mean 'user'?")
    typed = command_for(FEW)
    condition(getattr(typed.terminate.selector.filter, "not"), "idle", GREATER_OR_EQUAL, "soon")
    refused_and_nobody_ended(world, typed, "invalid", "write a duration")
    slip = command_for(FEW)
    condition(getattr(slip.terminate.selector.filter, "not"), "infobase", EQUAL, "bi-01")
    refused_and_nobody_ended(world, slip, "invalid", "does not have")
    excluded = command_for(FEW)
    condition(excluded.terminate.selector.filter, "user", EQUAL, "x")
    excluded.terminate.options.exclude.any.SetInParent()
    refused_and_nobody_ended(world, excluded, "invalid", "options.exclude")


def what_people_type_wrong_is_told_with_its_column(world):
    run = world.curfew("terminate", "--cluster", FEW, "--filter", "")
    expect(run.status == USAGE and "empty" in run.err, str(run))
    run = world.curfew("terminate", "--cluster", FEW, "--filter", "app = 1CV8C and usr = x")
    expect(run.status == USAGE and "column 17" in run.err and "did you mean 'user'?" in run.err, str(run))


def what_the_version_does_not_report_ends_nobody(world):
    world.sim.login(OLD)
    command = command_for(OLD)
    any_ = command.terminate.selector.filter.any
    condition(any_.filters.add(), "user", MATCHES, "*")
    condition(any_.filters.add(), "cpu", GREATER_OR_EQUAL, "1s")
    refused_and_nobody_ended(world, command, "unsupported", "does not report 'cpu'")


def without_a_time_zone_nobody_is_ended(world):
    world.sim.login(ZONELESS, user="Майя")
    command = command_for(ZONELESS)
    condition(command.terminate.selector.filter, "user", EQUAL, "Майя")
    refused_and_nobody_ended(world, command, "unsupported", "time_zone")


def above_a_ceiling_nobody_is_ended(world):
    world.sim.login(FEW, user="Нина")
    world.sim.login(FEW, user="Нина")
    before = world.there(FEW)
    run = world.terminate(FEW, "--filter", "user = Нина", "--max-targets", "1")
    expect(run.status == REFUSED and run.json["reason"]["code"] == "too_large", str(run))
    expect("2 sessions are selected, at most 1" in run.json["reason"]["message"], str(run))
    expect(world.there(FEW) == before, "somebody was ended")


def above_the_share_of_an_infobase_nobody_is_ended(world):
    settings = world.worker.config.read_text(encoding="utf-8")
    world.worker.reload(settings + "policy: {max_share: 10, share_from: 5}\n")
    before = world.there(FEW)
    run = world.terminate(FEW, "--filter", "infobase = ib-02 and class = interactive")
    expect(run.status == REFUSED and run.json["reason"]["code"] == "denied", str(run))
    expect("policy.max_share" in run.json["reason"]["message"] and world.there(FEW) == before, str(run))
    world.worker.reload(settings)


def the_doctor_looks_at_the_time_zone(world):
    wrong = world.folder / "wrong-zone.yaml"
    config = world.worker.config.read_text(encoding="utf-8")
    wrong.write_text(config.replace("Europe/Moscow", "America/New_York"), encoding="utf-8")
    for file, cluster, state in ((world.worker.config, FEW, "ok"), (world.worker.config, ZONELESS, "warn"), (wrong, FEW, "fail")):
        run = world.curfew("doctor", "--config", file, "--json", config=None)
        told = {each["check"]: each for each in run.json}[f"time zone {cluster}"]
        expect(told["state"] == state, f"wanted {state}: {told}")


def a_wrong_time_zone_ends_nobody(world):
    """Everything seems to begin seven hours from now."""
    settings = world.worker.config.read_text(encoding="utf-8")
    mine = world.sim.login(FEW, user="Ольга")
    world.worker.reload(settings.replace("Europe/Moscow", "America/New_York"))
    run = world.terminate(FEW, "--filter", "user = Ольга")
    expect(run.status != 0 and run.json["reason"]["code"] == "config" and "yet to come" in run.json["reason"]["message"], str(run))
    run = world.terminate(FEW, "--infobase", IB, "--number", str(mine["number"]))
    expect(run.json["targets"][0]["outcome"] == "no_longer_matches", str(run))
    expect(world.sim.is_there(FEW, mine["session"]), "the session was ended")
    world.worker.reload(settings)


CASES = [
    idle_time_counts_in_the_clusters_zone, five_hundred_sessions_are_ended_by_one_command, the_command_line_and_the_worker_agree,
    a_tree_of_a_kafka_command_means_the_same, nobody_that_matches_is_no_failure, a_dry_run_tells_the_plan_and_ends_nobody,
    who_is_excluded_is_left_alone, the_session_of_ras_itself_is_not_meant, designer_is_meant_only_by_its_name,
    who_came_after_the_command_is_not_seen, a_number_taken_by_a_newcomer_is_not_the_one_that_was_meant,
    a_drain_leaves_alone_who_is_excluded, a_filter_without_sense_ends_nobody, what_people_type_wrong_is_told_with_its_column, what_the_version_does_not_report_ends_nobody,
    without_a_time_zone_nobody_is_ended, above_a_ceiling_nobody_is_ended,
    above_the_share_of_an_infobase_nobody_is_ended, the_doctor_looks_at_the_time_zone, a_wrong_time_zone_ends_nobody, the_checker_is_content,
]


def main():
    return play(__doc__, FilterWorld, CASES, "worker-1")


if __name__ == "__main__":
    sys.exit(main())
