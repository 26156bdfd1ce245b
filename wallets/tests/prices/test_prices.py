from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import clock
from accounts.tests.builders import make_staff
from wallets.errors import InvalidAmount
from wallets.models import MinuteRate
from wallets.prices import amounts, estimates, rates
from wallets.prices.amounts import (
    MICRO_DOLLAR,
    bought,
    dollars,
    minutes_for,
    price_of_seconds,
    seconds_for,
)
from wallets.prices.payable import payable_seconds
from wallets.prices.rates import RateHistory, set_rate
from wallets.tests.worlds.builders import make_wallet

PREMIUM, BASIC = Decimal("0.16"), Decimal("0.09")


@pytest.mark.parametrize(("rate", "minutes"), [(PREMIUM, 312), (BASIC, 555)])
def test_fifty_dollars_buy_312_premium_or_555_basic_minutes(rate, minutes):
    assert minutes_for(amount=Decimal(50), rate=rate) == minutes


@pytest.mark.parametrize(("amount", "minutes"), [("0.15", 0), ("0.16", 1), ("0", 0), ("-5", 0)])
def test_less_than_a_minutes_price_and_debt_buy_no_minute(amount, minutes):
    assert minutes_for(amount=Decimal(amount), rate=PREMIUM) == minutes


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("0.004999", 0), ("0.005", 1), ("0.014999", 1), ("50", 5000), ("-0.005", -1)],
)
def test_a_card_is_charged_whole_cents_rounded_half_up(amount, cents):
    assert amounts.cents(Decimal(amount)) == cents


@pytest.mark.parametrize(
    ("seconds", "rate", "price"),
    [
        (60, PREMIUM, "0.160000"),
        (1, PREMIUM, "0.002667"),
        (1, BASIC, "0.001500"),
        (0, BASIC, "0.000000"),
        (86_400, PREMIUM, "230.400000"),
    ],
)
def test_seconds_are_priced_half_up_to_a_millionth_of_a_dollar(seconds, rate, price):
    assert price_of_seconds(seconds=seconds, rate=rate) == Decimal(price)


@given(
    cents=st.integers(500, 1_000_000),
    rate=st.decimals(Decimal("0.01"), Decimal(2), places=4),
)
def test_seconds_and_left_over_credit_are_worth_what_was_paid(cents, rate):
    paid = Decimal(cents) / 100

    seconds, leftover = seconds_for(amount=paid, rate=rate)

    worth = price_of_seconds(seconds=seconds, rate=rate) + leftover
    assert abs(worth - paid) <= MICRO_DOLLAR
    assert 0 <= leftover < rate


@pytest.mark.parametrize(
    ("credit", "rate", "debt", "seconds", "left_over"),
    [
        ("0", PREMIUM, "0", 18_750, "0"),
        ("25", BASIC, "0", 33_333, "0.0005"),
        ("-4.32", PREMIUM, "4.32", 17_130, "0"),
        ("-50", PREMIUM, "50", 0, "0"),
        ("-80", BASIC, "50", 0, "0"),
        ("-4.32", None, "4.32", 0, "45.68"),
        ("25", None, "0", 0, "50"),
    ],
)
def test_fifty_dollars_pay_what_is_owed_then_buy_seconds_and_the_rest_is_credit(
    credit, rate, debt, seconds, left_over
):
    found = bought(amount=Decimal(50), credit=Decimal(credit), rate=rate)

    assert found == (Decimal(debt), seconds, Decimal(left_over))
    assert found.credit == Decimal(debt) + Decimal(left_over)


@given(
    cents=st.integers(500, 1_000_000),
    credit=st.decimals(Decimal(-20_000), Decimal(20_000), places=6),
    rate=st.none() | st.decimals(Decimal("0.01"), Decimal(2), places=4),
)
def test_what_is_bought_is_worth_what_was_paid(cents, credit, rate):
    paid = dollars(cents)

    found = bought(amount=paid, credit=credit, rate=rate)

    minutes = price_of_seconds(seconds=found.seconds, rate=rate) if rate else 0
    assert abs(found.credit + minutes - paid) <= MICRO_DOLLAR
    assert 0 <= found.debt <= paid
    assert found.seconds == 0 or credit + found.debt >= 0


def test_an_estimate_is_rounded_to_the_cent_once_on_the_total():
    rates = {"basic": Decimal("0.0905"), "premium": Decimal("0.1605")}

    estimate = estimates.estimate(basic_minutes=1, premium_minutes=1, rates=rates)

    assert estimate.total_cents == 25


@pytest.mark.django_db
def test_the_rate_of_a_moment_is_the_latest_that_had_begun():
    now = clock.now()
    set_rate(
        minute_type="premium",
        price=Decimal("0.20"),
        effective_from=now + timedelta(days=1),
        actor=None,
    )

    assert rates.rate(minute_type="premium", at=now) == PREMIUM
    assert rates.rate(minute_type="premium", at=now + timedelta(days=1)) == Decimal("0.20")
    assert rates.rate(minute_type="basic", at=now + timedelta(days=1)) == BASIC


@pytest.mark.django_db
def test_a_rate_never_begins_in_the_past():
    with pytest.raises(InvalidAmount):
        set_rate(
            minute_type="basic",
            price=Decimal("0.10"),
            effective_from=clock.now() - timedelta(seconds=1),
            actor=None,
        )

    assert MinuteRate.objects.count() == 2


def set_basic_rate(price="0.10", *, minute_type="basic", at=None, actor=None):
    return set_rate(
        minute_type=minute_type,
        price=Decimal(price),
        effective_from=at or clock.now() + timedelta(days=1),
        actor=actor,
    )


@pytest.mark.django_db
@pytest.mark.parametrize("price", ["0.0001", "1", "100"])
def test_a_rate_is_more_than_nothing_and_at_most_a_hundred_dollars(price):
    staff = make_staff()

    made = set_basic_rate(price, actor=staff)

    assert (made.price.amount, made.created_by) == (Decimal(price), staff)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("price", "minute_type", "field"),
    [
        ("0", "basic", "price"),
        ("-0.01", "basic", "price"),
        ("100.0001", "basic", "price"),
        ("NaN", "basic", "price"),
        ("sNaN", "basic", "price"),
        ("Infinity", "basic", "price"),
        ("1", "gold", "minute_type"),
    ],
)
def test_a_rate_out_of_range_or_of_no_type_is_refused(price, minute_type, field):
    with pytest.raises(InvalidAmount) as refusal:
        set_basic_rate(price, minute_type=minute_type)

    assert list(refusal.value.fields) == [field]

    assert MinuteRate.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("at_once", [False, True])
def test_a_second_rate_of_a_type_from_the_same_moment_is_refused(monkeypatch, at_once):
    if at_once:
        # Neither of the two finds the other's yet.
        monkeypatch.setattr(rates, "check", lambda **_: None)
    moment = clock.now() + timedelta(days=1)
    set_basic_rate("0.10", at=moment)

    with pytest.raises(InvalidAmount, match="already"):
        set_basic_rate("0.11", at=moment)

    assert rates.rate(minute_type="basic", at=moment) == Decimal("0.10")


@pytest.mark.django_db
def test_a_rate_may_begin_this_very_moment():
    now = clock.now()

    with clock.at(now):
        assert set_basic_rate(at=now).effective_from == now


@pytest.mark.django_db
def test_whoever_asks_first_is_told_of_the_rate_that_begins_then_of_that_type():
    moment = clock.now() + timedelta(days=1)
    set_basic_rate("0.10", at=moment)
    asked = {"price": Decimal("0.11"), "effective_from": moment}

    rates.check(minute_type="premium", **asked)
    with pytest.raises(InvalidAmount, match="already"):
        rates.check(minute_type="basic", **asked)


def test_a_moment_before_any_rate_has_no_price():
    now = clock.now()

    with pytest.raises(LookupError):
        RateHistory({"basic": [(now, BASIC)]}).at("basic", now - timedelta(seconds=1))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("usable", "seconds"),
    [
        # 600 Included + 60 Premium + $1.60 at $0.16, and so on.
        ("premium", 600 + 60 + 600),
        ("basic", 120 + 1066),
        ("premium_then_basic", 600 + 60 + 120 + 600),
    ],
)
def test_payable_seconds_are_the_usable_pots_and_what_credit_buys(usable, seconds):
    wallet = make_wallet(credit="1.60", premium=60, basic=120, included=600)
    rates = {"premium": PREMIUM, "basic": BASIC}

    assert payable_seconds(pots=wallet.pots, usable=usable, rates=rates) == seconds


@pytest.mark.parametrize(("credit", "seconds"), [("0.50", 187), ("0.01", 3), ("0.002", 0)])
def test_credit_of_less_than_a_dollar_pays_for_whole_seconds(credit, seconds):
    pots = {"credit": Decimal(credit), "premium": 0, "basic": 0, "included": 0}

    found = payable_seconds(pots=pots, usable="premium", rates={"premium": PREMIUM})

    assert found == seconds


@pytest.mark.django_db
def test_debt_pays_for_nothing():
    wallet = make_wallet(credit="-5")

    found = payable_seconds(
        pots=wallet.pots, usable="basic", rates={"premium": PREMIUM, "basic": BASIC}
    )

    assert found == 0


def test_cents_are_dollars_exactly():
    assert (dollars(1), dollars(12_345)) == (Decimal("0.01"), Decimal("123.45"))
