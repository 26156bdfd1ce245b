"""The inbox of Stripe's events: record first, apply afterwards.

An event is a hint: applying it reads the object again from Stripe, so duplicates, wrong order
and gaps change nothing. A failing event is retried with growing waits, then given up and shown
to support; it never stops the others.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DataError, transaction
from django.db.models import QuerySet
from structlog.contextvars import bound_contextvars

from accounts import clock
from accounts.cells import place
from accounts.cells.directory import NoCell
from accounts.cells.place import Of
from accounts.runtime.nudges import nudge
from accounts.runtime.queues import Queue
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.cards import keeping
from wallets.charging import purchases
from wallets.charging.cells import cells_of
from wallets.errors import Refused
from wallets.models import Purchase, Reversal, StripeEvent
from wallets.reversals import disputes, refunds
from wallets.stripe import answers, gateway

logger = logging.getLogger(__name__)


class EventRefused(Refused):
    """The request is not an event Stripe sent us lately. Nothing was stored."""

    code = "event_refused"
    status = 400


def record(*, payload: bytes, signature: str) -> StripeEvent:
    """Store a signed event once, and nudge the task that applies it. Repeats change nothing.

    Raises EventRefused for a bad, old or future signature, and for the other mode. Its version of
    the API does not matter: the object is read in ours.
    """
    try:
        event = gateway.verify_event(
            payload=payload,
            signature=signature,
            tolerance_seconds=int(limits.EVENT_TOLERANCE.total_seconds()),
        )
    except gateway.SignedAtAnotherTime as error:
        _tell_clocks_differ(error.seconds)
        raise EventRefused("This is not an event signed by Stripe lately.") from error
    except ValueError as error:
        raise EventRefused("This is not an event signed by Stripe.") from error
    if problem := _problem(event):
        _tell_refused(problem)
        raise EventRefused(problem)
    if not event.get("account") and event["livemode"] != settings.STRIPE_LIVE_MODE:
        _tell_refused(
            "This event belongs to the other mode of Stripe: STRIPE_SECRET_KEY and "
            "STRIPE_WEBHOOK_SECRET must be of one mode."
        )
        raise EventRefused("This event belongs to the other mode of Stripe.")
    try:
        return _store(event["id"][:255], event["type"][:100], event)
    # PostgreSQL has no NUL, no half of a pair, and no number without end.
    except (DataError, ValueError) as error:
        _tell_refused(f"PostgreSQL cannot keep it: {error}")
        raise EventRefused("This event holds what cannot be kept.") from error


def _problem(event: object) -> str:
    """Why what Stripe signed is no event that we can apply, or ""."""
    if not isinstance(event, dict) or event.get("object") != "event":
        return "This is not an event as our endpoint gets them."
    names = (event.get("id"), event.get("type"))
    if not all(isinstance(name, str) and name for name in names):
        return "This event does not say which one it is."
    if not isinstance(event.get("livemode"), bool):
        return "This event does not say of which mode of Stripe it is."
    return ""


def _tell_refused(problem: str) -> None:
    """Stripe repeats it for three days, and it may be one that counts."""
    text = f"An event signed by Stripe was refused. {problem}"[:500]
    _tell_hourly("event_refused", text)


def _tell_clocks_differ(seconds: int) -> None:
    """Only who knows our secret can sign, so our clock is off, or Stripe is slow."""
    _tell_hourly(
        "clocks_differ",
        f"Stripe's events are refused: the last was signed {abs(seconds) // 60} minutes "
        f"{'before' if seconds > 0 else 'after'} our clock's now.",
    )


def _tell_hourly(kind: str, text: str) -> None:
    key = f"{kind.replace('_', '-')}:{clock.now():%Y-%m-%dT%H}"
    alert_staff(kind=kind, text=text, dedupe_key=key)


@transaction.atomic
def _store(event_id: str, kind: str, event: dict[str, Any]) -> StripeEvent:
    """One of a connected account is kept as none of ours: an endpoint of Connect gets those of both
    modes, and Stripe repeats for days what is refused."""
    facts = {"type": kind, "payload": event}
    elsewhere = event.get("account")
    if elsewhere:
        text = f"Of the connected account {elsewhere}."[:500]
        facts |= {"applied_at": clock.now(), "not_ours": True, "error": text}
    row, new = StripeEvent.objects.get_or_create(event_id=event_id, defaults=facts)
    if new and not elsewhere:
        nudge("wallets.apply_event", row.pk)
    return row


def apply(*, event_pk: int) -> bool:
    """Apply one event, unless somebody else is at it. Returns whether it was applied now.

    Call with no transaction open.
    """
    event = _claim(event_pk)
    if event is None:
        return False
    try:
        with bound_contextvars(stripe_event=event.event_id):
            is_ours = _act(event)
    # One poisonous event must not stop the others; the row keeps what went wrong.
    except Exception as error:
        logger.exception("event %s could not be applied", event.event_id)
        _failed(event, error)
        return False
    _done(event, not_ours=is_ours is False)
    return True


def _done(event: StripeEvent, *, not_ours: bool, error: str = "") -> None:
    StripeEvent.objects.filter(pk=event.pk).update(
        applied_at=clock.now(), not_ours=not_ours, error=error
    )


def _claim(event_pk: int) -> StripeEvent | None:
    """Take the next attempt, counted before it is made: it keeps others away until it has failed.

    One whose attempts are used up killed the process in its last one, so nobody heard of it.
    """
    now = clock.now()
    event = StripeEvent.objects.waiting().filter(pk=event_pk).first()
    if event is None or event.next_attempt_at > now:
        return None
    if event.attempts >= limits.EVENT_ATTEMPTS:
        _give_up(event, event.error or "each try killed its worker.")
        return None
    until = now + limits.EVENT_FIRST_WAIT * 2**event.attempts
    taken = (
        StripeEvent.objects.waiting()
        .filter(pk=event_pk, attempts=event.attempts)
        .update(attempts=event.attempts + 1, next_attempt_at=until, look_at=until)
    )
    event.attempts += 1
    return event if taken else None


def _failed(event: StripeEvent, error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"[:500]
    if _is_of_others(event, error):
        _done(event, not_ours=True, error=text)
    elif isinstance(error, answers.Misconfigured):
        # No fault of this event: it waits until somebody has mended the key, and support knows.
        attempts = min(event.attempts, limits.EVENT_ATTEMPTS - 1)
        StripeEvent.objects.filter(pk=event.pk).update(error=text, attempts=attempts)
    elif event.attempts >= limits.EVENT_ATTEMPTS:
        _give_up(event, text)
    else:
        StripeEvent.objects.filter(pk=event.pk).update(error=text)


def _is_of_others(event: StripeEvent, error: Exception) -> bool:
    """Whether Stripe has said often enough that it knows no such object, and we know none."""
    if not isinstance(error, answers.Impossible) or error.code != "resource_missing":
        return False
    if event.attempts < limits.EVENT_ATTEMPTS_OF_OTHERS:
        return False
    found = _object_of(event)
    return not any(_knows(cell, found.get("id")) for cell in cells_of(found))


def _knows(cell: str, stripe_id: str | None) -> bool:
    with place.inside(cell):
        return (
            Purchase.objects.filter(payment_intent=stripe_id).exists()
            or Reversal.objects.filter(stripe_id=stripe_id).exists()
        )


@transaction.atomic
def _give_up(event: StripeEvent, why: str) -> None:
    given_up = StripeEvent.objects.waiting().filter(pk=event.pk)
    if given_up.update(error=why, given_up_at=clock.now()):
        alert_staff(
            kind="event_given_up",
            text=f"Event {event.event_id} ({event.type}) could not be applied: {why}",
            data={"event": event.pk},
        )


def apply_again(*, event_pk: int) -> None:
    """Give an event its attempts anew, from now. Raises Refused when it was applied."""
    given = StripeEvent.objects.filter(pk=event_pk, applied_at=None)
    now = clock.now()
    if not given.update(attempts=0, next_attempt_at=now, look_at=now, given_up_at=None, error=""):
        raise Refused("This event was applied already.")
    nudge("wallets.apply_event", event_pk)


def _appliable(now: datetime) -> QuerySet:
    return StripeEvent.objects.waiting().filter(next_attempt_at__lte=now)


WAITING = Queue(kind="event", rows=_appliable, since="received_at", of=Of.EVERYBODY)


def _act(event: StripeEvent) -> bool | None:
    """Do what the event means. False when it is about money that is none of ours."""
    for prefix, act in _ACTIONS:
        if event.type.startswith(prefix):
            return _act_somewhere(act, _object_of(event))
    return None


def _act_somewhere(
    act: Callable[[dict[str, Any]], bool | None], found: dict[str, Any]
) -> bool | None:
    is_ours = None
    cells = cells_of(found)
    # What moves meanwhile may have come to one that was asked before it.
    for cell in [*cells, *cells[:-1]]:
        with place.inside(cell):
            is_ours = act(found)
        if is_ours:
            return True
    if cells_of(found) != cells:
        raise NoCell("its account has moved to another cell meanwhile")
    return is_ours


def _object_of(event: StripeEvent) -> dict[str, Any]:
    return (event.payload.get("data") or {}).get("object") or {}


def _intent_changed(found: dict[str, Any]) -> bool:
    purchase = purchases.settle(payment_intent=found["id"])
    if purchase and purchase.state == Purchase.State.DECLINED:
        # The backup card's turn, if it has one: nobody else may be driving it.
        purchases.drive(purchase_id=purchase.pk)
    return purchase is not None


def _refund_changed(found: dict[str, Any]) -> bool:
    return refunds.settle_refund(refund_id=found["id"]) is not None or _is_of_ours(found)


def _dispute_changed(found: dict[str, Any]) -> bool:
    return disputes.apply_dispute(dispute_id=found["id"]) is not None or _is_of_ours(found)


def _is_of_ours(found: dict[str, Any]) -> bool:
    """Nothing of ours moved, but it is of one of our purchases: an inquiry, or a failed refund."""
    return Purchase.objects.filter(payment_intent=found.get("payment_intent") or "").exists()


def _about_cards(act: Callable[[dict[str, Any]], bool]) -> Callable[[dict[str, Any]], bool | None]:
    """What is of nobody here may have been ours: a card that we took away ourselves."""
    return lambda found: act(found) or None


# No two fit one event. Others are kept in the inbox and mean nothing to us.
_ACTIONS: tuple[tuple[str, Callable[[dict[str, Any]], bool | None]], ...] = (
    ("payment_intent.", _intent_changed),
    ("refund.", _refund_changed),
    ("charge.refund.updated", _refund_changed),
    ("charge.dispute.", _dispute_changed),
    ("setup_intent.succeeded", _about_cards(keeping.card_saved)),
    ("checkout.session.completed", _about_cards(keeping.card_saved)),
    ("payment_method.detached", _about_cards(keeping.card_changed)),
    ("payment_method.automatically_updated", _about_cards(keeping.card_changed)),
    ("payment_method.updated", _about_cards(keeping.card_changed)),
    ("customer.deleted", _about_cards(keeping.customer_deleted)),
)
