"""Brings the whole deployment up, and says whether it is steady."""

import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
from redis import Redis, RedisError

from tests.cluster import network, plan
from tests.cluster.plan import RUN, address
from tests.cluster.processes import Hosts, Service
from tests.cluster.waiting import wait_until

MANAGE = [f"{plan.ROOT}/.venv/bin/python", "manage.py"]
SUPERUSER = " ".join(
    (
        f"host={','.join(map(address, plan.DATABASES))} dbname=thinkrr user=postgres",
        "password=change-me connect_timeout=2 target_session_attrs=read-write",
    )
)


class Cluster:
    """`logs` is a folder that outlives it."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.hosts = Hosts(_services(logs))

    def bring_up(self) -> None:
        _write_files()
        network.build()
        self.hosts.start("etcd", "redis", "sentinel", "stripe", "stripe-door", "receiver")
        wait_until(lambda: _asked(f"{address('vote1')}:2379/health"), "etcd answers")
        self.hosts.service("db1", "patroni").start()
        wait_until(lambda: self.primary() == "db1", "db1 leads")
        self.hosts.service("db2", "patroni").start()
        wait_until(lambda: _asked(f"{address('db2')}:8008/sync"), "db2 is a synchronous standby")
        _make_roles()
        self.hosts.start("haproxy", "pgbouncer")
        self.manage("migrate", "--verbosity", "0")
        self.manage("grant_application_role")
        self.hosts.start("web", "worker", "beat", "nginx", "keepalived")
        wait_until(self.is_steady, "all is up")

    def manage(self, *arguments: str, check: bool = True) -> str:
        """A command of ours on the first web host, as the owner of the tables."""
        return self.python(*MANAGE, *arguments, check=check)

    def python(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            network.on("web1", *command),
            cwd=plan.ROOT,
            env={"PATH": "/usr/bin:/bin"} | plan.environment("thinkrr_owner", "thinkrr_commands"),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}"[-3000:])
        return done.stdout or (done.stderr if done.returncode else "")

    def primary(self) -> str:
        """Which database leads; empty while none does."""
        leads = [one for one in plan.DATABASES if _asked(f"{address(one)}:8008/primary")]
        return leads[0] if len(leads) == 1 else ""

    def standby(self) -> str:
        (other,) = set(plan.DATABASES) - {self.primary()}
        return other

    def redis_primary(self) -> str:
        """Which Redis leads and is followed; empty while that is open."""
        roles = {one: _redis_role(one) for one in plan.REDIS}
        leads = [one for one, role in roles.items() if role == "master with 1"]
        return leads[0] if len(leads) == 1 and "slave" in roles.values() else ""

    def is_steady(self) -> bool:
        """A synchronous standby, a Redis that is followed, and web hosts that can work."""
        return (
            bool(self.primary())
            and _asked(f"{address(self.standby())}:8008/sync")
            and bool(self.redis_primary())
            and all(_asked(f"{address(one)}:8000/readyz") for one in plan.WEB)
            and all(one.is_running for one in self.hosts.services)
        )


def rows(query: str, *given: object) -> list[tuple]:
    """Of the database that leads, by a superuser who passes by pooler and proxy."""
    with psycopg.connect(SUPERUSER) as database:
        return database.execute(query, given).fetchall()


def _asked(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{url}", timeout=3) as answer:
            return answer.status == 200
    except OSError:
        return False


def _redis_role(host: str) -> str:
    try:
        with Redis(address(host), socket_timeout=1, socket_connect_timeout=1) as server:
            told = server.info("replication")
    except RedisError:
        return ""
    if told["role"] == "slave":
        return "slave" if told["master_link_status"] == "up" else ""
    return f"master with {told['connected_slaves']}"


def _make_roles() -> None:
    subprocess.run(
        ["sh", str(plan.DEPLOY / "compose/roles.sh")],
        env={
            "PATH": "/usr/bin:/bin",
            "PGHOST": address("db1"),
            "PGPASSWORD": "change-me",
            "OWNER_PASSWORD": plan.PASSWORD,
            "APP_PASSWORD": plan.PASSWORD,
        },
        check=True,
        capture_output=True,
    )


def _write_files() -> None:
    for host in plan.HOSTS:
        folder = RUN / host
        folder.mkdir(parents=True)
        shutil.chown(folder, "postgres", "postgres")
    for host in plan.DATABASES:
        (RUN / host / "patroni.yml").write_text(plan.patroni(host, RUN / host))
    for host in plan.APPLICATION:
        (RUN / host / "haproxy.cfg").write_text(plan.haproxy(host))
        (RUN / host / "pgbouncer.ini").write_text(plan.pgbouncer(RUN / host))
        (RUN / host / "userlist.txt").write_text(plan.userlist())
    for host in plan.VOTERS:
        (RUN / host / "sentinel.conf").write_text(plan.sentinel(host))
    for host in plan.PROXIES:
        (RUN / host / "nginx.conf").write_text(plan.nginx(RUN / host))
        (RUN / host / "haproxy.cfg").write_text(plan.haproxy_web())
        (RUN / host / "keepalived.conf").write_text(plan.keepalived(host))
    (RUN / "pgpass").write_text("".join(f"*:*:*:{one}:{plan.PASSWORD}\n" for one in plan.ROLES))
    (RUN / "pgpass").chmod(0o600)
    (RUN / "stripe/door.cfg").write_text(plan.stripe_door(address("stripe")))
    source = str(plan.ROOT / "tests/cluster/clock.c")
    network.run("cc", "-O2", "-shared", "-fPIC", "-o", str(plan.CLOCK), source)
    certificate = RUN / "certificate"
    certificate.mkdir()
    network.run(
        # Hosts whose clock is behind look at it, too.
        *("env", f"LD_PRELOAD={plan.CLOCK}", "CLOCK_AHEAD=-86400"),
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3"),
        *("-subj", f"/CN={plan.SITE}"),
        *("-addext", f"subjectAltName=DNS:{plan.SITE},IP:{plan.HOOK}"),
        *("-keyout", f"{certificate}/privkey.pem", "-out", f"{certificate}/fullchain.pem"),
    )


def _services(logs: Path) -> list[Service]:
    found: list[Service] = []

    def add(host: str, name: str, command: list[str], **facts: object) -> None:
        found.append(Service(host, name, command, logs / f"{host}-{name}.log", **facts))

    env = plan.environment()
    for host in plan.DATABASES:
        command = ["patroni", f"{RUN}/{host}/patroni.yml"]
        add(host, "patroni", command, as_postgres=True, env={"HOME": f"{RUN}/{host}"})
    for host in plan.VOTERS:
        add(host, "etcd", plan.etcd(host, RUN / host))
        add(host, "sentinel", ["redis-sentinel", f"{RUN}/{host}/sentinel.conf"])
    for host in plan.REDIS:
        add(host, "redis", plan.redis(host, RUN / host))
    for host in plan.APPLICATION + plan.PROXIES:
        add(host, "haproxy", ["haproxy", "-db", "-f", f"{RUN}/{host}/haproxy.cfg"])
    for host in plan.APPLICATION:
        add(host, "pgbouncer", ["pgbouncer", f"{RUN}/{host}/pgbouncer.ini"], as_postgres=True)
    for host in plan.WEB:
        add(host, "web", plan.unit("billing-web@.service"), port=8000, env=env)
    for host in plan.WORKERS:
        worker = [*plan.unit("billing-worker.service"), "--hostname", f"worker@{host}"]
        add(host, "worker", worker, env=env)
        add(host, "beat", [*plan.unit("billing-beat.service"), "--pidfile", ""], env=env)
    for host in plan.PROXIES:
        add(
            host,
            "nginx",
            ["nginx", "-e", f"{RUN}/{host}/error.log", "-c", f"{RUN}/{host}/nginx.conf"],
        )
        add(host, "keepalived", plan.keepalived_command(RUN / host))
    sandbox = ["-m", "thinkrr_billing.sandbox.stripe", "--port", str(plan.STRIPE_PORT)]
    state = ["--state", f"{RUN}/stripe/state"]
    add("stripe", "stripe", [f"{plan.ROOT}/.venv/bin/python", *sandbox, *state])
    told = f"{RUN}/{plan.TOLD}"
    add("hook", "receiver", [f"{plan.ROOT}/.venv/bin/python", "-m", "tests.cluster.receiver", told])
    add("stripe", "stripe-door", ["haproxy", "-db", "-f", f"{RUN}/stripe/door.cfg"])
    return found
