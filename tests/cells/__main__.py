"""`python -m tests.cells`: two cells on Citus play the money story; 1 when a promise breaks."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.cells.nodes import FIRST, ROLE, SECOND, Nodes
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
        # As it comes about: one database first, then cells, then Citus.
        nodes.manage("migrate", "-v", "0")
        nodes.sql(f"CREATE ROLE {ROLE} LOGIN")
        nodes.manage("grant_application_role")
        nodes.manage("cells", "begin", FIRST)
        os.environ["CELLS"] = "True"
        nodes.manage("cells", "add", SECOND)
        nodes.refuses("This database has no Citus", "cells", "prepare", FIRST)
        nodes.unite()
        refuses_what_is_not_set(nodes)
        for cell in (FIRST, SECOND):
            print(nodes.manage("cells", "prepare", cell), flush=True)
        nodes.manage("grant_application_role")
        print(f"Two cells are distributed after {time.monotonic() - began:.0f} s.", flush=True)
        # Django reads the address of the database when it is loaded.
        from tests.cells.playing import play

        return play(nodes, stripe)


def refuses_what_is_not_set(nodes: Nodes) -> None:
    port, setting = nodes.ports[-1], "citus.enable_unsafe_triggers"
    for value in ("off", "on"):
        nodes.sql(f"ALTER SYSTEM SET {setting} = {value}", port=port)
        nodes.sql("SELECT pg_reload_conf()", port=port)
        if value == "off":
            wrong = f"127.0.0.1:{port} has {setting} = off, and must have on"
            nodes.refuses(wrong, "cells", "prepare", FIRST)


if __name__ == "__main__":
    sys.exit(main())
