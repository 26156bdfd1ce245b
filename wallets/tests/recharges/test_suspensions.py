from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from accounts import clock
from accounts.models import Notification
from accounts.tests.builders import make_individual
from wallets.balances import blocking
from wallets.cards import keeping
from wallets.cards.payment_methods import Card
from wallets.charging import purchases, switch
from wallets.errors import Refused
from wallets.models import AutoRecharge, Wallet
from wallets.recharges import auto_recharge, by_hand, configure, suspensions
from wallets.tests.worlds.auto_recharge_world import (
    TEN_FIFTY,
    credit,
    decline,
    figures,
    logged,
    run,
    settings_of,
    suspend_by_declining,
    told,
)
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    GOOD_CARD,
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)

pytestmark = pytest.mark.django_db


def test_declines_wait_an_hour_then_six_and_the_third_suspends(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)
    start = clock.now()

    run(wallet)
    assert settings_of(wallet).not_before - clock.now() > timedelta(minutes=59)
    with clock.at(start + timedelta(minutes=59)):
        assert run(wallet) == "declined"
    with clock.at(start + timedelta(minutes=61)):
        run(wallet)
    with clock.at(start + timedelta(hours=6)):
        assert run(wallet) == "declined"
    with clock.at(start + timedelta(hours=7, minutes=2)):
        run(wallet)
        assert settings_of(wallet).suspended_reason == "payment_failed"
        assert run(wallet) == "suspended"
    assert settings_of(wallet).enabled
    assert wallet.purchases.count() == 3
    assert credit(wallet) == 8


def test_each_wait_after_a_decline_ends_to_the_second(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)
    moment = clock.now()

    for hours in (1, 6):
        with clock.at(moment):
            assert run(wallet) == "charge"
        waits = settings_of(wallet).not_before
        assert waits == moment + timedelta(hours=hours)
        with clock.at(waits - timedelta(seconds=1)):
            assert run(wallet) == "declined"
        moment = waits

    with clock.at(moment):
        assert run(wallet) == "charge"
    assert settings_of(wallet).suspended_reason == "payment_failed"
    assert settings_of(wallet).not_before is None


def test_a_success_forgets_the_declines_before_it(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)
    start = clock.now()
    for hours in (0, 2):
        with clock.at(start + timedelta(hours=hours)):
            run(wallet)
    assert settings_of(wallet).consecutive_declines == 2

    stripe.set_card(wallet.default_payment_method, behaviour="ok")
    with clock.at(start + timedelta(hours=9)):
        assert run(wallet) == "charge"
        fill(wallet, credit="-55")
    kept = settings_of(wallet)
    assert (kept.consecutive_declines, kept.failed_fingerprint) == (0, "")

    decline(stripe, wallet)
    later = start + timedelta(hours=10)
    with clock.at(later):
        run(wallet)
    assert settings_of(wallet).suspended_reason == ""
    assert settings_of(wallet).not_before == later + timedelta(hours=1)


def test_after_a_success_the_next_charge_waits_a_minute(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    now = clock.now()

    with clock.at(now):
        run(wallet)

    kept = settings_of(wallet)
    assert (kept.hold_reason, kept.not_before) == ("cooldown", now + timedelta(seconds=60))


def test_each_payment_and_each_failure_is_told(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    moment = clock.now()
    for _ in range(2):
        with clock.at(moment):
            run(wallet)
            fill(wallet, credit="-50")
        moment += timedelta(minutes=2)
    decline(stripe, wallet)
    for _ in range(2):
        with clock.at(moment):
            run(wallet)
        moment += timedelta(hours=2)

    assert len(told(wallet, "recharge_paid")) == 2
    assert len(told(wallet, "recharge_failed")) == 2


def test_the_account_is_sent_to_its_bank_each_time_it_asks(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    for _ in range(2):
        run(wallet)
        purchases.cancel(purchase_id=wallet.purchases.latest("created_at").pk)
        suspensions.lift_by_support(wallet_id=wallet.pk)

    assert len(told(wallet, "action_required")) == 2


def test_the_log_holds_the_figures_of_each_outcome(stripe):
    paid, bank, canceled = (make_wallet(credit="8") for _ in range(3))
    add_card(stripe, paid)
    add_card(stripe, bank, BANK_ASKS_CARD)
    add_card(stripe, canceled)
    for wallet in (paid, bank, canceled):
        set_auto_recharge(wallet)
    run(paid)
    run(bank)
    _, purchase = auto_recharge.claim(wallet_id=canceled.pk)
    fill(canceled, credit="2")
    purchases.drive(purchase_id=purchase.pk)

    assert figures(paid, "paid") == {
        "charge": "50",
        "card": "Visa •••• 4242",
        "credit": "58.000000",
    }
    assert figures(bank, "needs_bank") == {"charge": "50"}
    assert figures(bank, "now_suspended") == {"reason": "authentication_required"}
    assert figures(canceled, "canceled") == {"charge": "50"}


def test_the_account_hears_of_every_automatic_payment_once(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)

    run(wallet)

    purchase = wallet.purchases.get()
    note = Notification.objects.get(account=wallet.account, kind="recharge_paid")
    assert note.text == ("Auto-Recharge charged Visa •••• 4242 $50.00. Your balance is $58.00.")
    assert note.data == {"purchase": str(purchase.pk)}
    assert note.link == f"/payments/receipts/{purchase.pk}/"


def test_one_wallets_settings_are_not_anothers(stripe):
    wallet, other = make_wallet(credit="8"), make_wallet(credit="8")
    add_card(stripe, wallet, OTHER_GOOD_CARD)
    decline(stripe, wallet)
    add_card(stripe, other)
    for one in (wallet, other):
        set_auto_recharge(one)

    run(wallet)

    assert settings_of(wallet).consecutive_declines == 1
    assert settings_of(other).consecutive_declines == 0
    assert run(other) == "charge"


def test_the_first_decline_tells_the_account_with_reason_and_next_try(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)

    run(wallet)

    note = Notification.objects.get(account=wallet.account, kind="recharge_failed")
    assert "Visa •••• 4242 was declined: insufficient funds. You were not charged." in note.text
    assert "We try again at" in note.text


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "fraudulent", "expired_card"])
def test_a_hard_decline_suspends_at_once_and_keeps_the_reason_quiet(stripe, code):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet, code)
    set_auto_recharge(wallet)

    run(wallet)

    assert settings_of(wallet).suspended_reason == "payment_failed"
    purchase = wallet.purchases.get()
    assert purchase.decline_code == code
    for word in ("lost", "stolen", "fraud"):
        assert word not in purchase.error_text


def test_a_soft_decline_with_the_advice_never_to_try_again_suspends_at_once(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    advised = {"decline_code": "insufficient_funds", "advice_code": "do_not_try_again"}
    stripe.set_card(card.id, behaviour=advised)
    set_auto_recharge(wallet)

    run(wallet)

    kept = settings_of(wallet)
    assert (kept.suspended_reason, kept.not_before) == ("payment_failed", None)
    assert wallet.purchases.get().decline_code == "do_not_try_again"


@pytest.mark.parametrize("advice", ["try_again_later", "confirm_card_data"])
def test_another_advice_leaves_a_soft_decline_its_wait_and_its_code(stripe, advice):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    advised = {"decline_code": "insufficient_funds", "advice_code": advice}
    stripe.set_card(card.id, behaviour=advised)
    set_auto_recharge(wallet)

    run(wallet)

    assert settings_of(wallet).hold_reason == "declined"
    assert wallet.purchases.get().decline_code == "insufficient_funds"


def test_an_unknown_code_counts_as_a_soft_decline(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet, "a_brand_new_code")
    set_auto_recharge(wallet)

    run(wallet)

    assert settings_of(wallet).suspended_reason == ""
    assert settings_of(wallet).hold_reason == "declined"


def test_a_decline_is_told_once_with_the_next_try_in_the_accounts_time(stripe):
    wallet = make_wallet(credit="8", account=make_individual(timezone="America/New_York"))
    add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)

    with clock.at(datetime(2026, 11, 22, 12, tzinfo=UTC)):
        run(wallet)

    note = Notification.objects.get(account=wallet.account, kind="recharge_failed")
    assert note.text == (
        "Auto-Recharge failed: Visa •••• 4242 was declined: insufficient funds. You were not "
        "charged. Try a smaller amount or another card. We try again at 08:00 (EST)."
    )
    assert note.data == {"purchase": str(wallet.purchases.get().pk)}
    assert told(wallet, "auto_recharge_suspended") == []


def test_a_suspension_is_told_with_its_reason_and_without_a_next_try(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)

    [text] = told(wallet, "auto_recharge_suspended")
    assert text.startswith("Auto-Recharge is suspended. Visa •••• 4242 was declined.")
    assert told(wallet, "recharge_failed") == []
    assert logged(wallet) == ["charge", "failed_for_good", "now_suspended"]


def test_another_card_lifts_the_suspension_and_is_charged(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)

    keeping.make_default(account=wallet.account, card_id=other.id)
    auto_recharge.payment_method_changed(wallet_id=wallet.pk)

    assert settings_of(wallet).suspended_reason == ""
    assert logged(wallet)[-3:] == ["lifted", "charge", "paid"]
    assert credit(wallet) == 58


@pytest.mark.parametrize("exp_year", [2020, 2099])
def test_another_card_shortens_the_wait_after_a_decline_unless_it_has_expired(stripe, exp_year):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)
    run(wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD, exp_year=exp_year)
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method=other.id)

    auto_recharge.payment_method_changed(wallet_id=wallet.pk)

    kept = settings_of(wallet)
    if exp_year == 2020:
        assert (kept.hold_reason, kept.consecutive_declines) == ("declined", 1)
        assert credit(wallet) == 8
    else:
        assert (kept.consecutive_declines, kept.failed_fingerprint) == (0, "")
        assert credit(wallet) == 58
    assert "lifted" not in logged(wallet)


def test_a_card_after_the_only_one_was_gone_lifts_the_suspension(stripe):
    wallet = make_wallet(credit="8")
    gone = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    keeping.forget(account=wallet.account, card_id=gone.id)
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method=gone.id)
    run(wallet)
    assert settings_of(wallet).suspended_reason == "no_card"
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method=other.id)

    auto_recharge.payment_method_changed(wallet_id=wallet.pk)

    assert settings_of(wallet).suspended_reason == ""
    assert credit(wallet) == 58


def test_another_card_chosen_in_configure_lifts_the_suspension_and_is_charged(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)

    configure.save(
        wallet_id=wallet.pk, settings=replace(TEN_FIFTY, payment_method=other.id), actor=None
    )

    kept = settings_of(wallet)
    assert (kept.suspended_reason, kept.consecutive_declines) == ("", 0)
    assert credit(wallet) == 58


def choose(wallet: Wallet, card: Card) -> None:
    keeping.make_default(account=wallet.account, card_id=card.id)
    auto_recharge.payment_method_changed(wallet_id=wallet.pk)


def configured(wallet: Wallet, card: Card) -> None:
    settings = replace(TEN_FIFTY, payment_method=card.id)
    configure.save(wallet_id=wallet.pk, settings=settings, actor=None)


@pytest.mark.parametrize("put_right", [choose, configured])
@pytest.mark.parametrize("declines", [1, 3])
def test_what_is_put_right_while_charges_are_stopped_is_charged_as_soon_as_they_start(
    stripe, put_right, declines
):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet)
    moment = clock.now()
    set_auto_recharge(wallet, due_since=moment)
    for hours in range(0, 9 * declines, 9):
        with clock.at(moment + timedelta(hours=hours)):
            run(wallet)
    with clock.at(moment + timedelta(hours=9 * declines - 9, minutes=5)):
        # Its turn was moved back by a wait, or by a look for another card.
        settings = AutoRecharge.objects.filter(wallet=wallet)
        settings.update(look_at=clock.now() + timedelta(minutes=55))
        switch.stop(reason="A drill", actor=None)
        put_right(wallet, add_card(stripe, wallet, OTHER_GOOD_CARD))
        assert credit(wallet) == 8
        switch.start(reason="Over", actor=None)

        assert list(auto_recharge.DUE.take()) == [wallet.pk]
        run(wallet)

    assert credit(wallet) == 58


def test_the_same_card_saved_again_lifts_nothing(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    again = add_card(stripe, wallet)

    keeping.make_default(account=wallet.account, card_id=again.id)
    auto_recharge.payment_method_changed(wallet_id=wallet.pk)
    configure.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)

    assert settings_of(wallet).suspended_reason == "payment_failed"
    assert credit(wallet) == 8


def test_the_same_card_saved_again_shortens_no_wait(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)
    run(wallet)
    assert settings_of(wallet).failed_fingerprint == card.fingerprint
    again = add_card(stripe, wallet)
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method=again.id)

    auto_recharge.payment_method_changed(wallet_id=wallet.pk)

    kept = settings_of(wallet)
    assert (kept.hold_reason, kept.consecutive_declines) == ("declined", 1)


def test_paying_by_hand_with_its_own_card_lifts_the_suspension(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    stripe.set_card(wallet.default_payment_method, behaviour="ok")

    by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(5), buys="credit", form_key="a"
    )

    assert settings_of(wallet).suspended_reason == ""
    assert settings_of(wallet).consecutive_declines == 0


@pytest.mark.parametrize("reason", ["refunded", "disputed"])
def test_a_refund_or_a_dispute_outweighs_trouble_with_the_card(stripe, reason):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)

    failed = settings_of(wallet).failed_fingerprint
    with transaction.atomic():
        suspensions.suspend(wallet=wallet, reason=reason)
    assert settings_of(wallet).failed_fingerprint == failed != ""

    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    keeping.make_default(account=wallet.account, card_id=other.id)
    auto_recharge.payment_method_changed(wallet_id=wallet.pk)
    assert settings_of(wallet).suspended_reason == reason
    assert credit(wallet) == 8


# --- Outcomes that come after something else has happened.


@pytest.fixture
def unanswered(stripe):
    """A charge that was confirmed, but whose answer was lost; the card decides what it was."""

    def charge(number=GOOD_CARD):
        wallet = make_wallet(credit="8")
        add_card(stripe, wallet, number)
        set_auto_recharge(wallet)
        stripe.fault(kind="reset_after", path="/v1/payment_intents/.*/confirm", times=2)
        run(wallet)
        purchase = wallet.purchases.get()
        assert purchase.state == "submitted"
        return wallet, purchase

    return charge


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (GOOD_CARD, "succeeded"),
        (DECLINED_CARD, "declined"),
        (BANK_ASKS_CARD, "requires_action"),
    ],
)
def test_what_the_card_answers_does_not_outweigh_a_dispute(unanswered, number, state):
    wallet, purchase = unanswered(number)
    with transaction.atomic():
        suspensions.suspend(wallet=wallet, reason="disputed")

    assert purchases.drive(purchase_id=purchase.pk).state == state

    assert settings_of(wallet).suspended_reason == "disputed"
    assert told(wallet, "auto_recharge_suspended") == [
        "Auto-Recharge is suspended. A payment was disputed."
    ]
    assert "lifted" not in logged(wallet)


def test_a_refusal_at_the_bank_is_told_without_a_next_try(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    run(wallet)
    purchase = wallet.purchases.get()

    kept = settings_of(wallet)
    assert kept.failed_fingerprint == card.fingerprint
    assert told(wallet, "action_required") == [
        "Your bank needs you to confirm a $50.00 payment. Auto-Recharge waits until you do."
    ]
    note = Notification.objects.get(account=wallet.account, kind="action_required")
    assert note.data == {"purchase": str(purchase.pk)}

    by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://localhost/back")
    stripe.answer_bank(purchase.payment_intent, approved=False)
    purchases.settle(payment_intent=purchase.payment_intent)

    assert told(wallet, "recharge_failed") == [
        f"Auto-Recharge failed: {wallet.purchases.get().error_text}"
    ]
    kept = settings_of(wallet)
    assert (kept.hold_reason, kept.consecutive_declines) == ("", 1)
    assert logged(wallet) == ["charge", "needs_bank", "now_suspended", "failed_for_good"]


@pytest.mark.usefixtures("nudges")
def test_paying_at_the_bank_is_logged_as_lifting_and_looked_at_again(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    run(wallet)
    purchase = wallet.purchases.get()
    by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://localhost/back")
    stripe.answer_bank(purchase.payment_intent, approved=True)

    purchases.settle(payment_intent=purchase.payment_intent)

    kept = settings_of(wallet)
    assert (kept.suspended_at, kept.suspended_reason) == (None, "")
    assert logged(wallet)[-2:] == ["paid", "lifted"]


def test_a_charge_stripe_never_answered_is_looked_at_again_after_two_minutes(
    stripe, nudges, django_capture_on_commit_callbacks
):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    stripe.fault(kind="500_before", path="/v1/payment_intents", times=100)
    run(wallet)
    stripe.clear_faults()
    nudges.clear()

    later = clock.now() + timedelta(minutes=16)
    with clock.at(later), django_capture_on_commit_callbacks(execute=True):
        purchases.drive(purchase_id=wallet.purchases.get().pk)

    kept = settings_of(wallet)
    assert (kept.hold_reason, kept.not_before) == ("gateway", later + timedelta(minutes=2))
    assert kept.consecutive_declines == 0
    assert logged(wallet) == ["charge", "canceled"]
    assert ("wallets.recharge_wallet", (wallet.pk,)) in nudges
    with clock.at(later + timedelta(minutes=2)):
        assert run(wallet) == "charge"
    assert credit(wallet) == 58


def test_a_charge_that_was_not_wanted_any_more_makes_nobody_wait(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    _, purchase = auto_recharge.claim(wallet_id=wallet.pk)
    fill(wallet, credit="2")

    assert purchases.drive(purchase_id=purchase.pk).state == "canceled"

    kept = settings_of(wallet)
    assert (kept.hold_reason, kept.not_before) == ("", None)


@pytest.mark.usefixtures("stripe")
@pytest.mark.parametrize("enabled", [True, False])
def test_a_refund_suspends_and_tells_only_where_it_is_switched_on(enabled):
    wallet = make_wallet(credit="80")
    set_auto_recharge(wallet, enabled=enabled)

    with transaction.atomic():
        suspensions.suspend(wallet=wallet, reason="refunded")

    texts = ["Auto-Recharge is suspended. A recharge was refunded."] if enabled else []
    assert told(wallet, "auto_recharge_suspended") == texts
    kept = settings_of(wallet)
    assert kept.suspended_reason == ("refunded" if enabled else "")
    assert kept.failed_fingerprint == ""
    assert logged(wallet) == (["now_suspended"] if enabled else [])


# --- Support.


def test_support_suspends_and_lifts_and_the_account_hears_of_both(
    stripe, nudges, django_capture_on_commit_callbacks
):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)

    with pytest.raises(Refused, match="is not suspended"):
        suspensions.lift_by_support(wallet_id=wallet.pk)
    suspensions.suspend_by_support(wallet_id=wallet.pk)
    assert settings_of(wallet).failed_fingerprint == ""
    assert run(wallet) == "suspended"
    with pytest.raises(Refused, match="suspended already: Suspended by support"):
        suspensions.suspend_by_support(wallet_id=wallet.pk)
    nudges.clear()
    with django_capture_on_commit_callbacks(execute=True):
        suspensions.lift_by_support(wallet_id=wallet.pk)

    assert told(wallet, "auto_recharge_suspended") == [
        "Auto-Recharge is suspended. Support stopped it."
    ]
    assert told(wallet, "auto_recharge_resumed") == [
        "Support lifted the suspension. Auto-Recharge charges again when you run low."
    ]
    assert logged(wallet) == ["now_suspended", "suspended", "lifted"]
    assert ("wallets.recharge_wallet", (wallet.pk,)) in nudges
    assert run(wallet) == "charge"


def test_lifting_by_support_forgets_declines_too(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)

    suspensions.lift_by_support(wallet_id=wallet.pk)

    kept = settings_of(wallet)
    assert (kept.suspended_at, kept.suspended_reason) == (None, "")
    assert (kept.consecutive_declines, kept.failed_fingerprint) == (0, "")
    assert logged(wallet).count("lifted") == 1


def test_support_unblocks_a_wallet_once_and_a_dispute_stays_suspended(
    stripe, nudges, django_capture_on_commit_callbacks
):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, suspended_at=clock.now(), suspended_reason="disputed")
    Wallet.objects.filter(pk=wallet.pk).update(blocked_at=clock.now(), blocked_reason="disputed")

    with django_capture_on_commit_callbacks(execute=True):
        blocking.unblock(wallet_id=wallet.pk)
    with pytest.raises(Refused, match="not blocked"):
        blocking.unblock(wallet_id=wallet.pk)

    wallet.refresh_from_db()
    assert (wallet.blocked_at, wallet.blocked_reason) == (None, "")
    assert nudges.count(("wallets.recharge_wallet", (wallet.pk,))) == 1
    assert run(wallet) == "suspended"
