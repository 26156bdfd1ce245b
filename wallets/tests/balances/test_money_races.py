"""Allocations, refunds, disputes and adjustments when several processes act at once."""

from decimal import Decimal

import pytest
from django.db import OperationalError, transaction

from accounts import clock
from accounts.models import User
from accounts.tests.builders import make_staff
from tests.databases import as_owner
from wallets.allocations import planning, runs
from wallets.books import checking
from wallets.models import AdjustmentRequest, AllocationRun, AutoAllocation, Reversal, Wallet
from wallets.recharges import by_hand
from wallets.reversals import disputes, refunds
from wallets.stripe import gateway
from wallets.support import adjusting, approving
from wallets.tests.worlds.allocation_world import make_world
from wallets.tests.worlds.at_once import at_once
from wallets.tests.worlds.builders import add_card, make_wallet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]


@pytest.fixture
def paid(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    return by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(50), buys="premium", form_key="buy"
    )


def pots(purchase):
    wallet = Wallet.objects.get(pk=purchase.wallet_id)
    return wallet.credit.amount, wallet.premium_seconds


def refunded(stripe):
    return [one["amount_refunded"] for one in stripe.truth()["payment_intents"]]


def test_eight_workers_charge_one_run_once(stripe):
    world = make_world(stripe)
    world.save()
    run = AllocationRun.objects.get()

    codes = at_once(lambda _: runs.charge_run(run_id=run.pk).code, range(8))

    assert codes.count("charge") == 1
    assert set(codes) <= {"charge", "purchase_pending", "not_due"}
    assert (world.taken(), world.minutes) == ([20500], (500, 1000))
    assert checking.check_all(stripe=True) == []


def test_eight_beats_make_one_run_of_each(stripe):
    world = make_world(stripe)
    for one in (world, world.sibling("East"), world.sibling("West")):
        one.save()
    with as_owner():
        AllocationRun.objects.all().delete()

    planned = at_once(lambda _: planning.plan_due(now=clock.now()), range(8))

    made = sorted(AllocationRun.objects.values_list("pk", flat=True))
    assert len(made) == 3
    assert sorted(run_id for ids in planned for run_id in ids) == made


def test_a_month_whose_allocation_somebody_is_changing_is_left_to_the_next_tick(stripe):
    world = make_world(stripe)
    sibling = world.sibling()
    for one in (world, sibling):
        one.save()
    with as_owner():
        AllocationRun.objects.all().delete()

    with transaction.atomic():
        AutoAllocation.objects.select_for_update(no_key=True).get(account=world.sub)
        [planned] = at_once(lambda _: planning.plan_due(now=clock.now()), [1])

    assert planned == [AllocationRun.objects.get(allocation__account=sibling.sub).pk]
    assert planning.plan_due(now=clock.now()) == [
        AllocationRun.objects.get(allocation__account=world.sub).pk
    ]


def test_stopping_while_it_is_charged_is_either_paid_or_canceled(stripe):
    world = make_world(stripe)
    world.save()
    run_id = AllocationRun.objects.get().pk

    at_once(lambda act: act(), [lambda: runs.charge_run(run_id=run_id), world.stop])

    [(_period, state)] = world.runs
    is_paid = state == "paid"
    assert state in ("paid", "canceled")
    assert world.taken() == ([20500] if is_paid else [])
    assert world.minutes == ((500, 1000) if is_paid else (0, 0))
    assert checking.check_all(stripe=True) == []


def test_a_decision_about_a_request_holds_it_and_not_who_asked_for_it():
    wallet, asker, other = make_wallet(), make_staff(), make_staff()
    asked = adjusting.adjust(
        wallet_id=wallet.pk,
        pot="credit",
        amount=Decimal(500),
        note="Goodwill",
        actor=asker,
        form_key="form",
    )

    def is_free(rows):
        try:
            with transaction.atomic():
                return bool(rows.select_for_update(no_key=True, nowait=True))
        except OperationalError:
            return False

    with transaction.atomic():
        approving.reject(request_id=asked.pk, actor=other)
        requests, users = AdjustmentRequest.objects.all(), User.objects.filter(pk=asker.pk)
        assert at_once(is_free, [requests, users]) == [False, True]

    assert at_once(is_free, [requests, users]) == [True, True]


def test_one_form_clicked_four_times_refunds_once(paid, stripe):
    def click(_):
        reversal = refunds.refund(
            purchase_id=paid.pk, amount_cents=2000, actor=None, reason="Asked", form_key="form"
        )
        return refunds.drive_refund(reversal_id=reversal.pk).pk

    answers = at_once(click, range(4))

    assert len(set(answers)) == 1
    assert refunded(stripe) == [2000]
    assert pots(paid) == (0, 18750 - 7500)


def test_four_full_refunds_at_once_refund_once(paid, stripe):
    def ask(number):
        reversal = refunds.refund(
            purchase_id=paid.pk,
            amount_cents=5000,
            actor=None,
            reason="Asked",
            form_key=f"form-{number}",
        )
        return refunds.drive_refund(reversal_id=reversal.pk).state

    answers = at_once(ask, range(4))

    assert sorted(answers) in (
        ["invalid"] * (3 - late) + ["refused"] * late + ["succeeded"] for late in range(4)
    )
    assert refunded(stripe) == [5000]
    assert pots(paid) == (0, 0)


def test_copies_of_a_refunds_event_and_its_driver_settle_it_once(paid, stripe):
    reversal = refunds.refund(
        purchase_id=paid.pk, amount_cents=2000, actor=None, reason="Asked", form_key="form"
    )
    stripe.fault(kind="reset_after", path="/v1/refunds", method="POST", times=2)
    refunds.drive_refund(reversal_id=reversal.pk)
    [found] = gateway.list_refunds(intent_id=paid.payment_intent)
    stripe.set_refund(found["id"], "failed")

    def settle(number):
        if number % 2:
            return refunds.settle_refund(refund_id=found["id"]).state
        return refunds.drive_refund(reversal_id=reversal.pk).state

    assert set(at_once(settle, range(6))) == {"failed"}

    assert pots(paid) == (0, 18750)
    assert Reversal.objects.count() == 1


def test_copies_of_an_imported_refunds_event_import_it_once(paid):
    outside = gateway.create_refund(
        key="dashboard", intent_id=paid.payment_intent, amount=1600, metadata={}
    )

    at_once(lambda _: refunds.settle_refund(refund_id=outside["id"]).pk, range(6))

    assert Reversal.objects.count() == 1
    assert pots(paid) == (0, 18750 - 6000)


def test_copies_of_a_disputes_event_take_once(paid, stripe):
    disputed = stripe.dispute(paid.payment_intent)["id"]

    at_once(lambda _: disputes.apply_dispute(dispute_id=disputed).pk, range(6))

    assert Reversal.objects.count() == 1
    assert pots(paid) == (0, 0)
    assert checking.check_all(stripe=True) == []
