"""REDIS_URL as Celery and Django's cache want it: one server, or whichever Sentinels name."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

SENTINEL, SENTINEL_PORT = "sentinel", 26_379


@dataclass(frozen=True, kw_only=True)
class Sentinels:
    """Who knows which server is the primary, and by which name they know it."""

    servers: tuple[tuple[str, int], ...]
    master: str
    database: int
    password: str | None
    sentinel_password: str | None


def sentinels(url: str) -> Sentinels | None:
    """What sentinel://:password@host:port,host:port/0?master=name says; None for other addresses.

    Raises ValueError for one that cannot be read.
    """
    scheme, _, rest = url.partition("://")
    if scheme != SENTINEL:
        return None
    who, _, hosts = rest.partition("/")[0].rpartition("@")
    servers = [urlsplit(f"//{host}") for host in hosts.split(",")]
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    master = options.pop("master", "")
    sentinel_password = options.pop("sentinel_password", None)
    if not master or options or not all(server.hostname for server in servers):
        raise ValueError("it does not name its servers and master")
    return Sentinels(
        servers=tuple((server.hostname, server.port or SENTINEL_PORT) for server in servers),
        master=master,
        database=int(parts.path.removeprefix("/") or 0),
        password=unquote(who.partition(":")[2]) or None,
        sentinel_password=sentinel_password,
    )


def broker(url: str) -> tuple[str, dict[str, Any]]:
    """The address and the options of Celery's broker."""
    found = sentinels(url)
    if found is None:
        return url, {}
    who = f":{quote(found.password, safe='')}@" if found.password else ""
    addresses = [f"sentinel://{who}{host}:{port}/{found.database}" for host, port in found.servers]
    options: dict[str, Any] = {"master_name": found.master}
    if found.sentinel_password:
        options["sentinel_kwargs"] = {"password": found.sentinel_password}
    return ";".join(addresses), options


def cache_options(url: str) -> dict[str, Any]:
    """What Django's cache is told beside the address."""
    pool = "thinkrr_billing.redis_primary.PrimaryPool"
    return {"pool_class": pool} if sentinels(url) else {}
