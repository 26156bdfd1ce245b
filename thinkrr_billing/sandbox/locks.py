"""Locks on folders, which the kernel lets go of when a process dies, however it dies, and which
leave no file behind."""

import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PR_SET_PDEATHSIG = 1
# Found before any fork: between fork and exec nothing may be loaded.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def hold(folder: Path, *, exclusive: bool, wait: bool) -> int | None:
    """The descriptor that holds the lock until it is closed; None when somebody else has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, mode if wait else mode | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    descriptor = hold(folder, exclusive=True, wait=True)
    try:
        yield
    finally:
        os.close(descriptor)


def die_with_parent(signum: int = signal.SIGTERM) -> None:
    """For a child process: get `signum` when the parent dies. Linux only; elsewhere nothing."""
    if _prctl:
        _prctl(PR_SET_PDEATHSIG, signum)
