"""`python -m tests.cluster [names]`: plays the trials on a cluster of its own; 1 when a promise
breaks. Needs root and the packages of docs/high-availability.md."""

import os
import shutil
import signal
import subprocess
import sys

from thinkrr_billing.sandbox import locks

PROGRAMS = {
    "patroni": "patroni",
    "patronictl": "patroni",
    "etcd": "etcd-server",
    "haproxy": "haproxy",
    "pgbouncer": "pgbouncer",
    "nginx": "nginx",
    "keepalived": "keepalived",
    "curl": "curl",
    "redis-server": "redis-server",
    "redis-sentinel": "redis-sentinel",
    "psql": "postgresql-client",
    "ip": "iproute2",
    "tc": "iproute2",
    "iptables": "iptables",
    "unshare": "util-linux",
    "openssl": "openssl",
    "cc": "gcc",
}
ADVISED = "3.1.2"
# Its own network, mounts and processes: all of them end with it, however it ends.
ALONE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
INSIDE = "THINKRR_CLUSTER_INSIDE"


def main() -> int:
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0:
        print("make cluster needs root: it makes a network of its own, and removes it.")
        return 2
    if missing := sorted({PROGRAMS[one] for one in PROGRAMS if not shutil.which(one)}):
        print(f"make cluster needs more packages: apt-get install {' '.join(missing)}")
        return 2
    if not os.environ.get(INSIDE):
        version = subprocess.run(["patroni", "--version"], capture_output=True, text=True).stdout
        if ADVISED not in version:
            print(f"{version.strip()}, and not {ADVISED}: docs/high-availability.md says why that")
        return _apart()
    return _as_the_first_process()


def _apart() -> int:
    """The same in namespaces of its own. However this process ends, all in there ends with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    apart = subprocess.Popen(
        [*ALONE, sys.executable, "-m", "tests.cluster", *sys.argv[1:]],
        env=os.environ | {INSIDE: "1"},
        preexec_fn=lambda: locks.die_with_parent(signal.SIGKILL),
    )
    try:
        return apart.wait()
    finally:
        apart.kill()
        apart.wait()


def _as_the_first_process() -> int:
    """Who was started by somebody that died is buried here; a database looks for its old self."""
    driver = os.fork()
    if driver == 0:
        from tests.cluster.play import play

        os._exit(play(sys.argv[1:]))
    while True:
        pid, status = os.wait()
        if pid == driver:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
