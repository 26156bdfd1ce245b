"""What follows when the backup card is declined, too, or is gone: who waits, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import clock
from accounts.tests.builders import owner_of
from wallets.cards import backup, keeping
from wallets.charging import purchases
from wallets.recharges import auto_recharge, configure
from wallets.tests.worlds.auto_recharge_world import (
    decline,
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
    set_auto_recharge,
)
from wallets.tests.worlds.histories import buy
from wallets.tests.worlds.pages import text_of
from wallets.tests.worlds.purchases import taken

pytestmark = pytest.mark.django_db

VISA, MASTERCARD = "Visa •••• 4242", "Mastercard •••• 4444"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def decline_backup(stripe, card, code="invalid_account") -> None:
    stripe.set_card(card.id, behaviour={"decline_code": code})


def paid_by_the_backup(stripe, low, code):
    """The first card is declined at noon with this code, the backup pays, and it is not enough."""
    decline(stripe, low, code)
    with clock.at(NOON):
        run(low)
    assert tried(low) == [(VISA, "declined"), (MASTERCARD, "succeeded")]
    set_auto_recharge(low, threshold=100)


def test_when_both_are_declined_each_counts_and_the_next_try_waits_six_hours(low, other, stripe):
    decline(stripe, low)
    stripe.set_card(other.id, behaviour={"decline_code": "do_not_honor"})

    with clock.at(NOON):
        run(low)

    assert tried(low) == [(VISA, "declined"), (MASTERCARD, "declined")]
    automatic = settings_of(low)
    assert automatic.consecutive_declines == 2
    assert automatic.not_before == NOON + timedelta(hours=6)
    assert told(low, "recharge_failed") == [
        f"Auto-Recharge failed: {VISA} was declined. Your backup card {MASTERCARD} was declined. "
        "You were not charged. Contact your bank or use another card. We try again at 18:00 (UTC)."
    ]
    assert taken(stripe) == []


def test_banner_and_payments_name_both_cards_whatever_a_person_tries_since(
    low, other, stripe, client
):
    decline(stripe, low)
    stripe.set_card(other.id, behaviour={"decline_code": "do_not_honor"})
    run(low)
    client.force_login(owner_of(low.account))

    pages = {path: text_of(client.get(path)) for path in ("/banner/", "/payments/")}
    buy(low, state="declined", card="Visa •••• 0002")
    later = {path: text_of(client.get(path)) for path in ("/banner/", "/payments/")}

    both = f"{VISA} was declined, and your backup card {MASTERCARD} was declined. We try again "
    assert f"Auto-Recharge failed: {both}" in pages["/banner/"]
    assert f"{VISA} was declined. Your backup card {MASTERCARD} was" in pages["/payments/"]
    assert f"Auto-Recharge failed: {both}" in later["/banner/"]
    assert "The last automatic charge was declined. Retrying" in later["/payments/"]


def test_the_third_decline_in_a_row_suspends_whichever_card_it_was(low, other, stripe):
    decline(stripe, low)
    stripe.set_card(other.id, behaviour={"decline_code": "do_not_honor"})
    with clock.at(NOON):
        run(low)

    with clock.at(NOON + timedelta(hours=6, minutes=1)):
        run(low)

    assert settings_of(low).suspended_reason == "payment_failed"
    # Both cards of both rounds, and no fifth try.
    assert len(tried(low)) == 4


def test_a_backup_card_that_was_just_declined_is_not_tried_again_within_the_hour(
    low, other, stripe
):
    decline(stripe, low)
    stripe.set_card(other.id, behaviour={"decline_code": "do_not_honor"})
    with clock.at(NOON):
        run(low)

    with clock.at(NOON + timedelta(minutes=30)):
        configure.try_again(wallet_id=low.pk, actor=owner_of(low.account))

    assert [card for card, _ in tried(low)] == [VISA, MASTERCARD, VISA]


@pytest.mark.usefixtures("other")
def test_once_its_stand_in_is_gone_a_card_declined_for_good_suspends(low, stripe):
    decline(stripe, low, "invalid_account")
    with clock.at(NOON):
        run(low)
    backup.clear(account=low.account)
    set_auto_recharge(low, threshold=100)

    with clock.at(NOON + timedelta(minutes=5)):
        decision = auto_recharge.run(wallet_id=low.pk)

    assert (decision.wanted, decision.code) == (False, "suspended")
    assert settings_of(low).suspended_reason == "payment_failed"
    assert told(low, "auto_recharge_suspended") == [
        f"Auto-Recharge is suspended. {VISA} was declined. You were not charged. Contact your bank "
        "or use another card."
    ]
    assert logged(low)[-2:] == ["now_suspended", "suspended"]
    assert len(tried(low)) == 2


@pytest.mark.usefixtures("other")
def test_once_its_stand_in_is_gone_a_soft_decline_waits_out_its_hour(low, stripe):
    decline(stripe, low)
    with clock.at(NOON):
        run(low)
    backup.clear(account=low.account)
    set_auto_recharge(low, threshold=100)

    with clock.at(NOON + timedelta(minutes=5)):
        decision = auto_recharge.run(wallet_id=low.pk)

    rests_until = NOON + timedelta(hours=1)
    assert (decision.wanted, decision.code) == (False, "declined")
    assert decision.figures["until"] == settings_of(low).not_before == rests_until
    assert logged(low)[-1] == "declined"
    assert len(tried(low)) == 2


# --- Declined for good: is the first card tried again?


def test_a_backup_declined_for_good_leaves_the_first_card_its_retry(low, other, stripe):
    decline(stripe, low)
    decline_backup(stripe, other)

    with clock.at(NOON):
        run(low)

    assert tried(low) == [(VISA, "declined"), (MASTERCARD, "declined")]
    kept = settings_of(low)
    assert (kept.suspended_reason, kept.hold_reason) == ("", "declined")
    assert kept.not_before == NOON + timedelta(hours=6)


def test_once_both_are_declined_for_good_nothing_is_tried_any_more(low, other, stripe):
    decline(stripe, low, "invalid_account")
    decline_backup(stripe, other)

    with clock.at(NOON):
        run(low)

    kept = settings_of(low)
    assert (kept.suspended_reason, kept.not_before) == ("payment_failed", None)
    assert len(told(low, "auto_recharge_suspended")) == 1
    with clock.at(NOON + timedelta(days=3)):
        assert run(low) == "suspended"
    assert len(tried(low)) == 2


def test_standing_in_for_a_resting_card_a_backup_declined_for_good_leaves_it_its_retry(
    low, other, stripe
):
    paid_by_the_backup(stripe, low, "insufficient_funds")
    decline_backup(stripe, other)

    with clock.at(NOON + timedelta(minutes=5)):
        run(low)

    assert tried(low)[-1] == (MASTERCARD, "declined")
    kept = settings_of(low)
    assert (kept.suspended_reason, kept.hold_reason) == ("", "declined")
    assert kept.not_before == NOON + timedelta(hours=6, minutes=5)


def test_standing_in_for_a_card_declined_for_good_a_backup_declined_for_good_suspends(
    low, other, stripe
):
    paid_by_the_backup(stripe, low, "invalid_account")
    decline_backup(stripe, other)

    with clock.at(NOON + timedelta(minutes=5)):
        run(low)

    assert tried(low)[-1] == (MASTERCARD, "declined")
    assert settings_of(low).suspended_reason == "payment_failed"


def test_a_backup_declined_for_good_after_the_first_ones_rest_leaves_it_its_retry(
    low, other, stripe
):
    paid_by_the_backup(stripe, low, "insufficient_funds")
    stripe.set_card(other.id, behaviour="processing")
    with clock.at(NOON + timedelta(minutes=59)):
        run(low)
    last = low.purchases.latest("created_at")
    assert (last.card, last.state) == (MASTERCARD, "submitted")
    stripe.finish(last.payment_intent, "failed", decline_code="invalid_account")

    with clock.at(NOON + timedelta(minutes=61)):
        purchases.drive(purchase_id=last.pk)

    assert settings_of(low).suspended_reason == ""
    stripe.set_card(low.default_payment_method, behaviour="ok")
    with clock.at(settings_of(low).not_before):
        run(low)
    assert tried(low)[-1] == (VISA, "succeeded")


@pytest.mark.parametrize(
    ("code", "suspended", "waits"),
    [("do_not_honor", "", timedelta(hours=1)), ("invalid_account", "payment_failed", None)],
)
def test_standing_in_for_an_expired_card_only_a_decline_for_good_suspends(
    low, stripe, code, suspended, waits
):
    later = datetime(2100, 2, 1, tzinfo=UTC)
    with clock.at(later):
        fresh = add_card(stripe, low, OTHER_GOOD_CARD, exp_year=2101)
        backup.choose(account=low.account, card_id=fresh.id)
        decline_backup(stripe, fresh, code)

        run(low)

    assert tried(low) == [(MASTERCARD, "declined")]
    kept = settings_of(low)
    assert kept.suspended_reason == suspended
    assert kept.not_before == (waits and later + waits)


def leave_open(stripe, wallet, other):
    """The backup card's charge has no outcome yet."""
    stripe.set_card(other.id, behaviour="processing")
    run(wallet)
    last = wallet.purchases.latest("created_at", "instead_of")
    assert (last.card, last.state) == (MASTERCARD, "submitted")
    return last


def test_a_first_card_chosen_meanwhile_is_suspended_by_no_decline_of_the_backup(low, other, stripe):
    decline(stripe, low, "invalid_account")
    second = leave_open(stripe, low, other)
    third = add_card(stripe, low, THIRD_GOOD_CARD)
    keeping.make_default(account=low.account, card_id=third.id)
    auto_recharge.payment_method_changed(wallet_id=low.pk)
    stripe.finish(second.payment_intent, "failed", decline_code="invalid_account")

    purchases.drive(purchase_id=second.pk)

    assert settings_of(low).suspended_reason == ""
    assert told(low, "auto_recharge_suspended") == []
    with clock.at(settings_of(low).not_before):
        run(low)
    assert low.purchases.latest("created_at").payment_method == third.id


def test_a_backup_that_became_the_first_card_is_not_charged_again_once_declined_for_good(
    low, other, stripe
):
    decline(stripe, low)
    second = leave_open(stripe, low, other)
    keeping.forget(account=low.account, card_id=low.default_payment_method)
    stripe.finish(second.payment_intent, "failed", decline_code="invalid_account")

    purchases.drive(purchase_id=second.pk)

    low.refresh_from_db()
    assert low.default_payment_method == other.id
    with clock.at(clock.now() + timedelta(hours=7)):
        auto_recharge.payment_method_changed(wallet_id=low.pk)
    assert settings_of(low).suspended_reason == "payment_failed"
    assert len(tried(low)) == 2
