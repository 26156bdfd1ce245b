"""Stopping all automatic charges, and starting them again: after a restore, or when in doubt.

Nothing is claimed or confirmed meanwhile by Auto-Recharge, allocations and their retries; people
still pay by hand. What is due stays due, and happens once they go on.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import transaction

from accounts import clock
from accounts.models import User
from wallets.errors import InvalidAmount, Refused
from wallets.models import ChargeSwitch

logger = logging.getLogger(__name__)

# What was answered inside `asked_once`; None outside.
_answers: ContextVar[list[bool] | None] = ContextVar("answers", default=None)


def stopped() -> ChargeSwitch | None:
    """The row that says since when and why they are stopped; None while they go on."""
    return ChargeSwitch.objects.filter(stopped=True).select_related("changed_by").first()


def are_stopped() -> bool:
    answers = _answers.get()
    if answers is None:
        return _are_stopped()
    if not answers:
        answers.append(_are_stopped())
    return answers[0]


@contextmanager
def asked_once() -> Iterator[None]:
    """Let a page that asks several times say the same throughout. For reading only: who charges
    asks anew."""
    token = _answers.set([])
    try:
        yield
    finally:
        _answers.reset(token)


def _are_stopped() -> bool:
    return ChargeSwitch.objects.filter(stopped=True).exists()


def stop(*, reason: str, actor: User | None) -> None:
    """From the commit on nothing is charged by itself. Raises Refused when that is so already."""
    _turn(stopped=True, reason=reason, actor=actor)


def start(*, reason: str, actor: User | None) -> None:
    """The sweeps find within a minute what is due. Raises Refused when they go on already."""
    _turn(stopped=False, reason=reason, actor=actor)


@transaction.atomic
def _turn(*, stopped: bool, reason: str, actor: User | None) -> None:
    reason = " ".join(reason.split())
    if not 1 <= len(reason) <= 200:
        text = "Say why, in 1 to 200 characters."
        raise InvalidAmount(text, fields={"reason": text})
    ChargeSwitch.objects.get_or_create(pk=ChargeSwitch.THE_ROW, defaults={"reason": "new"})
    switch = ChargeSwitch.objects.select_for_update().get()
    if switch.stopped == stopped:
        raise Refused(f"Automatic charges are {switch} already: {switch.reason}")
    switch.stopped, switch.reason, switch.changed_by = stopped, reason, actor
    switch.changed_at = clock.now()
    switch.save()
    logger.warning("automatic charges are %s by=%s", switch, actor and actor.pk)
