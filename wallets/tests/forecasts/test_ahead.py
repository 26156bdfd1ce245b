"""What comes: until when a balance lasts, how sure that is, and what happens at the threshold."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import make_individual
from wallets.balances import ledger
from wallets.balances.ledger import Movement
from wallets.forecasts import ahead, pace, runway
from wallets.forecasts.standing import Standing, standing
from wallets.models import AutoRecharge, Wallet
from wallets.tests.worlds.builders import make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

# A Sunday, noon in UTC: seven in the morning in New York.
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RATES = {"premium": Decimal("0.16"), "basic": Decimal("0.09")}

SUSPENDED = {
    "payment_method": "pm_1",
    "suspended_at": NOW,
    "suspended_reason": "payment_failed",
}


@pytest.fixture
def wallet():
    with clock.at(NOW - timedelta(days=60)):
        return make_wallet(account=make_individual(timezone="America/New_York"), credit="100")


def use(wallet, *dollars, pot="credit"):
    """What calls took on each of the last days, yesterday's first."""
    for back, taken in enumerate(dollars, start=1):
        with clock.at(NOW - timedelta(days=back) + timedelta(hours=1)):
            key = f"calls:{pot}:{back}"
            movement = Movement(
                wallet_id=wallet.pk, pot=pot, amount=-Decimal(taken), kind="calls", key=key
            )
            ledger.post(movements=[movement])


def coming(wallet, at=NOW):
    wallet = Wallet.objects.select_related("account").get(pk=wallet.pk)
    automatic = AutoRecharge.objects.get(wallet=wallet)
    automatic.wallet = wallet
    with clock.at(at):
        lasts = runway.runway(wallet=wallet, automatic=automatic, rates=RATES)
        found = ahead.ahead(wallet=wallet, automatic=automatic, runway=lasts)
        said = standing(wallet=wallet, automatic=automatic, runway=lasts)
        words = found and (found.until, found.likely, found.falls)
    return found, words, said


def test_an_even_pace_says_the_day_and_about_the_hour(wallet):
    use(wallet, *[10] * 8)

    # $20 at $10 a day: two days from Sunday 07:00 in New York; it is $10 after one.
    _, words, _ = coming(wallet)

    assert words == ("until Tuesday, about 07:00", "", "Tomorrow, about 07:00")


def test_days_that_differ_say_between_which_it_most_likely_ends(wallet):
    use(wallet, 4, 16, 4, 16, 4, 16, 10, 1)

    found, words, _ = coming(wallet)

    # $29 at $10 a day: 2.9 days, give or take 6 / 10 * sqrt(1/7 + 1/2.9) of it.
    assert words[0] == "until Wednesday, about 04:30"
    assert words[1] == "between Tuesday morning and Friday morning"
    assert found.crossing_days == Decimal("1.9")


def test_too_few_days_to_compare_are_called_far_from_sure(wallet):
    use(wallet, 20, 20)

    found, _, _ = coming(wallet)

    assert found.measured.spread == 1.0
    assert found.latest - found.earliest > timedelta(days=5)


def test_minutes_are_used_before_credit_begins_to_fall(wallet):
    with clock.at(NOW - timedelta(days=59)):
        fill = Movement(
            wallet_id=wallet.pk, pot="basic", amount=Decimal(9000), kind="adjustment", key="a"
        )
        ledger.post(movements=[fill])
    use(wallet, *[1000] * 8, pot="basic")

    found, _, _ = coming(wallet)

    # 1,000 seconds a day are left for a day; then $1.50 a day of $100.
    assert [day.credit for day in found.days(3)] == [100, Decimal("98.50"), 97]


def test_at_the_threshold_the_rule_itself_says_what_is_charged(wallet):
    use(wallet, *[10] * 8)
    set_auto_recharge(wallet, threshold=10, amount=50, payment_method="pm_1")

    found, words, said = coming(wallet)

    assert (found.charge, words[2]) == (Decimal(50), "Tomorrow, about 07:00")
    # $20, then $10 tomorrow; lifted to $60 and going down.
    assert [day.credit for day in found.days(3)] == [10, 50, 40]
    assert [day.most for day in found.days(3)][1:] == [None, None]
    assert said == Standing.HEALTHY


def test_at_a_used_up_limit_nothing_is_promised(wallet):
    with clock.at(NOW - timedelta(days=20)):
        buy(wallet, cents=5000, purpose="auto_recharge")
    use(wallet, *[10] * 13)
    set_auto_recharge(wallet, threshold=10, amount=50, monthly_limit=60, payment_method="pm_1")

    found, _, _ = coming(wallet)

    # $20 left; the $50 of 2 November are of the month in which it falls below $10.
    assert found.charge == 0
    assert found.why_not == "the monthly limit leaves no room for it."


def test_a_wait_that_is_over_by_then_keeps_nothing_from_being_charged(wallet):
    use(wallet, *[10] * 8)
    hold = {"hold_reason": "declined", "not_before": NOW + timedelta(hours=6)}
    set_auto_recharge(wallet, threshold=10, amount=50, payment_method="pm_1", **hold)

    assert coming(wallet)[0].charge == Decimal(50)
    AutoRecharge.objects.update(not_before=NOW + timedelta(days=3))
    assert coming(wallet)[0].charge == 0


def test_calls_that_stop_before_others_are_named(wallet, monkeypatch):
    with clock.at(NOW - timedelta(days=59)):
        fill = Movement(
            wallet_id=wallet.pk, pot="premium", amount=Decimal(9000), kind="adjustment", key="a"
        )
        ledger.post(movements=[fill])
    paid = dict.fromkeys(("included", "premium", "basic", "credit"), Decimal(0))
    taken = {
        "premium": paid | {"premium": Decimal(100)},
        "basic": paid | {"credit": Decimal(100)},
    }
    monkeypatch.setattr(pace, "_tellers", [lambda accounts, since: dict.fromkeys(accounts, taken)])
    use(wallet, *["12.5"] * 8)
    use(wallet, *[600] * 8, pot="premium")

    found, words, _ = coming(wallet)

    # No credit is left for Basic calls; 4,200 seconds of Premium at 600 a day.
    assert (words[0], found.whose) == ("", "Basic calls")


def test_what_goes_on_is_named_where_other_calls_have_stopped(wallet, monkeypatch):
    nothing = dict.fromkeys(("included", "premium", "basic", "credit"), Decimal(0))
    taken = {"basic": nothing | {"credit": Decimal(25)}}
    use(wallet, *["6.25"] * 8)
    monkeypatch.setattr(pace, "_tellers", [lambda accounts, since: dict.fromkeys(accounts, taken)])
    alone, _, _ = coming(wallet)
    taken[pace.STOPPED] = nothing | {"premium": Decimal(60)}

    beside_stopped, _, _ = coming(wallet)

    assert (alone.whose, beside_stopped.whose) == ("", "Basic calls")


def test_without_a_pace_nothing_is_foretold(wallet):
    assert coming(wallet)[:2] == (None, None)


@pytest.mark.parametrize(
    ("used", "settings", "expected"),
    [
        ([10] * 8, {}, Standing.HEALTHY),
        # $9.20 that lasts a day, and that lasts weeks.
        (["11.35"] * 8, {}, Standing.LOW),
        (["0.1"] * 7 + ["90.10"], {}, Standing.BELOW),
        # $20 at $40 a day, with nobody and with a card that fills it.
        ([40, 40], {"threshold": 5, "enabled": False}, Standing.SHORT),
        ([40, 40], {"threshold": 5, "payment_method": "pm_1"}, Standing.HEALTHY),
        ([40, 40], {"threshold": 5} | SUSPENDED, Standing.SHORT),
        ([101], {}, Standing.NEGATIVE),
    ],
)
def test_a_balance_is_called_low_when_it_does_not_last(wallet, used, settings, expected):
    use(wallet, *used)
    if settings:
        set_auto_recharge(wallet, **settings)

    assert coming(wallet)[2] == expected


def test_a_wallet_that_never_held_anything_is_new_and_not_low():
    wallet = make_wallet(account=make_individual())

    assert coming(wallet)[2] == Standing.NEW
