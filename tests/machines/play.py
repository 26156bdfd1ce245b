"""Types the documents into empty machines, and does what they ask of a person; timed."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.cluster import plan
from tests.machines.deploying import deploy
from tests.machines.document import ROOT
from tests.machines.machine import GATEWAY, build_network
from tests.machines.restoring import restore
from tests.machines.stranger import Stranger
from tests.machines.upgrading import upgrade


def play(folder: Path, base: Path, cgroup: Path) -> int:
    """Returns how the process is to end: 1 when a document leads nowhere."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    folder.mkdir(parents=True)
    build_network()
    _start_stripe(folder)
    stranger = Stranger(folder, base, cgroup)
    try:
        token = deploy(stranger)
        upgrade(stranger, token)
        restore(stranger, token)
    except (AssertionError, RuntimeError, TimeoutError) as error:
        print(error)
        return 1
    finally:
        (folder / "report.json").write_text(json.dumps(stranger.took, indent=1))
        print(f"in all {sum(took for _, took in stranger.took):.0f} s, load {os.getloadavg()[1]}")
    return 0


def _start_stripe(folder: Path) -> None:
    """The sandbox answers on loopback alone; a door leads the machines to it."""
    door = folder / "door.cfg"
    door.write_text(plan.stripe_door(GATEWAY))
    sandbox = ["-m", "thinkrr_billing.sandbox.stripe", "--port", str(plan.STRIPE_PORT)]
    for command in (
        [sys.executable, *sandbox, "--state", str(folder / "stripe")],
        ["haproxy", "-db", "-f", str(door)],
    ):
        with (folder / "stripe.log").open("a") as log:
            subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
