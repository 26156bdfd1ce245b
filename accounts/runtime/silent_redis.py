"""Redis for what may be left out: where it let somebody wait, nobody else waits just then.

A host that is frozen or cut off answers nobody until the Sentinels have named another. A request
that counts, looks something up and nudges a worker would wait for each, one time-out after another.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from accounts.runtime.pauses import Pause

# Seconds: whoever fails after so long has waited for an answer; a server that is down says so.
WAITED = 1.0
pause = Pause(3.0)


class Silent(Exception):
    """It was not asked."""


@contextmanager
def asked() -> Iterator[None]:
    """Ask Redis in this block. Raises Silent instead where it has let this process wait in vain
    within the last seconds; raises on whatever the block does."""
    if not pause.lets_through():
        raise Silent
    began = time.monotonic()
    try:
        yield
    except Exception:
        if time.monotonic() - began >= WAITED:
            pause.hold()
        raise
    pause.release()
