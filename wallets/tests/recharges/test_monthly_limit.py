from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Notification
from accounts.tests.builders import make_individual
from wallets.books import checking
from wallets.recharges import auto_recharge, by_hand, configure, monthly_limit, spending
from wallets.tests.worlds.auto_recharge_world import TEN_FIFTY, credit, decline, run, told
from wallets.tests.worlds.builders import add_card, fill, make_wallet, set_auto_recharge
from wallets.tests.worlds.reversal_world import refund

pytestmark = pytest.mark.django_db


def test_the_monthly_limit_stops_and_tells_once(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=75)
    run(wallet)
    fill(wallet, credit="-55")

    with clock.at(clock.now() + timedelta(minutes=5)):
        assert run(wallet) == "monthly_limit"
        assert run(wallet) == "monthly_limit"

    assert wallet.purchases.count() == 1
    notes = Notification.objects.filter(account=wallet.account, kind="auto_recharge_limit")
    assert ["$50.00 of your $75.00 monthly limit is used" in note.text for note in notes] == [True]


@pytest.mark.parametrize(("limit", "percent"), [(62, 80), (55, 90), (50, 100)])
def test_the_share_of_the_limit_is_announced(stripe, limit, percent):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=limit)

    run(wallet)

    note = Notification.objects.get(account=wallet.account, kind="auto_recharge_limit")
    assert f"has used {percent} %" in note.text


@pytest.mark.parametrize(
    ("limit", "percent"),
    [
        ("62.51", None),
        ("62.50", 80),
        ("55.56", 80),
        ("55.55", 90),
        ("50.01", 90),
    ],
)
def test_a_share_of_the_limit_is_announced_once_it_is_reached(stripe, limit, percent):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=Decimal(limit))

    run(wallet)

    texts = list(
        Notification.objects.filter(account=wallet.account, kind="auto_recharge_limit").values_list(
            "text", flat=True
        )
    )
    assert [f"has used {percent} %" in text for text in texts] == ([True] if percent else [])


def test_the_monthly_limit_starts_anew_at_the_accounts_midnight(stripe):
    wallet = make_wallet(credit="8", account=make_individual(timezone="America/New_York"))
    midnight = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
    with clock.at(midnight - timedelta(minutes=30)):
        add_card(stripe, wallet)
        set_auto_recharge(wallet, monthly_limit=50)
        run(wallet)
        fill(wallet, credit="-55")

    with clock.at(midnight - timedelta(microseconds=1)):
        decision = auto_recharge.run(wallet_id=wallet.pk)
        assert (decision.code, decision.figures["until"]) == ("monthly_limit", midnight)
    with clock.at(midnight):
        assert run(wallet) == "charge"
        fill(wallet, credit="-55")
    with clock.at(midnight + timedelta(minutes=5)):
        decision = auto_recharge.run(wallet_id=wallet.pk)
        # New York leaves summer time in November.
        december = datetime(2026, 12, 1, 5, 0, tzinfo=UTC)
        assert (decision.code, decision.figures["until"]) == ("monthly_limit", december)
    # The account's months: in UTC all of it happened in November.
    notes = Notification.objects.filter(account=wallet.account, kind="auto_recharge_limit")
    assert [note.text[:22] for note in notes.order_by("pk")] == [
        "Auto-Recharge has used",
        "Auto-Recharge has stop",
    ] * 2


def test_each_share_of_the_limit_is_announced_once(stripe):
    wallet = make_wallet(credit="-67")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, amount=5, monthly_limit=100)
    start = clock.now()

    for minute, spent in ((0, 80), (15, 85), (30, 90), (45, 95), (60, 100)):
        with clock.at(start + timedelta(minutes=minute)):
            assert run(wallet) == "charge"
            assert spending.spent(wallet=wallet, now=clock.now()).month == spent
            fill(wallet, credit="-5")

    assert told(wallet, "auto_recharge_limit") == [
        "Auto-Recharge has used 80 % of your $100.00 monthly limit ($80.00).",
        "Auto-Recharge has used 90 % of your $100.00 monthly limit ($90.00).",
        "Auto-Recharge has used 100 % of your $100.00 monthly limit ($100.00).",
    ]


def test_the_limit_counts_automatic_charges_that_were_or_may_yet_be_paid(stripe):
    wallet = make_wallet(credit="3")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=500)
    by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(5), buys="credit", form_key="a"
    )
    start = clock.now() + timedelta(minutes=2)
    decline(stripe, wallet)
    with clock.at(start):
        assert run(wallet) == "charge"
    stripe.set_card(card.id, behaviour="processing")
    later = start + timedelta(hours=1)
    with clock.at(later):
        assert run(wallet) == "charge"

    states = wallet.purchases.order_by("created_at").values_list("state", flat=True)
    assert list(states) == ["succeeded", "declined", "submitted"]
    assert spending.spent(wallet=wallet, now=later).month == 50


@pytest.mark.parametrize(
    ("cents", "month", "decided"), [(5000, 0, "charge"), (4999, 50, "monthly_limit")]
)
def test_what_was_refunded_in_full_leaves_room_in_the_month(stripe, cents, month, decided):
    wallet = make_wallet(credit="8", account=make_individual())
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=75)
    start = datetime(2026, 11, 14, 12, tzinfo=UTC)
    with clock.at(start):
        run(wallet)
        refund(wallet.purchases.get(), cents)
        fill(wallet, credit=-credit(wallet))
        spent = spending.spent(wallet=wallet, now=clock.now())
    # The day's ceiling is a brake: it counts what was charged.
    assert (spent.month, spent.today) == (month, 50)

    with clock.at(start + timedelta(minutes=5)):
        # The account turns it on again.
        saved = configure.save(
            wallet_id=wallet.pk, settings=replace(TEN_FIFTY, monthly_limit=Decimal(75)), actor=None
        )

        assert saved.decision.code == decided
        assert [row for row in checking.check_all() if row.rule == "I11"] == []


def test_a_refund_that_failed_counts_for_the_month_again(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=75)
    run(wallet)
    given = refund(wallet.purchases.get(), 5000)
    assert spending.spent(wallet=wallet, now=clock.now()).month == 0

    type(given).objects.filter(pk=given.pk).update(state="failed", closed_at=clock.now())

    assert spending.spent(wallet=wallet, now=clock.now()).month == 50


def test_the_month_of_the_limit_is_the_accounts_own(stripe):
    wallet = make_wallet(credit="8", account=make_individual(timezone="America/New_York"))
    with clock.at(datetime(2026, 11, 1, 2, 0, tzinfo=UTC)):  # Still 31 October in New York.
        add_card(stripe, wallet)
        set_auto_recharge(wallet, monthly_limit=50)
        assert run(wallet) == "charge"
        fill(wallet, credit="-55")
    with clock.at(datetime(2026, 11, 1, 3, 0, tzinfo=UTC)):
        assert run(wallet) == "monthly_limit"
    with clock.at(datetime(2026, 11, 1, 4, 1, tzinfo=UTC)):
        assert run(wallet) == "charge"


def test_a_month_whose_first_midnight_comes_twice_begins_once():
    """Clocks go back from 1:00 to 0:00: a local 0:00 is told by its fold alone."""
    wallet = make_wallet(account=make_individual(timezone="America/Havana"))
    first = datetime(2037, 11, 1, 4, tzinfo=UTC)
    starts = {
        monthly_limit.month_start(wallet, first + timedelta(minutes=minutes)).astimezone(UTC)
        for minutes in (0, 59, 60, 119, 120, 60 * 24 * 29)
    }
    before = monthly_limit.starts_anew(wallet=wallet, now=first - timedelta(minutes=1))

    assert (starts, before.astimezone(UTC)) == ({first}, first)
