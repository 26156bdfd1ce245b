"""A network namespace for each host, all on one bridge, and what may be done to their links."""

import ctypes
import socket
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from tests.cluster.plan import DRIVER, HOOK, HOSTS, address

CLONE_NEWNET = 0x40000000
BRIDGE = "hosts"
# A bridge for those who are parted from the others.
APART = "apart"


def run(*command: str, check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


def on(host: str, *command: str) -> list[str]:
    """The command that runs this one on the host."""
    return ["ip", "netns", "exec", host, *command]


def build() -> None:
    """In a namespace of the driver's own: the machine's network never sees any of it."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{DRIVER}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    run("ip", "link", "add", APART, "type", "bridge")
    run("ip", "link", "set", APART, "up")
    for host in HOSTS:
        run("ip", "netns", "add", host)
        link = ("ip", "link", "add", f"to-{host}", "type", "veth", "peer", "name", "eth0")
        run(*link, "netns", host)
        run("ip", "link", "set", f"to-{host}", "master", BRIDGE, "up")
        run(*on(host, "ip", "link", "set", "lo", "up"))
        run(*on(host, "ip", "address", "add", f"{address(host)}/24", "dev", "eth0"))
        run(*on(host, "ip", "link", "set", "eth0", "up"))
        here = ("address", "add", f"{HOOK}/32") if host == "hook" else ("route", "add", HOOK)
        run(*on(host, "ip", *here, "dev", "eth0"))


def processes(host: str) -> list[int]:
    return [int(one) for one in run("ip", "netns", "pids", host).split()]


def listening(host: str, port: int) -> socket.socket:
    """A socket of the host's that is open for whoever takes from it, as systemd keeps one."""

    def made() -> socket.socket:
        # Of this thread alone.
        with open(f"/run/netns/{host}") as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter the network of {host}")
        return socket.create_server((address(host), port), backlog=1024)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(made).result()


def cut_off(host: str) -> None:
    """Nothing comes or goes, and nobody is told."""
    run("ip", "link", "set", f"to-{host}", "down")


def slow_down(host: str) -> None:
    """Both ways 25 kB a second: the kernel here may have no netem."""
    shape = ("root", "tbf", "rate", "200kbit", "burst", "4kb", "latency", "2s")
    run("tc", "qdisc", "add", "dev", f"to-{host}", *shape)
    run(*on(host, "tc", "qdisc", "add", "dev", "eth0", *shape))


def lose(host: str, share: float = 0.2) -> None:
    """That part of the packets it is sent."""
    lost = ("-m", "statistic", "--mode", "random", "--probability", str(share))
    run(*on(host, "iptables", "-A", "INPUT", "-i", "eth0", *lost, "-j", "DROP"))


def part(some: Iterable[str]) -> None:
    """These hosts hear each other, and nobody else hears anything of them."""
    for host in some:
        run("ip", "link", "set", f"to-{host}", "master", APART)


def mend() -> None:
    """Every link as it was."""
    for host in HOSTS:
        run("ip", "link", "set", f"to-{host}", "master", BRIDGE, "up")
        run("tc", "qdisc", "del", "dev", f"to-{host}", "root", check=False)
        run(*on(host, "tc", "qdisc", "del", "dev", "eth0", "root"), check=False)
        run(*on(host, "iptables", "-F"))
