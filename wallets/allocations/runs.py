"""Charging the runs of monthly allocations: once for both types, and what a failure means.

Failures wait an hour, a day and three days with the run's minutes and first rates; then the run
stays failed until the card changes or someone presses Retry now.
"""

import logging
from datetime import datetime

from django.db import transaction

from accounts import clock
from accounts.models import User
from accounts.runtime import crash_points
from wallets import limits
from wallets.allocations import decision_log, month_runs, notices
from wallets.allocations.planning import (
    State,
    chargeable,
    has_passed,
    lies_ahead,
    lock,
    lock_run,
    lock_with,
    plan_due,
)
from wallets.cards import payment_methods
from wallets.cards.payment_methods import Card
from wallets.charging import backups, declines, purchases, switch
from wallets.charging.policies import Policy
from wallets.errors import NoPaymentMethod
from wallets.models import AllocationRun, AutoAllocation, Purchase, Wallet
from wallets.models.purchase import OPEN_STATES
from wallets.months import beginning
from wallets.prices.amounts import dollars
from wallets.stripe import answers
from wallets.why.codes import Allocation, Code
from wallets.why.decisions import Decision

logger = logging.getLogger(__name__)


def charge_due(*, now: datetime) -> list[Decision]:
    """Plan and charge everything that is due, here and now, one after the other."""
    plan_due(now=now)
    due = list(chargeable(now).order_by("period", "pk").values_list("pk", flat=True))
    return [charge_run(run_id=run_id) for run_id in due]


def charge_run(
    *, run_id: int, actor: User | None = None, whatever_the_wait: bool = False
) -> Decision:
    """Charge one run if it is due. Safe to repeat and to race.

    Call with no transaction open. The decision tells why nothing was charged. A person does not
    wait for the moment that was promised for our own next try, nor moves it.
    """
    try:
        _take_over_waiting(run_id)
    except answers.GatewayError as error:
        logger.info("run %s: its waiting payment could not be canceled: %s", run_id, error)
        return Decision(False, Allocation.GATEWAY_WAIT, {})
    crash_points.reach("before_claim")
    decision, purchase = _claim(run_id, actor, whatever_the_wait)
    crash_points.reach("after_claim_commit")
    if purchase:
        purchases.drive(purchase_id=purchase.pk)
    return decision


def _take_over_waiting(run_id: int) -> None:
    """A run that became due again gives up the payment that waits for the bank."""
    waiting = Purchase.objects.filter(
        allocation_run_id=run_id, allocation_run__state=State.DUE, state="requires_action"
    ).first()
    if waiting:
        purchases.cancel(purchase_id=waiting.pk)
        AllocationRun.objects.filter(pk=run_id).update(next_attempt_at=None)


@transaction.atomic(durable=True)
def _claim(
    run_id: int, actor: User | None, whatever_the_wait: bool = False
) -> tuple[Decision, Purchase | None]:
    """Decide under the wallet's lock, and write down the purchase to be charged, if any."""
    allocation_id = AllocationRun.objects.values_list("allocation_id", flat=True).get(pk=run_id)
    locked = lock(allocation_id=allocation_id)
    run = lock_run(allocation=locked.allocation, pk=run_id)
    decision = decide(run=run, wallet=locked.wallet, whatever_the_wait=whatever_the_wait)
    if decision.code == Allocation.PASSED:
        month_runs.close_passed(run)
    if decision.code == Allocation.AHEAD:
        _wait_for_its_day(run)
    if decision.code == Allocation.TOO_MANY_TRIES:
        _brake(run, decision.figures["until"])
    if not decision.wanted:
        decision_log.not_charged(run, decision)
        return decision, None
    agency = locked.allocation.agency
    try:
        card, instead_of = _card_to_charge(locked.allocation)
    except NoPaymentMethod as error:
        _fail(run, str(error))
        return Decision(False, Allocation.NO_CARD, decision.figures), None
    purchase = Purchase.objects.create(
        payer=agency,
        wallet=locked.wallet,
        purpose=Purchase.Purpose.ALLOCATION,
        amount_cents=run.amount_cents,
        buys=Purchase.Buys.ALLOCATION,
        premium_rate=run.premium_rate,
        basic_rate=run.basic_rate,
        premium_minutes=run.premium_minutes,
        basic_minutes=run.basic_minutes,
        allocation_run=run,
        payment_method=card.id,
        card=card.label,
        card_fingerprint=card.fingerprint,
        instead_of=instead_of,
        requested_by=actor,
    )
    return decision, purchase


def _card_to_charge(allocation: AutoAllocation) -> tuple[Card, str]:
    """The month's card, or the backup if that has expired, and why. Raises NoPaymentMethod."""
    agency, card_id = allocation.agency, allocation.payment_method
    first = payment_methods.card(account=agency, card_id=card_id)
    if first and first.is_expired:
        backup = backups.card_of(account_id=agency.pk, first=first)
        if backup and not backups.is_resting(backup, payer_id=agency.pk):
            return backup, f"{first.label} has expired"
    if first is None or first.is_expired:
        # It says what helps.
        first = payment_methods.usable_card(account=agency, card_id=card_id)
    return first, ""


def _wait_for_its_day(run: AllocationRun) -> None:
    """Look again when its day begins, or within an hour: the agency's zone may move back."""
    begins = beginning(run.period, run.allocation.agency.zone)
    run.next_attempt_at = min(begins, clock.now() + limits.AHEAD_LOOK)
    run.save(update_fields=["next_attempt_at"])


def _brake(run: AllocationRun, until: datetime) -> None:
    run.next_attempt_at = until
    run.save(update_fields=["next_attempt_at"])
    notices.tell_braked(run)


def decide(*, run: AllocationRun, wallet: Wallet, whatever_the_wait: bool = False) -> Decision:
    """Whether to charge this run now, why, and the figures. Writes nothing."""
    figures: dict[str, object] = {"period": run.period, "amount": dollars(run.amount_cents)}
    refusal = _standing_refusal(run, wallet)
    waits = run.next_attempt_at and run.next_attempt_at > clock.now()
    if not refusal and waits and not whatever_the_wait:
        return Decision(False, Allocation.WAITING, figures | {"until": run.next_attempt_at})
    if not refusal and run.purchases.filter(state__in=[*OPEN_STATES, "succeeded"]).exists():
        refusal = Allocation.PURCHASE_PENDING
    if not refusal and _is_braked(wallet):
        until = clock.now() + limits.BRAKE_HOLD
        return Decision(False, Allocation.TOO_MANY_TRIES, figures | {"until": until})
    return Decision(not refusal, refusal or Allocation.CHARGE, figures)


def _is_braked(wallet: Wallet) -> bool:
    """Whether this sub-account was charged for too often just now, whatever became of it.

    By its own wallet: an agency may have a thousand sub-accounts due in one minute.
    """
    since = clock.now() - limits.CHARGE_WINDOW
    tried = wallet.purchases.filter(purpose=Purchase.Purpose.ALLOCATION, created_at__gt=since)
    return tried.count() >= limits.INTENTS_PER_WINDOW


def _standing_refusal(run: AllocationRun, wallet: Wallet) -> Code | None:
    allocation = run.allocation
    payer = Wallet.objects.filter(account_id=allocation.agency_id)
    refusals = {
        Allocation.NOT_DUE: run.state != State.DUE,
        Allocation.INACTIVE: not allocation.active,
        Allocation.MOVED: allocation.account.agency_id != allocation.agency_id,
        Allocation.CLOSED: allocation.account.is_closed or allocation.agency.is_closed,
        Allocation.BLOCKED: wallet.blocked_at or payer.filter(blocked_at__isnull=False).exists(),
        Allocation.ON_HOLD: switch.are_stopped(),
        Allocation.PASSED: has_passed(run),
        Allocation.AHEAD: lies_ahead(run),
        Allocation.TOO_SMALL: run.amount_cents < limits.CARD_LEAST_CENTS,
    }
    return next((code for code, applies in refusals.items() if applies), None)


def _still_wanted(purchase: Purchase, wallet: Wallet) -> Decision:
    """The last look: still due and active, the same agency and card, open and not blocked."""
    run = _run_of(purchase, wallet)
    refusal = _standing_refusal(run, wallet)
    if not refusal and not _is_of_chosen_card(run, purchase):
        refusal = Allocation.CARD_CHANGED
    return Decision(not refusal, refusal or Allocation.CHARGE, {})


def _is_of_chosen_card(run: AllocationRun, purchase: Purchase) -> bool:
    """Whether its card is still the one to charge: the first, or the backup of the same first."""
    first = run.allocation.payment_method
    if not purchase.instead_of:
        return purchase.payment_method == first
    same_first = purchase.backup_of is None or purchase.backup_of.payment_method == first
    return same_first and backups.is_still_chosen(purchase)


def _run_of(purchase: Purchase, wallet: Wallet) -> AllocationRun:
    locked = lock_with(wallet=wallet)
    return lock_run(allocation=locked.allocation, pk=purchase.allocation_run_id)


def _succeeded(purchase: Purchase, wallet: Wallet) -> None:
    """Paid is a fact, whatever happened to the run meanwhile."""
    run = _run_of(purchase, wallet)
    run.charged_cents = purchase.amount_cents
    run.error_text = ""
    month_runs.close(run, State.PAID)
    run.save()
    later = run.allocation.runs.filter(period__gt=run.period, state=State.FAILED)
    if run.allocation.failed_at and not later.exists():
        run.allocation.failed_at = None
        run.allocation.save(update_fields=["failed_at"])
    notices.tell_charged(run, purchase)
    decision_log.charged(run, purchase)


def _declined(purchase: Purchase, wallet: Wallet) -> None:
    """Try the backup card once; else wait, or give the month up. Each card's decline is one."""
    run = _run_of(purchase, wallet)
    if run.state != State.DUE:
        return
    if has_passed(run):
        _fail(run, purchase.error_text, is_over=True)
        return
    is_hard = _is_hard(run, purchase)
    in_between = _was_tried_in_between(run, purchase) and not is_hard
    if backup := _try_backup(run, purchase, wallet):
        run.attempts += not in_between
        run.save(update_fields=["attempts"])
        error = purchase.error_text
        decision_log.run_decided(run, Allocation.BACKUP, error=error, card=backup.card)
        return
    if in_between:
        run.error_text = purchase.error_text
        run.save(update_fields=["error_text"])
        decision_log.failed(run)
        return
    _fail(run, purchase.error_text, is_hard=is_hard)


def _is_hard(run: AllocationRun, purchase: Purchase) -> bool:
    """Whether the month's own card must not be charged again: the backup's decline says nothing
    of that, nor what a card answers that was changed meanwhile; the first one's does."""
    first = purchase.backup_of or purchase
    is_former = not first.instead_of and first.payment_method != run.allocation.payment_method
    return not is_former and declines.is_hard(first.decline_code)


def _try_backup(run: AllocationRun, purchase: Purchase, wallet: Wallet) -> Purchase | None:
    """Unless the month is not to be charged any more, or with another card."""
    if _standing_refusal(run, wallet):
        return None
    if run.allocation.payment_method != purchase.payment_method:
        return None
    return backups.try_after(purchase)


def _was_tried_in_between(run: AllocationRun, purchase: Purchase) -> bool:
    """Whether a person tried while our own next try waits for its promised moment."""
    promised = run.attempts and run.next_attempt_at and run.next_attempt_at > clock.now()
    return bool(promised) and purchase.requested_by_id is not None


def _fail(run: AllocationRun, why: str, *, is_hard: bool = False, is_over: bool = False) -> None:
    """Wait an hour, a day, three days; then it stays failed until somebody acts. Once the next
    month has begun (`is_over`) nothing is tried again, and that one does not answer for it."""
    run.attempts += 1
    run.error_text = why
    if is_over:
        month_runs.close(run, State.FAILED)
    elif is_hard or run.attempts > len(limits.ALLOCATION_WAITS):
        month_runs.close(run, State.FAILED)
        month_runs.mark_failed(run.allocation)
    else:
        run.next_attempt_at = clock.now() + limits.ALLOCATION_WAITS[run.attempts - 1]
    run.save()
    notices.tell_failed(run, is_over=is_over)
    decision_log.failed(run)


def _requires_action(purchase: Purchase, wallet: Wallet) -> None:
    """Not a decline, but nothing happens until the agency has confirmed with its bank."""
    run = _run_of(purchase, wallet)
    if run.state != State.DUE:
        return
    run.error_text = purchase.error_text
    month_runs.close(run, State.FAILED)
    run.save()
    if not has_passed(run):
        month_runs.mark_failed(run.allocation)
    notices.tell_needs_bank(run, purchase)
    decision_log.run_decided(run, Allocation.NEEDS_BANK)


def _canceled(purchase: Purchase, wallet: Wallet) -> None:
    """The reason was gone, or Stripe gave no answer in time: look again in a little while.

    What nobody can explain counts as a failure, with the waits of one.
    """
    run = _run_of(purchase, wallet)
    if run.state != State.DUE:
        return
    if has_passed(run):
        month_runs.close_passed(run)
        return
    if purchase.ended_unexplained:
        _fail(run, purchase.error_text)
        return
    soon = clock.now() + limits.GATEWAY_WAIT
    # A longer wait was promised, or is a brake: what a person tried meanwhile does not end it.
    run.next_attempt_at = max(run.next_attempt_at or soon, soon)
    run.save(update_fields=["next_attempt_at"])
    decision_log.run_decided(run, Allocation.CANCELED, until=run.next_attempt_at)


POLICY = Policy(
    still_wanted=_still_wanted,
    succeeded=_succeeded,
    declined=_declined,
    requires_action=_requires_action,
    canceled=_canceled,
)
