"""The state machine that takes money, against the Stripe sandbox over HTTP."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Account, StaffAlert
from wallets.charging import purchases, rows
from wallets.models import Purchase
from wallets.recharges import auto_recharge, by_hand, suspensions
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

pytestmark = pytest.mark.django_db

CREATE = "/v1/payment_intents"
CONFIRM = r"/v1/payment_intents/[^/]+/confirm"


@pytest.fixture
def low(stripe):
    """A wallet below its threshold with a good card: the rule wants $50."""
    wallet = make_wallet(credit="8.00")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)
    return wallet


def claim(wallet):
    return auto_recharge.claim(wallet_id=wallet.pk)[1]


def taken(stripe):
    """What Stripe really took, in cents, per successful intent."""
    intents = stripe.truth()["payment_intents"]
    return [intent["amount"] for intent in intents if intent["status"] == "succeeded"]


def credit(wallet):
    wallet.refresh_from_db()
    return wallet.credit.amount


def test_a_charge_that_succeeds_is_credited_once(low, stripe):
    purchase = purchases.drive(purchase_id=claim(low).pk)

    assert purchase.state == "succeeded"
    assert taken(stripe) == [5000]
    assert credit(low) == Decimal("58.00")
    assert purchase.receipt_number
    [intent] = stripe.truth()["payment_intents"]
    assert intent["metadata"] == {"purchase": str(purchase.pk), "purpose": "auto_recharge"}


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


@pytest.mark.parametrize("kind", ["reset_before", "500_before", "429", "409"])
@pytest.mark.parametrize("path", [CREATE, CONFIRM])
def test_no_definite_answer_leaves_it_open_and_the_sweep_finishes_it(low, stripe, kind, path):
    stripe.fault(kind=kind, path=path, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert purchase.state in ("created", "submitted")
    assert credit(low) == Decimal("8.00")
    stripe.clear_faults()

    with clock.at(clock.now() + timedelta(minutes=1)):
        assert purchases.sweep() == [purchase.pk]
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "succeeded"
    assert taken(stripe) == [5000]
    assert credit(low) == Decimal("58.00")


@pytest.mark.parametrize("kind", ["reset_after", "500_after"])
def test_a_charge_whose_answer_was_lost_is_found_by_reading(low, stripe, kind):
    stripe.fault(kind=kind, path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert purchase.state == "submitted"
    stripe.clear_faults()

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "succeeded"
    assert taken(stripe) == [5000]
    assert credit(low) == Decimal("58.00")


def test_a_500_repeated_for_ever_under_the_key_of_creating_is_resolved_by_reading(low, stripe):
    stripe.fault(kind="500_after", path=CREATE + "$", method="POST", times=99)
    purchase = claim(low)
    with clock.at(purchase.created_at + timedelta(seconds=29)):
        assert purchases.drive(purchase_id=purchase.pk).state == "created"

    with clock.at(purchase.created_at + timedelta(seconds=30)):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "succeeded"
    assert len(stripe.truth()["payment_intents"]) == 1
    assert credit(low) == Decimal("58.00")


def test_an_event_that_is_faster_than_our_own_answer_leaves_it_submitted(low, stripe):
    stripe.set_card(low.default_payment_method, behaviour="processing")
    stripe.fault(kind="reset_after", path=CREATE + "$", method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    [intent] = stripe.truth()["payment_intents"]
    gateway.confirm_intent(key="faster", intent_id=intent["id"])
    assert (purchase.state, purchase.payment_intent) == ("created", None)
    other = make_wallet(credit="8.00")
    add_card(stripe, other)
    set_auto_recharge(other)
    newer = claim(other)

    moment = clock.now()
    with clock.at(moment):
        purchases.settle(payment_intent=intent["id"])

    purchase.refresh_from_db()
    assert (purchase.state, purchase.payment_intent) == ("submitted", intent["id"])
    assert purchase.submitted_at == moment
    assert credit(low) == 8
    newer.refresh_from_db()
    assert (newer.state, newer.payment_intent, newer.quarantined_at) == ("created", None, None)


def test_entries_name_their_purchase_and_who_asked_for_it(low, stripe, django_user_model):
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


def keys(stripe, purchase):
    """The idempotency keys Stripe saw for it, without their repetitions."""
    seen = [one["idempotency_key"] or "" for one in stripe.requests()]
    mine = [key.removeprefix(f"{purchase.pk}:") for key in seen if str(purchase.pk) in key]
    return list(dict.fromkeys(mine))


def test_every_step_has_its_own_key_and_every_confirmation_its_number(low, stripe):
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    assert purchase.attempts == 1

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.attempts) == ("succeeded", 2)
    assert keys(stripe, purchase) == ["create", "confirm:1", "confirm:2"]


def test_a_decline_cancels_under_the_purchases_own_key(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, DECLINED_CARD)
    set_auto_recharge(wallet)

    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    assert keys(stripe, purchase) == ["create", "confirm:1", "cancel"]


def test_a_key_that_stripe_refuses_charges_nothing_and_pages_support_once_an_hour(
    low, stripe, settings
):
    purchase = claim(low)
    settings.STRIPE_SECRET_KEY = "revoked"

    with clock.at(purchase.created_at.replace(minute=0)):
        assert purchases.drive(purchase_id=purchase.pk).state == "created"
    with clock.at(purchase.created_at.replace(minute=59)):
        purchases.drive(purchase_id=purchase.pk)
    [alert] = StaffAlert.objects.all()
    with clock.at(purchase.created_at.replace(minute=0) + timedelta(hours=1)):
        purchases.drive(purchase_id=purchase.pk)

    assert (alert.kind, alert.data) == ("stripe_refuses_our_key", {})
    assert "Stripe refuses our key" in alert.text
    assert StaffAlert.objects.count() == 2
    assert taken(stripe) == []


def test_a_key_used_for_something_else_is_quarantined_and_never_tried_as_a_new_one(low, stripe):
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    gateway.create_customer(key=f"{purchase.pk}:confirm:2", name="x", email="", metadata={})

    for _ in range(2):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.attempts) == ("submitted", 2)
    assert purchase.quarantine_reason.startswith("Idempotency key reused: ")
    assert taken(stripe) == []
    [alert] = StaffAlert.objects.all()
    assert (alert.kind, alert.data) == ("purchase_quarantined", {"id": str(purchase.pk)})


def during(monkeypatch, step, happens):
    """Let this happen once, after Stripe did the step and before we hear of it."""
    real = getattr(gateway, step)

    def first(**facts):
        monkeypatch.setattr(gateway, step, real)
        try:
            return real(**facts)
        finally:
            happens(facts)

    monkeypatch.setattr(gateway, step, first)


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


def test_a_card_refused_while_the_intent_is_created_is_declined(low, stripe, monkeypatch):
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
    ("code", "text"),
    [
        (
            "processing_error",
            "The payment could not be processed. You were not charged. Try again later.",
        ),
        (
            "generic_decline",
            "Visa •••• 4242 was declined. You were not charged. "
            "Contact your bank or use another card.",
        ),
        (
            "card_velocity_exceeded",
            "Visa •••• 4242 was declined: the card is over its limit. You were not charged. "
            "Use another card, or try again later.",
        ),
    ],
)
def test_a_decline_says_what_went_wrong_that_nothing_was_charged_and_what_helps(
    low, stripe, code, text
):
    stripe.set_card(low.default_payment_method, behaviour={"decline_code": code})

    assert purchases.drive(purchase_id=claim(low).pk).error_text == text


def test_a_card_that_wants_the_bank_waits_for_it_without_a_decline(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)

    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    assert purchase.state == "requires_action"
    assert "bank" in purchase.error_text
    assert credit(wallet) == 8
    wallet.auto_recharge.refresh_from_db()
    assert wallet.auto_recharge.suspended_reason == "authentication_required"
    assert wallet.auto_recharge.consecutive_declines == 0


def test_confirming_with_the_bank_credits_once_and_lifts_the_suspension(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    url = by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/back")
    again = by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/back")
    stripe.answer_bank(purchase.payment_intent, approved=True)
    purchase = purchases.settle(payment_intent=purchase.payment_intent)

    assert url == again
    assert purchase.attempts == 2  # One by us, one with the person there.
    assert keys(stripe, purchase) == ["create", "confirm:1", "confirm:2"]
    assert url.startswith(stripe.base_url)
    assert (purchase.state, credit(wallet)) == ("succeeded", Decimal("58.00"))
    # The question of the bank has been answered.
    assert (purchase.error_text, purchase.decline_code) == ("", "")
    wallet.auto_recharge.refresh_from_db()
    assert wallet.auto_recharge.suspended_reason == ""


def test_refusing_at_the_bank_declines_and_the_suspension_stays(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)
    by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/back")

    stripe.answer_bank(purchase.payment_intent, approved=False)
    purchase = purchases.settle(payment_intent=purchase.payment_intent)

    assert (purchase.state, credit(wallet)) == ("declined", 8)
    wallet.auto_recharge.refresh_from_db()
    assert wallet.auto_recharge.suspended_reason == "authentication_required"


def test_what_waits_for_the_bank_is_canceled_at_stripe_and_then_here(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    assert purchases.cancel(purchase_id=purchase.pk).state == "canceled"

    assert [intent["status"] for intent in stripe.truth()["payment_intents"]] == ["canceled"]
    assert credit(wallet) == 8


def test_a_link_to_the_bank_ends_after_a_day(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    with clock.at(clock.now() + timedelta(hours=24, minutes=1)):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "canceled"
    wallet.auto_recharge.refresh_from_db()
    assert wallet.auto_recharge.suspended_reason == "authentication_required"


@pytest.mark.parametrize(
    ("later", "state"),
    [(timedelta(hours=24), "requires_action"), (timedelta(hours=24, seconds=1), "canceled")],
)
def test_a_link_to_the_bank_lives_exactly_a_day(stripe, later, state):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    with clock.at(purchase.submitted_at + later):
        assert purchases.drive(purchase_id=purchase.pk).state == state


def test_a_link_that_was_found_after_its_day_is_canceled_at_once(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    stripe.fault(kind="reset_after", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)
    stripe.clear_faults()
    assert purchase.state == "submitted"

    with clock.at(purchase.submitted_at + timedelta(hours=24, seconds=1)):
        assert purchases.drive(purchase_id=purchase.pk).state == "canceled"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"enabled": False}, "off"),
        ({"threshold": 5}, "above"),
        ({"payment_method": "pm_x"}, "card"),
    ],
)
def test_the_last_look_cancels_what_is_no_longer_wanted(low, stripe, change, reason):
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


def test_an_old_purchase_that_never_got_an_intent_is_closed_without_one(low, stripe):
    stripe.fault(kind="reset_before", path=CREATE, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert purchase.state == "created"
    stripe.clear_faults()

    with clock.at(clock.now() + timedelta(hours=25)):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "canceled"
    assert stripe.truth()["payment_intents"] == []


def test_an_orphaned_intent_of_an_old_purchase_is_canceled_not_doubled(low, stripe):
    stripe.fault(kind="reset_after", path=CREATE, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert purchase.payment_intent is None
    stripe.clear_faults()
    stripe.advance(25 * 3600)

    with clock.at(clock.now() + timedelta(hours=25)):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "canceled"
    assert [intent["status"] for intent in stripe.truth()["payment_intents"]] == ["canceled"]


def test_an_answer_about_another_amount_is_quarantined_and_never_credited(low, stripe, monkeypatch):
    purchase = claim(low)
    real = gateway.retrieve_intent

    def lies(*, intent_id):
        intent = real(intent_id=intent_id)
        return answers.Intent(**{**intent.__dict__, "amount": 50_000, "amount_received": 50_000})

    monkeypatch.setattr(gateway, "retrieve_intent", lies)
    purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.quarantined_at
    assert "50000" in purchase.quarantine_reason
    assert credit(low) == 8
    assert StaffAlert.objects.filter(kind="purchase_quarantined").count() == 1


@pytest.mark.parametrize(
    "fact",
    [
        {"amount": 5001},
        {"currency": "eur"},
        {"customer": "cus_stranger"},
        {"amount_received": 4999},
    ],
)
def test_an_intent_that_differs_in_one_fact_is_never_credited(low, stripe, monkeypatch, fact):
    real = gateway.retrieve_intent
    monkeypatch.setattr(gateway, "retrieve_intent", lambda **ask: replace(real(**ask), **fact))

    purchase = purchases.drive(purchase_id=claim(low).pk)
    purchases.drive(purchase_id=purchase.pk)
    again = purchases.settle(payment_intent=purchase.payment_intent)

    assert (again.state, again.quarantined_at) == ("submitted", purchase.quarantined_at)
    assert str(next(iter(fact.values()))) in purchase.quarantine_reason
    assert credit(low) == 8
    [alert] = StaffAlert.objects.all()
    assert (alert.kind, alert.data) == ("purchase_quarantined", {"id": str(purchase.pk)})


def test_an_intent_that_waits_for_the_bank_makes_its_purchase_wait(low, stripe):
    card = add_card(stripe, low, BANK_ASKS_CARD)
    set_auto_recharge(low, payment_method=card.id)
    stripe.fault(kind="500_before", path=CONFIRM, times=9)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    gateway.confirm_on_session(
        key="a person",
        intent_id=purchase.payment_intent,
        payment_method=card.id,
        return_url="http://localhost/",
    )

    assert purchases.drive(purchase_id=purchase.pk).state == "requires_action"

    assert low.account.notifications.filter(kind="action_required").count() == 1
    assert credit(low) == 8


def test_a_payment_that_still_waits_for_the_bank_suspends_nothing_anew(low, stripe):
    card = add_card(stripe, low, BANK_ASKS_CARD)
    set_auto_recharge(low, payment_method=card.id)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    suspensions.lift_by_support(wallet_id=low.pk)

    assert purchases.drive(purchase_id=purchase.pk).state == "requires_action"

    low.auto_recharge.refresh_from_db()
    assert low.auto_recharge.suspended_reason == ""


def test_an_intent_that_differs_is_not_confirmed(low, stripe, monkeypatch):
    purchase = claim(low)
    stripe.fault(kind="500_before", path=CONFIRM, times=9)
    purchases.drive(purchase_id=purchase.pk)
    stripe.clear_faults()
    real = gateway.retrieve_intent
    monkeypatch.setattr(gateway, "retrieve_intent", lambda **ask: replace(real(**ask), amount=1))

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, bool(purchase.quarantined_at)) == ("submitted", True)
    assert (taken(stripe), credit(low)) == ([], 8)


def test_a_purchase_in_quarantine_keeps_no_other_from_being_confirmed(low, stripe):
    other = make_wallet(credit="8.00")
    add_card(stripe, other)
    set_auto_recharge(other, threshold=10, amount=50)
    rows.quarantine(claim(other).pk, "The facts differ.")
    stripe.fault(kind="500_before", path=CONFIRM, times=9)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()

    assert purchases.drive(purchase_id=purchase.pk).state == "succeeded"


def test_a_long_reason_is_cut_to_what_the_row_holds(low):
    purchase = claim(low)

    rows.quarantine(purchase.pk, "x" * 300)

    purchase.refresh_from_db()
    assert purchase.quarantine_reason == "x" * 200


def test_the_sweep_leaves_a_purchase_in_quarantine_alone(low, stripe, monkeypatch):
    real = gateway.retrieve_intent
    monkeypatch.setattr(gateway, "retrieve_intent", lambda **ask: replace(real(**ask), amount=1))
    purchase = purchases.drive(purchase_id=claim(low).pk)
    monkeypatch.setattr(gateway, "retrieve_intent", real)

    with clock.at(clock.now() + timedelta(minutes=2)):
        assert purchases.sweep() == []
        before = len(stripe.requests())
        purchases.drive(purchase_id=purchase.pk)
        assert len(stripe.requests()) == before
        settled = purchases.settle(payment_intent=purchase.payment_intent)

    assert (settled.state, credit(low)) == ("submitted", 8)


def test_a_success_found_on_a_closed_row_is_quarantined_and_pages_support(low, stripe):
    purchase = purchases.drive(purchase_id=claim(low).pk)
    other = Purchase.objects.create(
        payer=low.account,
        wallet=low,
        purpose="auto_recharge",
        amount_cents=5000,
        buys="credit",
        payment_method=low.default_payment_method,
        state="canceled",
        closed_at=clock.now(),
    )
    intent = gateway.create_intent(
        key="outside",
        amount=5000,
        customer=low.account.stripe_customer,
        payment_method=low.default_payment_method,
        metadata={"purchase": str(other.pk)},
        description="paid behind our back",
    )
    gateway.confirm_intent(key="outside:confirm", intent_id=intent.id)

    purchases.settle(payment_intent=intent.id)

    other.refresh_from_db()
    assert (other.state, bool(other.quarantined_at)) == ("canceled", True)
    assert credit(low) == Decimal("58.00")
    assert StaffAlert.objects.filter(kind="purchase_quarantined").count() == 1
    assert purchase.state == "succeeded"


def test_an_outcome_unknown_for_an_hour_is_told_to_support_once(low, stripe):
    stripe.fault(kind="reset_after", path=CONFIRM, method="POST", times=9)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    other = make_wallet(credit="8.00")
    add_card(stripe, other)
    set_auto_recharge(other)
    waiting = claim(other)

    first = clock.now() + timedelta(minutes=61)
    for now in (first, first + timedelta(minutes=1)):
        with clock.at(now):
            purchases.sweep()

    alert = StaffAlert.objects.get(kind="purchase_unknown")
    assert alert.data == {"id": str(purchase.pk)}
    purchase.refresh_from_db()
    assert (purchase.state, purchase.reported_unknown_at) == ("submitted", first)
    waiting.refresh_from_db()
    assert waiting.reported_unknown_at is None


@pytest.mark.parametrize(
    ("later", "told"), [(timedelta(hours=1), 0), (timedelta(hours=1, seconds=1), 1)]
)
def test_support_hears_of_an_unknown_outcome_after_exactly_an_hour(low, stripe, later, told):
    stripe.fault(kind="reset_after", path=CONFIRM, method="POST", times=9)
    purchase = purchases.drive(purchase_id=claim(low).pk)

    with clock.at(purchase.created_at + later):
        purchases.sweep()

    assert StaffAlert.objects.filter(kind="purchase_unknown").count() == told
    purchase.refresh_from_db()
    assert bool(purchase.reported_unknown_at) is bool(told)


def test_waiting_for_the_bank_is_not_an_unknown_outcome(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchases.drive(purchase_id=claim(wallet).pk)

    with clock.at(clock.now() + timedelta(hours=2)):
        purchases.sweep()

    assert not StaffAlert.objects.filter(kind="purchase_unknown").exists()


def test_the_sweep_finds_open_purchases_after_thirty_seconds_oldest_first(low, stripe):
    other = make_wallet(credit="8.00")
    add_card(stripe, other)
    set_auto_recharge(other, threshold=10, amount=20)
    moment = clock.now()
    with clock.at(moment):
        newer = claim(low)
    with clock.at(moment - timedelta(seconds=1)):
        older = claim(other)

    with clock.at(moment + timedelta(seconds=30)):
        assert purchases.sweep() == [older.pk]
    with clock.at(moment + timedelta(seconds=31)):
        assert purchases.sweep() == [older.pk, newer.pk]


def test_a_purchase_is_never_driven_or_settled_inside_a_transaction_of_its_caller(low, stripe):
    from django.db import transaction

    purchase = claim(low)

    with pytest.raises(RuntimeError), transaction.atomic():
        purchases.cancel(purchase_id=purchase.pk)

    purchase.refresh_from_db()
    assert purchase.state == "created"


def test_no_call_to_stripe_is_made_while_a_transaction_is_open(low, stripe):
    from django.db import transaction

    before = len(stripe.requests())

    with pytest.raises(gateway.TransactionOpen), transaction.atomic():
        gateway.retrieve_intent(intent_id="pi_1")

    assert len(stripe.requests()) == before


@pytest.mark.parametrize("change", ["state = 'created'", "amount_cents = 1", "wallet_id = 0"])
def test_a_closed_purchase_cannot_be_changed_even_by_hand(low, stripe, change):
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
