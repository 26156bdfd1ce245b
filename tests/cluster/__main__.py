"""`python -m tests.cluster [names]`: plays the trials on a cluster of its own; 1 when a promise
breaks. Needs root and the packages of docs/high-availability.md."""

import os
import subprocess
import sys

from tests import apart

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
INSIDE = "THINKRR_CLUSTER_INSIDE"


def main() -> int:
    if lacking := apart.lacking(PROGRAMS):
        print(lacking)
        return 2
    if os.environ.get(INSIDE):
        return _as_the_first_process()
    version = subprocess.run(["patroni", "--version"], capture_output=True, text=True).stdout
    if ADVISED not in version:
        print(f"{version.strip()}, and not {ADVISED}: docs/high-availability.md says why that")
    with apart.running("tests.cluster", *sys.argv[1:], **{INSIDE: "1"}) as inside:
        return inside.wait()


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
