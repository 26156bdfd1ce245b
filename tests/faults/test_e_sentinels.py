"""Redis under Sentinels: the primary dies or freezes, and broker and cache follow to the next."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery
from django.core.cache.backends.redis import RedisCache

from tests.faults.harness import Part, free_port
from thinkrr_billing import redis_servers

pytestmark = [pytest.mark.faults, pytest.mark.redis]

MASTER = "billing"
# Sentinels notice after one second here, agree, and turn the replica into the primary.
FOLLOWS_WITHIN = 20


class Server(Part):
    """A Redis, or with `sentinel` who watches one: its settings are its first argument."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name, folder / name)
        self.port = free_port()

    def start(self, *settings: str, sentinel: bool = False) -> None:
        file = self.folder / "redis.conf"
        file.write_text(
            "\n".join((f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}", *settings))
        )
        self.launch("redis-server", file, *(["--sentinel"] if sentinel else []))
        self.wait_for(self.answers, "answers")

    def answers(self) -> bool:
        try:
            return redis.Redis(port=self.port, socket_timeout=2).ping()
        except redis.RedisError:
            return False


class Watched:
    """Two Redis and three Sentinels, which have seen each other."""

    def __init__(self, folder: Path) -> None:
        self.primary, self.replica = Server("r1", folder), Server("r2", folder)
        self.sentinels = [Server(f"s{number}", folder) for number in range(3)]
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self.sentinels)
        self.url = f"sentinel://{hosts}/0?master={MASTER}"

    def start(self) -> None:
        self.primary.start('save ""')
        self.replica.start('save ""', f"replicaof 127.0.0.1 {self.primary.port}")
        for one in self.sentinels:
            one.start(
                f"sentinel monitor {MASTER} 127.0.0.1 {self.primary.port} 2",
                f"sentinel down-after-milliseconds {MASTER} 1000",
                f"sentinel failover-timeout {MASTER} 3000",
                sentinel=True,
            )
        for one in self.sentinels:
            one.wait_for(lambda one=one: self._knows_all(one), "knows the others")

    def _knows_all(self, sentinel: Server) -> bool:
        master = redis.Redis(port=sentinel.port).sentinel_master(MASTER)
        return (master["num-other-sentinels"], master["num-slaves"]) == (2, 1)

    def stop(self) -> None:
        for one in (*self.sentinels, self.primary, self.replica):
            one.kill()


@pytest.fixture
def watched(tmp_path) -> Iterator[Watched]:
    servers = Watched(tmp_path)
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


@pytest.fixture
def cache(watched) -> RedisCache:
    options = {"socket_timeout": 1, "socket_connect_timeout": 1}
    options |= redis_servers.cache_options(watched.url)
    return RedisCache([watched.url], {"OPTIONS": options})


@pytest.fixture
def broker(watched) -> Celery:
    address, options = redis_servers.broker(watched.url)
    app = Celery("sentinels", broker=address, set_as_current=False)
    app.conf.broker_transport_options = options | {
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
    }
    return app


def until_it_works(act):
    """How long its users were without it, in seconds."""
    begun = time.monotonic()
    while True:
        try:
            act()
        except Exception:
            assert time.monotonic() - begun < FOLLOWS_WITHIN
            time.sleep(0.2)
        else:
            return time.monotonic() - begun


@pytest.mark.parametrize("end", ["kill", "freeze"])
def test_cache_and_broker_follow_to_the_next_primary(watched, cache, broker, end):
    cache.set("before", 1)
    broker.send_task("before", queue="tried", retry=False)

    getattr(watched.primary, end)()
    until_it_works(lambda: cache.set("after", 2))
    until_it_works(lambda: broker.send_task("after", queue="tried", retry=False))

    now = redis.Redis(port=watched.replica.port)
    assert now.role()[0] in ("master", b"master")
    assert cache.get("after") == 2
    assert now.llen("tried") >= 1


def test_a_primary_that_comes_back_as_a_replica_is_not_written_to(watched, cache):
    cache.set("before", 1)
    watched.primary.freeze()
    until_it_works(lambda: cache.set("after", 2))
    watched.primary.thaw()
    old = redis.Redis(port=watched.primary.port)
    watched.replica.wait_for(lambda: old.role()[0] in ("slave", b"slave"), "the old one follows")

    until_it_works(lambda: cache.set("later", 3))

    watched.replica.wait_for(lambda: old.get(cache.make_key("later")), "it has it from the new one")
    assert cache.get("later") == 3
