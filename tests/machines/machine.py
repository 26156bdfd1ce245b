"""An empty machine: Debian with nothing selected, booted by systemd in namespaces of its own,
with an address on a bridge and a way out for packages."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.network import on, run

BRIDGE, GATEWAY, WAY_OUT = "machines", "10.0.0.254", "out"
# slirp4netns' own.
NAMES_ASKED_AT = "10.0.2.3"
BOOT = Path(__file__).with_name("boot.sh")
BOOTS_WITHIN = 60
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Where this machine's own network puts another authority in front of registries.
TRUSTED = "/etc/trusted-by-the-host.pem"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def build_network() -> None:
    """In a namespace of the driver's own; whoever is outside gives it the way out."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{GATEWAY}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    run("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", WAY_OUT, "-j", "MASQUERADE")


@dataclass
class Machine:
    name: str
    address: str
    # In it nothing was yet.
    folder: Path
    base: Path
    cgroup: Path
    init: int = 0

    @property
    def root(self) -> Path:
        return Path(f"/proc/{self.init}/root")

    def boot(self) -> None:
        """TimeoutError when it does not come up."""
        self._connect()
        self.folder.mkdir(parents=True)
        self.cgroup.mkdir()
        apart = ["unshare", "-m", "-p", "-u", "-i", "-C", "--fork", "--kill-child"]
        boot = on(self.name, *apart, "sh", str(BOOT), str(self.base), str(self.folder))
        into = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
        outer = subprocess.Popen(
            ["sh", "-c", into, str(self.cgroup), *boot],
            stdin=subprocess.DEVNULL,
            stdout=(self.folder / "boot.log").open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_for_systemd(outer.pid)
        run(*self._in("hostname", self.name))
        self.put("/etc/resolv.conf", f"nameserver {NAMES_ASKED_AT}\n")
        if Path(AUTHORITIES).exists():
            self.put(TRUSTED, Path(AUTHORITIES).read_text())

    def _connect(self) -> None:
        run("ip", "netns", "add", self.name)
        link = ("ip", "link", "add", f"to-{self.name}", "type", "veth", "peer", "name", "eth0")
        run(*link, "netns", self.name)
        run("ip", "link", "set", f"to-{self.name}", "master", BRIDGE, "up")
        run(*on(self.name, "ip", "link", "set", "lo", "up"))
        run(*on(self.name, "ip", "address", "add", f"{self.address}/24", "dev", "eth0"))
        run(*on(self.name, "ip", "link", "set", "eth0", "up"))
        run(*on(self.name, "ip", "route", "add", "default", "via", GATEWAY))

    def _wait_for_systemd(self, outer: int) -> None:
        deadline = time.monotonic() + BOOTS_WITHIN
        while time.monotonic() < deadline:
            children = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
            if children:
                self.init = int(children[0])
                # "degraded" where there is no console to log in at.
                state = run(*self._in("systemctl", "is-system-running"), check=False)
                if state.strip() in ("running", "degraded"):
                    return
            time.sleep(0.3)
        raise TimeoutError(f"{self.name} does not boot: {self.folder}/boot.log")

    def _in(self, *command: str) -> list[str]:
        clean = ("env", "-i", f"PATH={PATH}")
        return ["nsenter", "--target", str(self.init), "--all", *clean, *command]

    def type(self, *blocks: str, **variables: str) -> str:
        """What root types there, each block in a shell of its own, until something fails; returns
        what was said. RuntimeError with it when something failed."""
        known = {"HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        known |= {"PIP_CERT": TRUSTED, "SSL_CERT_FILE": TRUSTED}
        told = [f"{name}={value}" for name, value in (known | variables).items()]
        return "".join(self._typed(block, told) for block in blocks)

    def _typed(self, block: str, told: list[str]) -> str:
        done = subprocess.run(
            self._in(*told, "bash", "-e", "-c", f"cd\n{block}"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr)[-3000:]
            raise RuntimeError(f"{self.name} ended with {done.returncode}:\n{block}\n{said}")
        return done.stdout

    def read(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def put(self, path: str, content: str | bytes) -> None:
        """A file that somebody carries there, or changes in an editor."""
        file = self.root / path.lstrip("/")
        file.write_bytes(content.encode() if isinstance(content, str) else content)
