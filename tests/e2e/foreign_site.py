"""What the scripts against a RAS that the program's authors never saw share: a server and a cluster for each case, all
cases beside each other on one worker and the embedded broker. The server: foreign_ras.py."""
import concurrent.futures

import foreign_ras as foreign
from world import Cases, World, arguments, expect, wait_for

AT_ONCE = 16
VERIFY_S, REQUEST_S, CONNECT_S, END_S = 4, 2, 1, 60
CASES = []      # of the script that runs; a process runs one
ALONE = set()   # names of them


def case(more=None, ras=None, each=None, alone=False):
    """A case with a cluster of its own, called as the case; `more` is configuration, `ras` prepares the server. With `each`
    there is one for every name of it, which is handed over. One that needs the whole machine is run `alone`, after all others."""
    def take(function):
        for name in each or [None]:
            named = function.__name__ if name is None else f"{function.__name__}: {name}"
            run = function if name is None else lambda site, name=name: function(site, each[name])
            CASES.append((named, run, more or {}, ras))
            ALONE.update([named] if alone else [])
        return function
    return take


class Site:
    """The server of one case, and what people ask of its cluster."""

    def __init__(self, world, name, more):
        self.world, self.name, self.more = world, name, more
        self.ras = foreign.ForeignRas(world.log)
        self.cluster = self.ras.add_cluster(name)
        self.infobase = self.cluster.add_infobase("ut")
        self.addresses = [self.ras.listen()]
        self.when = self.ras.when

    def login(self, user="Тест", **more):
        return self.cluster.login(self.infobase, user, **more)

    def terminate(self, *selected):
        named = [part for each in selected for part in (("--session", each["uuid"]) if isinstance(each, dict) else (each,))]
        return self.world.curfew("terminate", "--cluster", self.name, *named, "--wait", "--json")

    def verdicts(self, *selected):
        run = self.terminate(*selected)
        expect(run.out, f"no answer: {run}")
        return [target["outcome"] for target in run.json.get("targets", [])], run

    def there(self, session):
        return session["uuid"] in self.cluster.sessions

    def ends(self, *selected):
        """Everybody who was selected is ended, and told so."""
        found, run = self.verdicts(*selected)
        expect(found and set(found) == {"ended"} and run.status == 0, f"wanted ended: {run}")
        return run

    def sessions(self, *more):
        return self.world.curfew("sessions", "--cluster", self.name, "--json", "--timeout", "10s", *more, "--config",
                                 self.world.worker.config)


class Foreign:
    """In the place of the simulator: all sites."""

    def __init__(self, world):
        self.sites = {}
        for name, _function, more, prepare in CASES:
            site = self.sites[name] = Site(world, name, more)
            if prepare:
                prepare(site)
        self.log = world.log.path
        self.clusters = {name: {"uuid": site.cluster.uuid} for name, site in self.sites.items()}

    def violations(self):
        return [f"{name}: {each}" for name, site in self.sites.items() for each in site.ras.violations]


class ForeignWorld(World):
    def start_clusters(self):
        self.log = foreign.Log(self.folder / "clusters.log")
        return Foreign(self)

    def cluster_config(self, cluster):
        site = self.sim.sites[cluster]
        return {"name": cluster, "addresses": site.addresses, "cluster": site.cluster.uuid, "time_zone": "Europe/Moscow",
                "limits": {"per_minute": 100000}, "timeouts": {"connect": f"{CONNECT_S}s", "request": f"{REQUEST_S}s"}, **site.more}

    def __exit__(self, *why):
        super().__exit__(*why)
        for site in self.sim.sites.values():
            site.ras.close()


def drain(site, *more, infobase="ut"):
    return site.world.curfew("drain", "--cluster", site.name, "--infobase", infobase, "--json", "--timeout", "40s", *more)


def after_the_end(site, act):
    """Another list, once an end was asked for."""
    async def choose(connection, answer):
        if "terminate_session" in site.ras.asked:
            await act(connection, answer)
        else:
            await connection.send(answer())
    return site.when("sessions", choose)


def play(description, first=(), policy=None):
    """All cases of the script, `first` before there is a world; the exit status. `policy` is the worker's."""
    options = arguments(description)
    cases = Cases(options)
    for function in first:
        cases.one(function.__name__, function)
    settings = {"timeouts": {"verify": f"{VERIFY_S}s", "release": f"{VERIFY_S}s"}, "policy": policy or {}}
    with ForeignWorld(options, settings=settings) as world:
        world.worker = world.start_worker("worker-1")
        wanted = [(name, site) for name, site in world.sim.sites.items()
                  if not options.only or any(word in name for word in options.only)]
        functions = {name: function for name, function, _more, _ras in CASES}
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda each: cases.one(each[0], functions[each[0]], each[1]),
                          [each for each in wanted if each[0] not in ALONE]))
        for name, site in wanted:
            if name in ALONE:
                cases.one(name, functions[name], site)
        cases.one("every_command_has_its_end", wait_for, "no command is open", lambda: world.worker.metric("curfew_open_commands") == 0, END_S)
        cases.one("the_checker_is_content", world.check)
        world.failed = world.failed or bool(cases.failed)
    return cases.end()
