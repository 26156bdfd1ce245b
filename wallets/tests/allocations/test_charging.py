"""What stands against charging a month, and what becomes of a charge that went wrong."""

from datetime import date
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import close, make_agency
from wallets.allocations import planning, runs
from wallets.charging import purchases
from wallets.models import AllocationRun, AutoAllocation, Purchase, Wallet
from wallets.prices.rates import set_rate
from wallets.stripe import gateway
from wallets.tests.worlds.allocation_world import make_unanswered, make_world, moment
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    make_wallet,
)

pytestmark = pytest.mark.django_db

NOV_14 = moment("2026-11-14 10:00")


@pytest.mark.parametrize("who", ["agency", "sub"])
def test_closed_accounts_are_not_charged(running, who):
    close(getattr(running, who))

    assert running.run_at("2026-12-14 01:00") == []
    assert running.taken() == [20500]


@pytest.mark.parametrize("who", ["agency", "sub"])
def test_blocked_wallets_wait_and_are_charged_when_unblocked(running, who):
    wallet = getattr(running, who).wallet
    wallet.blocked_at, wallet.blocked_reason = NOV_14, "disputed"
    wallet.save()

    assert running.run_at("2026-12-14 01:00") == []
    wallet.blocked_at, wallet.blocked_reason = None, ""
    wallet.save()
    assert running.run_at("2026-12-14 02:00") == ["charge"]


def run_of(world, period):
    return AllocationRun.objects.filter(allocation__account=world.sub, period=period)


def block(account):
    Wallet.objects.filter(account=account).update(blocked_at=NOV_14, blocked_reason="disputed")


def move(account, agency):
    account.agency = agency
    account.save(update_fields=["agency"])


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("not_due", lambda world: run_of(world, "2026-12-14").update(state="failed")),
        ("inactive", lambda world: AutoAllocation.objects.update(active=False)),
        ("moved", lambda world: move(world.sub, make_agency("Other"))),
        ("closed", lambda world: close(world.sub)),
        ("closed", lambda world: close(world.agency)),
        ("blocked", lambda world: block(world.sub)),
        ("blocked", lambda world: block(world.agency)),
        ("too_small", lambda world: run_of(world, "2026-12-14").update(amount_cents=49)),
    ],
)
def test_what_stands_against_a_month_is_found_at_the_last_and_written_down(running, code, change):
    """Between the sweep that found the month due and the worker that takes it up."""
    with clock.at(moment("2026-12-14 00:01")):
        [run_id] = planning.plan_due(now=clock.now())
        change(running)
        decision = runs.charge_run(run_id=run_id)

    assert (decision.wanted, decision.code) == (False, code)
    cents = 49 if code == "too_small" else 20500
    assert decision.figures == {"period": date(2026, 12, 14), "amount": Decimal(cents) / 100}
    assert running.taken() == [20500]
    assert running.logged(running.agency)[-1] == ("planned" if code == "not_due" else code)


@pytest.mark.parametrize(("seconds", "code"), [(59, "waiting"), (60, "charge")])
def test_a_month_that_waits_is_charged_from_its_moment_on(running, seconds, code):
    waits = moment("2026-12-14 00:02")
    with clock.at(moment("2026-12-14 00:01")):
        [run_id] = planning.plan_due(now=clock.now())
    run_of(running, "2026-12-14").update(next_attempt_at=waits)

    with clock.at(moment(f"2026-12-14 00:01:{seconds}") if seconds < 60 else waits):
        decision = runs.charge_run(run_id=run_id)

    assert (decision.wanted, decision.code) == (code == "charge", code)
    assert decision.figures.get("until") == (None if decision.wanted else waits)
    assert len(running.taken()) == (2 if decision.wanted else 1)


def test_a_month_that_passed_before_a_worker_came_is_missed_and_told(running):
    with clock.at(moment("2026-12-14 00:01")):
        [run_id] = planning.plan_due(now=clock.now())

    with clock.at(moment("2027-01-14 00:00")):
        assert runs.charge_run(run_id=run_id).code == "passed"

    assert running.runs[-1] == ("2026-12-14", "missed")
    assert len(running.told(running.agency, "allocation_missed")) == 1
    assert running.logged(running.agency)[-1] == "missed"
    assert running.taken() == [20500]


def test_a_paid_month_is_never_charged_again_whatever_its_row_says(running):
    run_of(running, "2026-11-14").update(state="due")

    assert running.run_at("2026-11-20") == ["purchase_pending"]

    assert running.taken() == [20500]


def test_a_month_whose_payment_has_no_outcome_yet_is_not_asked_for_again(stripe):
    world, purchase = make_unanswered(stripe)

    with clock.at(moment("2026-11-14 10:05")):
        decision = runs.charge_run(run_id=purchase.allocation_run_id)

    assert (decision.wanted, decision.code) == (False, "purchase_pending")
    assert [one.state for one in world.purchases()] == ["submitted"]


def test_an_earlier_month_that_is_asked_for_charges_no_later_one(running):
    with clock.at(moment("2026-12-14 00:01")):
        planning.plan_due(now=clock.now())
        decision = runs.charge_run(run_id=running.run("2026-11-14").pk)

    assert decision.code == "not_due"
    assert running.taken() == [20500]


def test_a_strangers_block_stops_nobody_else(running):
    stranger = make_wallet()
    block(stranger.account)

    assert running.run_at("2026-12-14 01:00") == ["charge"]


def test_a_charge_that_fell_below_stripes_minimum_fails_and_is_told(world):
    with clock.at(NOV_14):
        world.save(basic=6, premium=0, start_date=date(2026, 11, 20))
        set_rate(
            minute_type="basic",
            price=Decimal("0.05"),
            effective_from=moment("2026-11-18"),
            actor=None,
        )

    assert world.run_at("2026-11-20 08:00") == []

    assert world.runs == [("2026-11-20", "failed")]
    assert world.allocation.failed_at == moment("2026-11-20 08:00")
    assert world.told(world.agency, "allocation_failed") == [
        "The $0.30 monthly allocation for Northside Dental was not charged: "
        "A card charge must be at least $0.50. Set more minutes."
    ]
    with clock.at(moment("2026-11-20 09:00")):
        world.save(basic=10, premium=0)
    assert world.run_at("2026-11-20 09:01") == ["charge"]
    assert world.taken() == [50]
    assert world.allocation.failed_at is None


@pytest.mark.parametrize(
    ("change", "state", "next_attempt_at"),
    [
        (lambda world: world.stop(), "canceled", None),
        (lambda world: close(world.sub), "due", moment("2026-12-14 01:02")),
        (
            lambda world: AutoAllocation.objects.update(
                payment_method=add_card(world.stripe, world.agency.wallet, OTHER_GOOD_CARD).id
            ),
            "due",
            moment("2026-12-14 01:02"),
        ),
    ],
    ids=["stopped", "closed", "another card"],
)
def test_the_last_look_before_confirming_cancels_what_is_not_wanted_any_more(
    running, monkeypatch, change, state, next_attempt_at
):
    """Something changes after the purchase was decided and before Stripe takes the money."""
    real = gateway.create_intent

    def create_then_change(**facts):
        intent = real(**facts)
        monkeypatch.setattr(gateway, "create_intent", real)
        change(running)
        return intent

    monkeypatch.setattr(gateway, "create_intent", create_then_change)
    running.run_at("2026-12-14 01:00")

    assert running.taken() == [20500]
    assert [row.state for row in running.purchases()] == ["succeeded", "canceled"]
    run = running.run("2026-12-14")
    assert (run.state, run.next_attempt_at) == (state, next_attempt_at)


def test_paid_after_it_was_stopped_is_still_paid(running):
    """The money was submitted before somebody stopped it: what Stripe took is credited."""
    running.stripe.fault(kind="hang_after", path="/v1/payment_intents/.*/confirm", seconds=0.1)
    running.stripe.fault(kind="hang_after", path="/v1/payment_intents/.*/confirm", seconds=0.1)
    running.run_at("2026-12-14 01:00")
    [submitted] = Purchase.objects.filter(state="submitted")

    with clock.at(moment("2026-12-14 01:01")):
        running.stop()
        purchases.drive(purchase_id=submitted.pk)

    assert running.runs[-1] == ("2026-12-14", "paid")
    assert running.minutes == (1000, 2000)


def test_a_card_that_asks_the_bank_fails_the_month_until_it_is_confirmed(stripe):
    world = make_world(stripe, number=BANK_ASKS_CARD)
    with clock.at(NOV_14):
        world.save()

    world.run_at("2026-11-14 10:01")

    [purchase] = world.purchases()
    assert purchase.state == "requires_action"
    assert world.runs == [("2026-11-14", "failed")]
    assert world.run("2026-11-14").error_text == "Your bank needs you to confirm this payment."
    assert world.allocation.failed_at == moment("2026-11-14 10:01")
    assert world.logged(world.agency) == ["planned", "needs_bank"]
    assert world.told(world.agency, "action_required") == [
        "The $205.00 monthly allocation for Northside Dental waits for you to confirm the payment "
        "with your bank. The link works for 24 hours."
    ]
    assert world.run_at("2026-11-15 10:01") == []


@pytest.mark.parametrize(
    ("number", "state"), [(DECLINED_CARD, "declined"), (BANK_ASKS_CARD, "requires_action")]
)
def test_a_refusal_that_is_learned_after_it_was_stopped_fails_no_month(stripe, number, state):
    world, purchase = make_unanswered(stripe, number=number)
    assert purchase.state == "submitted"

    with clock.at(moment("2026-11-14 10:05")):
        world.stop()
        assert purchases.drive(purchase_id=purchase.pk).state == state

    assert world.runs == [("2026-11-14", "canceled")]
    assert world.allocation.failed_at is None
    assert world.told(world.agency, "allocation_failed") == []
    assert world.told(world.agency, "action_required") == []


def test_a_payment_learned_of_in_the_next_month_pays_its_own(stripe):
    world, purchase = make_unanswered(stripe)

    with clock.at(moment("2026-12-14 00:01")):
        planning.plan_due(now=clock.now())
        assert purchases.drive(purchase_id=purchase.pk).state == "succeeded"

    assert world.runs == [("2026-11-14", "paid"), ("2026-12-14", "due")]


def test_a_charge_stripe_never_answered_until_the_month_was_over_is_missed(running):
    running.stripe.fault(kind="500_before", path="/v1/payment_intents", times=100)
    running.run_at("2026-12-14 00:01")
    running.stripe.clear_faults()

    with clock.at(moment("2027-01-14 00:00")):
        purchase = purchases.drive(purchase_id=running.purchases()[-1].pk)

    assert purchase.state == "canceled"
    assert running.runs[-1] == ("2026-12-14", "missed")
    assert running.run("2026-12-14").next_attempt_at is None
    assert len(running.told(running.agency, "allocation_missed")) == 1
    assert running.run_at("2027-01-14 00:05") == ["charge"]
    assert running.taken() == [20500, 20500]


@pytest.mark.parametrize("code", ["lost_card", "insufficient_funds"])
def test_what_the_former_card_answers_leaves_the_month_to_the_card_chosen_meanwhile(world, code):
    with clock.at(NOV_14):
        world.save()
    world.stripe.set_card(world.card.id, behaviour="processing")
    world.run_at("2026-11-14 10:00")
    [former] = world.purchases()
    other = add_card(world.stripe, world.agency.wallet, OTHER_GOOD_CARD)
    with clock.at(moment("2026-11-14 10:05")):
        world.save(payment_method=other.id)
        world.stripe.finish(former.payment_intent, "failed", decline_code=code)
        purchases.drive(purchase_id=former.pk)

    assert world.runs == [("2026-11-14", "due")]
    assert world.allocation.failed_at is None
    assert world.run_at("2026-11-14 11:05") == ["charge"]
    assert world.purchases()[-1].card == "Mastercard •••• 4444"
    assert world.taken() == [20500]
