"""Sessions ended by the worker over the native protocol, over one process per termination."""
from rig import Failed, row, spread

PER_COMMAND = 100


def clusters_of(sim):
    return [(name, address, cluster) for name, (address, cluster) in sim.clusters.items()]


def run_worker(rig, topics, worker, targets, count):
    before = rig.drive("ends", topics.brokers, topics["journal"])["records"]
    events = rig.drive("ends", topics.brokers, topics["events"])["records"]
    waiting = rig.waiting(topics, events + 2 * ((count + PER_COMMAND - 1) // PER_COMMAND), worker.process.pid, before)
    cpu = worker.cpu_s()
    rig.load(topics, targets, 0, count, PER_COMMAND)
    seen = rig.answer(waiting)
    return {"sessions": count, "seconds": seen["seconds"], "cpu_s": worker.cpu_s() - cpu}


def run_single(rig, address, cluster, targets, first, count, at_once):
    host, port = address.rsplit(":", 1)
    return rig.ask("bench_single", "--spawn", at_once, host, port, cluster, targets, first, count)


def measure(rig):
    """Every round has clusters of its own: the first sessions of one end one by one, the rest of all by commands."""
    rounds = 1 if rig.small else 5
    beside = 2 if rig.small else 10
    alone = 20 if rig.small else 300
    together = 100 if rig.small else 3000
    sim = rig.sim(rounds * beside, int((2 * alone + together) * 1.6) + 100)
    topics = rig.topics(1)
    clusters = clusters_of(sim)
    worker = rig.worker(rig.config(topics, clusters))
    seen = []
    for first in range(0, len(clusters), beside):
        sessions = {name: sim.sessions(name) for name, _, _ in clusters[first:first + beside]}
        name, address, cluster = clusters[first]
        singly = rig.targets((name, session) for session in sessions[name][:2 * alone])
        one = run_single(rig, address, cluster, singly, 0, alone, 1)
        eight = run_single(rig, address, cluster, singly, alone, alone, 8)
        rest = rig.targets((name, session) for name, own in sessions.items() for session in own[2 * alone:2 * alone + together])
        many = run_worker(rig, topics, worker, rest, beside * together)
        seen.append((many, one, eight))
    completed = worker.metric("commands_finished_total", outcome="completed")
    worker.stop()
    sim.stop()
    if completed != rounds * beside * together // PER_COMMAND:
        raise Failed(f"{completed} of {rounds * beside * together // PER_COMMAND} commands completed")
    return rows(seen)


def speed(run):
    return run["sessions"] / run["seconds"]


def cost_us(run):
    return max(run["cpu_s"], 0.01) / run["sessions"] * 1e6


def rows(seen):
    medians = [(spread(map(speed, side))["median"], spread(map(cost_us, side))["median"]) for side in zip(*seen)]
    note = f"commands of {PER_COMMAND} targets; the stand-in is ours and far cheaper than rac: a lower bound"
    return [
        row("one process each: sessions/s, worker over one after another", spread([speed(many) / speed(one) for many, one, _ in seen]),
            ">= 100", f"{medians[0][0]:.0f}/s", f"{medians[1][0]:.0f}/s", note),
        row("one process each: sessions/s, worker over eight at once", spread([speed(many) / speed(eight) for many, _, eight in seen]),
            "", f"{medians[0][0]:.0f}/s", f"{medians[2][0]:.0f}/s", note),
        row("one process each: CPU per session, worker over one process", spread([cost_us(many) / cost_us(one) for many, one, _ in seen]),
            "<= 0.02", f"{medians[0][1]:.0f} us", f"{medians[1][1]:.0f} us", "the client's side alone in both; Kafka's part included in the worker's"),
    ]
