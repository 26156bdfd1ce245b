"""Addresses that let in whoever has them: what follows `password-reset/`, `invitations/` and
`billing/confirm/` is a key, and stands in no log, also where it is part of a query or of another
address. Neither does what may be the number of a card, wherever somebody typed it."""

import logging
import re
from typing import Any

_TOKENS = re.compile(
    r"((?:/|%2F)(?:password-reset|invitations|billing(?:/|%2F)(?:confirm|stop))(?:/|%2F))(?!(?:sent|done)\b)[^\s\"'<>&?#,;)]+",
    re.IGNORECASE,
)
# What lets one write into a customer's Slack.
_WEBHOOKS = re.compile(r"(/services/[A-Z0-9]+/[A-Z0-9]+/)[A-Za-z0-9]+")
# 13 to 19 digits, as cards have them.
_DIGITS = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w.-])")


def without_tokens(text: str) -> str:
    return _DIGITS.sub(_card, _WEBHOOKS.sub(r"\1…", _TOKENS.sub(r"\1…", text)))


def _card(found: re.Match) -> str:
    """The number, or its end where it passes the check of card numbers (Luhn's)."""
    digits = re.sub(r"\D", "", found[0])
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    total = sum(map(int, digits[-1::-2])) + sum(two - 9 * (two > 9) for two in doubled)
    return found[0] if total % 10 else f"…{digits[-4:]}"


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
