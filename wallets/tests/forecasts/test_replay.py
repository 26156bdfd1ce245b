"""Replay: what settings of Auto-Recharge would have done with the last 30 days."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from wallets.balances import ledger
from wallets.balances.ledger import Movement
from wallets.forecasts import replay
from wallets.recharges.auto_recharge import Terms
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def wallet():
    """$30 since long before the replayed month."""
    with clock.at(NOW - timedelta(days=60)):
        return make_wallet(credit="30")


def use(wallet, dollars, *, ago, kind="calls", pot="credit"):
    moment = NOW - ago
    with clock.at(moment):
        movement = Movement(
            wallet_id=wallet.pk,
            pot=pot,
            amount=Decimal(dollars),
            kind=kind,
            key=f"{kind}:{moment.isoformat()}",
        )
        ledger.post(movements=[movement])


def played(wallet, *, threshold=10, amount=50, monthly_limit=None):
    limit = monthly_limit and Decimal(monthly_limit)
    with clock.at(NOW):
        past = replay.past(wallet=wallet)
    return replay.replay(past=past, terms=Terms(True, Decimal(threshold), Decimal(amount), limit))


def test_calls_that_stay_above_the_threshold_charge_nothing(wallet):
    use(wallet, "-12", ago=timedelta(days=3))

    done = played(wallet)

    assert (done.charges, done.charged, done.lowest, done.still) == (
        0,
        Decimal(0),
        Decimal(18),
        timedelta(0),
    )


def test_falling_below_the_threshold_charges_once_by_the_real_rule(wallet):
    use(wallet, "-25", ago=timedelta(days=3))

    done = played(wallet)

    # Charged just below $10, not at the end of the ten minutes.
    assert (done.charges, done.charged, done.lowest) == (1, Decimal(50), Decimal("9.91"))
    assert done.still == timedelta(0)


def test_the_opening_balance_is_that_of_thirty_days_ago(wallet):
    use(wallet, "-15", ago=timedelta(days=31))
    use(wallet, "-6", ago=timedelta(days=2))

    assert played(wallet).charges == 1


def test_recharges_that_were_made_are_left_out(wallet):
    use(wallet, "500", ago=timedelta(days=20), kind="recharge")
    use(wallet, "-25", ago=timedelta(days=3))

    assert played(wallet).charges == 1


def test_minutes_do_not_count_as_credit(wallet):
    use(wallet, "6000", ago=timedelta(days=20), kind="recharge", pot="premium")
    use(wallet, "-6000", ago=timedelta(days=3), pot="premium")

    done = played(wallet)

    assert (done.charges, done.lowest) == (0, Decimal(30))


def test_a_monthly_limit_lets_campaigns_stand_still(wallet):
    use(wallet, "-70", ago=timedelta(days=5))
    use(wallet, "-20", ago=timedelta(days=4))

    done = played(wallet, monthly_limit=50)

    assert (done.charges, done.charged, done.limit_reached) == (1, Decimal(50), True)
    # $10 were left for the last $20: half of ten minutes.
    assert done.still == timedelta(minutes=5)


def test_the_daily_ceiling_lets_campaigns_stand_still_until_the_next_day(wallet):
    for hours in (120, 119, 118, 117, 116, 115):
        use(wallet, "-100", ago=timedelta(hours=hours))
    use(wallet, "-100", ago=timedelta(hours=107))

    done = played(wallet)

    assert (done.ceiling_reached, done.limit_reached) == (True, False)
    # $500 on the 17th, which had $530 for $600; the next day starts anew with three of $50.
    assert (done.charges, done.charged) == (13, Decimal(650))
    assert done.still == timedelta(minutes=7)


def test_a_limit_starts_anew_with_the_accounts_month(wallet):
    use(wallet, "-70", ago=timedelta(days=25))
    use(wallet, "-40", ago=timedelta(days=5))

    assert played(wallet, monthly_limit=50).charges == 2


def test_at_most_three_charges_fit_ten_minutes(wallet):
    use(wallet, "-100", ago=timedelta(days=5))

    done = played(wallet, threshold=5, amount=5)

    assert done.charges == 3
    assert done.charged == Decimal(15)
    assert done.still > timedelta(minutes=5)


def test_the_suggestion_covers_the_busiest_six_hours(wallet):
    for hours, dollars in ((50, "-9"), (47, "-12"), (45, "-2"), (30, "-20")):
        use(wallet, dollars, ago=timedelta(hours=hours))

    with clock.at(NOW):
        past = replay.past(wallet=wallet)

    assert replay.suggested_threshold(past=past) == Decimal(25)


def test_without_calls_nothing_is_suggested(wallet):
    with clock.at(NOW):
        past = replay.past(wallet=wallet)

    assert replay.suggested_threshold(past=past) is None
    assert past.used == 0


def test_a_busy_month_is_three_queries(wallet, django_assert_num_queries):
    for hour in range(50):
        use(wallet, "-1", ago=timedelta(hours=hour + 1))

    with clock.at(NOW), django_assert_num_queries(3):
        past = replay.past(wallet=wallet)

    assert past.used == Decimal(50)
