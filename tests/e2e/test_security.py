#!/usr/bin/env python3
"""A real Kafka with TLS, passwords (SASL PLAIN) and an authorizer. The worker does its work with exactly the rights that
docs/operations.md lists; each of them taken away in turn is named, with what to grant, and it goes on when it is given back.
So do people and the gateway, each with the rights of its row."""
import contextlib
import subprocess
import sys
import time
import uuid

import bootstrap

bootstrap.enter()

from confluent_kafka.admin import AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, NewTopic, ResourcePatternType, ResourceType

from world import Cases, Worker, World, arguments, by_sessions, expect, kafka_module, wait_for

USER, OPERATOR, PASSWORD, WRONG = "curfew", "operator", "s3cret-of-kafka", "s3cret-of-yesterday"
GROUP = "curfew"
REPLIES = "curfew.replies"
TOPIC, KAFKA_GROUP = ResourceType.TOPIC, ResourceType.GROUP
TIMED_OUT = 6               # exit status
READ, WRITE, DESCRIBE_CONFIGS = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE_CONFIGS
NAMES = {READ: "Read", WRITE: "Write", DESCRIBE_CONFIGS: "DescribeConfigs"}
ALL = ["curfew.commands", "curfew.control", "curfew.journal", "curfew.events", "curfew.dead-letters"]
RIGHTS = [                  # as docs/operations.md lists them
    (TOPIC, "curfew.commands", READ), (TOPIC, "curfew.commands", WRITE), (TOPIC, "curfew.control", READ),
    (TOPIC, "curfew.journal", READ), (TOPIC, "curfew.journal", WRITE), (TOPIC, "curfew.events", WRITE),
    (TOPIC, "curfew.dead-letters", WRITE), (TOPIC, REPLIES, WRITE), (KAFKA_GROUP, GROUP, READ),
    *((TOPIC, topic, DESCRIBE_CONFIGS) for topic in ALL),
]
SEND, HEAR, CONTROL = (TOPIC, "curfew.commands", WRITE), (TOPIC, "curfew.events", READ), (TOPIC, "curfew.control", WRITE)
STATE = [(TOPIC, "curfew.journal", READ), (TOPIC, "curfew.commands", READ), (TOPIC, "curfew.control", READ)]
SECURE = {
    "listeners": "PLAINTEXT://127.0.0.1:{port},SASL_SSL://127.0.0.1:{tls},CONTROLLER://127.0.0.1:{controller}",
    "advertised.listeners": "PLAINTEXT://127.0.0.1:{port},SASL_SSL://127.0.0.1:{tls}",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.sasl_ssl.plain.sasl.jaas.config":
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}" '
        f'user_{OPERATOR}="{PASSWORD}";',
    "ssl.keystore.type": "PEM",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",        # who comes by the plain listener: the test itself, and the broker
}


class SecureWorld(World):
    """What people and tests do goes by the plain listener; the worker and what names its configuration by the other."""

    def __init__(self, options):
        super().__init__(options, clusters=2, sim=["--sessions", "6"], real=True)

    def start_broker(self):
        key, certificate = self.folder / "broker.key", self.folder / "broker.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        pem = self.folder / "broker.pem"
        pem.write_text(key.read_text() + certificate.read_text(), encoding="utf-8")
        pem.chmod(0o600)
        kafka = kafka_module()
        process, self.brokers = kafka.start(self.folder / "kafka", {**SECURE, "ssl.keystore.location": str(pem)})
        self.broker = self.processes.adopt(process)
        listeners = next(line for line in (self.folder / "kafka" / "server.properties").read_text().splitlines()
                         if line.startswith("advertised.listeners="))
        self.secure = listeners.rpartition("SASL_SSL://")[2]
        self.secret = self.folder / "kafka.secret"
        self.secret.write_text(PASSWORD + "\n", encoding="utf-8")
        self.secret.chmod(0o600)
        self.certificate = certificate
        self.admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})

    def config_of(self, name):
        config = super().config_of(name)
        config["kafka"]["brokers"] = [self.secure]
        config["kafka"]["librdkafka"] = {"common": {
            "security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN", "sasl.username": USER,
            "sasl.password_file": str(self.secret), "ssl.ca.location": str(self.certificate)}}
        return config

    def acl(self, right, user, host="*"):
        kind, name, operation = right
        return kind, name, ResourcePatternType.LITERAL, f"User:{user}", host, operation, AclPermissionType.ALLOW

    def grant(self, *rights, user=USER):
        for future in self.admin.create_acls([AclBinding(*self.acl(right, user)) for right in rights]).values():
            future.result()

    def take(self, *rights, user=USER):
        for future in self.admin.delete_acls([AclBindingFilter(*self.acl(right, user)) for right in rights]).values():
            future.result()

    @contextlib.contextmanager
    def operator(self, *rights):
        """Somebody else than the worker, who has these rights and no other until the block is left."""
        def run(*arguments):
            return self.curfew(*arguments, "--config", self.workers["worker-1"].config, "-X", f"sasl.username={OPERATOR}", config=None)
        self.grant(*rights, user=OPERATOR)
        try:
            yield run
        finally:
            self.take(*rights, user=OPERATOR)

    def doctor(self):
        return self.curfew("doctor", "--config", self.workers["worker-1"].config, config=None)


def with_the_listed_rights_all_goes_well(world):
    session = world.login("sim-01")
    command = by_sessions("sim-01", session, reply_topic=REPLIES)
    world.send(command)
    expect(world.end_of(command.id)["outcome"] == "COMMAND_OUTCOME_COMPLETED", "not ended over TLS")
    world.end_of(command.id, topic=REPLIES)
    world.produce(b"\xff\xfe", key="sim-01")
    wait_for("the dead letter", lambda: world.tail("curfew.dead-letters").messages)
    run = world.doctor()
    expect(run.status == 0, f"doctor: {run}")
    run = world.curfew("topics", "check", "--config", world.workers["worker-1"].config, config=None)
    expect(run.status == 0, f"topics check: {run}")


def a_wrong_password_is_told(world):
    world.secret.write_text(WRONG + "\n", encoding="utf-8")
    try:
        run = world.doctor()
    finally:
        world.secret.write_text(PASSWORD + "\n", encoding="utf-8")
    expect(run.status != 0 and "sasl.password" in run.out + run.err, f"doctor does not say what to check: {run}")
    expect(WRONG not in run.out + run.err, "the password is printed")


def an_unknown_certificate_is_told(world):
    run = world.curfew("doctor", "--config", world.workers["worker-1"].config, "-X", "ssl.ca.location=/etc/ssl/certs/ca-certificates.crt",
                       config=None)
    expect(run.status != 0 and "ssl.ca.location" in run.out + run.err, f"doctor does not say what to check: {run}")
    expect("expired" in run.out + run.err and "names the host" in run.out + run.err, f"it may be the certificate itself: {run}")


def each_missing_right_is_named(world):
    worker = world.workers["worker-1"]
    worker.stop()
    wrong = []
    for right in RIGHTS:
        _kind, name, operation = right
        world.take(right)
        found = told(world, worker, right)
        print(f"        without {NAMES[operation]} on {name}: {found or 'NOTHING TOLD'}", flush=True)
        status = worker.process.poll()
        if not found or (status is not None and status < 0):     # to refuse to start is fine, to crash is not
            wrong.append(f"{NAMES[operation]} on {name}")
        world.grant(right)
        if worker.alive():
            worker.kill()
    expect(not wrong, f"not named: {', '.join(wrong)}")
    worker.start()
    world.end_session("sim-02", world.login("sim-02"))


def told(world, worker, right):
    """The line that names the right and the resource, from doctor, from topics check, or from the worker at work."""
    def line_of(text):
        kind, name, operation = right
        return next((line.strip() for line in text.splitlines() if f"{NAMES[operation]} on {'group ' if kind == KAFKA_GROUP else ''}{name}" in line), None)
    size = len(worker.text())
    worker.start(ready=False)
    world.produce(b"\xff\xfe", key="sim-02")                            # a dead letter
    session = world.login("sim-02")
    command = by_sessions("sim-02", session, reply_topic=REPLIES)
    home = world.send(command)[0]
    strayed = by_sessions("sim-02", session)
    world.produce(strayed.SerializeToString(), key=None, partition=(home + 1) % world.partitions, identity=strayed.id)  # a forward
    end = time.monotonic() + 12
    while time.monotonic() < end and not line_of(worker.text()[size:]):
        time.sleep(0.1)
    run = world.doctor()
    return line_of(worker.text()[size:]) or line_of(run.out + run.err)


def a_journal_that_nobody_may_read_is_not_waited_for_without_end(world):
    right = (TOPIC, "curfew.journal", READ)
    world.take(right)
    run = world.curfew("status", "--config", world.workers["worker-1"].config, "--timeout", "3s", config=None)
    restore = world.curfew("restore", "--config", world.workers["worker-1"].config, "--cluster", "sim-01", "--infobase", "ib-01",
                           "--wait", "--timeout", "3s", config=None)
    world.grant(right)
    expect(restore.status == TIMED_OUT and "nothing was sent" in restore.err and "it goes on" not in restore.err, f"restore: {restore}")
    expect(run.status == TIMED_OUT and "Read on curfew.journal" in run.err, f"wanted {TIMED_OUT} and the right: {run}")


class Gateway(Worker):
    command = "gateway"


def the_gateway_has_enough_with_the_rights_of_its_row(world):
    token = world.folder / "ut.token"
    token.write_text("a-token-of-the-gateway\n", encoding="utf-8")
    settings = world.config_of("gateway")
    settings["kafka"]["librdkafka"]["common"]["sasl.username"] = OPERATOR
    gateway = Gateway(world, "gateway", {"kafka": settings["kafka"], "gateway": {
        "listen": "127.0.0.1:0", "tokens": {"ut": {"file": str(token), "clusters": []}}}})
    with world.operator(SEND, HEAR):
        world.workers["gateway"] = gateway
        gateway.start()         # until it is ready
        gateway.stop()
    del world.workers["gateway"]


def each_role_has_enough_with_the_rights_of_its_row(world):
    session = world.login("sim-01")
    with world.operator(SEND, HEAR) as run:
        asked = run("terminate", "--cluster", "sim-01", "--session", session, "--reason", "rights", "--wait")
        expect(asked.status == 0, f"who asks and waits: {asked}")
    with world.operator(CONTROL) as run:
        cancelled = run("cancel", str(uuid.uuid4()), "--reason", "rights")
        expect(cancelled.status == 0, f"who cancels: {cancelled}")
    with world.operator(*STATE) as run:
        shown = run("status")
        expect(shown.status == 0 and "cannot" not in shown.err and "not engaged" in shown.out, f"who looks: {shown}")
    with world.operator(*STATE[:2]) as run:
        shown = run("status", "--timeout", "3s")
        expect(shown.status == 0 and "kill switch is not known" in shown.err and "not known" in shown.out,
               f"who may not read the control topic is told that nothing is engaged: {shown}")
    with world.operator(HEAR) as run:
        watched = run("watch", "--from-beginning", "--until-final")
        expect(watched.status == 0, f"who watches: {watched}")


def a_role_without_its_right_is_told_which(world):
    session = world.login("sim-01")
    with world.operator(HEAR) as run:
        asked = run("terminate", "--cluster", "sim-01", "--session", session, "--reason", "rights", "--timeout", "10s")
        expect(asked.status != 0 and "curfew.commands" in asked.err, f"nothing was allowed: {asked}")


CASES = [with_the_listed_rights_all_goes_well, each_role_has_enough_with_the_rights_of_its_row,
         the_gateway_has_enough_with_the_rights_of_its_row, a_role_without_its_right_is_told_which,
         a_wrong_password_is_told, an_unknown_certificate_is_told, each_missing_right_is_named,
         a_journal_that_nobody_may_read_is_not_waited_for_without_end]


def main():
    options = arguments(__doc__)
    cases = Cases(options)
    with SecureWorld(options) as world:
        world.admin.create_topics([NewTopic(REPLIES, 1, 1)])[REPLIES].result()
        world.grant(*RIGHTS)
        world.start_worker("worker-1")
        cases.run(world, CASES)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
