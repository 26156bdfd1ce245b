"""`python -m tests.machines`: three empty machines, and docs/deploy.md typed into them as it
stands. Needs root and packages; what it takes from Debian and PyPI it takes anew each time."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.machines.document import ROOT
from tests.machines.play import play
from tests.machines.stranger import ADDRESSES
from thinkrr_billing.sandbox import locks

PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "slirp4netns": "slirp4netns",
    "haproxy": "haproxy",
    "ip": "iproute2",
    "iptables": "iptables",
    "unshare": "util-linux",
    "openssl": "openssl",
}
ALONE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
INSIDE = "THINKRR_MACHINES_INSIDE"
DATA = ROOT / ".data/machines"
BASE = DATA / "base"


def main() -> int:
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.environ.get(INSIDE):
        return play(DATA / "played", BASE, Path(os.environ[INSIDE]))
    if os.geteuid() != 0:
        print("make machines needs root: it makes machines of its own, and removes them.")
        return 2
    if missing := sorted({PROGRAMS[one] for one in PROGRAMS if not shutil.which(one)}):
        print(f"make machines needs more packages: apt-get install {' '.join(missing)}")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if not BASE.exists():
        _make_base()
    shutil.rmtree(DATA / "played", ignore_errors=True)
    cgroup = _cgroups() / f"billing-machines-{os.getpid()}"
    cgroup.mkdir()
    try:
        return _apart(cgroup)
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


def _apart(cgroup: Path) -> int:
    """The same in namespaces of its own, with a way out. However this ends, all in there ends."""
    apart = subprocess.Popen(
        [*ALONE, sys.executable, "-m", "tests.machines"],
        env=os.environ | {INSIDE: str(cgroup)},
        preexec_fn=lambda: locks.die_with_parent(signal.SIGKILL),
    )
    ours = os.readlink("/proc/self/ns/net")
    theirs = f"/proc/{apart.pid}/ns/net"
    while apart.poll() is None and os.readlink(theirs) == ours:
        time.sleep(0.05)
    out = subprocess.Popen(
        ["slirp4netns", "--configure", "--disable-host-loopback", str(apart.pid), "out"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return apart.wait()
    finally:
        for one in (apart, out):
            one.kill()
            one.wait()


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
