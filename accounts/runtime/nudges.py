"""How the middle starts a task without importing a door.

A nudge is only a hint: every task has a sweep that finds the same work from rows, so a broker
that is down or slow costs a minute and never a page."""

import logging
from collections.abc import Sequence
from functools import partial

from celery import current_app
from django.db import transaction

from accounts.runtime import crash_points, silent_redis
from accounts.runtime.messages import useful_for
from accounts.runtime.time_limits import TimeIsUp

logger = logging.getLogger(__name__)

# Within an hour a sweep has found the same work. It also ends a message that takes whole workers
# down: a broker gives it to the next one each ten minutes.
LIFETIME_SECONDS = 3600


def nudge(task_name: str, *args: object) -> None:
    """Send a task's message by name once the transaction has committed.

    Raises nothing but TimeIsUp, when it is the task's own end that comes just now.
    """
    transaction.on_commit(partial(_send, task_name, args))


def nudge_each(task_name: str, keys: Sequence[object]) -> None:
    """The same for each of these keys: however many there are, the commit's caller sends one
    message, and whoever takes it sends the others."""
    if len(keys) > 1:
        nudge("accounts.nudge_each", task_name, list(keys))
    elif keys:
        nudge(task_name, *keys)


def _send(task_name: str, args: tuple[object, ...]) -> None:
    crash_points.reach("after_commit_before_publish")
    try:
        headers = useful_for(LIFETIME_SECONDS)
        with silent_redis.asked():
            current_app.send_task(task_name, args=args, headers=headers)
    except TimeIsUp:
        raise
    # Whatever a broker's client raises, the row is written and the sweep will find it.
    except Exception as error:
        logger.warning("nudge lost task=%s args=%s error=%s", task_name, args, type(error).__name__)
