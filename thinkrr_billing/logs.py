"""How a line of the log looks: when, what, and who asked. One record is one line, or begins one
and is indented: nothing that somebody sent can look like a record of its own."""

import logging
import logging.config
import re
import sys
import time
from typing import Any

FORMAT = "%(asctime)s %(levelname)-7s %(name)s %(message)s"
# UTC, and it says so.
WHEN = "%Y-%m-%dT%H:%M:%SZ"
# Line ends of every kind, what moves a terminal's cursor, and what turns the order of letters.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_CONTROL_OF_TRACES = re.compile(_CONTROL.pattern.replace(r"\x0a-", r"\x0b-"))
_LINE_END = "\n  "
AUDIT = "accounts.audit.requests"
# By the value of LOG_FORMAT.
FORMATTERS = {"text": "thinkrr_billing.logs.Line", "json": "thinkrr_billing.json_logs.JsonLine"}


def set_up(loglevel: int | str, **_celery: object) -> None:
    """What `celery.signals.setup_logging` asks for: lines of worker and beat like all others."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
    logging.getLogger().setLevel(loglevel)


class Line(logging.Formatter):
    converter = time.gmtime

    def __init__(self) -> None:
        super().__init__(FORMAT, WHEN)

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _CONTROL.sub(_escaped, super().formatMessage(record)) + _asked_by(record)

    def formatException(self, ei: Any) -> str:
        return _trace(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        return _trace(stack_info)


def _escaped(match: re.Match) -> str:
    return match[0].encode("unicode_escape").decode()


def _trace(text: str) -> str:
    """The line ends of a traceback stay, and each of its lines is indented."""
    return "  " + _CONTROL_OF_TRACES.sub(_escaped, text).replace("\n", _LINE_END)


def _asked_by(record: logging.LogRecord) -> str:
    said = " ".join(f"{name}={value}" for name, value in ids(record).items())
    return f" [{_CONTROL.sub(_escaped, said)}]" if said else ""


def ids(record: logging.LogRecord) -> dict[str, Any]:
    """What a record is about, by ids: nobody's name or address of mail is in the log.

    The request and who asked it, the task, the purchase and what else is bound where the record
    was made, and Stripe's name of what it was asked.
    """
    if AUDIT not in sys.modules:
        # Logging is set up before there are apps, and beat has none: nobody asks anything.
        return {}
    from django.http import HttpRequest
    from structlog.contextvars import get_contextvars

    from accounts.audit.requests import current_request
    from accounts.runtime.addresses import client_ip

    found = dict(sorted(get_contextvars().items()))
    request = getattr(record, "request", None) or current_request()
    if isinstance(request, HttpRequest):
        asked = {
            "request": getattr(request, "id", ""),
            "user": _pk(request.__dict__.get("user")),
            "account": _pk(request.__dict__.get("account")),
            "ip": client_ip(request),
        }
        found |= {name: value for name, value in asked.items() if value}
    if stripe_request := getattr(record, "stripe_request", None):
        found["stripe_request"] = stripe_request
    return found


def _pk(who: Any) -> str:
    """Never asks the database: a record may be about the database being away."""
    wrapped = getattr(who, "_wrapped", who)
    return str(getattr(wrapped, "pk", None) or "")
