from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts import clock
from accounts.models import Notification
from accounts.tests.builders import make_individual
from wallets.errors import InvalidAmount
from wallets.recharges import auto_recharge, by_hand, configure, daily_ceiling, spending
from wallets.recharges.auto_recharge import Terms
from wallets.recharges.configure import Settings
from wallets.tests.worlds.auto_recharge_world import (
    TEN_FIFTY,
    credit,
    decline,
    logged,
    run,
    settings_of,
    told,
)
from wallets.tests.worlds.builders import add_card, fill, make_wallet, set_auto_recharge

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 14, 12, tzinfo=UTC)


def low(stripe, timezone="UTC", **settings):
    """$8 of credit, a good card, and $50 below $10 unless told otherwise."""
    wallet = make_wallet(credit="8", account=make_individual(timezone=timezone))
    add_card(stripe, wallet)
    set_auto_recharge(wallet, **settings)
    return wallet


def use_heavily(wallet, *, minutes):
    """$50 are used every four minutes; what was decided each time."""
    codes = []
    for minute in range(0, minutes, 4):
        with clock.at(NOON + timedelta(minutes=minute)):
            codes.append(run(wallet))
            fill(wallet, credit="-50")
    return codes


@pytest.mark.parametrize(
    ("amount", "ceiling", "expected"),
    [
        (50, None, 500),
        ("50.01", None, "500.10"),
        (5, None, 500),
        (2_500, None, 25_000),
        (50, 60, 60),
    ],
)
def test_the_ceiling_is_ten_times_the_amount_and_500_dollars_unless_set(amount, ceiling, expected):
    terms = Terms(True, Decimal(10), Decimal(amount), None, ceiling and Decimal(ceiling))

    assert terms.ceiling == Decimal(expected)


@pytest.mark.parametrize(("today", "charge"), [(0, 150), (400, 100), (450, 50), (460, 0)])
def test_the_ceiling_leaves_whole_amounts_only(today, charge):
    terms = Terms(True, Decimal(100), Decimal(50), None)

    found = auto_recharge.charge_for(credit=Decimal(0), terms=terms, today=Decimal(today))

    assert found == charge


def test_an_hour_of_heavy_use_charges_no_more_than_the_ceiling(stripe):
    wallet = low(stripe)

    codes = use_heavily(wallet, minutes=90)

    assert codes.count("charge") == 10
    assert set(codes[-3:]) == {"daily_ceiling"}
    assert spending.spent(wallet=wallet, now=NOON).today == 500
    kept = settings_of(wallet)
    assert (kept.hold_reason, kept.not_before) == (
        "daily_ceiling",
        datetime(2026, 11, 15, tzinfo=UTC),
    )


def test_reaching_it_is_told_once_with_the_way_to_raise_it(stripe):
    wallet = low(stripe, daily_ceiling=60)
    with clock.at(NOON):
        run(wallet)
        fill(wallet, credit="-50")

    for minute in (2, 3, 20):
        with clock.at(NOON + timedelta(minutes=minute)):
            assert run(wallet) == "daily_ceiling"

    note = Notification.objects.get(account=wallet.account, kind="auto_recharge_ceiling")
    assert note.text == (
        "Auto-Recharge has charged $50.00 today, and another recharge does not fit your daily "
        "ceiling of $60.00. It goes on at midnight (UTC), or at once when you raise the ceiling."
    )
    assert (note.link, note.level) == ("/payments/auto-recharge/", "danger")
    assert note.mail_due_at is not None
    assert logged(wallet)[-1] == "daily_ceiling"


def test_it_starts_anew_at_the_accounts_midnight(stripe):
    midnight = datetime(2026, 11, 14, 5, tzinfo=UTC)
    with clock.at(midnight - timedelta(minutes=30)):
        wallet = low(stripe, "America/New_York", daily_ceiling=50)
        run(wallet)
        fill(wallet, credit="-50")

    with clock.at(midnight - timedelta(microseconds=1)):
        decision = auto_recharge.run(wallet_id=wallet.pk)
        assert (decision.code, decision.figures["until"]) == ("daily_ceiling", midnight)
    with clock.at(midnight):
        assert run(wallet) == "charge"


def test_a_day_without_a_midnight_begins_when_it_begins(stripe):
    """Cairo's clocks jump from 00:00 to 01:00 on 30 April 2027."""
    evening = datetime(2027, 4, 29, 20, tzinfo=UTC)
    wallet = low(stripe, "Africa/Cairo")

    anew = daily_ceiling.starts_anew(wallet=wallet, now=evening)

    assert anew == datetime(2027, 4, 29, 22, tzinfo=UTC)
    assert spending.spent(wallet=wallet, now=anew).today == 0


def test_raising_it_lets_it_go_on_at_once(stripe):
    wallet = low(stripe, daily_ceiling=50)
    with clock.at(NOON):
        run(wallet)
        fill(wallet, credit="-50")
    with clock.at(NOON + timedelta(minutes=5)):
        assert run(wallet) == "daily_ceiling"

    with clock.at(NOON + timedelta(minutes=6)):
        raised = Settings(True, Decimal(10), Decimal(50), daily_ceiling=Decimal(100))
        saved = configure.save(wallet_id=wallet.pk, settings=raised, actor=None)

    assert saved.purchase.state == "succeeded"
    assert settings_of(wallet).hold_reason == "cooldown"
    assert credit(wallet) == 58
    [text] = told(wallet, "settings_changed")
    assert "daily ceiling $50.00" in text
    assert "daily ceiling $100.00" in text


def test_reaching_a_raised_ceiling_on_the_same_day_is_told_again(stripe):
    wallet = low(stripe, daily_ceiling=50)
    for minute, ceiling in ((0, 50), (10, 100)):
        set_auto_recharge(wallet, daily_ceiling=ceiling)
        with clock.at(NOON + timedelta(minutes=minute)):
            assert run(wallet) == "charge"
            fill(wallet, credit="-50")
        with clock.at(NOON + timedelta(minutes=minute + 5)):
            assert run(wallet) == "daily_ceiling"

    assert len(told(wallet, "auto_recharge_ceiling")) == 2


def test_what_was_declined_does_not_count(stripe):
    wallet = low(stripe)
    decline(stripe, wallet)
    with clock.at(NOON):
        run(wallet)

    assert spending.spent(wallet=wallet, now=NOON).today == 0


def test_a_monthly_limit_that_is_used_up_is_what_people_hear_of(stripe):
    wallet = low(stripe, monthly_limit=50, daily_ceiling=50)
    with clock.at(NOON):
        run(wallet)
        fill(wallet, credit="-50")

    with clock.at(NOON + timedelta(minutes=5)):
        assert run(wallet) == "monthly_limit"


def test_a_month_with_room_for_one_more_leaves_it_to_the_day_and_tells_the_days_figures(stripe):
    wallet = low(stripe, monthly_limit=150, daily_ceiling=50)
    for day in (NOON - timedelta(days=1), NOON):
        with clock.at(day):
            assert run(wallet) == "charge"
            fill(wallet, credit="-50")

    with clock.at(NOON + timedelta(minutes=5)):
        decision = auto_recharge.run(wallet_id=wallet.pk)

    assert decision.code == "daily_ceiling"
    assert (decision.figures["spent"], decision.figures["limit"]) == (50, 50)
    [text] = told(wallet, "auto_recharge_ceiling")
    assert text.startswith("Auto-Recharge has charged $50.00 today, ")


@pytest.mark.parametrize(
    ("ceiling", "text"),
    [
        ("4.99", "Daily ceiling must be between $5.00 and $50,000.00"),
        ("50000.01", "Daily ceiling must be between $5.00 and $50,000.00"),
        ("49.99", "Daily ceiling must be at least the Auto-Recharge Amount"),
        ("60.001", "Enter an amount in dollars and cents, like 500.00"),
        ("NaN", "Enter an amount in dollars and cents, like 500.00"),
    ],
)
def test_a_ceiling_that_cannot_be_is_refused_with_its_field(stripe, ceiling, text):
    wallet = low(stripe)
    wanted = Settings(True, Decimal(10), Decimal(50), daily_ceiling=Decimal(ceiling))

    with pytest.raises(InvalidAmount) as refusal:
        configure.save(wallet_id=wallet.pk, settings=wanted, actor=None)

    assert refusal.value.fields == {"daily_ceiling": text}
    assert settings_of(wallet).daily_ceiling is None
    assert not wallet.purchases.exists()


@pytest.mark.parametrize("ceiling", [5, 50_000])
def test_five_to_fifty_thousand_dollars_may_be_set(stripe, ceiling):
    wallet = make_wallet(credit="80")
    add_card(stripe, wallet)
    wanted = Settings(True, Decimal(10), Decimal(5), daily_ceiling=Decimal(ceiling))

    configure.save(wallet_id=wallet.pk, settings=wanted, actor=None)

    assert settings_of(wallet).daily_ceiling.amount == ceiling


@pytest.mark.parametrize("ceiling", [Decimal("4.99"), Decimal("50000.01")])
def test_the_database_holds_no_other_ceiling(stripe, ceiling):
    wallet = low(stripe)

    with pytest.raises(IntegrityError, match="ceiling_5_to_50000"), transaction.atomic():
        set_auto_recharge(wallet, daily_ceiling=ceiling)


def test_the_preview_of_a_larger_charge_is_cut_to_what_the_day_leaves(stripe):
    wallet = low(stripe, daily_ceiling=None)
    fill(wallet, credit="-1000")

    shown = configure.preview(wallet_id=wallet.pk, settings=TEN_FIFTY)

    assert shown.charge == 500


def test_a_recharge_by_hand_says_what_todays_ceiling_lets_auto_recharge_add(stripe):
    wallet = low(stripe, daily_ceiling=100)
    with clock.at(NOON):
        run(wallet)
        fill(wallet, credit="-500")

    with clock.at(NOON + timedelta(minutes=5)):
        quote = by_hand.quote(wallet_id=wallet.pk, amount=Decimal(5), buys="credit")

    assert quote.auto_recharge == 50
