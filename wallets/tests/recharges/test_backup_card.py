"""Auto-Recharge with a backup card: tried once when the first card is declined."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Notification
from accounts.tests.builders import owner_of
from wallets.cards import backup, keeping
from wallets.charging import declines, purchases
from wallets.charging.declines import BACKUP_HELPS, HARD
from wallets.errors import QuoteChanged
from wallets.models import CardAttempt, Purchase
from wallets.recharges import configure
from wallets.statements import statements
from wallets.statements.charge_line import charge_line
from wallets.statements.papers import receipt
from wallets.tests.worlds.auto_recharge_world import (
    credit,
    decline,
    figures,
    logged,
    run,
    settings_of,
    told,
    tried,
)
from wallets.tests.worlds.builders import (
    OTHER_GOOD_CARD,
    THIRD_GOOD_CARD,
    add_card,
    fill,
    set_auto_recharge,
)
from wallets.tests.worlds.purchases import taken

pytestmark = pytest.mark.django_db

VISA, MASTERCARD = "Visa •••• 4242", "Mastercard •••• 4444"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_declined_first_card_is_made_good_by_the_backup_card_once(low, other, stripe):
    decline(stripe, low)

    run(low)

    assert tried(low) == [(VISA, "declined"), (MASTERCARD, "succeeded")]
    first, second = low.purchases.order_by("created_at", "instead_of")
    assert second.backup_of == first
    assert second.payment_method == other.id
    assert (taken(stripe), credit(low)) == ([5000], 58)
    assert logged(low) == ["charge", "backup", "paid"]
    assert figures(low, "backup") == {"charge": "50", "error": first.error_text, "card": MASTERCARD}


@pytest.mark.usefixtures("other")
def test_the_backup_charge_has_keys_of_its_own_at_stripe(low, stripe):
    decline(stripe, low)

    run(low)

    created = stripe.requests(path="/v1/payment_intents", method="POST")
    keys = [one["idempotency_key"] for one in created if one["path"] == "/v1/payment_intents"]
    first, second = low.purchases.order_by("created_at", "instead_of")
    assert keys == [f"{first.pk}:create", f"{second.pk}:create"]


@pytest.mark.usefixtures("other")
def test_people_hear_in_one_mail_what_was_declined_and_what_was_charged(low, stripe):
    decline(stripe, low)

    run(low)

    assert told(low, "backup_charged") == [
        f"Auto-Recharge: {VISA} was declined; $50.00 was charged to your backup card {MASTERCARD}. "
        "Your balance is $58.00."
    ]
    assert told(low, "recharge_failed") == told(low, "recharge_paid") == []
    [note] = Notification.objects.filter(account=low.account, kind="backup_charged")
    assert note.mail_due_at is not None


@pytest.mark.usefixtures("other")
def test_receipt_statement_and_support_tell_it_alike(low, stripe):
    decline(stripe, low)

    run(low)

    paid = low.purchases.get(state="succeeded")
    why = f"{MASTERCARD} (backup card: {VISA} was declined)"
    assert ("Payment method", why) in receipt(paid, address="").facts
    rows = statements.transactions(account=low.account, limit=2).rows
    assert [row.note for row in rows] == [
        f"$50.00 from {why}",
        f"$50.00 not charged. {VISA} was declined: insufficient funds. You were not charged. Try a "
        "smaller amount or another card.",
    ]
    assert charge_line(paid).startswith(
        f"Charged $50.00 to the backup card {MASTERCARD} ({VISA} was declined) because the balance "
        "of $8.00 was below $10.00"
    )


@pytest.mark.usefixtures("other")
def test_an_unknown_outcome_of_the_first_stays_unknown_and_no_other_card_is_tried(low, stripe):
    stripe.fault(kind="reset_after", path="/v1/payment_intents/.*/confirm", times=2)

    run(low)

    assert tried(low) == [(VISA, "submitted")]
    assert taken(stripe) == [5000]


@pytest.mark.usefixtures("other")
def test_a_bank_that_asks_is_no_decline_and_no_other_card_is_tried(low, stripe):
    stripe.set_card(low.default_payment_method, behaviour="authentication_required")

    run(low)

    assert tried(low) == [(VISA, "requires_action")]


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "fraudulent", "a_brand_new_code"])
@pytest.mark.usefixtures("other")
def test_after_a_decline_that_may_be_fraud_or_is_new_no_other_card_is_tried(low, stripe, code):
    decline(stripe, low, code)

    run(low)

    assert tried(low) == [(VISA, "declined")]
    assert taken(stripe) == []


def test_hard_declines_that_another_card_answers_are_those_about_the_card_alone():
    assert frozenset(code for code in HARD if declines.backup_helps(code)) == {
        "incorrect_number",
        "invalid_number",
        "transaction_not_allowed",
        "expired_card",
        "invalid_account",
        "currency_not_supported",
        "card_not_supported",
        "resource_missing",
        "payment_method_unexpected_state",
    }
    assert not BACKUP_HELPS & declines.NEEDS_BANK


@pytest.mark.usefixtures("other")
def test_within_the_hour_the_next_recharge_goes_to_the_backup_card_directly(low, stripe):
    decline(stripe, low)
    with clock.at(NOON):
        run(low)
    set_auto_recharge(low, threshold=100)

    with clock.at(NOON + timedelta(minutes=59)):
        run(low)

    assert tried(low) == [
        (VISA, "declined"),
        (MASTERCARD, "succeeded"),
        (MASTERCARD, "succeeded"),
    ]
    assert low.purchases.latest("created_at").instead_of == f"{VISA} was declined"


@pytest.mark.usefixtures("other")
def test_after_the_hour_the_first_card_is_tried_again_and_a_success_forgets(low, stripe):
    decline(stripe, low)
    with clock.at(NOON):
        run(low)
    set_auto_recharge(low, threshold=100)
    stripe.set_card(low.default_payment_method, behaviour="ok")

    with clock.at(NOON + timedelta(minutes=61)):
        run(low)

    assert tried(low)[-1] == (VISA, "succeeded")
    assert settings_of(low).consecutive_declines == 0


@pytest.mark.usefixtures("other")
def test_a_person_who_saves_the_settings_waits_for_no_rest_of_the_first_card(low, stripe):
    decline(stripe, low)
    with clock.at(NOON):
        run(low)
    stripe.set_card(low.default_payment_method, behaviour="ok")

    with clock.at(NOON + timedelta(minutes=5)):
        configure.save(
            wallet_id=low.pk,
            settings=configure.Settings(enabled=True, threshold=Decimal(100), amount=Decimal(50)),
            actor=owner_of(low.account),
        )

    assert tried(low)[-1] == (VISA, "succeeded")
    assert settings_of(low).consecutive_declines == 0


@pytest.mark.usefixtures("other")
def test_a_card_declined_for_good_is_never_tried_again_while_the_backup_card_pays(low, stripe):
    decline(stripe, low, "invalid_account")
    with clock.at(NOON):
        run(low)
    set_auto_recharge(low, threshold=100)

    with clock.at(NOON + timedelta(days=3)):
        run(low)

    assert [card for card, _ in tried(low)] == [VISA, MASTERCARD, MASTERCARD]
    assert settings_of(low).suspended_at is None


@pytest.mark.usefixtures("other")
def test_an_expired_first_card_is_stood_in_for_without_asking_stripe(stripe, low):
    with clock.at(datetime(2100, 2, 1, tzinfo=UTC)):
        fresh = add_card(stripe, low, OTHER_GOOD_CARD, exp_year=2101, fingerprint="another")
        backup.choose(account=low.account, card_id=fresh.id)

        run(low)

    [paid] = low.purchases.all()
    assert (paid.card, paid.instead_of) == (MASTERCARD, f"{VISA} has expired")
    assert paid.backup_of is None


@pytest.mark.usefixtures("other")
def test_six_tries_in_ten_minutes_leave_none_for_the_backup_card(low, stripe):
    decline(stripe, low)
    now = clock.now()
    for _ in range(5):
        Purchase.objects.create(
            payer=low.account,
            wallet=low,
            purpose="auto_recharge",
            amount_cents=5000,
            buys="credit",
            payment_method="pm_gone",
            state="canceled",
            closed_at=now,
        )

    run(low)

    assert tried(low)[-1] == (VISA, "declined")


def test_a_person_who_tries_again_is_told_of_the_backup_charge_and_both_count(low, other, stripe):
    decline(stripe, low)
    stripe.set_card(other.id, behaviour={"decline_code": "do_not_honor"})
    with clock.at(NOON):
        run(low)
    stripe.set_card(other.id, behaviour="ok")

    with clock.at(NOON + timedelta(hours=2)):
        saved = configure.try_again(
            wallet_id=low.pk, actor=owner_of(low.account), address="192.0.2.7"
        )

    assert (saved.purchase.card, saved.purchase.state) == (MASTERCARD, "succeeded")
    counted = CardAttempt.objects.filter(account=low.account)
    assert [one.purchase.card for one in counted.order_by("pk")] == [VISA, MASTERCARD]
    assert {one.address for one in counted} == {"192.0.2.7"}


@pytest.mark.usefixtures("other")
def test_a_quote_that_changed_charges_neither_card(low, stripe):
    decline(stripe, low)
    with clock.at(NOON), pytest.raises(QuoteChanged):
        configure.save(
            wallet_id=low.pk,
            settings=configure.Settings(enabled=True, threshold=Decimal(20), amount=Decimal(100)),
            actor=owner_of(low.account),
            quoted_charge=Decimal(50),
        )

    assert tried(low) == []


@pytest.mark.usefixtures("other")
def test_switched_off_between_the_two_neither_card_is_charged(low, stripe, monkeypatch):
    decline(stripe, low)
    whole = purchases._drive
    seen = []

    def drive(purchase):
        if purchase.instead_of:
            set_auto_recharge(low, enabled=False)
        seen.append(purchase.card)
        return whole(purchase)

    monkeypatch.setattr(purchases, "_drive", drive)

    run(low)

    assert seen == [VISA, MASTERCARD]
    assert tried(low) == [(VISA, "declined"), (MASTERCARD, "canceled")]
    assert taken(stripe) == []


@pytest.mark.usefixtures("other")
def test_a_backup_card_removed_between_the_two_is_not_charged(low, stripe, monkeypatch):
    decline(stripe, low)
    whole = purchases._drive

    def drive(purchase):
        if purchase.instead_of:
            backup.clear(account=low.account)
        return whole(purchase)

    monkeypatch.setattr(purchases, "_drive", drive)

    run(low)

    assert tried(low) == [(VISA, "declined"), (MASTERCARD, "canceled")]
    assert taken(stripe) == []


@pytest.mark.usefixtures("other")
def test_a_decline_that_an_event_tells_goes_to_the_backup_card_as_well(low, stripe):
    """The first answer was lost, and the bank declines later."""
    stripe.set_card(low.default_payment_method, behaviour="processing")
    run(low)
    [first] = low.purchases.all()
    stripe.finish(first.payment_intent, "failed")

    purchases.drive(purchase_id=first.pk)

    assert tried(low) == [(VISA, "declined"), (MASTERCARD, "succeeded")]
    assert taken(stripe) == [5000]


def choose_a_third_card(stripe, wallet):
    third = add_card(stripe, wallet, THIRD_GOOD_CARD)
    keeping.make_default(account=wallet.account, card_id=third.id)


@pytest.mark.parametrize(
    "change",
    [
        lambda stripe, low: set_auto_recharge(low, enabled=False),
        lambda stripe, low: fill(low, credit="2"),
        choose_a_third_card,
    ],
    ids=["switched off", "at the threshold", "another first card"],
)
@pytest.mark.usefixtures("other")
def test_a_decline_heard_of_when_no_charge_is_wanted_any_more_is_not_made_good(low, stripe, change):
    stripe.set_card(low.default_payment_method, behaviour="processing")
    run(low)
    [first] = low.purchases.all()
    change(stripe, low)
    stripe.finish(first.payment_intent, "failed")

    purchases.drive(purchase_id=first.pk)

    assert tried(low) == [(VISA, "declined")]
    assert "backup" not in logged(low)
    assert settings_of(low).failed_fingerprint == first.card_fingerprint
    assert taken(stripe) == []


def test_without_a_backup_card_a_decline_waits_an_hour_as_ever(low, stripe):
    decline(stripe, low)

    with clock.at(NOON):
        run(low)

    assert tried(low) == [(VISA, "declined")]
    assert settings_of(low).not_before == NOON + timedelta(hours=1)


def test_the_same_card_saved_twice_stands_in_for_nothing(low, stripe):
    again = add_card(stripe, low)
    low.backup_payment_method = again.id
    low.save(update_fields=["backup_payment_method"])
    decline(stripe, low)

    run(low)

    assert tried(low) == [(VISA, "declined")]


@pytest.mark.usefixtures("stripe")
def test_a_lost_first_card_makes_the_backup_card_the_default(low, other):
    keeping.forget(account=low.account, card_id=low.default_payment_method)

    low.refresh_from_db()
    assert low.default_payment_method == other.id
    assert low.backup_payment_method == ""
