"""New rates: one person within a band and a day ahead, two beyond that."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import make_staff, make_sub_account
from wallets.errors import FormReused, InvalidAmount, Refused
from wallets.models import AdjustmentRequest, MinuteRate
from wallets.support import approving, repricing
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import allocate, buy

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def ask(price, *, minute_type="premium", ahead=DAY + timedelta(hours=1), form_key="r", actor=None):
    return repricing.set_rate(
        minute_type=minute_type,
        price=Decimal(price),
        effective_from=clock.now() + ahead,
        actor=actor or make_staff(),
        note="As agreed",
        form_key=form_key,
    )


# The seeded Premium rate is $0.16: a fifth of it is $0.032.
@pytest.mark.parametrize("price", ["0.128", "0.192"])
def test_within_the_band_and_a_day_ahead_one_person_sets_it(price):
    actor = make_staff()

    made = ask(price, actor=actor)

    assert (made.price.amount, made.created_by) == (Decimal(price), actor)
    assert AdjustmentRequest.objects.get().state == "alone"


@pytest.mark.parametrize("price", ["0.127999", "0.192001", "0.000001", "100"])
def test_a_price_that_leaps_waits_for_a_second_person(price):
    asked = ask(price)

    assert (asked.kind, asked.state) == ("rate", "asked")
    assert MinuteRate.objects.count() == 2


@pytest.mark.parametrize("ahead", [timedelta(seconds=30), DAY - timedelta(seconds=30)])
def test_a_rate_that_holds_within_a_day_waits_for_a_second_person(ahead):
    assert ask("0.15", ahead=ahead).state == "asked"
    assert MinuteRate.objects.count() == 2


def test_a_price_does_not_walk_away_in_steps():
    first = ask("0.13", form_key="a")
    second = ask("0.11", ahead=3 * DAY, form_key="b")
    with clock.at(clock.now() + 20 * DAY):
        third = ask("0.11", form_key="c")
    with clock.at(clock.now() + 40 * DAY):
        fourth = ask("0.11", form_key="d")

    kinds = [type(one) for one in (first, second, third, fourth)]
    assert kinds == [MinuteRate, AdjustmentRequest, AdjustmentRequest, MinuteRate]


def test_what_a_rate_moves_in_a_month_is_worth_dollars_that_are_counted():
    wallet = make_wallet()
    # A tenth of $1,000 is $100: a dollar more to be paid is too much.
    buy(wallet, cents=100_000)
    assert repricing.worth_of(minute_type="premium", price=Decimal("0.144")) == Decimal(100)
    buy(wallet, cents=100)

    asked = ask("0.144")

    assert (asked.state, asked.worth) == ("asked", Decimal("100.1"))
    assert MinuteRate.objects.count() == 2


def test_payments_for_the_other_type_and_of_longer_ago_move_nothing():
    wallet, now = make_wallet(), clock.now()
    bought = {"buys": "premium", "premium_rate": Decimal("0.16")}
    buy(wallet, cents=20_000, **bought)
    buy(wallet, cents=30_000, buys="basic", basic_rate=Decimal("0.09"))
    buy(wallet, cents=40_000, created_at=now - timedelta(days=30, seconds=5), **bought)
    buy(wallet, cents=50_000, state="declined", **bought)

    assert repricing.worth_of(minute_type="premium", price=Decimal("0.144")) == Decimal(20)


def test_what_monthly_allocations_cost_more_or_less_is_counted():
    wallet = make_wallet(account=make_sub_account())
    make_wallet(account=wallet.account.agency)
    # 500 Basic minutes a month at $0.09 are $45, at $0.10 $50.
    allocate(wallet)

    worth = [
        repricing.worth_of(minute_type="basic", price=Decimal(price)) for price in ("0.10", "0.08")
    ]

    assert worth == [Decimal(5), Decimal(5)]


def test_a_rate_is_not_compared_with_those_that_begin_after_it():
    asked = ask("0.50", ahead=10 * DAY, form_key="a")
    approving.approve(request_id=asked.pk, actor=make_staff())

    before, after = ask("0.15", form_key="b"), ask("0.15", ahead=11 * DAY, form_key="c")

    assert [type(one) for one in (before, after)] == [MinuteRate, AdjustmentRequest]


def test_another_person_approves_exactly_what_was_asked_once():
    asker, approver = make_staff(), make_staff()
    asked = ask("0.20", actor=asker)

    said = approving.approve(request_id=asked.pk, actor=approver)

    made = MinuteRate.objects.latest("pk")
    asked.refresh_from_db()
    assert said.startswith("Premium $0.2/min from ")
    assert (made.price.amount, made.created_by) == (Decimal("0.20"), asker)
    assert made.effective_from.isoformat() == asked.facts["effective_from"]
    assert (asked.state, asked.decided_by) == ("approved", approver)
    with pytest.raises(Refused, match="decided already"):
        approving.approve(request_id=asked.pk, actor=make_staff())
    assert MinuteRate.objects.count() == 3


def test_nobody_approves_their_own_rate():
    asker = make_staff()
    asked = ask("0.20", actor=asker)

    with pytest.raises(Refused, match="Another person"):
        approving.approve(request_id=asked.pk, actor=asker)

    assert MinuteRate.objects.count() == 2


def test_a_rate_whose_moment_has_passed_is_not_set_any_more_and_can_be_rejected():
    asked = ask("0.20")

    with clock.at(clock.now() + 2 * DAY), pytest.raises(InvalidAmount, match="in the past"):
        approving.approve(request_id=asked.pk, actor=make_staff())
    approving.reject(request_id=asked.pk, actor=make_staff())

    assert MinuteRate.objects.count() == 2


def test_the_same_form_again_answers_with_what_it_made_and_does_nothing_else():
    actor, at = make_staff(), clock.now()

    with clock.at(at):
        first, again = (ask("0.15", actor=actor) for _ in range(2))
        asked, asked_again = (
            ask("0.30", ahead=2 * DAY, actor=actor, form_key="s") for _ in range(2)
        )
        with pytest.raises(FormReused):
            ask("0.14", actor=actor)

    assert (first, asked) == (again, asked_again)
    assert MinuteRate.objects.count() == 3


@pytest.mark.parametrize("price", ["0", "-1", "100.01", "NaN"])
def test_what_cannot_be_a_rate_is_not_asked_for_either(price):
    with pytest.raises(InvalidAmount):
        ask(price)

    assert not AdjustmentRequest.objects.exists()
