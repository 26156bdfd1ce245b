"""Charges, events, the books, and what waits: each read by an index."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product

from django.db.models import Case, Count, Min, Value, When
from django.db.models.functions import Greatest

from accounts import clock
from accounts.cells.place import Of
from accounts.models import StaffAlert
from accounts.runtime import waits
from thinkrr_billing.figures.figure import Figure, Sample, number
from wallets.books.rules import most_intents_in_a_minute
from wallets.models import Purchase, StripeComparison, StripeEvent, Wallet
from wallets.recharges import auto_recharge

# A figure that is asked for each minute must be seen once; an hour shows it to those who are late.
RECENT = timedelta(hours=1)
GIFT = "gift"
# Of what cells have: theirs all together.
COUNTED = {"of": Of.ACCOUNTS, "together": sum}


def _charges() -> Iterator[Sample]:
    """Those that do not occur are told as zero: a line that begins with the first decline hides
    it."""
    counts = dict.fromkeys(product([*Purchase.Purpose.values, GIFT], Purchase.State.values), 0)
    gift = When(purpose=Purchase.Purpose.ALLOCATION, allocation_run=None, then=Value(GIFT))
    recent = Purchase.objects.filter(created_at__gt=clock.now() - RECENT).order_by()
    rows = recent.annotate(kind=Case(gift, default="purpose")).values_list("kind", "state")
    for kind, state, count in rows.annotate(count=Count("pk")):
        counts[kind, state] = count
    yield from counts.items()


def _due() -> float:
    """Since it fell due, or since what held it ended; what else may have held it is not kept."""
    now = clock.now()
    wanted = auto_recharge.DUE.rows(now).order_by()
    since = wanted.aggregate(since=Min(Greatest("due_since", "not_before")))["since"]
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _open_alerts() -> Iterator[Sample]:
    rows = StaffAlert.objects.filter(closed_at=None).order_by().values_list("kind")
    for kind, count in rows.annotate(count=Count("pk")):
        yield (kind,), count


def _compared() -> Iterator[Sample]:
    """With what cells that were away then have had since: each is compared by itself."""
    done = StripeComparison.objects.exclude(finished_at=None).order_by("-finished_at")
    if last := done.filter(cell="").first():
        alone = done.exclude(cell="").filter(finished_at__gte=last.started_at)
        yield (), last.found + sum(alone.values_list("found", flat=True))


def _waiting() -> Iterator[Sample]:
    for one in waits.here():
        yield (one.kind,), one.oldest_overdue().total_seconds()


def _bounds() -> Iterator[Sample]:
    for one in waits.every().values():
        if one.bound:
            yield (one.kind,), one.bound.total_seconds()


# Most are near zero as long as all is well, so that an alert can be built on them.
FIGURES = [
    number(
        "thinkrr_purchases_open",
        "Purchases without an outcome.",
        lambda: Purchase.objects.open().count(),
        **COUNTED,
    ),
    number(
        "thinkrr_purchases_unknown",
        "Purchases Stripe was asked to take and has not answered about.",
        lambda: Purchase.objects.open().filter(state=Purchase.State.SUBMITTED).count(),
        **COUNTED,
    ),
    Figure(
        name="thinkrr_charges_last_hour",
        text="Charges that began within the last hour, by how they stand now; gift: minutes an "
        "agency gives once. Support: Purchases.",
        read=_charges,
        labels=("kind", "outcome"),
        **COUNTED,
    ),
    number(
        "thinkrr_auto_recharge_due_oldest_seconds",
        "For how long the oldest Auto-Recharge that could be charged now has been due. High for a "
        "moment when a suspension is lifted. Support: Wallets, Auto-Recharge.",
        _due,
        of=Of.ACCOUNTS,
    ),
    number(
        "thinkrr_stripe_events_waiting",
        "Events not applied yet.",
        lambda: StripeEvent.objects.waiting().count(),
    ),
    number(
        "thinkrr_stripe_events_given_up",
        "Events that could not be applied and wait for support.",
        lambda: StripeEvent.objects.exclude(given_up_at=None).filter(applied_at=None).count(),
    ),
    number(
        "thinkrr_intents_per_wallet_minute_most",
        "The most intents of one wallet within a minute, of the last hour.",
        lambda: most_intents_in_a_minute(since=clock.now() - RECENT),
        of=Of.ACCOUNTS,
    ),
    number(
        "thinkrr_wallets_in_debt",
        "Wallets whose credit is below zero.",
        lambda: Wallet.objects.filter(credit__lt=0).count(),
        **COUNTED,
    ),
    Figure(
        name="thinkrr_staff_alerts_open",
        text="Alerts that support has not closed, by kind; of books: differences nobody has solved "
        "yet. Support: Staff alerts.",
        read=_open_alerts,
        labels=("kind",),
        of=Of.BOTH,
        together=sum,
    ),
    Figure(
        name="thinkrr_comparison_differences",
        text="What the last complete comparison with Stripe found. Support: Comparisons.",
        read=_compared,
    ),
    Figure(
        name="thinkrr_waiting_oldest_seconds",
        text="For how long the oldest of each kind has waited; of what we look at in turn, is "
        "overdue.",
        read=_waiting,
        labels=("kind",),
        of=Of.BOTH,
    ),
    Figure(
        name="thinkrr_waiting_bound_seconds",
        text="For how long the oldest of each kind may wait; kinds that wait for others have none.",
        read=_bounds,
        labels=("kind",),
    ),
]
