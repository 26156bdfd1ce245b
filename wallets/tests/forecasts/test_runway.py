"""Runway: how long a balance lasts at the pace of the last 7 days."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import make_individual
from wallets.balances import ledger
from wallets.balances.ledger import Movement
from wallets.forecasts import pace, runway
from wallets.forecasts.pace import Pace
from wallets.models import AutoRecharge, Wallet
from wallets.tests.worlds.builders import make_wallet, set_auto_recharge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

# A Sunday, noon in UTC: seven in the morning in New York.
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RATES = {"premium": Decimal("0.16"), "basic": Decimal("0.09")}


@pytest.fixture
def wallet():
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
        automatic = AutoRecharge.objects.get(wallet=wallet)
        return runway.runway(wallet=wallet, automatic=automatic, rates=RATES)


def days(**pots):
    pots = {"credit": "0"} | pots
    pace = pots.pop("pace")
    wallet = Wallet(**pots)
    wallet.credit = ledger.Money(Decimal(pots["credit"]), "USD")
    return runway.days_paid(wallet=wallet, pace=pace, rates=RATES)


def lasts(wallet):
    """By minute type, how long and until when."""
    types = ahead(wallet).types
    with clock.at(NOW):
        return {one.minute_type: (one.text, one.part_of_day) for one in types}


@pytest.fixture
def told(monkeypatch):
    """Says what calls took, in the place of the app that keeps them."""
    taken = {}
    monkeypatch.setattr(pace, "_tellers", [lambda accounts, since: dict.fromkeys(accounts, taken)])
    return taken


def part(included=0, premium=0, basic=0, credit=0):
    used = {"included": included, "premium": premium, "basic": basic, "credit": credit}
    return {pot: Decimal(amount) for pot, amount in used.items()}


def test_an_account_without_calls_has_no_runway(wallet):
    assert ahead(wallet).types is None


def test_premium_and_basic_calls_stop_at_moments_of_their_own(wallet, told):
    told |= {"premium": part(premium=7000), "basic": part(credit=7)}
    use(wallet, "-7", ago=timedelta(days=20))
    use(wallet, "-7", ago=timedelta(days=3))
    use(wallet, "-4200", ago=timedelta(days=3), pot="premium")

    # $86 at $1 of Basic calls a day, and 1,800 seconds at 600 a day, then $1.60 more:
    # $83 at $2.60 a day from the third day on.
    assert lasts(wallet) == {
        "premium": ("about 5 weeks", "around 27 Dec"),
        "basic": ("about 5 weeks", "around 27 Dec"),
    }


def test_minutes_of_one_type_do_not_keep_the_other_going(wallet, told):
    told |= {"premium": part(premium=7000), "basic": part(credit=7)}
    with clock.at(NOW - timedelta(days=50)):
        ledger.post(
            movements=[
                Movement(
                    wallet_id=wallet.pk,
                    pot="credit",
                    amount=Decimal(-84),
                    kind="adjustment",
                    key="a",
                )
            ]
        )
    use(wallet, "-700", ago=timedelta(days=3), pot="premium")
    use(wallet, "-14", ago=timedelta(days=3))

    # $2 left at $4.67 a day since the first call; 5,300 seconds of Premium at 233 a day.
    assert lasts(wallet) == {
        "premium": ("about 3 weeks", "around 15 Dec"),
        "basic": ("about 10 hours", "this evening"),
    }


def test_a_kind_that_nothing_pays_any_more_has_nothing_left(wallet, told):
    told |= {"premium": part(premium=100), "basic": part(credit=100)}
    use(wallet, "-104", ago=timedelta(days=3))
    use(wallet, "-600", ago=timedelta(days=3), pot="premium")

    assert lasts(wallet)["basic"] == ("nothing left", "")
    assert lasts(wallet)["premium"][0] == "about 4 weeks"


def test_less_than_a_minute_is_nothing_left_as_campaigns_have_stopped(wallet, told):
    told |= {"premium": part(premium=6000, credit=99), "basic": part(credit=1)}
    use(wallet, "-99.90", ago=timedelta(days=3))
    use(wallet, "-6000", ago=timedelta(days=3), pot="premium")

    # $0.10 is a minute of Basic and none of Premium.
    assert lasts(wallet)["premium"] == ("nothing left", "")
    assert lasts(wallet)["basic"][0] == "less than an hour"


def test_a_minute_type_without_calls_says_so(wallet, told):
    told |= {"basic": part(credit=40)}
    use(wallet, "-40", ago=timedelta(days=2))

    assert lasts(wallet) == {
        "premium": ("none in the last 7 days", ""),
        "basic": ("about 3 days", "Wednesday morning"),
    }


def test_premium_then_basic_calls_are_named_when_there_were_any(wallet, told):
    told |= {"premium_then_basic": part(credit=40)}
    use(wallet, "-40", ago=timedelta(days=2))

    # 6,000 Premium seconds at 7,500 a day (of $20 at $0.16 a minute), then $60 at $20 a day.
    assert lasts(wallet)["premium_then_basic"] == ("about 4 days", "early Thursday")


def test_credit_lasts_at_the_average_of_seven_days(wallet):
    use(wallet, "-35", ago=timedelta(days=20))
    use(wallet, "-35", ago=timedelta(days=3))

    # $30 at $5 a day: six days from Sunday 07:00 in New York.
    assert lasts(wallet)["credit"] == ("about 6 days", "Saturday morning")


def test_a_young_account_is_measured_from_its_first_call(wallet):
    use(wallet, "-40", ago=timedelta(days=2))

    assert lasts(wallet)["credit"] == ("about 3 days", "Wednesday morning")


def test_a_moment_after_midnight_is_early_and_not_the_night_of_that_day():
    with clock.at(NOW):
        said = runway.spoken_moment(datetime(2026, 11, 25, 2, tzinfo=UTC))

    assert said == "early Wednesday"


def test_auto_recharge_keeps_it_filled_and_says_what_a_month_costs(wallet):
    use(wallet, "-35", ago=timedelta(days=20))
    use(wallet, "-35", ago=timedelta(days=3))
    set_auto_recharge(wallet, amount="40", payment_method="pm_1")

    found = ahead(wallet)

    assert (found.monthly_cost, found.monthly_charges) == (Decimal(150), 4)


@pytest.mark.parametrize("reason", ["declined", "monthly_limit"])
def test_an_auto_recharge_that_waits_promises_nothing(wallet, reason):
    use(wallet, "-35", ago=timedelta(days=3))
    set_auto_recharge(wallet, hold_reason=reason, not_before=NOW + timedelta(hours=1))

    assert ahead(wallet).monthly_cost is None


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
