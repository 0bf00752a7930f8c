"""What grows with what: RAS calls with targets, memory and recovery with open commands, cost with clusters."""
import re
import time

from overhead import clusters_of, run_instant
from rig import Failed, row, spread, wait_for
from single import clusters_of as sim_clusters

PARTITIONS = 4
CLIENTS = 6  # librdkafka handles of one worker
# what is never answered, records per command until then, and how a command is called in that state
HOLDS = (("lists", 1, "waiting for a list"), ("ends", 2, "resolved, waiting for an end"))


# ---- RAS calls per ended session ----

def calls(rig):
    sizes = (1, 10, 100) if rig.small else (1, 10, 100, 500)
    sim = rig.sim(1, int(sum(sizes) * 1.7) + 100)
    topics = rig.topics(1)
    worker = rig.worker(rig.config(topics, sim_clusters(sim)))
    name = next(iter(sim.clusters))
    targets = rig.targets((name, session) for session in sim.sessions(name)[:sum(sizes) + 1])
    rig.load(topics, targets, sum(sizes), 1)  # connections and names first
    wait_for("the first command closed", lambda: worker.metric("commands_finished_total") == 1)
    rows = []
    first = 0
    for done, size in enumerate(sizes, 2):
        before = worker.metric("ras_requests_total")
        rig.load(topics, targets, first, size, size)
        wait_for("the command closed", lambda: worker.metric("commands_finished_total") == done)
        made = worker.metric("ras_requests_total") - before
        first += size
        rows.append(row(f"growth: RAS calls per session, {size} per command, over 1 + 2/N", made / size / (1 + 2 / size), "<= 1.05",
                        f"{made / size:.3f}", f"{1 + 2 / size:.3f}"))
    worker.stop()
    sim.stop()
    return rows


# ---- memory ----

def held(rig, clusters, count, hold, records):
    """A worker with `count` open commands of one target each; its memory before, half way, and then."""
    topics = rig.topics(PARTITIONS)
    config = rig.config(topics, clusters_of(clusters), open_commands=count, limits=", in_flight: 64", request="10m")
    targets = rig.invented(count, [name for name, _, _ in clusters_of(clusters)])
    worker = rig.instant(config, targets, hold)
    told = [worker.tell()]
    for half in range(2):
        rig.load(topics, targets, half * (count // 2), count // 2)
        wanted = (half + 1) * (count // 2)
        rig.answer(rig.waiting(topics, wanted, worker.process.pid, 0))
        wait_for("the commands are open", lambda: rig.drive("ends", topics.brokers, topics["journal"])["records"]
                 >= records * wanted, pause=0.1)
        time.sleep(2)  # the worker gives back what the load left in its heap
        told.append(worker.tell())
    if worker.metric("open_commands") != count:
        raise Failed(f"{worker.metric('open_commands')} of {count} commands are open")
    return topics, config, targets, worker, told


def memory(rig):
    clusters, count = (50, 1000) if rig.small else (1000, 20000)
    rows = []
    for hold, records, state in HOLDS[:1] if rig.small else HOLDS:
        topics, _, _, worker, told = held(rig, clusters, count, hold, records)
        worker.kill()
        idle = rig.ask("bench_bare", topics.brokers, "--idle", CLIENTS)["rss_kib"] / 1024
        resident = [one["rss_kib"] / 1024 for one in told]
        each = (told[2]["heap_bytes"] - told[1]["heap_bytes"]) / (count - count // 2)
        rows.append(row(f"growth: resident MiB, {clusters} clusters, {count} open, {state}, over the aim of 64", resident[2] / 64, "<= 1",
                        f"{resident[2]:.1f} MiB", "64 MiB",
                        f"{resident[0]:.1f} MiB without commands; {CLIENTS} idle librdkafka clients alone {idle:.1f} MiB; "
                        f"heap {told[2]['heap_bytes'] / 2**20:.1f} MiB, {each:.0f} bytes per open command"))
    return rows


# ---- recovery ----

def recovery(rig):
    count = 1000 if rig.small else 100000
    rows = []
    for clusters in ((10,) if rig.small else (10, 1000)):
        topics, config, targets, worker, _ = held(rig, clusters, count, "lists", 1)
        worker.kill()
        if rig.small:  # the embedded broker would keep the dead member's place for its session timeout
            config.write_text(config.read_text().replace("  group: ", "  group: again-"))
        ratios, owned, bare = [], [], []
        for _ in range(1 if rig.small else 3):
            bare.append(rig.ask("bench_bare", topics.brokers, "--read", topics["journal"], rig.is_embedded())["seconds"])
            worker = rig.instant(config, targets, "lists")
            wait_for("every partition is owned", lambda: len(re.findall("partition owned", worker.log.read_text())) == PARTITIONS)
            owned.append(max(int(ms) for ms in re.findall(r"recovery_ms=(\d+)", worker.log.read_text())) / 1000)
            if worker.metric("open_commands") != count:
                raise Failed("not every open command was recovered")
            worker.kill()
            ratios.append(owned[-1] / bare[-1])
        rows.append(row(f"growth: recovery of {count} open commands, {clusters} clusters, over a bare read of the journal", spread(ratios), "",
                        f"{spread(owned)['median']:.2f} s", f"{spread(bare)['median']:.2f} s",
                        f"{spread(owned)['median'] * 100000 / count:.2f} s per 100,000, from assignment to ownership"))
    return rows


# ---- clusters ----

def clusters(rig):
    count = 500 if rig.small else 20000
    sizes = (10, 50) if rig.small else (10, 100, 1000)
    seen = {size: [] for size in sizes}
    for _ in range(1 if rig.small else 3):
        for size in sizes:
            topics = rig.topics(PARTITIONS)
            targets = rig.invented(count, [name for name, _, _ in clusters_of(size)])
            rig.load(topics, targets, 0, count)
            seen[size].append(run_instant(rig, topics, targets, count, size))
    base = seen[sizes[0]]
    rows = []
    for size in sizes[1:]:
        speed = spread([few["seconds"] / many["seconds"] for few, many in zip(base, seen[size])])
        cpu = spread([many["cpu_s"] / max(few["cpu_s"], 0.01) for few, many in zip(base, seen[size])])
        rates = [count / spread([one["seconds"] for one in side])["median"] for side in (seen[size], base)]
        rows.append(row(f"growth: commands/s with {size} clusters over {sizes[0]}", speed, "", f"{rates[0]:.0f}/s", f"{rates[1]:.0f}/s",
                        f"CPU per command {cpu['median']:.2f} times"))
    return rows


def measure(rig):
    return calls(rig) + memory(rig) + recovery(rig) + clusters(rig)
