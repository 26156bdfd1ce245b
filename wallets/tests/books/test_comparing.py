"""The nightly comparison with Stripe, in steps."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from accounts import clock
from accounts.models import StaffAlert
from accounts.runtime.time_limits import TimeIsUp
from wallets import limits, sweeps, tasks
from wallets.books import against_stripe, comparing, held
from wallets.models import StripeComparison
from wallets.stripe import answers
from wallets.tests.worlds.builders import add_card, make_wallet, pay
from wallets.tests.worlds.reversal_world import buy, refunded_outside

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]


@pytest.fixture
def wallet(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    return wallet


def compare() -> StripeComparison:
    return comparing.go_on(comparison_id=comparing.begin().pk)


def open_for(wallet, *, days: int) -> None:
    wallet.account.created_at = clock.now() - timedelta(days=days)
    wallet.account.save(update_fields=["created_at"])


def lists(stripe) -> int:
    """How often Stripe was asked for a list of intents."""
    return len(stripe.requests(path="/v1/payment_intents", method="GET"))


def test_a_comparison_ends_and_the_next_takes_in_what_came_since(wallet):
    open_for(wallet, days=20)
    buy(wallet)
    first = compare()

    with clock.at(clock.now() + timedelta(days=10)):
        second = compare()

    assert first.finished_at
    assert (first.found, second.found) == (0, 0)
    assert second.since == first.until - limits.COMPARE_OVERLAP
    assert second.until > first.until + timedelta(days=9)


def test_it_costs_what_the_days_since_brought(wallet, stripe):
    open_for(wallet, days=20)
    compare()
    stripe.clear_requests()

    with clock.at(clock.now() + timedelta(days=1)):
        compare()

    # A day and the overlap in slices of six hours, and the moment between the two.
    assert lists(stripe) == 17


def test_what_differs_is_frozen_and_told_by_the_step_that_finds_it(wallet, stripe):
    intent = pay(stripe, wallet.account.stripe_customer, cents=700)

    row = compare()

    wallet.refresh_from_db()
    assert row.found == 1
    assert wallet.blocked_reason == "books"
    [alert] = StaffAlert.objects.filter(kind="books")
    assert f"Stripe took 700 cents by {intent}, which no purchase of ours knows" in alert.text


def test_a_step_that_is_killed_leaves_what_was_done_and_a_shorter_step(wallet, monkeypatch):
    open_for(wallet, days=2)
    real, asked = against_stripe.read, []

    def die_at_the_third(**window):
        asked.append(window)
        if len(asked) == 3:
            raise TimeIsUp
        return real(**window)

    monkeypatch.setattr(against_stripe, "read", die_at_the_third)
    begun = comparing.begin()

    with pytest.raises(TimeIsUp):
        comparing.go_on(comparison_id=begun.pk)

    left = StripeComparison.objects.get()
    assert left.at == begun.since + 2 * limits.COMPARE_SLICE
    assert left.slice_seconds == limits.COMPARE_SLICE.total_seconds() // 2
    assert comparing.begin() == left
    done = comparing.go_on(comparison_id=left.pk)
    assert asked[3] == {"since": left.at, "until": left.at + limits.COMPARE_SLICE / 2}
    assert done.finished_at
    assert done.slice_seconds == limits.COMPARE_SLICE.total_seconds()


def test_one_that_was_left_for_weeks_does_not_list_those_weeks(wallet, monkeypatch):
    open_for(wallet, days=1)
    asked, nothing = [], held.Held({}, {})
    monkeypatch.setattr(against_stripe, "read", lambda **span: asked.append(span) or nothing)
    begun = comparing.begin()

    with clock.at(clock.now() + timedelta(days=30)):
        done = comparing.go_on(comparison_id=begun.pk)

    assert done.finished_at
    assert asked[-1]["until"] == begun.until


@pytest.mark.usefixtures("wallet")
def test_a_budget_that_is_used_up_ends_the_task_and_the_sweep_goes_on():
    row = comparing.go_on(comparison_id=comparing.begin().pk, within=timedelta(0))
    soon = sweeps.find_work()

    with clock.at(clock.now() + limits.COMPARE_IDLE + timedelta(seconds=1)):
        later = sweeps.find_work()
        tasks.compare_stripe(row.pk)

    piece = ("wallets.compare_stripe", (row.pk,))
    row.refresh_from_db()
    assert piece not in soon
    assert piece in later
    assert row.finished_at
    assert StaffAlert.objects.count() == 0


@pytest.mark.usefixtures("wallet")
def test_one_that_is_not_complete_in_time_is_told():
    row = comparing.begin()

    with clock.at(clock.now() + limits.COMPARE_WITHIN + timedelta(minutes=1)):
        for _ in range(2):
            comparing.left_ids()

    [alert] = StaffAlert.objects.filter(kind="comparison_late")
    assert alert.text.startswith(f"The comparison with Stripe that began {row.started_at:%-d %b}")


@pytest.mark.usefixtures("wallet")
def test_without_stripe_it_is_told_and_gone_on_with(stripe):
    stripe.fault(kind="500_before", path="/v1/", times=100)
    tasks.compare()
    stripe.clear_faults()

    row = StripeComparison.objects.get()
    assert row.finished_at is None
    assert "could not be compared with Stripe" in StaffAlert.objects.get(kind="books").text
    assert comparing.go_on(comparison_id=row.pk).finished_at


@pytest.mark.usefixtures("wallet")
def test_the_silence_of_stripe_reaches_whoever_asked(stripe):
    stripe.fault(kind="500_before", path="/v1/", times=100)

    with pytest.raises(answers.Unknown):
        comparing.go_on(comparison_id=comparing.begin().pk)


def test_a_refund_of_a_payment_long_ago_is_compared(wallet, stripe):
    purchase = buy(wallet)
    compare()
    with clock.at(clock.now() + timedelta(days=20)):
        stripe.advance(20 * 86400)
        refund = refunded_outside(purchase, 1500)
        with clock.at(clock.now() + timedelta(hours=1)):
            row = compare()

    assert row.found == 1
    assert refund["id"] in StaffAlert.objects.get(kind="books").text


def test_the_command_compares_everything(wallet, stripe):
    buy(wallet)
    compare()
    pay(stripe, wallet.account.stripe_customer, cents=700)
    out = StringIO()

    with pytest.raises(SystemExit, match="1"):
        call_command("compare_with_stripe", stdout=out)

    assert out.getvalue().splitlines()[-1] == "1 differences."
    assert StripeComparison.objects.get(is_full=True).finished_at
