"""Who stands where, and the files each host reads: those of deploy/, with addresses put in."""

from pathlib import Path

from thinkrr_billing import stripe_env

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# In a tmpfs of the trial's own: it goes with the last process.
RUN = Path("/run/cluster")
CLOCK = RUN / "clock.so"

NETWORK = "10.77.0.0/24"
DRIVER = "10.77.0.1"
DATABASES = ("db1", "db2")
VOTERS = ("vote1", "vote2", "vote3")
REDIS = ("redis1", "redis2")
WEB = ("web1", "web2")
WORKERS = ("worker1", "worker2")
PROXIES = ("nginx1", "nginx2")
# Where PgBouncer and HAProxy stand beside the application.
APPLICATION = WEB + WORKERS
HOSTS = (*DATABASES, *VOTERS, *REDIS, *WEB, *WORKERS, *PROXIES, "stripe", "client", "hook")

# Where clients go: an address for each nginx, which the other takes over.
DOORS = ("10.77.0.101", "10.77.0.102")
# A customer's server: webhooks go to nobody in a private network.
HOOK = "11.0.0.1"
TOLD = "hook/told.jsonl"

SITE = "billing.example.com"
STRIPE_PORT = 12111
PASSWORD = "-".join(["only", "for", "the", "trial"])
ROLES = ("thinkrr_owner", "thinkrr_app", "pooler_admin")


def address(host: str) -> str:
    return f"10.77.0.{11 + HOSTS.index(host)}"


def with_all(text: str, *changes: tuple[str, str]) -> str:
    """The text with each put in the place of what it names. AssertionError where that is gone:
    a change that changes nothing would prove another file than the one in deploy/."""
    for there, here in changes:
        assert there in text, f"deploy/ has no {there!r} any more"
        text = text.replace(there, here)
    return text


def _deployed(name: str) -> str:
    return (DEPLOY / name).read_text()


def haproxy(host: str) -> str:
    """Beside each pooler."""
    servers = [
        (f"server {name} {local}:5432", f"server {name} {address(name)}:5432")
        for name, local in zip(DATABASES, ("127.0.0.1", "127.0.0.2"), strict=True)
    ]
    asked = ("bind 127.0.0.1:8101", f"bind {address(host)}:8101")
    return with_all(_deployed("haproxy.cfg"), *servers, asked)


def haproxy_web() -> str:
    """Beside each nginx."""
    servers = [
        (f"server {name} {local}:8000", f"server {name} {address(name)}:8000")
        for name, local in zip(WEB, ("127.0.0.1", "127.0.0.2"), strict=True)
    ]
    return with_all(_deployed("haproxy-web.cfg"), *servers)


def pgbouncer(folder: Path) -> str:
    # All hosts of the trial share one file system.
    no_socket = ("[pgbouncer]\n", "[pgbouncer]\nunix_socket_dir =\n")
    users = ("/etc/pgbouncer/userlist.txt", f"{folder}/userlist.txt")
    return with_all(_deployed("pgbouncer.ini"), no_socket, users)


def userlist() -> str:
    return "".join(f'"{role}" "{PASSWORD}"\n' for role in ROLES)


def patroni(host: str, folder: Path) -> str:
    votes = ", ".join(f"{address(one)}:2379" for one in VOTERS)
    return with_all(
        _deployed("patroni.yml"),
        ("name: db1", f"name: {host}"),
        ("[127.0.0.1:2379, 127.0.0.2:2379, 127.0.0.3:2379]", f"[{votes}]"),
        ("127.0.0.1:8008", f"{address(host)}:8008"),
        ("127.0.0.1:5432", f"{address(host)}:5432"),
        ("127.0.0.0/8", NETWORK),
        ("/var/lib/postgresql/15/billing", f"{folder}/data"),
        ("/var/lib/postgresql/.pgpass", f"{folder}/pgpass"),
        # Two servers, one file system.
        (
            "  authentication:",
            f"  parameters: {{unix_socket_directories: {folder}}}\n  authentication:",
        ),
    )


def etcd(host: str, folder: Path) -> list[str]:
    """Its command: Debian's package reads the same names from its environment."""
    here = address(host)
    members = ",".join(f"{one}=http://{address(one)}:2380" for one in VOTERS)
    return [
        *("etcd", "--name", host, "--data-dir", f"{folder}/etcd"),
        *("--listen-peer-urls", f"http://{here}:2380"),
        *("--initial-advertise-peer-urls", f"http://{here}:2380"),
        *("--listen-client-urls", f"http://{here}:2379"),
        *("--advertise-client-urls", f"http://{here}:2379"),
        *("--initial-cluster", members, "--initial-cluster-state", "new"),
    ]


def redis(host: str, folder: Path) -> list[str]:
    first, second = REDIS
    follows = ["--replicaof", address(first), "6379"] if host == second else []
    listens = ["--bind", address(host), "127.0.0.1", "--protected-mode", "no"]
    return ["redis-server", *listens, "--save", "", "--dir", str(folder), *follows]


def sentinel(host: str) -> str:
    return with_all(
        _deployed("redis-sentinel.conf"),
        ("bind 127.0.0.1", f"bind {address(host)}"),
        ("billing 127.0.0.1 6379", f"billing {address(REDIS[0])} 6379"),
    )


def nginx(folder: Path) -> str:
    site = with_all(
        _deployed("nginx/hosts-checked.conf") + _deployed("nginx/billing.conf"),
        ("listen [::]:80;", ""),
        ("listen [::]:443 ssl http2;", ""),
        ("/etc/ssl/billing/", f"{RUN}/certificate/"),
        ("/var/log/nginx/", f"{folder}/"),
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    return (
        f"daemon off;\npid {folder}/nginx.pid;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\n{temporary}{site}\n}}\n"
    )


def keepalived(host: str) -> str:
    """Beside each nginx."""
    (other,) = set(PROXIES) - {host}
    text = with_all(
        _deployed("keepalived.conf"),
        ("unicast_src_ip 127.0.0.1\n", f"unicast_src_ip {address(host)}\n"),
        ("        127.0.0.2\n", f"        {address(other)}\n"),
        *((there, here) for there, here in zip(("127.0.0.101", "127.0.0.102"), DOORS, strict=True)),
    )
    if host == PROXIES[0]:
        return text
    first, second = ("priority 101", "priority 100")
    return with_all(text, (first, "priority"), (second, first), ("priority\n", f"{second}\n"))


def keepalived_command(folder: Path) -> list[str]:
    files = ["-f", f"{folder}/keepalived.conf", "-p", f"{folder}/keepalived.pid"]
    return ["keepalived", "-n", "-l", "-P", *files, "-r", f"{folder}/vrrp.pid"]


def stripe_door(at: str) -> str:
    """The sandbox answers on loopback alone, to its own name."""
    return (
        "defaults\n  mode http\n  timeout connect 2s\n  timeout client 1m\n  timeout server 1m\n"
        f"listen stripe\n  bind {at}:{STRIPE_PORT}\n"
        f"  http-request set-header Host 127.0.0.1:{STRIPE_PORT}\n"
        f"  server sandbox 127.0.0.1:{STRIPE_PORT}\n"
    )


def unit(name: str) -> list[str]:
    """What a unit of deploy/systemd starts, from this checkout."""
    (line,) = [
        line.removeprefix("ExecStart=")
        for line in _deployed(f"systemd/{name}").splitlines()
        if line.startswith("ExecStart=")
    ]
    folder, at, command = line.partition("/.venv/bin/")
    assert folder.startswith("/srv/billing"), f"{name} starts {line!r}"
    assert at, f"{name} starts {line!r}"
    return f"{ROOT}/.venv/bin/{command}".split()


def database_url(role: str, database: str = "thinkrr") -> str:
    return f"postgres://{role}:{PASSWORD}@127.0.0.1:6432/{database}?pool_mode=transaction"


def redis_url() -> str:
    return f"sentinel://{','.join(f'{address(one)}:26379' for one in VOTERS)}/0?master=billing"


def environment(role: str = "thinkrr_app", database: str = "thinkrr") -> dict[str, str]:
    """What a process of ours is told on any application host."""
    return {
        "DEBUG": "False",
        "SECRET_KEY": "".join(f"{number}of-this-trial" for number in range(8)),
        "ALLOWED_HOSTS": SITE,
        "DATABASE_URL": database_url(role, database),
        "REDIS_URL": redis_url(),
        "EMAIL_URL": "console:",
        "STRIPE_SECRET_KEY": stripe_env.SANDBOX_KEY,
        "STRIPE_WEBHOOK_SECRET": stripe_env.SANDBOX_WEBHOOK_SECRET,
        "STRIPE_API_BASE": f"http://{address('stripe')}:{STRIPE_PORT}",
        "SSL_CERT_FILE": f"{RUN}/certificate/fullchain.pem",
    }
