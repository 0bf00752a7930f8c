"""p99 of healthy clusters while one hangs, over the same without."""
from rig import Failed, row, spread, wait_for
from single import clusters_of

HUNG = "sim-01"


def window(rig, topics, targets, first, count, rate):
    seen = rig.drive("pace", topics.brokers, topics["commands"], topics["events"], targets, first, count, rate,
                     rig.is_embedded(), HUNG)
    if seen["answered"] != seen["sent"] or seen["failed"]:
        raise Failed(f"healthy clusters did not answer everything: {seen}")
    return seen


def recovered(worker):
    return worker.metric("breaker_state", cluster=HUNG) == 0 and worker.metric("open_commands") == 0


def measure(rig):
    clusters = 5 if rig.small else 50
    pairs = 1 if rig.small else 6
    rate = 50 if rig.small else 200
    count = 100 if rig.small else 1200
    each = (2 * pairs + 1) * count // clusters + 1
    sim = rig.sim(clusters, int(each * 1.6) + 60)
    topics = rig.topics(2)
    worker = rig.worker(rig.config(topics, clusters_of(sim), request="3s"))
    pools = [[(name, session) for session in sim.sessions(name)] for name in sim.clusters]
    targets = rig.targets(pools[i % clusters][i // clusters] for i in range((2 * pairs + 1) * count))
    window(rig, topics, targets, 0, count, rate)  # warm-up: connections are made
    seen = []
    for pair in range(pairs):
        order = ("without", "with") if pair % 2 == 0 else ("with", "without")
        one = {}
        for place, kind in enumerate(order):
            if kind == "with":
                sim.do(f"fault hang,cluster={HUNG}")
            one[kind] = window(rig, topics, targets, (2 * pair + place + 1) * count, count, rate)
            sim.do("clear")
            if not (rig.small and place):
                wait_for("the hung cluster is well again", lambda: recovered(worker), pause=0.2)
        seen.append(one)
    worker.stop()
    sim.stop()
    note = f"{clusters} clusters, {rate} commands/s, {pairs} pairs of {count} commands"
    medians = {kind: {q: spread([one[kind][q] for one in seen])["median"] for q in ("p50", "p99")} for kind in ("with", "without")}
    return [row(f"isolation: {q} of the healthy clusters, with one hung over without",
                spread([one["with"][q] / one["without"][q] for one in seen]), "<= 1.1" if q == "p99" else "",
                f"{medians['with'][q]:.2f} ms", f"{medians['without'][q]:.2f} ms", note) for q in ("p99", "p50")]
