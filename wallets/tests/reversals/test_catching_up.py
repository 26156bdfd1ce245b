from datetime import timedelta
from decimal import Decimal
from itertools import count
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction

from accounts import clock
from accounts.runtime import steps
from accounts.runtime.time_limits import TimeIsUp
from wallets import sweeps, tasks
from wallets.books import checking
from wallets.models import CatchUp, Reversal
from wallets.reversals import catching_up, disputes, refunds
from wallets.stripe import gateway
from wallets.tests.worlds import histories
from wallets.tests.worlds.builders import pay, stranger_pays
from wallets.tests.worlds.reversal_world import (
    buy,
    dispute,
    nothing_moved,
    pots,
    refunded_outside,
)

pytestmark = pytest.mark.django_db


def test_what_no_event_told_is_caught_up(wallet, stripe):
    purchase = buy(wallet)
    since = clock.now() - timedelta(minutes=5)
    refunded_outside(purchase, 1500)
    other = buy(wallet)
    stripe.dispute(other.payment_intent)

    assert catching_up.catch_up(since=since) == 2
    assert catching_up.catch_up(since=since) == 2

    assert Reversal.objects.count() == 2
    assert pots(wallet)[0] == Decimal("35")


def test_a_refund_or_a_dispute_of_nobody_we_know_moves_nothing(wallet, stripe):
    purchase = buy(wallet)
    stranger = stranger_pays(stripe)
    outside = gateway.create_refund(key="theirs", intent_id=stranger, amount=1500, metadata={})

    assert refunds.settle_refund(refund_id=outside["id"]) is None
    disputed = stripe.dispute(stranger_pays(stripe))
    assert disputes.apply_dispute(dispute_id=disputed["id"]) is None

    assert nothing_moved(purchase)
    assert pots(wallet)[0] == Decimal("50")


@pytest.mark.parametrize("back", ["refunded", "disputed"])
def test_what_was_paid_but_never_credited_and_goes_back_takes_nothing(wallet, stripe, back):
    """As the runbook says of a purchase in quarantine: refund it at Stripe."""
    intent = pay(stripe, wallet.account.stripe_customer, cents=5000)
    purchase = histories.buy(wallet, state="canceled", payment_intent=intent)

    if back == "refunded":
        outside = refunded_outside(purchase, 5000)
        assert refunds.settle_refund(refund_id=outside["id"]) is None
    else:
        assert disputes.apply_dispute(dispute_id=dispute(stripe, purchase)) is None

    assert nothing_moved(purchase)
    assert pots(wallet)[0] == Decimal(0)
    assert checking.check_all() == []


# --- Four months, in steps.


def look(**facts):
    return catching_up.go_on(catch_up_id=catching_up.begin().pk, **facts)


def lists(stripe, what="refunds"):
    """How often Stripe was asked for a list."""
    asked = stripe.requests(path=f"/v1/{what}", method="GET")
    return sum(one["path"] == f"/v1/{what}" for one in asked)


def test_four_months_are_looked_through_in_steps_of_ten_days(wallet, stripe):
    refunded_outside(buy(wallet), 1500)
    stripe.dispute(buy(wallet).payment_intent)
    stripe.clear_requests()

    done = look()

    assert (lists(stripe), lists(stripe, "disputes")) == (12, 12)
    assert done.finished_at
    assert (done.at, done.known) == (done.until, 2)
    assert done.until - done.since == timedelta(days=120)
    assert pots(wallet)[0] == Decimal("35")


def test_a_look_whose_time_is_used_up_is_gone_on_with_where_it_was(wallet, stripe, monkeypatch):
    refunded_outside(buy(wallet), 1500)
    stripe.clear_requests()
    seconds = count(step=60)
    clockwork = SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr(steps, "time", clockwork)

    first = look()
    asked = lists(stripe)
    rest = [look() for _ in range(3)]

    assert (first.finished_at, first.at - first.since) == (None, timedelta(days=30))
    assert asked == 3
    assert [one.pk for one in rest] == [first.pk] * 3
    assert rest[-1].finished_at
    assert lists(stripe) == 12
    assert rest[-1].known == 1


def test_a_step_that_is_killed_is_half_as_long_the_next_time(wallet, monkeypatch):  # noqa: ARG001
    with monkeypatch.context() as broken:
        broken.setattr(gateway, "disputes_since", _dies)
        for _ in range(3):
            with pytest.raises(TimeIsUp):
                look()
    row = CatchUp.objects.get()
    assert (row.at, row.slice_seconds) == (row.since, 10 * 86400 // 8)

    assert look().finished_at
    assert CatchUp.objects.get().slice_seconds == 10 * 86400


def test_one_that_was_left_for_weeks_does_not_list_those_weeks(monkeypatch):
    asked = []
    monkeypatch.setattr(catching_up, "catch_up", lambda **window: asked.append(window) or 0)
    begun = catching_up.begin()

    with clock.at(clock.now() + timedelta(days=30)):
        done = catching_up.go_on(catch_up_id=begun.pk)

    assert done.finished_at
    assert asked[-1]["until"] == begun.until


def _dies(**_):
    raise TimeIsUp


@pytest.mark.outside_of_cells("events and looks at all of Stripe are everybody's")
@pytest.mark.usefixtures("wallet", "nudges")
def test_without_an_answer_the_sweep_goes_on_a_quarter_of_an_hour_later(stripe):
    stripe.fault(kind="reset_before", path="/v1/disputes", times=9)
    tasks.nightly()
    stripe.clear_faults()
    row = CatchUp.objects.get()

    with clock.at(clock.now() + timedelta(minutes=14)):
        early = catching_up.left_ids()
    with clock.at(clock.now() + timedelta(minutes=16)):
        [piece] = [one for one in sweeps.find_work() if one[0] == "wallets.catch_up"]
        tasks.catch_up(*piece[1])

    assert (early, piece) == ([], ("wallets.catch_up", (row.pk,)))
    assert CatchUp.objects.get().finished_at


def test_two_looks_at_once_are_one():
    assert catching_up.begin() == catching_up.begin()
    with pytest.raises(IntegrityError), transaction.atomic():
        CatchUp.objects.create(
            since=clock.now(), at=clock.now(), until=clock.now(), slice_seconds=60
        )
