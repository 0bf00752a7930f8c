"""Commands per second of the whole worker with an instant executor, over a bare program that moves the same records."""
from rig import Failed, row, spread

PARTITIONS = 4
CLUSTERS = 16
OPEN_MAX = 10000
RECORDS = ("accepted", "resolved", "outcome", "closed")
EVENTS = ("curfew.command.accepted.v1", "curfew.command.completed.v1")


def clusters_of(count):
    return [(f"cluster-{i:04d}", "127.0.0.1:1", "") for i in range(count)]


def run_instant(rig, topics, targets, count, clusters, open_commands=OPEN_MAX):
    """The commands stand in the topic; from the first journal record to the last event."""
    config = rig.config(topics, clusters_of(clusters), open_commands=open_commands)
    worker = rig.instant(config, targets)
    seen = rig.answer(rig.waiting(topics, 2 * count, worker.process.pid, 0))
    worker.stop()
    return seen


def measured_sizes(rig, topics, count):
    sizes = rig.drive("sizes", topics.brokers, topics["journal"], topics["events"])
    for kind in RECORDS + EVENTS:
        if sizes.get(kind, {}).get("count") != count:
            raise Failed(f"not every command completed: {sizes}")
    return sizes


def run_bare(rig, topics, sizes, count):
    bare = rig.popen("bench_bare", topics.brokers, topics["commands"], topics["bare.journal"], topics["bare.events"], count,
                     OPEN_MAX, rig.is_embedded(), ",".join(str(sizes[kind]["bytes"]) for kind in RECORDS + EVENTS))
    seen = rig.answer(rig.waiting(topics, 2 * count, bare.pid, 0, journal="bare.journal", events="bare.events"))
    rig.answer(bare)
    return seen


def round_of(rig, count, sizes, bare_first):
    names = [name for name, _, _ in clusters_of(CLUSTERS)]
    topics = rig.topics(PARTITIONS, "bare")
    targets = rig.invented(count, names)
    rig.load(topics, targets, 0, count)
    bare = run_bare(rig, topics, sizes, count) if bare_first else None
    worker = run_instant(rig, topics, targets, count, CLUSTERS)
    sizes = measured_sizes(rig, topics, count)
    bare = bare or run_bare(rig, topics, sizes, count)
    return worker, bare, sizes


def measure(rig):
    count = 1000 if rig.small else 50000
    rounds = 1 if rig.small else 8
    sizes = None
    pairs = []
    for i in range(rounds):
        worker, bare, sizes = round_of(rig, count, sizes, i % 2 == 1)
        pairs.append((worker, bare))
    speed = spread([bare["seconds"] / worker["seconds"] for worker, bare in pairs])
    cpu = spread([worker["cpu_s"] / max(bare["cpu_s"], 0.01) for worker, bare in pairs])
    rates = [spread([count / seen["seconds"] for seen in side])["median"] for side in zip(*pairs)]
    costs = [spread([seen["cpu_s"] / count * 1e6 for seen in side])["median"] for side in zip(*pairs)]
    note = f"{count} commands, {PARTITIONS} partitions, {CLUSTERS} clusters; bytes: " + ", ".join(
        f"{kind.removeprefix('curfew.command.')} {sizes[kind]['bytes']}" for kind in RECORDS + EVENTS)
    return [
        row("overhead: commands/s, worker over bare", speed, ">= 0.8", f"{rates[0]:.0f}/s", f"{rates[1]:.0f}/s", note),
        row("overhead: CPU per command, worker over bare", cpu, "", f"{costs[0]:.1f} us", f"{costs[1]:.1f} us",
            "librdkafka's threads included in both"),
    ]
