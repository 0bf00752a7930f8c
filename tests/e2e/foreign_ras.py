"""A second RAS: the server side of the protocol, written from its description alone.

It shares nothing with the worker and nothing with the simulator: neither tables nor code. What these three disagree about
is decided by the recordings in tests/vectors. It serves whatever the protocol allows a server to do, and any misbehaviour
that a test writes as a rule:

    ras = ForeignRas(Log(path))                a thread of its own; nothing outlives close()
    cluster = ras.add_cluster("prod")
    infobase = cluster.add_infobase("ut")
    session = cluster.login(infobase, "User")
    address = ras.listen()                     host:port; may be called for several addresses
    rule = ras.when("terminate_session", close_unanswered, times=1)

A rule is a coroutine `rule(connection, answer)`; `answer()` carries the request out and returns the packet that says so.
"""
import asyncio
import contextlib
import datetime
import json
import math
import threading
import time
import uuid

from foreign_wire import (CLOSE, CLUSTER, CONNECT, CONNECT_ACK, CONNECTION, DISCONNECT, EXCEPTION, FAILURE, INFOBASE, MESSAGE, OPEN,
                          OPEN_ACK, PROCESS, REQUESTS, SERVICE, SESSION, SUMMARY, TYPED, VOID, Broken, Reader, Refusal, encode,
                          encode_list, nsize, packet, string)

MAGIC = bytes.fromhex("1c53575001000100")
MASKED = "\ufffd"           # what RAS shows instead of a database password, and takes for "unchanged"
PACKET_MAX = 1 << 20
LOCK_FIELDS = ("sessions_deny", "scheduled_jobs_deny", "denied_from", "denied_to", "denied_message", "denied_parameter",
               "permission_code")


# ---- what the clusters hold ----

class Cluster:
    def __init__(self, ras, name, admin, fields_of):
        self.ras, self.admin = ras, admin
        self.record = {"uuid": uuid.uuid4(), "name": name, "host": "srv", "port": 1541, **fields_of}
        self.infobases, self.sessions, self.connections, self.processes = {}, {}, {}, {}
        self.process = self.add(self.processes, host="srv", port=1560, pid="4711", running=1, is_enable=True)

    @property
    def name(self):
        return self.record["name"]

    @property
    def uuid(self):
        return str(self.record["uuid"])

    def add(self, where, **values):
        values = {"uuid": uuid.uuid4(), **values}
        where[values["uuid"]] = values
        return values

    def add_infobase(self, name, accounts=(), **values):
        """`accounts` may read and write it; without any everybody may."""
        return self.add(self.infobases, name=name, accounts=set(accounts), db_pwd=MASKED, dbms="PostgreSQL", db_name=name,
                        locale="ru_RU", license_distribution=1, **values)

    def login(self, infobase, user="Тест", number=None, lingers_s=0, **values):
        """`lingers_s`: how long it stays in the lists after its end was accepted; inf: for ever."""
        with self.ras.lock:
            used = {each["session_id"] for each in self.sessions.values() if each["infobase"] == infobase["uuid"]}
            number = number or next(each for each in range(1, 1 << 31) if each not in used)
            now = datetime.datetime.now(self.ras.zone).replace(tzinfo=None, microsecond=0)
            session = self.add(self.sessions, infobase=infobase["uuid"], session_id=number, user_name=user, lingers_s=lingers_s,
                               **{"app_id": "1CV8C", "host": "ws", "started_at": now - datetime.timedelta(hours=1), "last_active_at": now,
                                  **values})
            self.ras.note("session_started", self, session=str(session["uuid"]), infobase=str(infobase["uuid"]),
                          infobase_name=legible(infobase["name"]), number=number, user=legible(user), wall_ms=wall_ms())
            return session

    def connect(self, infobase, session=None, lingers_s=0, **values):
        return self.add(self.connections, **{"infobase": infobase["uuid"], "process": self.process["uuid"], "conn_id": 7,
                        "application": "1CV8C", "session_number": session["session_id"] if session else 0,
                        "session": session and session["uuid"], "lingers_s": lingers_s, **values})

    def leave(self, session, cause="logout"):
        with self.ras.lock:
            gone = self.sessions.pop(session["uuid"], None)
            if gone:
                self.ras.note("session_ended", self, session=str(session["uuid"]), cause=cause, wall_ms=wall_ms())
                for each in [each for each in self.connections.values() if each.get("session") == session["uuid"]]:
                    self.later(each["lingers_s"], lambda each=each: self.connections.pop(each["uuid"], None))

    def later(self, seconds, what):
        if not seconds:
            what()
        elif seconds != math.inf:
            self.ras.loop.call_soon_threadsafe(self.ras.loop.call_later, seconds, what)

    def find(self, where, identity, error):
        if identity not in where:
            raise Refusal(error, f"{error}: объект с указанным идентификатором не найден")
        return where[identity]

    def of_infobase(self, where, identity):
        self.find(self.infobases, identity, "InfoBaseNotFound")
        return [each for each in where.values() if each["infobase"] == identity]


def legible(text):
    """A text that goes out as it is may be any bytes."""
    return text.decode(errors="backslashreplace") if isinstance(text, bytes) else text or ""


def wall_ms():
    return time.time_ns() // 1_000_000


class Log:
    """What happened in all clusters, one JSON object a line, as checker.py reads it. Several servers may share it."""

    def __init__(self, path):
        self.path, self.file, self.lock = path, open(path, "w", encoding="utf-8"), threading.Lock()

    def write(self, line):
        with self.lock:
            self.file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self.file.flush()


# ---- one connection ----

class Connection:
    def __init__(self, ras, reader, writer):
        self.ras, self.reader, self.writer = ras, reader, writer
        self.version = self.endpoint = None
        self.admin_of, self.accounts = set(), set()     # clusters; (cluster, user, password)
        self.request, self.awaited = None, False        # (name, values) of the last one

    async def send(self, data):
        """In pieces of any size, as TCP may deliver it."""
        if self.awaited and self.reader._buffer:        # there is no other way to look
            self.ras.violations.append(f"something followed {self.request} before its answer")
        self.awaited = False
        step = self.ras.pieces or len(data) or 1
        for at in range(0, len(data), step):
            self.writer.write(data[at:at + step])
            await self.writer.drain()
            if self.ras.pieces:
                await asyncio.sleep(0)

    async def packet(self):
        kind = (await self.reader.readexactly(1))[0]
        length = shift = 0
        while True:
            byte = (await self.reader.readexactly(1))[0]
            length, shift = length | (byte & 0x7F) << shift, shift + 7
            if not byte & 0x80:
                break
        if length > PACKET_MAX:
            raise Broken(f"a packet of {length} bytes")
        return kind, Reader(await self.reader.readexactly(length))

    async def serve(self):
        if await self.reader.readexactly(8) != MAGIC:
            raise Broken("no negotiation")
        kind, body = await self.packet()
        if kind != CONNECT:
            raise Broken(f"packet {kind} before connect")
        for _each in range(body.nsize() or 0):
            body.value("string")
            body.value({1: "bool", 2: "byte", 3: "short", 4: "int", 5: "long", 10: "string"}[body.take(1)[0]])
        body.end()
        await self.do("connect", lambda: packet(CONNECT_ACK, b"\x80"))
        while True:
            kind, body = await self.packet()
            if kind == OPEN:
                await self.open(body)
            elif kind == MESSAGE:
                await self.message(body)
            elif kind == CLOSE:
                if body.nsize() != self.endpoint:
                    raise Broken("closes an endpoint that nobody gave out")
                self.endpoint = None
            elif kind != DISCONNECT:
                raise Broken(f"a packet of type {kind}")

    async def do(self, name, answer):
        rule = self.ras.rule_for(name)
        if rule:
            rule.hits += 1
            await rule.act(self, answer)
        else:
            await self.send(answer())

    async def open(self, body):
        service, version = body.value("string"), body.value("string")
        if body.nsize():
            raise Broken("parameters of an endpoint")
        body.end()
        self.ras.opened.append(version)

        def answer():
            if service != SERVICE or version not in self.ras.versions:
                return self.ras.refuse(version)
            self.version, self.endpoint = int(float(version)), next(self.ras.endpoints)
            self.admin_of, self.accounts = set(), set()
            return packet(OPEN_ACK, string(SERVICE) + string(version) + nsize(self.endpoint) + self.ras.no_params)
        await self.do("open", answer)

    async def message(self, body):
        if body.nsize() != self.endpoint or self.endpoint is None:
            raise Broken("a message to an endpoint that nobody gave out")
        if body.value("short") or body.value("byte") != TYPED:
            raise Broken("format or kind")
        number = body.value("byte")
        if number not in REQUESTS:
            raise Broken(f"message {number}, which is not for this work")
        name, kinds = REQUESTS[number]
        values = [body.value(kind, self.version) for kind in kinds]
        body.end()
        received = wall_ms()
        self.request = name, values
        self.ras.asked.append(name)

        def answer():
            with self.ras.lock:
                try:
                    found = self.carry_out(name, values, received)
                    return self.wrap(VOID if found is None else TYPED, b"" if found is None else bytes([number + 1]) + found)
                except Refusal as refusal:
                    return self.wrap(EXCEPTION, refusal.bytes)
        self.awaited = True
        await self.do(name, answer)

    def wrap(self, kind, rest, endpoint=None):
        return packet(MESSAGE, nsize(endpoint or self.endpoint) + b"\0\0" + bytes([kind]) + rest)

    def carry_out(self, name, values, received):
        if name in ("clusters", "agent_version", "authenticate_agent"):
            return getattr(self, name)(*values)
        if values[0] not in self.ras.clusters:
            raise Refusal("ClusterNotFound", "Кластер с указанным идентификатором не найден")
        cluster = self.ras.clusters[values[0]]
        if name not in ("authenticate", "cluster_info") and cluster.uuid not in self.admin_of:
            self.ras.violations.append(f"{name} without authentication in {cluster.name}")
            raise Refusal("Failure", "Администратор кластера не аутентифицирован")
        self.received = received
        return getattr(self, name)(cluster, *values[1:])

    # -- messages; what they return is the answer's fields, None is void --

    def clusters(self):
        return encode_list(CLUSTER, [each.record for each in self.ras.clusters.values()], self.version)

    def agent_version(self):
        return string("8.3.99.1")

    def authenticate(self, cluster, user, password):
        if cluster.admin and (user or "", password or "") != cluster.admin:
            raise Refusal("Failure", "Ошибка операции администрирования\nАдминистратор кластера не аутентифицирован")
        self.admin_of.add(cluster.uuid)

    def authenticate_infobase(self, cluster, user, password):
        self.accounts.add((cluster.uuid, user or "", password or ""))

    def cluster_info(self, cluster):
        return encode(CLUSTER, cluster.record, self.version)

    def processes(self, cluster):
        return encode_list(PROCESS, list(cluster.processes.values()), self.version)

    def infobases(self, cluster):
        return encode_list(SUMMARY, list(cluster.infobases.values()), self.version)

    def infobase_summary(self, cluster, infobase):
        return encode(SUMMARY, cluster.find(cluster.infobases, infobase, "InfoBaseNotFound"), self.version)

    def may(self, cluster, infobase):
        """Rights in an infobase; what needs them needs message 10 first."""
        if not any(of == cluster.uuid for of, _user, _password in self.accounts):
            self.ras.violations.append(f"{self.request[0]} without infobase credentials")
        allowed = infobase["accounts"]
        if allowed and not any((cluster.uuid, user, password) in self.accounts for user, password in allowed):
            raise Refusal("Rights", f"Недостаточно прав пользователя на информационную базу {infobase['name']}")
        return infobase

    def infobase_info(self, cluster, identity):
        infobase = self.may(cluster, cluster.find(cluster.infobases, identity, "InfoBaseNotFound"))
        return encode(INFOBASE, infobase, self.version)

    def update_infobase(self, cluster, new):
        infobase = self.may(cluster, cluster.find(cluster.infobases, new["uuid"], "InfoBaseNotFound"))
        for name, value in new.items():
            old = infobase.get(name, value)
            if name not in LOCK_FIELDS and (old or None) != (value or None):
                self.ras.violations.append(f"an update changed '{name}' from {old!r} to {value!r}")
        keep = self.ras.fields_not_written
        infobase.update({name: value for name, value in new.items() if name not in keep})
        self.ras.note("update_infobase", cluster, infobase=str(new["uuid"]), denied_parameter=new["denied_parameter"] or "",
                      received_ms=self.received, applied=True)

    def connections(self, cluster):
        return encode_list(CONNECTION, list(cluster.connections.values()), self.version)

    def infobase_connections(self, cluster, infobase):
        return encode_list(CONNECTION, cluster.of_infobase(cluster.connections, infobase), self.version)

    def disconnect(self, cluster, process, connection):
        found = cluster.connections.get(connection)
        if not found or found["process"] != process:
            raise Refusal("ClientNotFound", f"Соединение {connection} не найдено")
        self.may(cluster, cluster.infobases[found["infobase"]])
        del cluster.connections[connection]

    def sessions(self, cluster):
        return encode_list(SESSION, list(cluster.sessions.values()), self.version)

    def infobase_sessions(self, cluster, infobase):
        return encode_list(SESSION, cluster.of_infobase(cluster.sessions, infobase), self.version)

    def session_info(self, cluster, session):
        return encode(SESSION, cluster.find(cluster.sessions, session, "SessionNotFound"), self.version)

    def terminate_session(self, cluster, identity, text):
        session = cluster.sessions.get(identity)
        self.ras.note("terminate", cluster, session=str(identity), user=legible(session["user_name"]) if session else "",
                      received_ms=self.received, wall_ms=wall_ms(), applied=session is not None, message=text)
        session = cluster.find(cluster.sessions, identity, "SessionNotFound")
        cluster.later(session["lingers_s"], lambda: cluster.leave(session, "terminated"))

    def interrupt(self, cluster, session, _text):
        cluster.find(cluster.sessions, session, "SessionNotFound")


# ---- misbehaviour that many tests share ----

class Rule:
    def __init__(self, name, act, times, skip):
        self.name, self.act, self.times, self.skip, self.hits = name, act, times, skip, 0


def refusing(name, text, **more):
    """An exception answer; the request is not carried out."""
    async def act(connection, _answer):
        await connection.send(connection.wrap(EXCEPTION, Refusal(name, text, **more).bytes))
    return act


def bytes_instead(make):
    """Any bytes in place of the answer: make(connection)."""
    async def act(connection, _answer):
        await connection.send(make(connection))
    return act


def before_the_answer(data):
    async def act(connection, answer):
        await connection.send(data + answer())
    return act


def behind_the_answer(make, pause_s=0):
    """More than the answer, in the same segment or later: make(connection)."""
    async def act(connection, answer):
        data, more = answer(), make(connection)
        await connection.send(data if pause_s else data + more)
        if pause_s:
            await asyncio.sleep(pause_s)
            connection.writer.write(more)
    return act


def trickling(count, seconds):
    """The answer in pieces, with a pause after each."""
    async def act(connection, answer):
        data = answer()
        for at in range(0, len(data), count):
            await connection.send(data[at:at + count])
            await asyncio.sleep(seconds)
    return act


async def close_before(connection, _answer):
    connection.writer.close()


async def close_unanswered(connection, answer):
    answer()
    connection.writer.close()


async def close_after(connection, answer):
    await connection.send(answer())
    connection.writer.close()


async def silent(_connection, _answer):
    pass


async def done_and_silent(_connection, answer):
    answer()


# ---- the server ----

class ForeignRas:
    def __init__(self, log, zone=datetime.timezone(datetime.timedelta(hours=3)), endpoints=(70, 5000, 1, 63, 64, 4095, 1 << 30)):
        self.log, self.zone = log, zone
        self.lock = threading.RLock()
        self.clusters, self.rules, self.violations, self.opened, self.asked = {}, [], [], [], []
        self.versions = {f"{each}.0" for each in range(3, 17)}
        self.refuse, self.no_params = self.refuse_with_a_list, b"\x80"
        self.pieces = None
        self.connections_max, self.ignores_the_rest, self.turned_away = None, False, 0    # the rest is cut off, or never answered
        self.fields_not_written = ()
        self.endpoints = (each for _turn in iter(int, 1) for each in endpoints)
        self.servers, self.writers = {}, set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def add_cluster(self, name, admin=None, **values):
        cluster = Cluster(self, name, admin, values)
        self.clusters[cluster.record["uuid"]] = cluster
        return cluster

    def note(self, what, cluster, **values):
        self.log.write({"what": what, "cluster": cluster.uuid, "cluster_name": cluster.name, **values})

    def when(self, name, act, times=math.inf, skip=0):
        rule = Rule(name, act, times, skip)
        self.rules.append(rule)
        return rule

    def rule_for(self, name):
        for rule in self.rules:
            if rule.name in (name, "*") and rule.times > 0:
                if rule.skip:
                    rule.skip -= 1
                    continue
                rule.times -= 1
                return rule
        return None

    def behave(self):
        self.rules, self.pieces, self.fields_not_written = [], None, ()

    def refuse_with_a_list(self, version):
        known = ", ".join(sorted(self.versions, key=float))
        cause = string("v8.service.UnsupportedService") + string(f"service={SERVICE} version={version} supported=[{known}]")
        refusal = Refusal("swp.Endpoint", "Service not started", cause + b"\0\x80").bytes
        return packet(FAILURE, string(SERVICE) + string(version) + nsize(None) + refusal)

    def listen(self, host="127.0.0.1", port=0):
        async def start():
            return await asyncio.start_server(self.accept, host, port, limit=1 << 20)
        server = self.run(start())
        name = server.sockets[0].getsockname()
        address = f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
        self.servers[address] = server
        return address

    def stop(self, address):
        """As when RAS ends: it listens no more, and its connections are cut."""
        async def stop():
            self.servers.pop(address).close()
            for writer in list(self.writers):
                writer.transport.abort()
        self.run(stop())

    async def accept(self, reader, writer):
        connection = Connection(self, reader, writer)
        crowded = self.connections_max is not None and len(self.writers) >= self.connections_max
        if crowded:
            self.turned_away += 1
        else:
            self.writers.add(writer)
        try:
            if not crowded:
                await connection.serve()
            elif self.ignores_the_rest:
                await reader.read()
        except (Broken, KeyError, UnicodeDecodeError) as error:
            self.violations.append(f"{type(error).__name__}: {error}, after {connection.request}")
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    def close(self):
        async def end():
            for server in self.servers.values():
                server.close()
            tasks = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
            for each in tasks:
                each.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)
        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
