"""Addresses that let in whoever has them: what follows `password-reset/`, `invitations/` and
`billing/confirm/` is a key, and stands in no log, also where it is part of a query or of another
address."""

import logging
import re
from typing import Any

_TOKENS = re.compile(
    r"((?:/|%2F)(?:password-reset|invitations|billing(?:/|%2F)(?:confirm|stop))(?:/|%2F))(?!(?:sent|done)\b)[^\s\"'<>&?#,;)]+",
    re.IGNORECASE,
)
# What lets one write into a customer's Slack.
_WEBHOOKS = re.compile(r"(/services/[A-Z0-9]+/[A-Z0-9]+/)[A-Za-z0-9]+")


def without_tokens(text: str) -> str:
    return _WEBHOOKS.sub(r"\1…", _TOKENS.sub(r"\1…", text))


class WithoutTokens(logging.Filter):
    """For handlers: takes tokens out of what a record says, and leaves all others alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        clean = without_tokens(said)
        if clean != said:
            record.msg, record.args = clean, ()
        return True


def event_without_tokens(event: Any, _hint: Any = None) -> Any:
    """What Sentry is sent, with every text in it looked through."""
    if isinstance(event, str):
        return without_tokens(event)
    if isinstance(event, dict):
        return {name: event_without_tokens(value) for name, value in event.items()}
    if isinstance(event, list | tuple):
        return [event_without_tokens(value) for value in event]
    return event
