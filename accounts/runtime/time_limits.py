"""The moment at which a worker's task has to end: whoever goes on to the next row lets it through.

Celery raises it anywhere in the task, as an ordinary exception; swallowed, the task is killed
half a minute later, and nobody is told what it was doing.
"""

from billiard.exceptions import SoftTimeLimitExceeded as TimeIsUp

__all__ = ["TimeIsUp"]
