"""The state machine that takes money, against the Stripe sandbox over HTTP."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Account
from accounts.runtime import crash_points
from wallets.charging import purchases
from wallets.models import Purchase, Wallet
from wallets.recharges import by_hand, switching_off
from wallets.stripe import answers, gateway
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    GOOD_CARD,
    add_card,
    make_wallet,
    pay,
    set_auto_recharge,
)
from wallets.tests.worlds.purchases import CONFIRM, CREATE, claim, credit, during, keys, taken

pytestmark = pytest.mark.django_db


def test_a_charge_that_succeeds_is_credited_once(low, stripe):
    purchase = purchases.drive(purchase_id=claim(low).pk)

    assert purchase.state == "succeeded"
    assert taken(stripe) == [5000]
    assert credit(low) == Decimal("58.00")
    assert purchase.receipt_number
    [intent] = stripe.truth()["payment_intents"]
    # Enough to write the row again after it was lost.
    assert intent["metadata"] == {
        "purchase": str(purchase.pk),
        "purpose": "auto_recharge",
        "payer": str(purchase.payer_id),
        "account": str(purchase.payer_id),
        "buys": "credit",
        "card": "Visa •••• 4242",
    }


def test_driving_a_closed_purchase_asks_stripe_nothing(low, stripe):
    purchase = purchases.drive(purchase_id=claim(low).pk)
    before = len(stripe.requests())

    assert purchases.drive(purchase_id=purchase.pk).state == "succeeded"
    assert len(stripe.requests()) == before


def test_settling_again_changes_nothing(low, stripe):
    purchase = purchases.drive(purchase_id=claim(low).pk)
    before = len(stripe.requests())

    purchases.settle(payment_intent=purchase.payment_intent)
    purchases.drive(purchase_id=purchase.pk)

    assert len(stripe.requests()) == before + 1
    assert credit(low) == Decimal("58.00")
    assert low.entries.filter(kind="auto_recharge").count() == 1


def test_one_purchase_is_driven_settled_and_canceled_apart_from_another(low, stripe):
    other = make_wallet(credit="8.00")
    add_card(stripe, other)
    set_auto_recharge(other, threshold=10, amount=20)
    waiting = claim(other)

    purchase = purchases.drive(purchase_id=claim(low).pk)
    waiting.refresh_from_db()
    assert (purchase.state, waiting.state) == ("succeeded", "created")
    assert (credit(low), credit(other)) == (Decimal("58.00"), Decimal("8.00"))

    assert purchases.cancel(purchase_id=waiting.pk).state == "canceled"
    purchase.refresh_from_db()
    waiting.refresh_from_db()
    assert (purchase.state, waiting.state) == ("succeeded", "canceled")
    assert taken(stripe) == [5000]


def test_entries_name_their_purchase_and_who_asked_for_it(low, django_user_model):
    person = django_user_model.objects.create_user("ann@example.com")

    purchase = by_hand.recharge(
        wallet_id=low.pk, actor=person, amount=Decimal(50), buys="credit", form_key="a"
    )

    entry = low.entries.get(kind="recharge")
    assert (entry.purchase, entry.actor) == (purchase, person)
    assert entry.key == f"purchase:{purchase.pk}"


def test_what_stripe_will_never_charge_is_declined_with_its_code(low, stripe):
    purchase = claim(low)
    Account.objects.filter(pk=low.account_id).update(stripe_customer="cus_gone")

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.decline_code) == ("declined", "resource_missing")
    assert purchase.error_text.endswith("You were not charged. Add a card.")
    assert purchase.payment_intent is None
    assert taken(stripe) == []
    low.auto_recharge.refresh_from_db()
    assert low.auto_recharge.suspended_reason == "payment_failed"


def test_every_step_has_its_own_key_and_every_confirmation_its_number(low, stripe):
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    assert purchase.attempts == 1

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.attempts) == ("succeeded", 2)
    assert keys(stripe, purchase) == ["create", "confirm:1", "confirm:2"]


def test_a_declined_payment_is_canceled_under_a_key_that_no_other_cancellation_has(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, DECLINED_CARD)
    set_auto_recharge(wallet)

    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    assert keys(stripe, purchase) == ["create", "confirm:1"]
    cancel = f"{CREATE}/{purchase.payment_intent}/cancel"
    [cancellation] = stripe.requests(path=cancel)
    assert cancellation["idempotency_key"]


def test_a_purchase_canceled_while_its_intent_is_created_is_never_confirmed(
    low, stripe, monkeypatch
):
    purchase = claim(low)
    during(monkeypatch, "create_intent", lambda _: purchases.cancel(purchase_id=purchase.pk))

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, credit(low)) == ("canceled", 8)
    assert [intent["status"] for intent in stripe.truth()["payment_intents"]] == ["canceled"]


@pytest.mark.parametrize(
    ("behaviour", "state", "after"), [("ok", "succeeded", 58), ("processing", "submitted", 8)]
)
def test_two_workers_driving_one_purchase_confirm_it_once(
    low, stripe, monkeypatch, behaviour, state, after
):
    stripe.set_card(low.default_payment_method, behaviour=behaviour)
    purchase = claim(low)
    during(monkeypatch, "create_intent", lambda _: purchases.drive(purchase_id=purchase.pk))

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.attempts, credit(low)) == (state, 1, after)
    assert len(stripe.truth()["payment_intents"]) == 1
    assert "confirm:2" not in keys(stripe, purchase)


def test_what_an_event_told_before_our_own_answer_is_looked_at_a_last_time_all_the_same(
    low, stripe, monkeypatch
):
    purchase = claim(low)

    def meanwhile(_facts):
        [intent] = stripe.truth()["payment_intents"]
        purchases.settle(payment_intent=intent["id"])
        switching_off.switch_off(wallet_id=low.pk, why="a person did")

    during(monkeypatch, "create_intent", meanwhile)

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.attempts, credit(low)) == ("canceled", 0, 8)
    assert taken(stripe) == []


def test_a_driver_that_is_slower_than_another_and_a_person_at_the_bank_confirms_nothing(
    stripe, monkeypatch
):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = claim(wallet)

    def meanwhile(_facts):
        assert purchases.drive(purchase_id=purchase.pk).state == "requires_action"
        by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/back")

    during(monkeypatch, "create_intent", meanwhile)

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.quarantined_at) == ("requires_action", None)
    assert len(stripe.requests(path=f"{CREATE}/{purchase.payment_intent}/confirm")) == 2
    stripe.answer_bank(purchase.payment_intent, approved=True)
    purchases.settle(payment_intent=purchase.payment_intent)
    assert credit(wallet) == 58


def test_a_confirmation_has_the_number_that_was_counted_for_it(stripe, monkeypatch):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = claim(wallet)

    def meanwhile():
        monkeypatch.setattr(crash_points, "reach", lambda _name: None)
        assert purchases.drive(purchase_id=purchase.pk).state == "requires_action"
        by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/back")

    monkeypatch.setattr(
        crash_points, "reach", lambda name: name == "after_intent_commit" and meanwhile()
    )

    purchase = purchases.drive(purchase_id=purchase.pk)

    # Else Stripe is asked for two different things under one key, and support has to look.
    assert (purchase.state, purchase.attempts) == ("requires_action", 3)
    assert purchase.quarantined_at is None


def test_what_somebody_else_confirmed_a_moment_before_is_credited_all_the_same(
    low, stripe, monkeypatch
):
    real = gateway.confirm_intent

    def second(*, key, intent_id):
        real(key="faster", intent_id=intent_id)
        real(key=key, intent_id=intent_id)

    monkeypatch.setattr(gateway, "confirm_intent", second)

    purchase = purchases.drive(purchase_id=claim(low).pk)

    assert (purchase.state, credit(low)) == ("succeeded", 58)
    assert taken(stripe) == [5000]


def test_a_refusal_that_comes_after_somebody_canceled_changes_nothing(low, stripe, monkeypatch):
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    gateway.detach_card(card_id=low.default_payment_method)
    during(monkeypatch, "confirm_intent", lambda _: purchases.cancel(purchase_id=purchase.pk))

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.decline_code, purchase.error_text) == ("canceled", "", "")
    assert credit(low) == 8


def test_a_second_intent_that_names_a_purchase_with_its_own_is_not_ours(low, stripe):
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    stranger = pay(stripe, low.account.stripe_customer, cents=5000, purchase=str(purchase.pk))
    nonsense = pay(stripe, low.account.stripe_customer, cents=5000, purchase="a purchase")

    assert purchases.settle(payment_intent=stranger) is None
    assert purchases.settle(payment_intent=nonsense) is None

    purchase.refresh_from_db()
    assert (purchase.state, purchase.quarantined_at, credit(low)) == ("submitted", None, 8)


def test_a_purchase_canceled_while_its_intent_is_read_is_not_confirmed_again(
    low, stripe, monkeypatch
):
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    during(monkeypatch, "retrieve_intent", lambda _: purchases.cancel(purchase_id=purchase.pk))

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.attempts, credit(low)) == ("canceled", 1, 8)
    assert "confirm:2" not in keys(stripe, purchase)


def test_what_came_to_wait_for_the_bank_while_its_intent_is_read_goes_on_waiting(
    stripe, monkeypatch
):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)
    stripe.clear_faults()
    during(monkeypatch, "retrieve_intent", lambda _: purchases.drive(purchase_id=purchase.pk))

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.attempts) == ("requires_action", 2)
    url = by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/back")
    assert url.startswith(stripe.base_url)


def test_a_card_refused_while_the_intent_is_created_is_declined(low, monkeypatch):
    def refuse(**facts):
        raise answers.Declined("Your card has expired.", code="expired_card")

    monkeypatch.setattr(gateway, "create_intent", refuse)

    purchase = purchases.drive(purchase_id=claim(low).pk)

    assert (purchase.state, purchase.decline_code) == ("declined", "expired_card")
    assert "the card has expired" in purchase.error_text


def test_a_card_removed_between_creating_and_confirming_is_declined(low, stripe):
    other = make_wallet(credit="8.00")
    add_card(stripe, other)
    set_auto_recharge(other)
    waiting = claim(other)
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    gateway.detach_card(card_id=low.default_payment_method)

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, credit(low)) == ("declined", 8)
    assert purchase.decline_code == "resource_missing"
    assert taken(stripe) == []
    waiting.refresh_from_db()
    assert (waiting.state, waiting.decline_code) == ("created", "")


def test_a_purchase_never_has_a_second_intent(low, stripe):
    stripe.fault(kind="reset_after", path=CREATE, method="POST", times=2)
    purchase = claim(low)
    purchases.drive(purchase_id=purchase.pk)
    stripe.clear_faults()

    purchases.drive(purchase_id=purchase.pk)

    assert len(stripe.truth()["payment_intents"]) == 1
    assert credit(low) == Decimal("58.00")


def test_processing_credits_only_when_it_has_succeeded(low, stripe):
    stripe.set_card(low.default_payment_method, behaviour="processing")
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert (purchase.state, credit(low)) == ("submitted", Decimal("8.00"))

    stripe.finish(purchase.payment_intent, "succeeded")
    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, credit(low)) == ("succeeded", Decimal("58.00"))


def test_processing_that_fails_credits_nothing(low, stripe):
    stripe.set_card(low.default_payment_method, behaviour="processing")
    purchase = purchases.drive(purchase_id=claim(low).pk)

    stripe.finish(purchase.payment_intent, "failed", decline_code="insufficient_funds")
    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.decline_code) == ("declined", "insufficient_funds")
    assert credit(low) == Decimal("8.00")
    assert taken(stripe) == []


def test_a_decline_cancels_the_intent_so_that_nobody_can_confirm_it(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, DECLINED_CARD)
    set_auto_recharge(wallet)

    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    assert purchase.state == "declined"
    assert [intent["status"] for intent in stripe.truth()["payment_intents"]] == ["canceled"]
    assert "was declined" in purchase.error_text
    assert "You were not charged" in purchase.error_text


@pytest.mark.parametrize("number", [GOOD_CARD, DECLINED_CARD])
def test_settling_what_ended_without_money_changes_nothing_and_suspects_nothing(stripe, number):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, number)
    set_auto_recharge(wallet)
    purchase = claim(wallet)
    if number == GOOD_CARD:
        set_auto_recharge(wallet, enabled=False)
    purchases.drive(purchase_id=purchase.pk)
    before = Purchase.objects.values().get()

    purchases.settle(payment_intent=before["payment_intent"])

    assert before["state"] == ("canceled" if number == GOOD_CARD else "declined")
    assert Purchase.objects.values().get() == before
    assert credit(wallet) == 8


def test_a_success_forgets_what_stripe_refused_before(low, stripe):
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    Purchase.objects.update(decline_code="resource_missing")

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.decline_code) == ("succeeded", "")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"enabled": False}, id="off"),
        pytest.param({"threshold": 5}, id="above"),
        pytest.param({"payment_method": "pm_x"}, id="card"),
    ],
)
def test_the_last_look_cancels_what_is_no_longer_wanted(low, stripe, change):
    purchase = claim(low)
    set_auto_recharge(low, **change)

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "canceled"
    assert taken(stripe) == []
    assert credit(low) == 8


def test_a_purchase_older_than_fifteen_minutes_is_not_confirmed_any_more(low, stripe):
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()

    with clock.at(clock.now() + timedelta(minutes=16)):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "canceled"
    assert taken(stripe) == []


@pytest.mark.parametrize(
    ("later", "state"),
    [(timedelta(minutes=15), "succeeded"), (timedelta(minutes=15, seconds=1), "canceled")],
)
def test_a_purchase_is_confirmed_until_it_is_fifteen_minutes_old(low, stripe, later, state):
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()

    with clock.at(purchase.created_at + later):
        assert purchases.drive(purchase_id=purchase.pk).state == state


@pytest.mark.parametrize(
    ("later", "state"),
    [(timedelta(hours=24), "succeeded"), (timedelta(hours=24, seconds=1), "canceled")],
)
def test_a_months_purchase_is_confirmed_until_it_is_a_day_old(stripe, later, state):
    world = make_world(stripe)
    with clock.at(moment("2026-11-14 10:00")):
        world.save()
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    world.run_at("2026-11-14 10:00")
    stripe.clear_faults()
    [purchase] = world.purchases()

    with clock.at(purchase.created_at + later):
        assert purchases.drive(purchase_id=purchase.pk).state == state


def test_a_months_purchase_credits_exactly_its_basic_and_premium_seconds(stripe):
    world = make_world(stripe)
    with clock.at(moment("2026-11-14 10:00")):
        world.save(basic=7, premium=11)

    world.run_at("2026-11-14 10:00")

    [purchase] = world.purchases()
    wallet = Wallet.objects.get(account=world.sub)
    assert purchase.state == "succeeded"
    assert (wallet.basic_seconds, wallet.premium_seconds) == (420, 660)
    assert wallet.credit.amount == 0


def test_a_purchase_is_never_driven_or_settled_inside_a_transaction_of_its_caller(low):
    from django.db import transaction

    purchase = claim(low)

    with pytest.raises(RuntimeError), transaction.atomic():
        purchases.cancel(purchase_id=purchase.pk)

    purchase.refresh_from_db()
    assert purchase.state == "created"


@pytest.mark.usefixtures("low")
def test_no_call_to_stripe_is_made_while_a_transaction_is_open(stripe):
    from django.db import transaction

    before = len(stripe.requests())

    with pytest.raises(gateway.TransactionOpen), transaction.atomic():
        gateway.retrieve_intent(intent_id="pi_1")

    assert len(stripe.requests()) == before


@pytest.mark.parametrize("change", ["state = 'created'", "amount_cents = 1", "wallet_id = 0"])
def test_a_closed_purchase_cannot_be_changed_even_by_hand(low, change):
    from django.db import DatabaseError, connection, transaction

    purchase = purchases.drive(purchase_id=claim(low).pk)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"UPDATE wallets_purchase SET {change}")

    purchase.refresh_from_db()
    assert (purchase.state, purchase.amount_cents) == ("succeeded", 5000)


def test_minutes_bought_by_hand_pay_the_debt_first_and_leave_the_fraction_as_credit(stripe):
    wallet = make_wallet(credit="-1.92")
    add_card(stripe, wallet)

    purchase = by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(50), buys="premium", form_key="a"
    )

    wallet.refresh_from_db()
    assert purchase.state == "succeeded"
    # $48.08 at $0.16 a minute is 18,030 seconds exactly.
    assert wallet.premium_seconds == 18_030
    assert wallet.credit.amount == 0
