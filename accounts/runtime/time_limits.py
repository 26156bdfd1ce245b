"""The moment at which work has to end.

Of a worker's task: whoever goes on to the next row lets it through. Celery raises it anywhere in
the task, as an ordinary exception; swallowed, the task is killed half a minute later, and nobody is
told what it was doing.
"""

from contextvars import ContextVar

from billiard.exceptions import SoftTimeLimitExceeded as TimeIsUp

__all__ = ["TimeIsUp", "ends"]

# Until when (monotonic) somebody waits for what is done here; a connection that is silent then is
# given up (thinkrr_billing/postgresql/silence.py).
ends: ContextVar[float | None] = ContextVar("ends", default=None)
