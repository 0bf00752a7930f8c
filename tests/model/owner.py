#!/usr/bin/env python3
"""Random exploration of the rules by which workers share one partition of the journal.

Workers append records to one partition of the journal, read them back in log order and end sessions of one cluster.
A seeded nemesis moves the partition, pauses, crashes and restarts workers, cuts them off from the control topic, and
loses, repeats and delays appends; users log in and out, and session numbers are used again. An oracle reads the whole
log and sees every act. After CALM the faults stop, and everything must come to an end.

Every rule that a worker or a reader relies on is a named guard (GUARDS). A run takes at most one guard away. Without
any taken away no run may violate a promise; with each one taken away some run must, or the rule is superfluous.

    owner.py [--runs N] [--seed S] [--only GUARD] [--trace]

The exit status is 0 only if both hold. `--only GUARD --seed S --runs 1 --trace` replays one run exactly and prints it.
rules.py names the guards, journal.py is the fold, worker.py obeys the rules, world.py breaks things and judges.
Why each rule is there: docs/adr/0002-ownership-rules-forced-by-the-model.md. Not modelled: locks and their restoring,
grace, forwarding between partitions, dead letters, the hash chain.
"""
import argparse
import sys

sys.dont_write_bytecode = True

from rules import GUARDS
from world import CLIMATES, Violation, World

# Guards that matter most in one climate: without them only its seeds are tried.
HOME = {
    "takeover": ("wait_foreign_licence", "wait_from_readback", "licence_age",
                 "age_from_append", "expiry_at_act", "owner_readback", "writer_id_fresh", "act_by_uuid"),
    "restarts": ("epoch_grows", "read_before_ask", "licence_own_epoch"),
    "cancels": ("stop_on_foreign_owner", "control_before_ask"),
}


def explore(seed, without, trace=False):
    """One run: the violation's text or None, and the world as it was at the end."""
    world = World(seed, without, trace)
    try:
        world.run()
    except Violation as violation:
        world.say(f"VIOLATION {violation}")
        return str(violation), world
    return None, world


def seeds_for(name, first, runs):
    """`runs` seeds from `first` on, only those of the guard's home climate if it has one."""
    home = [i for i, climate in enumerate(CLIMATES) if name in HOME.get(climate, ())]
    if not home or runs == 1:
        return range(first, first + runs)
    count = len(CLIMATES)
    start = first + (home[0] - first) % count
    return range(start, start + runs * count, count)


def row(name, runs, first_seed, trace, enough):
    """Explores without one guard; prints its row of the table and says whether it came out as it must."""
    found, first, done, acts, residual = 0, None, 0, 0, 0
    for seed in seeds_for(name, first_seed, runs):
        text, world = explore(seed, name, trace)
        done += 1
        acts += world.act_count
        residual += world.residual
        if text:
            found += 1
            first = first or (seed, text)
        if found and done >= enough:
            break
    good = (found == 0) == (name == "none")
    print(f"{name:24} {done:6} {found:6}  " + (f"{first[0]:6}  {first[1]}" if first else "     -")
          + ("" if good else "   <-- unexpected"), flush=True)
    if name == "none":
        print(f"{'':24} {acts} acts, {residual} late ones inside the stated residual window", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description="Explore the rules of journal ownership at random.")
    parser.add_argument("--runs", type=int, default=1000,
                        help="runs with every guard; without one at most 6 times that, until a violation is found")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--only", metavar="GUARD", choices=["none", *GUARDS], help="one row only ('none': all guards)")
    parser.add_argument("--trace", action="store_true", help="print every step; best with --only and --runs 1")
    args = parser.parse_args()
    print(f"{'guard taken away':24} {'runs':>6} {'bad':>6}  {'first':>6}  what happened")
    bad = 0
    for name in [args.only] if args.only else ["none", *GUARDS]:
        runs, enough = (args.runs, args.runs) if name == "none" or args.runs == 1 else (6 * args.runs, args.runs // 20)
        bad += not row(name, runs, args.seed, args.trace, enough)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
