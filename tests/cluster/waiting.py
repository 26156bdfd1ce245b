"""Waits for what comes true in time."""

import time
from collections.abc import Callable

STEADY_WITHIN = 90
LOOKS_EVERY = 0.2


def wait_until(condition: Callable[[], object], what: str, seconds: float = STEADY_WITHIN) -> None:
    """TimeoutError with the sentence when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(LOOKS_EVERY)
