"""What bandit finds in the code that production runs. pyproject.toml says what it leaves out."""

import subprocess
import sys
from pathlib import Path

LOOKED_AT = ("accounts", "wallets", "campaigns", "thinkrr_billing", "manage.py", "gunicorn.conf.py")
TEMPLATE = "{relpath}:{line}: {test_id} {msg}"
# Far more than its ten seconds on two slow cores.
SECONDS_MOST = 120


def problems(*, root: Path, looked_at: tuple[str, ...] = LOOKED_AT) -> list[str]:
    """One line for each finding."""
    command = [sys.executable, "-m", "bandit", "-q", "-c", "pyproject.toml", "-r", *looked_at]
    done = subprocess.run(
        [*command, "-f", "custom", "--msg-template", TEMPLATE],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=SECONDS_MOST,
    )
    found = done.stdout.strip().splitlines()
    if done.returncode and not found:
        return [f"bandit failed: {done.stderr.strip()[-500:]}"]
    return found
