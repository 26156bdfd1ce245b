"""`python -m tests.cells`: a cell on Citus plays the money story; 1 when a promise breaks."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.cells.distributing import distribute
from tests.cells.nodes import Nodes
from tests.releases.last import ROOT
from thinkrr_billing.sandbox.stripe.process import start

BINARIES = "CITUS_BIN"


def main() -> int:
    binaries = Path(os.environ.get(BINARIES, ""))
    if not (binaries / "postgres").is_file():
        print(f"{BINARIES} names no folder with the programs of a server that has Citus: see")
        print("tests/cells/README.md.")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="thinkrr-cells-stripe-") as folder,
        start(Path(folder) / "state.sqlite3") as stripe,
        Nodes(binaries) as nodes,
    ):
        os.environ |= {
            "DEBUG": "True",
            "DATABASE_URL": nodes.url,
            "STRIPE_API_BASE": stripe.base_url,
            "DJANGO_SETTINGS_MODULE": "thinkrr_billing.settings",
        }
        os.environ.pop("REDIS_URL", None)
        migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
        subprocess.run(migrate, cwd=ROOT, check=True)
        distribute(nodes)
        print(f"A cell is distributed after {time.monotonic() - began:.0f} s.", flush=True)
        # Django reads the address of the database when it is loaded.
        from tests.cells.playing import play

        return play(nodes, stripe)


if __name__ == "__main__":
    sys.exit(main())
