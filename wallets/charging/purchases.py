"""The only state machine that takes money: decide -> charge -> settle.

Deciding belongs to each purpose (`recharges`, `allocations`). Charging talks to Stripe with no
transaction open. `settle` is the one way in for every answer: ours, an event's or the sweep's;
`outcomes` says what it means, and `rows` writes it down. Whoever is first wins; the others change
nothing.
"""

import logging
import time
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import clock
from accounts.cells import directory
from accounts.runtime import crash_points
from accounts.runtime.queues import SWEEP_SECONDS, Queue, awake
from accounts.runtime.time_limits import TimeIsUp
from wallets import limits
from wallets.cards import keeping, payment_methods
from wallets.charging import declines, facts, outcomes, rows
from wallets.models import Purchase
from wallets.stripe import answers, gateway

logger = logging.getLogger(__name__)

State = Purchase.State


def drive(*, purchase_id: UUID) -> Purchase:
    """Bring a purchase as far as Stripe lets it. Safe to repeat, and to run twice at once.

    Call with no transaction open. An unknown outcome leaves the purchase open for the sweep; one
    in quarantine waits for support. Of one that was declined and is tried with the backup card
    the answer is that card's purchase. Raises NoCell when its account has moved to another cell
    meanwhile, where the sweep goes on with it.
    """
    said = Purchase.objects.select_related("payer", "wallet", "allocation_run")
    with directory.still_here():
        purchase = _drive(said.get(pk=purchase_id))
        backup = None
        if purchase.state == State.DECLINED:
            backup = purchase.backups.first()
        return _drive(backup) if backup else purchase


def _drive(purchase: Purchase) -> Purchase:
    if not purchase.quarantined_at:
        with rows.in_log(purchase):
            _bring_on(purchase)
        purchase.refresh_from_db()
    return purchase


def _bring_on(purchase: Purchase) -> None:
    purchase_id = purchase.pk
    try:
        if purchase.state == State.CREATED:
            _create(purchase)
        elif purchase.is_open:
            _ask_again(purchase)
    except answers.Unknown:
        logger.info("purchase %s has no definite answer yet", purchase_id)
    except answers.Misconfigured as error:
        rows.alert("stripe_refuses_our_key", f"Stripe refuses our key: {error}", {})
    except answers.KeyConflict as error:
        rows.quarantine(purchase_id, f"Idempotency key reused: {error}")
    # It makes no sense here, so it says nothing: the sweep asks again.
    except answers.GatewayError:
        logger.exception("purchase %s got an answer that makes no sense", purchase_id)


def _create(purchase: Purchase) -> None:
    """Create the intent, unless the purchase is too old: then make sure that none is left."""
    if rows.is_stale(purchase):
        _abandon(purchase)
        return
    try:
        intent = gateway.create_intent(
            key=f"{purchase.pk}:create",
            amount=purchase.amount_cents,
            customer=purchase.payer.stripe_customer,
            payment_method=purchase.payment_method,
            metadata=facts.of(purchase),
            description=f"thinkrr {purchase.get_purpose_display()}",
        )
    except answers.Impossible as error:
        code = code_of_refusal(purchase, error)
        rows.close_without_intent(purchase.pk, State.DECLINED, code=code)
        return
    except answers.Declined as error:
        code = error.code or declines.UNEXPLAINED
        rows.close_without_intent(purchase.pk, State.DECLINED, code=code)
        return
    except answers.Unexecuted:
        raise
    except answers.KeyConflict:
        # Code of another version may have made it, saying less or more of it: reading decides.
        intent = _made_before(purchase)
        if intent is None or intent.amount != purchase.amount_cents:
            raise
    except answers.Unknown:
        # It may have been made, and Stripe repeats a 500 under its key for a day: once the answer
        # has had its time, reading decides.
        is_young = clock.now() - purchase.created_at < limits.SWEEP_AFTER
        if is_young or (intent := _made_before(purchase)) is None:
            raise
    crash_points.reach("after_intent_create")
    number = rows.submit(purchase.pk, intent.id)
    crash_points.reach("after_intent_commit")
    if number is None:
        settle(payment_intent=intent.id)
    elif number:
        _confirm(purchase, intent.id, number)
    else:
        _cancel_and_settle(purchase, intent.id)


def code_of_refusal(purchase: Purchase, error: answers.Impossible) -> str:
    """The code to keep. Support hears of what only support can help with."""
    code = _why_impossible(purchase, error)
    kept = declines.of_refusal(code) or declines.UNEXPLAINED
    if kept == declines.REQUEST_REFUSED:
        text = f"Stripe does not accept purchase {purchase.pk}: {error} ({code})"
        rows.alert("payment_not_accepted", text, {"id": str(purchase.pk)})
    return kept


def _why_impossible(purchase: Purchase, error: answers.Impossible) -> str:
    """Stripe's code; the card or customer is looked up, because it may be gone without an event.

    Of a card that is not its customer's any more Stripe names no code at all.
    """
    try:
        if error.customer_is_gone:
            keeping.customer_deleted({"id": purchase.payer.stripe_customer})
        else:
            keeping.card_changed({"id": purchase.payment_method})
    except answers.GatewayError:
        return error.code
    card = payment_methods.card(account=purchase.payer, card_id=purchase.payment_method)
    return error.code or ("resource_missing" if card is None else "")


def _abandon(purchase: Purchase) -> None:
    """Close a purchase that never left `created`: its intent, if any, was never confirmed."""
    intent = _made_before(purchase)
    if intent is None:
        rows.close_without_intent(purchase.pk, State.CANCELED)
    else:
        _cancel_and_settle(purchase, intent.id)


def at_stripe(purchase: Purchase) -> answers.Intent | None:
    """The purchase's intent as Stripe has it now, or None when Stripe has none.

    Raises GatewayError without a definite answer.
    """
    if purchase.payment_intent:
        return gateway.retrieve_intent(intent_id=purchase.payment_intent)
    return _made_before(purchase)


def _made_before(purchase: Purchase) -> answers.Intent | None:
    """The purchase's intent at Stripe, when its id never reached us."""
    since = purchase.created_at - limits.EVENT_TOLERANCE
    for customer in purchase.payer.customers:
        found = gateway.find_intent(customer=customer, purchase_id=str(purchase.pk), since=since)
        if found:
            return found
    return None


def _confirm(purchase: Purchase, intent_id: str, number: int) -> None:
    """By the number counted under the lock: what is counted since is somebody else's."""
    crash_points.reach("before_confirm")
    try:
        gateway.confirm_intent(key=f"{purchase.pk}:confirm:{number}", intent_id=intent_id)
    except (answers.Declined, answers.StateChanged, answers.Impossible) as error:
        # The intent says what happened. An impossible one says nothing, so the code is kept.
        if isinstance(error, answers.Impossible):
            rows.keep_code(purchase.pk, code_of_refusal(purchase, error))
            _cancel(intent_id)
    crash_points.reach("after_confirm")
    settle(payment_intent=intent_id)


def _cancel_and_settle(purchase: Purchase, intent_id: str) -> None:
    rows.give_up(purchase.pk)
    try:
        _cancel(intent_id)
    except answers.Impossible:
        # Stripe will not: whoever ends it now, it was not we. Without an answer it may have been.
        rows.keep(purchase.pk)
        raise
    settle(payment_intent=intent_id)


def _cancel(intent_id: str) -> None:
    try:
        gateway.cancel_intent(intent_id=intent_id)
    except answers.StateChanged:
        pass  # It was paid or canceled meanwhile; reading it tells which.


def _ask_again(purchase: Purchase) -> None:
    """Read the intent; confirm again only when Stripe says that nothing was confirmed."""
    intent = gateway.retrieve_intent(intent_id=purchase.payment_intent)
    if intent.status == "requires_confirmation":
        if agrees(purchase.pk, intent):
            _confirm_again(purchase)
    else:
        settle(payment_intent=purchase.payment_intent)
    purchase.refresh_from_db()
    if purchase.state != State.REQUIRES_ACTION:
        return
    link_ends = purchase.submitted_at + limits.BANK_LINK_LIFETIME
    if clock.now() > link_ends or rows.is_in_the_way(purchase.pk):
        _cancel_and_settle(purchase, purchase.payment_intent)


def agrees(purchase_id: UUID, intent: answers.Intent) -> bool:
    """Whether an intent that may be confirmed is what we asked for; else it is in quarantine."""
    outcomes.record(purchase_id, intent)
    return Purchase.objects.get(pk=purchase_id).quarantined_at is None


def _confirm_again(purchase: Purchase) -> None:
    number = rows.confirm_again(purchase.pk, after=purchase.attempts)
    if number is None:
        settle(payment_intent=purchase.payment_intent)
    elif number:
        _confirm(purchase, purchase.payment_intent, number)
    else:
        _cancel_and_settle(purchase, purchase.payment_intent)


def cancel(*, purchase_id: UUID) -> Purchase:
    """Make sure that this purchase never takes money, and close it by what Stripe answers.

    One that has no intent yet is closed here: whoever is creating it finds it closed and does
    not confirm. Raises GatewayError when Stripe gives no definite answer; then it stays open.
    """
    rows.close_without_intent(purchase_id, State.CANCELED)
    purchase = Purchase.objects.get(pk=purchase_id)
    if purchase.is_open:
        _cancel_and_settle(purchase, purchase.payment_intent)
        purchase.refresh_from_db()
    return purchase


def settle(*, payment_intent: str) -> Purchase | None:
    """Read the intent at Stripe and make our row agree, crediting what was bought.

    The one way in for the API's answer, the event and the sweep. Repeating it changes nothing.
    Returns the purchase, or None when the intent is not one of ours. Raises GatewayError when
    Stripe gives no definite answer; then nothing was changed.
    """
    intent = gateway.retrieve_intent(intent_id=payment_intent)
    purchase = _purchase_of(intent)
    if purchase is None:
        return None
    if outcomes.record(purchase.pk, intent):
        # Declined: cancel first, so that nobody can ever confirm it, then close the row.
        if not (intent.decline_code or intent.error_code):
            rows.keep_code(purchase.pk, declines.UNEXPLAINED)
        _cancel(intent.id)
        outcomes.record(purchase.pk, gateway.retrieve_intent(intent_id=intent.id))
    crash_points.reach("after_settle_commit")
    purchase.refresh_from_db()
    return purchase


def _purchase_of(intent: answers.Intent) -> Purchase | None:
    """The purchase by the intent's id, or by its metadata when we died before storing it.

    One look: between two, somebody else may store it.
    """
    which = Q(payment_intent=intent.id)
    with suppress(ValueError):
        which |= Q(pk=UUID(intent.purchase_id), payment_intent=None)
    # Several only when metadata was copied by hand: the id, which is its own, decides.
    return Purchase.objects.filter(which).order_by("payment_intent").first()


def report_unknown() -> None:
    """Tell support of each purchase that Stripe has said nothing about for an hour, once."""
    now = clock.now()
    unknown = Purchase.objects.filter(
        state=State.SUBMITTED,
        reported_unknown_at=None,
        created_at__lt=now - limits.UNKNOWN_REPORT_AFTER,
    )
    ends = time.monotonic() + SWEEP_SECONDS
    for purchase_id in unknown.order_by("?").values_list("pk", flat=True):
        if time.monotonic() > ends:
            break
        try:
            _report_unknown(purchase_id)
        except TimeIsUp:
            raise
        # One that cannot be told must not keep the others from support.
        except Exception:
            logger.exception("purchase %s was not reported", purchase_id)


@transaction.atomic
def _report_unknown(purchase_id: UUID) -> None:
    rows.alert(
        "purchase_unknown",
        f"Stripe has given no answer on purchase {purchase_id} for over an hour.",
        {"id": str(purchase_id)},
    )
    Purchase.objects.filter(pk=purchase_id).update(reported_unknown_at=clock.now())


def _open(now: datetime) -> QuerySet:
    return Purchase.objects.open().filter(
        awake(now), created_at__lt=now - limits.SWEEP_AFTER, quarantined_at=None
    )


OPEN = Queue(kind="purchase", rows=_open)
