"""`python -m tests.machines`: three empty machines, and docs/deploy.md typed into them as it
stands. Needs root and packages; what it takes from Debian and PyPI it takes anew each time."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import apart
from tests.machines.document import ROOT
from tests.machines.machine import WAY_OUT
from tests.machines.play import play
from tests.machines.stranger import ADDRESSES

PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "slirp4netns": "slirp4netns",
    "haproxy": "haproxy",
    "ip": "iproute2",
    "iptables": "iptables",
    "unshare": "util-linux",
    "openssl": "openssl",
}
INSIDE = "THINKRR_MACHINES_INSIDE"
DATA = ROOT / ".data/machines"
BASE = DATA / "base"


def main() -> int:
    if lacking := apart.lacking(PROGRAMS):
        print(lacking)
        return 2
    if inside := os.environ.get(INSIDE):
        return play(DATA / "played", BASE, Path(inside))
    if not BASE.exists():
        _make_base()
    shutil.rmtree(DATA / "played", ignore_errors=True)
    cgroup = _cgroups() / f"billing-machines-{os.getpid()}"
    cgroup.mkdir()
    try:
        with apart.running("tests.machines", **{INSIDE: str(cgroup)}) as inside, _way_out(inside):
            return inside.wait()
    finally:
        _remove(cgroup)
        for machine in ADDRESSES:
            shutil.rmtree(DATA / "played" / machine, ignore_errors=True)


def _make_base() -> None:
    """Debian as its installer leaves it with nothing selected."""
    unfinished = BASE.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    chosen = ["--variant=important", "--include=systemd-sysv", "bookworm"]
    subprocess.run(["mmdebstrap", *chosen, str(unfinished)], check=True)
    unfinished.rename(BASE)


def _cgroups() -> Path:
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    raise FileNotFoundError("systemd needs a cgroup2 file system, and there is none")


@contextmanager
def _way_out(inside: subprocess.Popen) -> Iterator[None]:
    """For packages, from its network to that of this machine."""
    ours, theirs = (f"/proc/{one}/ns/net" for one in ("self", inside.pid))
    while inside.poll() is None and os.readlink(theirs) == os.readlink(ours):
        time.sleep(0.05)
    out = subprocess.Popen(
        ["slirp4netns", "--configure", "--disable-host-loopback", str(inside.pid), WAY_OUT],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        out.kill()
        out.wait()


def _remove(cgroup: Path) -> None:
    """Its processes have been killed, and are gone in a moment."""
    for folder, _, _ in os.walk(cgroup, topdown=False):
        for _ in range(50):
            try:
                os.rmdir(folder)
                break
            except OSError:
                time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
