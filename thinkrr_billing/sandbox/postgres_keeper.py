"""Runs the embedded PostgreSQL until nobody uses it. Started by sandbox.postgres."""

import sys
from pathlib import Path

from thinkrr_billing.sandbox import postgres

if __name__ == "__main__":
    sys.exit(postgres.keep(Path(sys.argv[1])))
