"""What Stripe holds and a restored database does not, made up for once."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import clock
from accounts.tests.builders import make_individual
from wallets.books import checking, recovering
from wallets.cards import payment_methods
from wallets.charging import facts, purchases, switch
from wallets.models import AllocationRun, Purchase, Reversal, Wallet
from wallets.stripe import gateway
from wallets.tests.worlds.allocation_world import make_world
from wallets.tests.worlds.auto_recharge_world import run, settings_of
from wallets.tests.worlds.builders import (
    OTHER_GOOD_CARD,
    add_card,
    make_wallet,
    set_auto_recharge,
    stranger_pays,
)
from wallets.tests.worlds.purchases import CREATE, claim, credit, taken
from wallets.tests.worlds.reversal_world import buy, refunded_outside

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


def lost(wallet: Wallet, card, **facts_of_row) -> Purchase:
    """A purchase that Stripe took the money of and whose row is in no table."""
    purchase = Purchase(
        wallet=wallet,
        payment_method=card.id,
        card=card.label,
        **{
            "payer": wallet.account,
            "purpose": "recharge",
            "buys": "credit",
            "amount_cents": 5000,
            **facts_of_row,
        },
    )
    intent = gateway.create_intent(
        key=f"{purchase.pk}:create",
        amount=purchase.amount_cents,
        customer=purchase.payer.stripe_customer,
        payment_method=card.id,
        metadata=facts.of(purchase),
        description="lost",
    )
    gateway.confirm_intent(key=f"{purchase.pk}:confirm:1", intent_id=intent.id)
    purchase.payment_intent = intent.id
    return purchase


def recover(*, apply: bool) -> list[str]:
    since = clock.now() - timedelta(days=2)
    return [str(found) for found in recovering.recover(since=since, apply=apply)]


@pytest.fixture
def wallet(stripe):
    wallet = make_wallet(credit="5")
    wallet.card = add_card(stripe, wallet)
    return wallet


def stop() -> None:
    switch.stop(reason="Restored", actor=None)


def test_a_dry_run_names_a_lost_payment_and_changes_nothing(wallet):
    purchase = lost(wallet, wallet.card)

    found = recover(apply=False)

    assert found == [f"recover: payment {purchase.payment_intent} of $50.00"]
    assert not Purchase.objects.exists()
    assert credit(wallet) == 5


def test_a_lost_payment_is_written_again_and_credited_once(wallet):
    purchase = lost(wallet, wallet.card, form_key="form-1")
    stop()

    first, second = recover(apply=True), recover(apply=True)

    assert first == [f"recover: payment {purchase.payment_intent} of $50.00"]
    assert second == []
    row = Purchase.objects.get()
    assert (row.pk, row.state, row.form_key) == (purchase.pk, "succeeded", "form-1")
    assert (row.card, row.payment_method) == ("Visa •••• 4242", wallet.card.id)
    assert abs(row.created_at - clock.now()) < timedelta(minutes=1)
    assert credit(wallet) == 55
    assert checking.check_all(stripe=True) == []


def test_lost_minutes_come_back_at_the_rate_they_were_bought_at(wallet):
    stop()
    empty = make_wallet(account=wallet.account)
    lost(empty, wallet.card, buys="premium", amount_cents=1600, premium_rate=Decimal("0.20"))

    recover(apply=True)

    empty.refresh_from_db()
    assert empty.premium_seconds == 80 * 60


def test_a_payment_that_stripe_finished_without_us_is_settled(stripe, wallet):
    stripe.fault(kind="reset_after", path=CREATE, method="POST", times=3)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)
    intent = gateway.find_intent(
        customer=wallet.account.stripe_customer,
        purchase_id=str(purchase.pk),
        since=clock.now() - timedelta(minutes=5),
    )
    gateway.confirm_intent(key=f"{purchase.pk}:confirm:1", intent_id=intent.id)
    stop()

    assert recover(apply=True) == [f"recover: payment {intent.id} of $50.00"]

    purchase.refresh_from_db()
    assert (purchase.state, credit(wallet)) == ("succeeded", 55)


def test_a_lost_month_is_paid_and_not_charged_again(stripe):
    world = make_world(stripe)
    allocation = world.save(basic=500, premium=0)
    run_of_month = allocation.runs.get()
    wallet = world.sub.wallet
    lost(
        wallet,
        world.card,
        payer=world.agency,
        purpose="allocation",
        buys="allocation",
        amount_cents=4500,
        basic_minutes=500,
        basic_rate=Decimal("0.09"),
        premium_rate=Decimal("0.16"),
        allocation_run=run_of_month,
    )
    stop()

    recover(apply=True)
    switch.start(reason="Silent", actor=None)

    wallet.refresh_from_db()
    assert wallet.basic_seconds == 500 * 60
    assert [run.state for run in AllocationRun.objects.all()] == ["paid"]
    assert world.run_at(f"{run_of_month.period} 23:00") == []
    assert world.taken() == [4500]
    assert checking.check_all(stripe=True) == []


def test_a_lost_month_whose_allocation_is_not_here_is_reported(stripe):
    world = make_world(stripe)
    period = AllocationRun(period=clock.now().date())
    purchase = lost(
        world.sub.wallet,
        world.card,
        payer=world.agency,
        purpose="allocation",
        buys="allocation",
        basic_minutes=500,
        basic_rate=Decimal("0.09"),
        premium_rate=Decimal("0.16"),
        allocation_run=period,
    )
    stop()

    assert recover(apply=True) == [
        f"look into: payment {purchase.payment_intent} of $50.00: Northside Dental has no monthly "
        "allocation of Brightline Agency here"
    ]
    assert not Purchase.objects.exists()


def test_auto_recharge_does_not_charge_again_for_what_was_taken(stripe, wallet):
    set_auto_recharge(wallet, due_since=clock.now())
    stop()
    lost(wallet, wallet.card, purpose="auto_recharge")

    before = run(wallet)
    recover(apply=True)
    switch.start(reason="Silent", actor=None)

    assert before == "on_hold"
    assert run(wallet) == "balance_fine"
    assert taken(stripe) == [5000]


def test_nothing_is_applied_while_automatic_charges_go_on(wallet):
    lost(wallet, wallet.card)

    with pytest.raises(CommandError, match="Stop the automatic charges first"):
        call_command("recover_from_stripe", apply=True)

    assert not Purchase.objects.exists()


def test_what_is_not_plain_is_reported_and_left_alone(stripe, wallet):
    stranger_pays(stripe)
    unknown = lost(wallet, wallet.card)
    gateway._stripe().payment_intents.update(
        unknown.payment_intent, {"metadata": {"buys": "gold", "purpose": "recharge"}}
    )
    bare = lost(wallet, wallet.card)
    gateway._stripe().payment_intents.update(bare.payment_intent, {"metadata": {"purchase": ""}})
    stop()

    found = recover(apply=True)

    assert sorted(found) == sorted(
        [
            f"look into: payment {unknown.payment_intent} of $50.00: it does not say what was "
            "bought ('gold' is not a valid Purchase.Buys)",
            f"look into: payment {bare.payment_intent} of $50.00: not made by us",
        ]
    )
    assert not Purchase.objects.exists()
    assert credit(wallet) == 5


def test_an_account_opened_since_the_backup_is_reported(wallet):
    purchase = lost(wallet, wallet.card)
    gone = "00000000-0000-4000-8000-000000000001"
    gateway._stripe().payment_intents.update(
        purchase.payment_intent, {"metadata": {"account": gone}}
    )
    stop()

    assert recover(apply=True) == [
        f"look into: payment {purchase.payment_intent} of $50.00: its account {gone} is not here"
    ]


def test_refunds_and_disputes_follow_the_payments(stripe, wallet):
    purchase = lost(wallet, wallet.card)
    refund = refunded_outside(purchase, 2000)
    other = buy(wallet)
    dispute = stripe.dispute(other.payment_intent)["id"]
    stop()

    dry = recover(apply=False)
    first, second = recover(apply=True), recover(apply=True)

    assert dry == first
    assert first == [
        f"recover: payment {purchase.payment_intent} of $50.00",
        f"recover: refund {refund['id']} of $20.00",
        f"recover: dispute {dispute} of $50.00",
    ]
    assert second == []
    assert {row.stripe_id for row in Reversal.objects.all()} == {refund["id"], dispute}
    assert credit(wallet) == 5 + 50 + 50 - 20 - 50
    assert checking.check_all(stripe=True) == []


def test_what_went_back_of_a_payment_in_quarantine_keeps_nothing_else_from_being_recovered(
    stripe, wallet
):
    other = buy(wallet)
    kept = lost(wallet, wallet.card)
    kept.state = "submitted"
    kept.quarantined_at = clock.now()
    kept.save(force_insert=True)
    refund = refunded_outside(kept, 5000)
    dispute = stripe.dispute(other.payment_intent)["id"]
    stop()

    assert recover(apply=True) == [
        f"look into: payment {kept.payment_intent} of $50.00: purchase {kept.pk} is in quarantine "
        "here",
        f"look into: refund {refund['id']} of $50.00: its payment {kept.payment_intent} is not "
        "paid here",
        f"recover: dispute {dispute} of $50.00",
    ]


def test_a_lost_customer_is_linked_with_its_cards_and_payments(stripe):
    wallet = make_wallet(account=make_individual())
    account = wallet.account
    card = add_card(stripe, wallet)
    purchase = lost(wallet, card)
    customer = account.stripe_customer
    # As the backup has it: before the first card.
    type(account).objects.filter(pk=account.pk).update(stripe_customer=None)
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method="")
    payment_methods.djstripe.models.PaymentMethod.objects.filter(id=card.id).delete()
    stop()

    dry = recover(apply=False)
    found = recover(apply=True)

    account.refresh_from_db()
    wallet.refresh_from_db()
    assert dry == found[:2]
    assert found == [
        f"recover: customer {customer} of account {account.pk}",
        f"recover: payment {purchase.payment_intent} of $50.00",
        f"recover: card {card.id} of {account.name}",
    ]
    assert account.stripe_customer == customer
    assert wallet.default_payment_method == card.id
    assert credit(wallet) == 50


def test_cards_that_came_and_went_meanwhile_are_followed(stripe, wallet):
    set_auto_recharge(wallet)
    gateway.detach_card(card_id=wallet.card.id)
    new = stripe.add_card(wallet.account.stripe_customer, OTHER_GOOD_CARD)["id"]
    stop()

    found = recover(apply=True)

    name = wallet.account.name
    assert found == [
        f"recover: card {new} of {name}",
        f"recover: card {wallet.card.id} of {name} is gone",
    ]
    assert [card.id for card in payment_methods.cards(wallet.account)] == [new]
    assert settings_of(wallet).enabled


def test_the_command_does_not_say_that_nothing_is_missing_of_days_to_come():
    with pytest.raises(CommandError, match="--since must have passed"):
        call_command("recover_from_stripe", f"--since={clock.now() + timedelta(days=2):%Y-%m-%d}")


@pytest.mark.outside_of_cells("the command names the cell")
def test_the_command_says_what_it_found_and_whether_something_is_left(wallet):
    out = StringIO()
    call_command("recover_from_stripe", stdout=out)
    purchase = lost(wallet, wallet.card)
    call_command("recover_from_stripe", stdout=out)
    gateway._stripe().payment_intents.update(purchase.payment_intent, {"metadata": {"buys": "x"}})
    with pytest.raises(SystemExit, match="1"):
        call_command("recover_from_stripe", stdout=StringIO())

    assert out.getvalue().splitlines() == [
        "Nothing is missing.",
        f"recover: payment {purchase.payment_intent} of $50.00",
        "Nothing was changed: this was a dry run. --apply makes it up.",
    ]


def test_code_of_another_version_made_the_intent_under_the_same_key(stripe, wallet):
    set_auto_recharge(wallet)
    purchase = claim(wallet)
    gateway.create_intent(
        key=f"{purchase.pk}:create",
        amount=5000,
        customer=wallet.account.stripe_customer,
        payment_method=purchase.payment_method,
        metadata={"purchase": str(purchase.pk), "purpose": "auto_recharge"},
        description="thinkrr Auto-Recharge",
    )

    purchases.drive(purchase_id=purchase.pk)

    purchase.refresh_from_db()
    assert (purchase.state, purchase.attempts) == ("succeeded", 1)
    assert (taken(stripe), credit(wallet)) == ([5000], 55)


def test_lost_minutes_that_were_given_once_are_credited_once_and_are_no_month(stripe):
    world = make_world(stripe)
    purchase = lost(
        world.sub.wallet,
        world.card,
        payer=world.agency,
        purpose="allocation",
        buys="allocation",
        amount_cents=1600,
        premium_minutes=100,
        premium_rate=Decimal("0.16"),
        basic_rate=Decimal("0.09"),
        form_key="the-form",
    )
    stop()

    recover(apply=True)

    assert recover(apply=False) == []
    assert world.minutes == (0, 100)
    assert Purchase.objects.get(payment_intent=purchase.payment_intent).is_gift
    assert not AllocationRun.objects.exists()
