"""p99 of healthy clusters while one hangs, over the same without: two workers beside each other at the same time, each
with its own clusters and topics, so that whatever else the machine does meets both. They change roles every round."""
from rig import Failed, row, spread, wait_for
from single import clusters_of

HUNG = "sim-01"


class Side:
    """A worker with its clusters, and commands for all of them in turn."""

    def __init__(self, rig, clusters, total):
        self.rig = rig
        self.sim = rig.sim(clusters, int((total // clusters + 1) * 1.6) + 60)
        self.topics = rig.topics(2)
        self.worker = rig.worker(rig.config(self.topics, clusters_of(self.sim), request="3s"))
        pools = [[(name, session) for session in self.sim.sessions(name)] for name in self.sim.clusters]
        self.targets = rig.targets(pools[i % clusters][i // clusters] for i in range(total))
        self.first = 0

    def begin(self, count, rate):
        process = self.rig.popen("bench_drive", "pace", self.topics.brokers, self.topics["commands"], self.topics["events"],
                                 self.targets, self.first, count, rate, self.rig.is_embedded(), HUNG)
        self.first += count
        return process

    def well(self):
        return self.worker.metric("breaker_state", cluster=HUNG) == 0 and self.worker.metric("open_commands") == 0

    def stop(self):
        self.worker.stop()
        self.sim.stop()


def finish(rig, process):
    seen = rig.answer(process)
    if seen["answered"] != seen["sent"] or seen["failed"]:
        raise Failed(f"healthy clusters did not answer everything: {seen}")
    return seen


def window(rig, sides, hung, count, rate):
    """Both sides at once; `hung` is the one with a hung cluster, or nobody. In the order of `sides`."""
    if hung:
        hung.sim.do(f"fault hang,cluster={HUNG}")
    processes = [side.begin(count, rate) for side in sides]
    seen = [finish(rig, process) for process in processes]
    if hung:
        hung.sim.do("clear")
    return seen


def measure(rig):
    clusters = 5 if rig.small else 50
    rounds = 1 if rig.small else 8
    rate = 50 if rig.small else 100
    count = 50 if rig.small else 1000
    sides = [Side(rig, clusters, (rounds + 1) * count) for _ in range(2)]
    window(rig, sides, None, count, rate)  # warm-up: connections are made
    seen = []
    for number in range(rounds):
        hung = number % 2
        both = window(rig, sides, sides[hung], count, rate)
        seen.append((both[hung], both[1 - hung]))
        if number + 1 < rounds:
            wait_for("the hung cluster is well again", sides[hung].well, pause=0.2)
    for side in sides:
        side.stop()
    note = f"two workers side by side, {clusters} clusters and {rate} commands/s each, {rounds} rounds of {count}"
    return [one(q, seen, note) for q in ("p99", "p90", "p50")]


def one(quantile, seen, note):
    with_it, without = (spread([one[quantile] for one in side])["median"] for side in zip(*seen))
    return row(f"isolation: {quantile} of the healthy clusters, with one hung over without",
               spread([a[quantile] / b[quantile] for a, b in seen]), "<= 1.1" if quantile == "p99" else "",
               f"{with_it:.2f} ms", f"{without:.2f} ms", note)
