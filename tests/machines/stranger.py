"""Who deploys: has the documents and an archive of the code, chooses passwords, and types."""

import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.machines.document import ROOT
from tests.machines.machine import Machine

ADDRESSES = {"db": "10.0.0.1", "work": "10.0.0.2", "web": "10.0.0.3", "backup": "10.0.0.4"}
RELEASE, NEXT = "0.2.0", "0.2.1"


class Stranger:
    """`took` is each step with its seconds."""

    def __init__(self, folder: Path, base: Path, cgroup: Path) -> None:
        machines = [
            Machine(name, address, folder / name, base, cgroup / name)
            for name, address in ADDRESSES.items()
        ]
        self.db, self.work, self.web, self.backup = machines
        self.passwords = {one: secrets.token_hex(12) for one in ("owner", "app", "redis", "backup")}
        self.took: list[tuple[str, float]] = []
        for machine in machines:
            machine.boot()

    def step(self, what: str, do: Callable[[], object]) -> None:
        began = time.monotonic()
        do()
        self.took.append((what, time.monotonic() - began))
        print(f"{what}: {self.took[-1][1]:.1f} s", flush=True)

    def url(self, role: str) -> str:
        login = f"thinkrr_{role}:{self.passwords[role]}@{self.db.address}:5432"
        return f"postgres://{login}/thinkrr?sslmode=verify-ca&sslrootcert=/etc/billing/db.pem"


def carry_code(machine: Machine, release: str) -> None:
    """Where somebody who logs in stands: root's home."""
    archive = ["git", "archive", "--format=tar.gz", "HEAD"]
    packed = subprocess.run(archive, cwd=ROOT, check=True, capture_output=True).stdout
    machine.put(f"/root/thinkrr-billing-{release}.tar.gz", packed)


def carry_certificate(db: Machine, machine: Machine) -> None:
    certificate = db.root / "etc/ssl/certs/ssl-cert-snakeoil.pem"
    machine.put("/etc/billing/db.pem", certificate.read_bytes())


def ours(command: str) -> str:
    """A command of the application, on a machine that has it."""
    return f"cd /srv/billing && set -a && . /etc/billing/environment && set +a\n.venv/bin/{command}"
