"""Which request a task was sent for. The request's id rides in the message's headers, so that all
lines of a worker say whose work it does, and of which wallet, purchase and so on."""

import inspect
from typing import Any

from celery import Task
from celery.signals import before_task_publish, task_postrun, task_prerun
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

# The header of a message, and what a line calls it.
REQUEST = "request_id"
# What tasks are given, by the names of their parameters.
GIVEN = {f"{name}_id": name for name in ("account", "wallet", "purchase", "run", "reversal")}


@before_task_publish.connect
def _send_along(headers: dict[str, Any], **_signal: object) -> None:
    """Also from one task to the next. Beat sends for nobody, so its messages say nothing."""
    if request := get_contextvars().get("request"):
        headers[REQUEST] = request


@task_prerun.connect
def _bind(task: Task, task_id: str, args: tuple, **_signal: object) -> None:
    clear_contextvars()
    parameters = zip(inspect.signature(task.run).parameters, args, strict=False)
    bind_contextvars(
        **{"request": request} if (request := task.request.get(REQUEST)) else {},
        task=task_id,
        task_name=task.name,
        **{GIVEN[name]: str(value) for name, value in parameters if name in GIVEN},
    )


@task_postrun.connect
def _forget(**_signal: object) -> None:
    clear_contextvars()
