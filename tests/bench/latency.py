"""From the command's append to its last event on an idle system, over the bare cost of the same steps."""
from rig import row, spread
from single import clusters_of

STEPS = 6  # command, ACCEPTED, RESOLVED, OUTCOME, CLOSED, event: each appended and read back by somebody


def measure(rig):
    rounds = 10 if rig.small else 100
    blocks = 1 if rig.small else 4
    warm_up = 2 if rig.small else 5
    sim = rig.sim(1, int(2 * (rounds + warm_up) * blocks * 1.6) + 200)
    topics = rig.topics(1, "scratch")
    worker = rig.worker(rig.config(topics, clusters_of(sim)))
    name, (address, _) = next(iter(sim.clusters.items()))
    targets = rig.targets((name, session) for session in sim.sessions(name))
    host, port = address.rsplit(":", 1)
    seen = []
    for block in range(blocks):
        seen.append(rig.drive("steps", topics.brokers, topics["commands"], topics["events"], topics["scratch.journal"], targets,
                              block * 2 * (rounds + warm_up), rounds, host, port, rig.is_embedded(), warm_up))
    worker.stop()
    sim.stop()
    median = {key: spread([one[key]["p50"] for one in seen])["median"] for key in ("command_ms", "steps_ms", "calls_ms")}
    slow = spread([one["command_ms"]["p90"] for one in seen])["median"]
    return [row("latency: command appended to event readable, over its bare steps", spread([one["ratio"]["p50"] for one in seen]),
                "<= 1.5", f"{median['command_ms']:.2f} ms (p90 {slow:.2f})",
                f"{median['steps_ms']:.2f} + {median['calls_ms']:.2f} ms",
                f"{STEPS} appends read back one after another + list, end, list; {rounds * blocks} commands")]
