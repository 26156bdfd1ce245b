"""What people hear of monthly allocations: the agency everything, its sub-account only minutes."""

from datetime import date

from accounts import clock
from accounts.telling.notifications import alert_staff, notify
from wallets import links
from wallets.charging import backups
from wallets.models import AllocationRun, AutoAllocation, Purchase
from wallets.prices.amounts import dollars
from wallets.texts import minutes_text, spoken, usd


def tell_charged(run: AllocationRun, purchase: Purchase) -> None:
    """The receipt for the agency; for the sub-account the minutes, without price or card."""
    allocation = run.allocation
    minutes = minutes_text(basic=run.basic_minutes, premium=run.premium_minutes)
    by_backup = bool(purchase.instead_of)
    charged = f"{purchase.card} was charged {usd(dollars(purchase.amount_cents))}."
    notify(
        account=allocation.agency,
        # That a card was declined is a mail that nobody may switch off.
        kind="backup_charged" if by_backup else "allocation_charged",
        title="Your backup card was charged" if by_backup else "Monthly allocation charged",
        text=(
            f"{backups.told(purchase) if by_backup else charged} "
            f"{allocation.account.name} got {minutes}."
        ),
        level="warning" if by_backup else "info",
        data={"purchase": str(purchase.pk), "account": str(allocation.account_id)},
        dedupe_key=f"paid:{purchase.pk}",
        link=links.receipt(purchase.pk),
    )
    notify(
        account=allocation.account,
        kind="allocation_received",
        title="Minutes received",
        text=f"{minutes} from {allocation.agency.name}.",
        dedupe_key=f"allocation:{run.pk}",
        link=links.payments(),
        # Good news that costs them nothing needs no mail.
        mail=False,
    )


def tell_failed(run: AllocationRun, *, is_over: bool = False) -> None:
    """Why it failed, and what happens next: a retry at a known time, nothing until they act, or
    nothing at all because its month is over."""
    allocation = run.allocation
    if is_over:
        then = "Its month is over: it is not tried again."
    elif run.next_attempt_at:
        at = run.next_attempt_at.astimezone(allocation.agency.zone)
        then = f"We try again on {at:%-d %b} at {at:%H:%M} ({at.tzname()})."
    else:
        then = "Choose another card or press Retry now in Manage auto allocation."
    _tell_agency(
        allocation,
        kind="allocation_failed",
        title="Monthly allocation failed",
        text=f"{_subject(run)} was not paid: {run.error_text} {then}",
        key=f"allocation-failed:{run.pk}:{run.attempts}:{clock.now():%Y-%m-%dT%H:%M:%S}",
    )


def tell_braked(run: AllocationRun) -> None:
    """Six attempts in ten minutes, whatever became of them: support looks, once per wait."""
    allocation = run.allocation
    alert_staff(
        kind="charges_braked",
        text=(
            f"{allocation.agency.name}: {_subject(run)} was tried six times in ten minutes, so it "
            "waits an hour."
        ),
        data={"account": str(allocation.account_id), "run": run.pk},
        dedupe_key=f"braked:{run.pk}:{run.next_attempt_at:%Y-%m-%dT%H:%M:%S}",
    )


def tell_card_lost(allocation: AutoAllocation) -> None:
    """Its card was taken off at Stripe: nothing can be charged until they choose another."""
    _tell_agency(
        allocation,
        kind="allocation_failed",
        title="Monthly allocation has no card",
        text=(
            f"The card of the monthly allocation for {allocation.account.name} is no longer saved "
            "at the payment service. Choose another card in Manage auto allocation."
        ),
        key=f"allocation-card-lost:{allocation.pk}:{allocation.failed_at.isoformat()}",
    )


def tell_too_small(run: AllocationRun) -> None:
    _tell_agency(
        run.allocation,
        kind="allocation_failed",
        title="Monthly allocation failed",
        text=f"{_subject(run)} was not charged: {run.error_text}",
        key=f"allocation-small:{run.pk}:{run.amount_cents}",
    )


def tell_needs_bank(run: AllocationRun, purchase: Purchase) -> None:
    _tell_agency(
        run.allocation,
        kind="action_required",
        title="Your bank needs you to confirm a payment",
        text=(
            f"{_subject(run)} waits for you to confirm the payment with your bank. "
            "The link works for 24 hours."
        ),
        key=f"bank:{purchase.pk}",
        link=links.purchase(purchase.pk),
    )


def tell_missed(run: AllocationRun) -> None:
    """An outage of ours: said once, and not charged later in a heap."""
    today = run.allocation.agency.local_date(clock.now())
    _tell_agency(
        run.allocation,
        kind="allocation_missed",
        title="Monthly allocation missed",
        text=(
            f"The monthly allocation for {run.allocation.account.name} of "
            f"{spoken(run.period, today=today)} was missed. Nothing was charged and no minutes "
            "were credited. It is not made up for later."
        ),
        key=f"allocation-missed:{run.pk}",
    )


def tell_changed(allocation: AutoAllocation, what: str, actor: object) -> None:
    by = f" Changed by {actor}." if actor else ""
    _tell_agency(
        allocation,
        kind="allocation_changed",
        title="Monthly allocation changed",
        text=f"Monthly allocation for {allocation.account.name}: {what}{by}",
        key="",
    )


def _subject(run: AllocationRun) -> str:
    name, amount = run.allocation.account.name, usd(dollars(run.amount_cents))
    return f"The {amount} monthly allocation for {name}"


def _tell_agency(
    allocation: AutoAllocation, *, kind: str, title: str, text: str, key: str, link: str = ""
) -> None:
    notify(
        account=allocation.agency,
        kind=kind,
        title=title,
        text=text,
        level="info" if kind == "allocation_changed" else "danger",
        data={"account": str(allocation.account_id)},
        dedupe_key=key,
        link=link or links.allocation(allocation.account_id),
    )


def schedule_text(*, first: date, today: date) -> str:
    """Today, or the date, as the start of "First charge …"."""
    return "today" if first == today else spoken(first, today=today)
