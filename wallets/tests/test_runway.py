"""Runway: how long a balance lasts at the pace of the last 7 days."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import make_individual
from wallets import ledger, runway
from wallets.ledger import Movement
from wallets.models import AutoRecharge, Wallet
from wallets.runway import Pace
from wallets.tests.builders import make_wallet, set_auto_recharge

pytestmark = pytest.mark.django_db

# A Sunday, noon in UTC: seven in the morning in New York.
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RATES = {"premium": Decimal("0.16"), "basic": Decimal("0.09")}


@pytest.fixture
def wallet(nudges):
    with clock.at(NOW - timedelta(days=60)):
        account = make_individual(timezone="America/New_York")
        return make_wallet(account=account, credit="100", premium=6000)


def use(wallet, amount, *, ago, pot="credit"):
    with clock.at(NOW - ago):
        movement = Movement(
            wallet_id=wallet.pk, pot=pot, amount=Decimal(amount), kind="calls", key=f"calls:{ago}"
        )
        ledger.post(movements=[movement])


def ahead(wallet):
    wallet = Wallet.objects.get(pk=wallet.pk)
    with clock.at(NOW):
        return runway.runway(wallet=wallet, automatic=AutoRecharge.objects.get(wallet=wallet))


def days(**pots):
    pots = {"credit": "0"} | pots
    pace = pots.pop("pace")
    wallet = Wallet(**pots)
    wallet.credit = ledger.Money(Decimal(pots["credit"]), "USD")
    return runway.days_paid(wallet=wallet, pace=pace, rates=RATES)


def test_an_account_without_calls_has_no_runway(wallet):
    found = ahead(wallet)

    assert found.is_quiet
    assert found.whole.days is None
    assert found.premium.text == "not used in the last 7 days"


def test_credit_lasts_at_the_average_of_seven_days(wallet):
    use(wallet, "-35", ago=timedelta(days=20))
    use(wallet, "-35", ago=timedelta(days=3))

    found = ahead(wallet)

    # $30 at $5 a day: six days from Sunday 07:00 in New York.
    assert found.pace.credit == Decimal(5)
    assert found.whole.days == Decimal(6)
    assert (found.whole.text, found.whole.part_of_day) == ("about 6 days", "Saturday morning")


def test_a_young_account_is_measured_from_its_first_call(wallet):
    use(wallet, "-40", ago=timedelta(days=2))

    found = ahead(wallet)

    assert found.pace.credit == Decimal(20)
    assert (found.whole.text, found.whole.part_of_day) == ("about 3 days", "Wednesday morning")


def test_minutes_last_by_their_own_pace(wallet):
    use(wallet, "-60", ago=timedelta(days=20))
    use(wallet, "-1400", ago=timedelta(days=1), pot="premium")

    found = ahead(wallet)

    assert found.premium.days == Decimal(4600) / Decimal(200)
    assert found.premium.text == "about 3 weeks"
    assert found.basic.days is None


def test_auto_recharge_keeps_it_filled_and_says_what_a_month_costs(wallet):
    use(wallet, "-35", ago=timedelta(days=20))
    use(wallet, "-35", ago=timedelta(days=3))
    set_auto_recharge(wallet, amount="40")

    found = ahead(wallet)

    assert (found.monthly_cost, found.monthly_charges) == (Decimal(150), 4)


def test_a_suspended_auto_recharge_keeps_nothing_filled(wallet):
    use(wallet, "-35", ago=timedelta(days=3))
    set_auto_recharge(wallet, suspended_at=NOW, suspended_reason="payment_failed")

    assert ahead(wallet).monthly_cost is None


@pytest.mark.parametrize(
    ("pots", "pace", "expected"),
    [
        ({"premium_seconds": 600}, Pace(premium=Decimal(300)), 2),
        # 100 minutes of Premium, then $16 of credit at $0.16: 200 minutes in all.
        ({"premium_seconds": 6000, "credit": "16"}, Pace(premium=Decimal(6000)), 2),
        ({"included_seconds": 6000, "credit": "16"}, Pace(premium=Decimal(6000)), 2),
        # Basic minutes do not help Premium calls.
        ({"basic_seconds": 6000, "credit": "16"}, Pace(premium=Decimal(6000)), 1),
        # Premium then Basic takes both, then credit at the Premium rate.
        (
            {"premium_seconds": 3000, "basic_seconds": 3000, "credit": "16"},
            Pace(premium_then_basic=Decimal(6000)),
            2,
        ),
        # Two kinds share the credit: $16 + $9 a day.
        ({"credit": "50"}, Pace(premium=Decimal(6000), basic=Decimal(6000)), 2),
        ({"credit": "-5"}, Pace(basic=Decimal(6000)), 0),
        ({"credit": "10"}, Pace(credit=Decimal(5)), 2),
    ],
)
def test_pots_are_used_in_the_order_calls_use_them(pots, pace, expected):
    assert days(pace=pace, **pots) == pytest.approx(Decimal(expected))


@pytest.mark.parametrize(
    ("length", "text"),
    [
        ("0.01", "less than an hour"),
        ("0.05", "about 1 hour"),
        ("1.2", "about 28 hours"),
        ("3.4", "about 3 days"),
        ("30", "about 4 weeks"),
        ("100", "about 3 months"),
        ("400", "more than a year"),
    ],
)
def test_lengths_are_said_as_people_say_them(length, text):
    assert runway.spoken_days(Decimal(length)) == text
