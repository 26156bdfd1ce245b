"""Trials that need root, in a network, mounts and processes of their own: all of them end with it,
however it ends."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from thinkrr_billing.sandbox import locks

ALONE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def lacking(programs: dict[str, str]) -> str:
    """Why it cannot be played here; empty when it can. `programs` names each one's package."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0:
        return "This needs root: it makes a network of its own, and removes it."
    missing = sorted({programs[one] for one in programs if not shutil.which(one)})
    return f"This needs more packages: apt-get install {' '.join(missing)}" if missing else ""


@contextmanager
def running(module: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen]:
    """The module as a program apart from the machine."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    apart = subprocess.Popen(
        [*ALONE, sys.executable, "-m", module, *arguments],
        env=os.environ | environment,
        preexec_fn=lambda: locks.die_with_parent(signal.SIGKILL),
    )
    try:
        yield apart
    finally:
        apart.kill()
        apart.wait()
