"""Whatever waits has a bound, and the books say so at once when it is broken (I8, I15)."""

from datetime import timedelta

import pytest

from accounts import clock
from accounts.models import Account
from accounts.runtime import waits
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from wallets.allocations import planning
from wallets.balances import included
from wallets.books import checking
from wallets.models import AutoAllocation, CatchUp, StripeComparison
from wallets.tests.worlds.allocation_world import moment
from wallets.tests.worlds.builders import make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

MIDNIGHT = moment("2026-11-15 00:00")
DAY_BEFORE = moment("2026-11-14 12:00")


def broken(rule="I8"):
    return [(row.text, row.freezes) for row in checking.check_all() if row.rule == rule]


def says(kind, age, bound):
    return [
        (
            f"the oldest {kind} that waits is overdue for {age}, at most {bound} are allowed",
            False,
        )
    ]


def at_bank(start):
    """Asked of the bank, whose link ends after a day."""
    later = start + timedelta(days=9)
    buy(make_wallet(), state="requires_action", submitted_at=start, look_at=later)


def minutes_of_a_plan(start):
    """Its minutes come at midnight UTC, and nobody grants them."""
    account = make_individual(included_minutes=100, timezone="UTC")
    Account.objects.filter(pk=account.pk).update(included_anchor_day=start.day)


def month(start):
    """It begins at midnight UTC, and nobody plans it."""
    agency = make_agency(timezone="UTC")
    AutoAllocation.objects.create(
        agency=agency,
        account=make_sub_account(agency=agency),
        basic_minutes=100,
        payment_method="pm_1",
        anchor_date=start.date(),
    )


def comparison(start):
    StripeComparison.objects.create(
        since=start, at=start, until=start, slice_seconds=60, finished_at=start
    )


def catching_up(start):
    CatchUp.objects.create(since=start, at=start, until=start, slice_seconds=60, finished_at=start)


def hold(start):
    wallet = make_wallet(credit="8")
    wallet.default_payment_method = "pm_1"
    wallet.save()
    set_auto_recharge(
        wallet,
        due_since=start - timedelta(hours=1),
        hold_reason="declined",
        not_before=start,
        look_at=start + timedelta(days=9),
    )


BOUNDS = {
    "purchase_at_bank": (at_bank, timedelta(hours=24, minutes=10)),
    "included": (minutes_of_a_plan, timedelta(hours=1)),
    "month_unplanned": (month, timedelta(minutes=10)),
    "comparison": (comparison, timedelta(hours=30)),
    "catching_up": (catching_up, timedelta(hours=30)),
    "hold_declined": (hold, timedelta(minutes=6)),
}


EVERYBODYS = pytest.mark.outside_of_cells("events and looks at all of Stripe are everybody's")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=EVERYBODYS if kind in ("comparison", "catching_up") else [])
        for kind in BOUNDS
    ],
)
def test_what_waits_for_longer_than_its_bound_breaks_the_books(kind):
    begin, bound = BOUNDS[kind]
    with clock.at(DAY_BEFORE):
        begin(MIDNIGHT)

    with clock.at(MIDNIGHT + bound):
        at_the_bound = broken()
    with clock.at(MIDNIGHT + bound + timedelta(seconds=1)):
        past_it = broken()

    assert at_the_bound == []
    assert past_it == says(kind, bound + timedelta(seconds=1), bound)


def test_minutes_of_a_plan_that_was_changed_wait_since_the_last_reset():
    with clock.at(DAY_BEFORE):
        account = make_individual(included_minutes=0)
    with clock.at(MIDNIGHT):
        included.reset_due()
    Account.objects.filter(pk=account.pk).update(included_minutes=100)

    with clock.at(MIDNIGHT + timedelta(minutes=40)):
        assert included.oldest_due() < MIDNIGHT
        assert waits.registered["included"].oldest_overdue() == timedelta(minutes=40)
        included.reset_due()
        assert waits.registered["included"].oldest_overdue() == timedelta(0)


def test_months_wait_since_their_day_began_where_the_agency_is():
    agency = make_agency(timezone="America/New_York")
    with clock.at(DAY_BEFORE):
        AutoAllocation.objects.create(
            agency=agency,
            account=make_sub_account(agency=agency),
            basic_minutes=100,
            payment_method="pm_1",
            anchor_date=MIDNIGHT.date(),
        )

    with clock.at(MIDNIGHT + timedelta(hours=5, minutes=3)):
        assert waits.registered["month_unplanned"].oldest_overdue() == timedelta(minutes=3)
        planning.plan_due(now=clock.now())
        assert waits.registered["month_unplanned"].oldest_overdue() == timedelta(0)


@pytest.mark.parametrize(("seconds", "is_broken"), [(59, True), (60, False)])
def test_more_than_ten_intents_of_a_wallet_within_a_minute_break_i15(seconds, is_broken):
    wallet, other = make_wallet(), make_wallet()
    for _ in range(10):
        buy(wallet, state="canceled", created_at=MIDNIGHT)
        buy(other, state="canceled", created_at=MIDNIGHT)
    buy(wallet, state="declined", created_at=MIDNIGHT + timedelta(seconds=seconds))

    with clock.at(MIDNIGHT + timedelta(hours=1)):
        found = [row for row in checking.check_all() if row.rule == "I15"]

    assert [(row.wallet_id, row.freezes) for row in found] == [(wallet.pk, False)] * is_broken
    assert all(
        row.text.startswith("11 intents within a minute, at most 10 are allowed; the last such")
        for row in found
    )
