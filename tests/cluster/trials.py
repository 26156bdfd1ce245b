"""Each trial: what is done to a steady cluster under load, and what it must keep."""

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from tests.cluster import network, plan
from tests.cluster.cluster import Cluster
from tests.cluster.judge import Bounds
from tests.releases.last import unpack

KILLED, FROZEN = 8, 15


@dataclass(frozen=True, kw_only=True)
class Trial:
    name: str
    # What was done, as the table says it.
    text: str
    fault: Callable[[Cluster], None]
    # Hosts whose clock is off while it lasts, each by how many seconds.
    clocks: Callable[[Cluster], dict[str, int]] = lambda _: {}
    bounds: Bounds = Bounds(again_within=FROZEN)
    # Seconds until it is mended.
    hold: float = 15


def _switchover(cluster: Cluster) -> None:
    """The script an operator runs; poolers are reached as one can here, and not by ssh."""
    done = subprocess.run(
        ["sh", str(plan.DEPLOY / "switchover.sh"), *plan.APPLICATION],
        env={
            "PATH": os.environ["PATH"],
            "ON": "ip netns exec",
            "PATRONI": f"{plan.RUN}/{cluster.primary()}/patroni.yml",
            "PROXIES": " ".join(plan.PROXIES),
            "PGPASSFILE": str(plan.RUN / "pgpass"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"switchover.sh: {done.stdout}{done.stderr}")


def _release_and_back(cluster: Cluster) -> None:
    """The last release on every host, and this one again. The tables stay: they are made for both
    before the first host has the new code, and after the last one has the old."""
    for code in (unpack(plan.RUN / "release"), plan.ROOT):
        for host in plan.WEB:
            cluster.hosts.put(host, "web", code)
        for host in plan.WORKERS:
            cluster.hosts.put(host, "worker", code)
            cluster.hosts.put(host, "beat", code)


def _beats(cluster: Cluster, number: int) -> None:
    for host in plan.WORKERS:
        cluster.hosts.service(host, "beat").signal(number)


def _half(cluster: Cluster) -> None:
    """The half with both primaries is the smaller one: the client, Stripe and two votes are in the
    other."""
    network.part([cluster.primary(), cluster.redis_primary(), "vote3", "web2", "worker2", "nginx2"])


def _of_a_host(
    name: str, text: str, host: Callable[[Cluster], str], killed: float = FROZEN
) -> list[Trial]:
    """The four things that may happen to one."""
    return [
        Trial(
            name=f"{name}-killed",
            text=f"{text} killed",
            fault=lambda cluster: cluster.hosts.kill(host(cluster)),
            bounds=Bounds(again_within=killed),
        ),
        Trial(
            name=f"{name}-frozen",
            text=f"{text} frozen",
            fault=lambda cluster: cluster.hosts.freeze(host(cluster)),
            hold=20,
        ),
        Trial(
            name=f"{name}-cut-off",
            text=f"{text} cut off",
            fault=lambda cluster: network.cut_off(host(cluster)),
            hold=20,
        ),
        Trial(
            name=f"{name}-slow",
            text=f"{text} on a line of 25 kB a second",
            fault=lambda cluster: network.slow_down(host(cluster)),
            bounds=Bounds(),
        ),
    ]


def _both(*faults: Callable[[Cluster], None]) -> Callable[[Cluster], None]:
    def fault(cluster: Cluster) -> None:
        for one in faults:
            one(cluster)

    return fault


def _stop(*hosts: str) -> Callable[[Cluster], None]:
    return _both(*(lambda cluster, host=host: cluster.hosts.kill(host) for host in hosts))


def _with_clocks(name: str, text: str, seconds: int) -> Trial:
    return Trial(
        name=name,
        text=f"a web host and a worker host killed; the others' clocks {text}",
        clocks=lambda _: {"web2": seconds, "worker2": seconds},
        fault=_stop("web1", "worker1"),
    )


def _primary_dies(cluster: Cluster) -> None:
    cluster.hosts.kill(cluster.primary())


TRIALS = (
    *_of_a_host("primary", "the primary's host", Cluster.primary, killed=KILLED),
    Trial(
        name="switchover",
        text="`deploy/switchover.sh`",
        fault=_switchover,
        bounds=Bounds(again_within=KILLED, refuses_nobody=True),
        hold=3,
    ),
    Trial(
        name="releases",
        text="rolled back to the last release on every host, and deployed again",
        fault=_release_and_back,
        bounds=Bounds(refuses_nobody=True),
        hold=1,
    ),
    *_of_a_host("standby", "the standby's host", Cluster.standby),
    Trial(
        name="pooler-killed",
        text="a web host's pooler killed",
        fault=lambda cluster: cluster.hosts.service("web2", "pgbouncer").signal(signal.SIGKILL),
    ),
    Trial(
        name="pooler-frozen",
        text="a web host's pooler frozen",
        fault=lambda cluster: cluster.hosts.freeze_one("web2", "pgbouncer"),
    ),
    *_of_a_host("redis", "Redis' primary", Cluster.redis_primary),
    *_of_a_host("web", "a web host", lambda _: "web2"),
    *_of_a_host("worker", "a worker host", lambda _: "worker2"),
    *_of_a_host("nginx", "an nginx", lambda _: "nginx2"),
    Trial(
        name="beats-killed",
        text="both beats killed",
        fault=lambda cluster: _beats(cluster, signal.SIGKILL),
    ),
    Trial(
        name="beats-frozen",
        text="both beats frozen for 45 seconds",
        fault=lambda cluster: [cluster.hosts.freeze_one(one, "beat") for one in plan.WORKERS],
        hold=45,
    ),
    Trial(
        name="halves",
        text="the half with both primaries cut off from the rest",
        fault=_half,
        hold=25,
    ),
    Trial(
        name="primary-loses",
        text="every fifth packet to the primary's host lost",
        fault=lambda cluster: network.lose(cluster.primary()),
        bounds=Bounds(),
    ),
    Trial(
        name="primary-loses-some",
        text="every twentieth packet to the primary's host lost",
        fault=lambda cluster: network.lose(cluster.primary(), 0.05),
        bounds=Bounds(),
    ),
    Trial(
        name="standby-stutters",
        text="the standby's host stands still for 0.3 s of each 0.5",
        fault=lambda cluster: cluster.hosts.stutter(cluster.standby()),
        bounds=Bounds(),
    ),
    Trial(
        name="redis-stutters",
        text="Redis' primary stands still for 0.3 s of each 0.5",
        fault=lambda cluster: cluster.hosts.stutter(cluster.redis_primary()),
        bounds=Bounds(),
    ),
    _with_clocks("clocks-ahead", "ten minutes ahead", 600),
    _with_clocks("clocks-behind", "ten minutes behind", -600),
    Trial(
        name="next-primary-ahead",
        text="the primary's host killed; the clock of the next one 45 seconds ahead",
        clocks=lambda cluster: {cluster.standby(): 45},
        fault=_primary_dies,
        bounds=Bounds(again_within=KILLED),
    ),
    Trial(
        name="next-primary-behind",
        text="the primary's host killed; the clock of the next one 45 seconds behind",
        clocks=lambda cluster: {cluster.standby(): -45},
        fault=_primary_dies,
        bounds=Bounds(again_within=KILLED),
    ),
    Trial(
        name="web-and-worker",
        text="a web host and a worker host killed",
        fault=_stop("web2", "worker2"),
    ),
    Trial(
        name="primary-and-redis-frozen",
        text="the primary's host and Redis' primary frozen",
        fault=_both(
            lambda cluster: cluster.hosts.freeze(cluster.primary()),
            lambda cluster: cluster.hosts.freeze(cluster.redis_primary()),
        ),
        hold=20,
    ),
    Trial(
        name="primary-and-redis",
        text="the primary's host and Redis' primary killed",
        fault=_both(_primary_dies, lambda cluster: cluster.hosts.kill(cluster.redis_primary())),
    ),
    Trial(
        name="primary-and-web",
        text="the primary's host and a web host killed",
        fault=_both(_primary_dies, _stop("web2")),
    ),
    Trial(
        name="primary-and-vote",
        text="the primary's host and one with etcd and a Sentinel killed",
        fault=_both(_primary_dies, _stop("vote1")),
    ),
)
