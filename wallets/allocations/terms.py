"""What an agency may ask of monthly allocation, and what it would mean: checks and the preview.

Writes nothing.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice

from django.db.models import Exists, OuterRef, Q

from accounts import clock
from accounts.models import Account
from wallets import limits
from wallets.allocations.notices import schedule_text
from wallets.cards import payment_methods
from wallets.errors import InvalidAmount, NoPaymentMethod, Refused
from wallets.models import AllocationRun, AutoAllocation, Purchase
from wallets.months import current_period, due_date, due_dates, next_due
from wallets.prices.amounts import dollars
from wallets.prices.estimates import Estimate, estimate
from wallets.texts import day_of_month, spoken, usd

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Wish:
    """What a person entered. Whole minutes a month; no start date means as soon as possible."""

    basic_minutes: int
    premium_minutes: int
    payment_method: str = ""
    start_date: date | None = None

    @property
    def is_nothing(self) -> bool:
        return not self.basic_minutes and not self.premium_minutes


@dataclass(frozen=True)
class Preview:
    """What saving would mean. `text` is the sentence to show; `problem` says why it cannot be."""

    estimate: Estimate
    first_charge: date | None
    # What the card is charged today: an unpaid month keeps its own amount.
    charge_now: Decimal
    text: str
    problem: str = ""
    problem_field: str = ""
    # The first charge and the eleven after it, and the day of the month they follow.
    charge_days: tuple[date, ...] = ()
    anchor: date | None = None


def stop_text(account: Account) -> str:
    """What stopping the account's allocation means."""
    return f"No more monthly charges for {account.name}. Minutes already credited stay."


def check_parties(*, account: Account, agency: Account | None) -> None:
    """Only an open agency for its own open sub-account. Raises Refused."""
    check_family(account=account, agency=agency)
    for closed in (agency, account):
        if closed.is_closed:
            raise Refused(f"{closed.name} is closed. Contact support to open it again.")
    if account.archived_at:
        raise Refused(f"{account.name} is archived. Bring it back first.")


def check_family(*, account: Account, agency: Account | None) -> None:
    """Only an agency for its own sub-account, open or not. Raises Refused."""
    if agency is None:
        raise Refused(f"{account.name} has no agency, so it has no monthly allocation.")
    if account.pk == agency.pk:
        raise Refused("The primary account cannot have a monthly allocation. Recharge it instead.")
    if not agency.is_agency or account.agency_id != agency.pk:
        raise Refused(f"{account.name} is not a sub-account of {agency.name}.")


def check_minutes(wish: Wish) -> None:
    """Whole minutes, 0 to 1,000,000 of each type. Raises InvalidAmount with each bad field."""
    fields = {}
    for field in ("basic_minutes", "premium_minutes"):
        minutes = getattr(wish, field)
        if type(minutes) is not int or minutes < 0:
            fields[field] = "Enter a whole number of minutes, 0 or more."
        elif minutes > limits.ALLOCATION_MOST_MINUTES:
            fields[field] = f"Enter at most {limits.ALLOCATION_MOST_MINUTES:,} minutes."
    if fields:
        raise InvalidAmount(next(iter(fields.values())), fields=fields)


def check_card(*, agency: Account, wish: Wish) -> None:
    """One of the agency's saved cards that has not expired. Raises NoPaymentMethod."""
    if not wish.payment_method:
        message = "Choose a payment method. Add one under Payments first."
        raise NoPaymentMethod(message, fields={"payment_method": message})
    try:
        payment_methods.usable_card(account=agency, card_id=wish.payment_method)
    except NoPaymentMethod as error:
        raise NoPaymentMethod(str(error), fields={"payment_method": str(error)}) from None


def describe(*, allocation: AutoAllocation | None, agency: Account, wish: Wish) -> Preview:
    """The estimate at today's rates and, in a sentence, when the first charge is made."""
    cost = estimate(basic_minutes=wish.basic_minutes, premium_minutes=wish.premium_minutes)
    today = agency.local_date(clock.now())
    if wish.is_nothing:
        return Preview(cost, None, _ZERO, "No monthly charges.")
    problem_field, problem = _problem(allocation, wish, cost, today)
    if problem:
        return Preview(cost, None, _ZERO, "", problem, problem_field)
    anchor = start_of(allocation=allocation, wish=wish, today=today)
    first = _first_charge(allocation, wish, anchor, today)
    text = _sentence(allocation, cost, anchor, first, today)
    charge_now = cost.total if first == today else _ZERO
    unpaid = _unpaid(allocation, anchor, today)
    if unpaid and first == today:
        charge_now = dollars(unpaid.amount_cents)
        text = (
            f"The unpaid {usd(charge_now)} of {spoken(unpaid.period, today=today)} is charged "
            f"today with this card, then {usd(cost.total)} monthly on the {day_of_month(anchor)}."
        )
    skipped = allocation.skip_period if allocation else None
    days = charge_days(anchor, first=first, skipped=skipped)
    return Preview(cost, first, charge_now, text, charge_days=tuple(days), anchor=anchor)


def _problem(
    allocation: AutoAllocation | None, wish: Wish, cost: Estimate, today: date
) -> tuple[str, str]:
    """The field and the sentence of what cannot be, or two empty strings."""
    field = "basic_minutes" if wish.basic_minutes else "premium_minutes"
    if cost.total_cents < limits.CARD_LEAST_CENTS:
        least = usd(dollars(limits.CARD_LEAST_CENTS))
        return field, f"The monthly charge must be at least {least}. Enter more minutes."
    if cost.total_cents > limits.CARD_MOST_CENTS:
        most = usd(dollars(limits.CARD_MOST_CENTS))
        return field, f"The monthly charge can be at most {most}. Enter fewer minutes."
    if wish.start_date is None:
        return "", ""
    if _has_begun(allocation, today):
        return _start_date_is_moved(allocation, wish.start_date, today)
    last = today + limits.ALLOCATION_START_WITHIN
    if not today <= wish.start_date <= last:
        return "start_date", f"Choose a start date from today to {last:%-d %b %Y}."
    if wish.start_date > today and (unknown := _unknown_at(allocation, wish.start_date)):
        month = spoken(unknown.period, today=today)
        return "start_date", (
            f"The payment for the month of {month} has no outcome yet, and that month may last "
            "until after this day. Try again in a few minutes."
        )
    return "", ""


def _unknown_at(allocation: AutoAllocation | None, day: date) -> AllocationRun | None:
    """The month that this day would lie in if its payment, which has no outcome yet, was made."""
    period = _paid_last(allocation)
    if period is None or day >= _end_of(allocation, period):
        return None
    return allocation.runs.filter(period=period).exclude(state="paid").first()


def _has_begun(allocation: AutoAllocation | None, today: date) -> bool:
    return bool(allocation and allocation.active and allocation.anchor_date <= today)


def _start_date_is_moved(allocation: AutoAllocation, start: date, today: date) -> tuple[str, str]:
    """A running schedule keeps its day: the months must neither overlap nor leave a gap."""
    anchor = allocation.anchor_date
    if start in (anchor, today) or (start > today and current_period(anchor, start) == start):
        return "", ""
    day = day_of_month(anchor)
    return "start_date", f"This allocation runs on the {day}. To move it, stop it and start again."


def paid_until(*, allocation: AutoAllocation | None) -> date | None:
    """The day on which the last month ends that was paid, or may have been; else None."""
    period = _paid_last(allocation)
    return _end_of(allocation, period) if period else None


def _end_of(allocation: AutoAllocation, period: date) -> date:
    if period >= allocation.anchor_date:
        return next_due(allocation.anchor_date, period)
    return due_date(period, 1)


def _paid_last(allocation: AutoAllocation | None) -> date | None:
    """The latest month that was paid, or may have been: of a payment that has no outcome yet the
    money may be taken."""
    if allocation is None or allocation.pk is None:
        return None
    unknown = Purchase.objects.open().filter(allocation_run=OuterRef("pk"))
    runs = allocation.runs.filter(Q(state="paid") | Exists(unknown)).order_by("-period")
    return runs.values_list("period", flat=True).first()


def start_of(*, allocation: AutoAllocation | None, wish: Wish, today: date) -> date:
    """The anchor that saving would set.

    A running schedule keeps its own. Restarting inside a paid month keeps the one it was paid
    by, so that nothing is charged until that month is over.
    """
    if _has_begun(allocation, today):
        return allocation.anchor_date
    if allocation and allocation.active and wish.start_date is None:
        return allocation.anchor_date
    start = wish.start_date or today
    paid = _paid_last(allocation)
    if paid is None or start >= _end_of(allocation, paid):
        return start
    return allocation.anchor_date if paid >= allocation.anchor_date else paid


def _first_charge(allocation: AutoAllocation | None, wish: Wish, anchor: date, today: date) -> date:
    """The day of the first charge after saving; today when this month is unpaid and tried now."""
    if anchor > today:
        return anchor
    period = current_period(anchor, today)
    run = allocation.runs.filter(period=period).first() if allocation and allocation.pk else None
    following = next_due(anchor, today)
    if allocation and allocation.active and following == allocation.skip_period:
        following = next_due(anchor, following)
    if run is None:
        return today
    another_card = bool(wish.payment_method) and wish.payment_method != allocation.payment_method
    retried = run.state == "canceled" or run.amount_cents < limits.CARD_LEAST_CENTS
    retried = retried or (run.state in ("due", "failed") and another_card)
    return today if retried else following


def _unpaid(allocation: AutoAllocation | None, anchor: date, today: date) -> AllocationRun | None:
    """This month's run when it was decided already: it keeps its minutes and first rates."""
    if allocation is None or not allocation.active or anchor > today:
        return None
    return allocation.runs.filter(
        period=current_period(anchor, today),
        state__in=["due", "failed"],
        amount_cents__gte=limits.CARD_LEAST_CENTS,
    ).first()


def _sentence(
    allocation: AutoAllocation | None, cost: Estimate, anchor: date, first: date, today: date
) -> str:
    monthly = f"then monthly on the {day_of_month(anchor)}"
    until = paid_until(allocation=allocation)
    if until and until > today and first >= until and not allocation.active:
        return f"Already paid until {spoken(until, today=today)}: nothing is charged before."
    if _has_begun(allocation, today) and first > today:
        return f"Next charge {spoken(first, today=today)}, {usd(cost.total)}, {monthly}."
    return f"First charge {schedule_text(first=first, today=today)}, {usd(cost.total)}, {monthly}."


def charge_days(
    anchor: date, *, first: date, skipped: date | None = None, count: int = 12
) -> list[date]:
    """The first charge and those after it; a month that is skipped is left out."""
    later = (day for day in due_dates(anchor, after=first) if day != skipped)
    return [first, *islice(later, count - 1)]
