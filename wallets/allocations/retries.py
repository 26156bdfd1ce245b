"""Trying an unpaid month again: by a person's Retry now, or once its card is usable again."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from accounts import clock
from accounts.models import Account, User
from accounts.runtime.nudges import nudge
from accounts.runtime.queues import Queue, awake
from wallets import limits
from wallets.allocations import month_runs, planning
from wallets.allocations.planning import LockedAllocation, State
from wallets.allocations.runs import charge_run, decide
from wallets.allocations.terms import check_parties
from wallets.cards import payment_methods, trying
from wallets.cards.trying import Who
from wallets.errors import PurchaseInProgress, QuoteChanged, Refused, TooManyAttempts
from wallets.models import AllocationRun, AutoAllocation, Purchase
from wallets.models.purchase import OPEN_STATES
from wallets.prices.amounts import dollars
from wallets.stripe import gateway
from wallets.texts import usd
from wallets.why.codes import Allocation
from wallets.why.decisions import Decision

# A missed month is made up for while it lasts, when somebody asks for it.
RETRYABLE = (State.DUE, State.FAILED, State.MISSED)


def retry_now(
    *,
    account: Account,
    agency: Account | None,
    actor: User | None,
    address: str = "",
    by_support: bool = False,
    quoted_charge: Decimal | None = None,
) -> Purchase:
    """Charge this month's unpaid run now, with the allocation's card. At most five an hour.

    Only the month that runs now. Counted among the cards that person shows, from this address,
    unless support tries. `quoted_charge` is what the person was shown: another figure raises
    QuoteChanged. Raises Refused, NoPaymentMethod, PurchaseInProgress or TooManyAttempts. A
    decline is not an error: read the purchase. When a run that is due is tried again by itself
    does not change.
    """
    check_parties(account=account, agency=agency)
    who = Who(agency, actor, address)
    if not by_support:
        trying.refuse_too_many(who)
    with transaction.atomic():
        locked = planning.lock_active(account=account, agency=agency)
        unpaid = _retryable(locked.allocation)
        amount = dollars(unpaid.amount_cents)
        if quoted_charge is not None and quoted_charge != amount:
            raise QuoteChanged(f"This month's charge is {usd(amount)} now. Check and try again.")
        payment_methods.usable_card(account=agency, card_id=locked.allocation.payment_method)
        _take_up(unpaid)
        _check_wanted(decide(run=unpaid, wallet=locked.wallet, whatever_the_wait=True))
    with gateway.person_waiting():
        _check_wanted(charge_run(run_id=unpaid.pk, actor=actor, whatever_the_wait=True))
    purchase = unpaid.purchases.order_by("created_at", "instead_of").last()
    if not by_support:
        for shown in filter(None, (purchase.backup_of, purchase)):
            trying.note(who, purchase=shown)
    return purchase


def _take_up(unpaid: AllocationRun) -> None:
    if unpaid.state == State.DUE:
        unpaid.tries, unpaid.rests_until = 0, None
        unpaid.save(update_fields=["tries", "rests_until"])
        return
    # A person's try is one try: when it fails, a run that had given up gives up again.
    gave_up = unpaid.state == State.FAILED
    make_due(unpaid, attempts=len(limits.ALLOCATION_WAITS) if gave_up else unpaid.attempts)


def _check_wanted(decision: Decision) -> None:
    if decision.code == Allocation.ON_HOLD:
        raise Refused("Automatic charges are paused by support. Try again later.")
    if not decision.wanted:
        raise Refused("This month's charge could not be tried just now. Try again in a minute.")


def unpaid_now(*, account: Account) -> AllocationRun | None:
    """The month that `retry_now` would charge, if there is one. Reads only."""
    active = AutoAllocation.objects.filter(account=account, agency=account.agency, active=True)
    allocation = active.select_related("account", "agency").first()
    period = planning.period_now(allocation) if allocation else None
    run = allocation.runs.filter(period=period, state__in=RETRYABLE).first() if period else None
    if run:
        run.allocation = allocation
    return run


def retry_run(*, run_id: int, actor: User | None, quoted_charge: Decimal | None = None) -> Purchase:
    """`retry_now` for the month support looks at. Raises Refused when it is not the one that
    runs now."""
    chosen = AllocationRun.objects.select_related("allocation__account", "allocation__agency")
    chosen = chosen.get(pk=run_id)
    if chosen.period != planning.period_now(chosen.allocation):
        raise Refused("Only the month that runs now can be charged.")
    allocation = chosen.allocation
    return retry_now(
        account=allocation.account,
        agency=allocation.agency,
        actor=actor,
        by_support=True,
        quoted_charge=quoted_charge,
    )


def _retryable(allocation: AutoAllocation) -> AllocationRun:
    period = planning.period_now(allocation)
    unpaid = planning.lock_run(allocation=allocation, period=period)
    if unpaid is None or unpaid.state not in RETRYABLE:
        raise Refused("There is nothing to retry: this month has no failed or missed charge.")
    if unpaid.amount_cents < limits.CARD_LEAST_CENTS:
        raise Refused(unpaid.error_text)
    if waiting := unpaid.purchases.filter(state__in=OPEN_STATES).first():
        raise _in_progress(waiting)
    since = clock.now() - limits.PERSON_RETRY_WINDOW
    if unpaid.purchases.filter(created_at__gt=since).count() >= limits.PERSON_RETRIES:
        raise TooManyAttempts("You have tried five times in an hour. Try again later.")
    return unpaid


def _in_progress(purchase: Purchase) -> PurchaseInProgress:
    amount = usd(dollars(purchase.amount_cents))
    if purchase.state == Purchase.State.REQUIRES_ACTION:
        text = f"The {amount} charge waits for you to confirm it with your bank."
    else:
        text = f"The {amount} charge is being confirmed. Wait for its result."
    return PurchaseInProgress(text, purchase_id=purchase.pk)


def payment_method_changed(*, wallet_id: int) -> None:
    """A card of this wallet's account came, went or was renewed: look again at failed months.

    A month becomes due again when its allocation's card is usable and was never tried for it
    (it had expired, for example). Another card is chosen per allocation, by `save`.
    """
    failed = AutoAllocation.objects.filter(agency__wallet=wallet_id, runs__state=State.FAILED)
    for allocation_id in set(failed.values_list("pk", flat=True)):
        _look_again(allocation_id)


def revive(*, run_id: int) -> None:
    """The same for a failed month that the sweep found, whatever its card is now. Repeatable."""
    _look_again(AllocationRun.objects.values_list("allocation_id", flat=True).get(pk=run_id))


@transaction.atomic
def _look_again(allocation_id: int) -> None:
    if revived := _revive_untried(planning.lock(allocation_id=allocation_id)):
        nudge("wallets.run_allocation", revived.pk)


def _revive_untried(locked: LockedAllocation) -> AllocationRun | None:
    allocation = locked.allocation
    period = planning.period_now(allocation)
    run = planning.lock_run(allocation=allocation, period=period, state=State.FAILED)
    card = payment_methods.card(account=allocation.agency, card_id=allocation.payment_method)
    if run is None or card is None or card.is_expired:
        return None
    if run.amount_cents < limits.CARD_LEAST_CENTS:
        return None
    if run.purchases.filter(payment_method=card.id).exists():
        return None
    return make_due(run)


def _untried(now: datetime) -> QuerySet[AllocationRun]:
    """Failed months whose own card is usable and was never tried for them: what `_revive_untried`
    revives, but for what only the agency's day tells."""
    runs = AllocationRun.objects.alias(
        card=F("allocation__payment_method"), customer=F("allocation__agency__stripe_customer")
    )
    of_this = {"allocation": OuterRef("allocation"), "period__gt": OuterRef("period")}
    its_card = payment_methods.good_at(now).filter(
        id=OuterRef("card"), customer_id=OuterRef("customer")
    )
    tried = Purchase.objects.filter(allocation_run=OuterRef("pk"), payment_method=OuterRef("card"))
    return runs.filter(
        awake(now),
        planning.is_running("allocation__"),
        Exists(its_card),
        ~Exists(AllocationRun.objects.filter(**of_this)),
        ~Exists(tried),
        state=State.FAILED,
        # By an index that has only these.
        allocation__failed_at__isnull=False,
        amount_cents__gte=limits.CARD_LEAST_CENTS,
    )


# What a worker refuses (the agency's next month has begun, and is not planned yet) stays here
# until that has changed: an hour is often enough.
UNTRIED = Queue(
    kind="month_untried",
    rows=_untried,
    since="closed_at",
    longest_wait=timedelta(hours=1),
)


def make_due(run: AllocationRun, *, attempts: int = 0) -> AllocationRun:
    run.state = State.DUE
    run.attempts = attempts
    run.next_attempt_at = run.closed_at = run.rests_until = None
    run.tries = 0
    # It may have been handed out as a failed one, an hour ahead.
    run.look_at = clock.now()
    run.save()
    run.allocation.failed_at = None
    run.allocation.save(update_fields=["failed_at"])
    month_runs.refuse_too_small(run)
    return run
