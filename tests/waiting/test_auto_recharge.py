"""Auto-Recharge: due, held, suspended and blocked, and every way out."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts import clock
from accounts.runtime.queues import TRIES
from tests.waiting.test_purchases import Killed, kill
from tests.waiting.ways import (
    configure,
    customer,
    later,
    post,
    recharge,
    support,
    tick,
    waits_for,
    way_out,
)
from wallets.balances import blocking
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.recharges import auto_recharge
from wallets.reversals.disputes import apply_dispute
from wallets.tests.worlds.allocation_world import moment
from wallets.tests.worlds.auto_recharge_world import decline, run, settings_of
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)
from wallets.tests.worlds.reversal_world import buy, dispute

pytestmark = [pytest.mark.django_db, pytest.mark.journey, pytest.mark.usefixtures("nudges")]

NOON = moment("2026-11-14 12:00")


def credit(wallet):
    return Wallet.objects.get(pk=wallet.pk).credit.amount


def needs(wallet):
    """Whether a charge is wanted: it waits for its turn, a moment or somebody."""
    return settings_of(wallet).due_since is not None


def note_need(wallet):
    AutoRecharge.objects.watch(wallet_ids=[wallet.pk], now=clock.now())
    assert needs(wallet)


def on_account(wallet, button, **fields):
    support("accounts.account", button, wallet.account_id, **fields)


def switch_off(wallet):
    post(wallet.account, "wallets:auto_recharge_off")


def other_card(stripe, wallet):
    card = add_card(stripe, wallet, OTHER_GOOD_CARD)
    post(wallet.account, "wallets:methods_default", card.id)
    with later(minutes=1):
        tick()


# --- Due.


@pytest.fixture
def due(low):
    note_need(low)
    assert waits_for("recharge")
    yield low
    assert not waits_for("recharge")


@way_out("recharge", by="customer", how="recharging by hand")
def test_a_recharge_by_hand_brings_the_balance_above_the_threshold(due):
    recharge(due)

    assert credit(due) == 58


@way_out("recharge", by="customer", how="switching off")
def test_switching_off_ends_a_charge_that_is_due(due):
    switch_off(due)

    assert credit(due) == 8


@way_out("recharge", by="support", how="Suspend Auto-Recharge")
def test_support_stops_a_charge_that_is_due(due):
    on_account(due, "suspend")

    assert credit(due) == 8


@way_out("recharge", by="time", how="charged")
def test_a_charge_that_is_due_is_made_by_the_sweep(due):
    tick()

    assert credit(due) == 58


@way_out("resting", by="customer", how="Try again")
def test_trying_again_charges_a_wallet_that_was_left_alone_and_takes_it_up_again(due):
    for _ in range(TRIES):
        with pytest.raises(Killed):
            auto_recharge.DUE.attempt(due.pk, kill, tell=print)
    auto_recharge.DUE.attempt(due.pk, kill, tell=print)
    assert waits_for("resting")

    post(due.account, "wallets:auto_recharge_retry", quoted_charge="50")

    assert credit(due) == 58
    assert not waits_for("resting")


# --- Suspended.


def by_payment_failed(stripe, wallet):
    decline(stripe, wallet, "lost_card")
    run(wallet)
    stripe.set_card(wallet.default_payment_method, behaviour="ok")


def by_the_bank(stripe, wallet):
    card = add_card(stripe, wallet, BANK_ASKS_CARD)
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method=card.id)
    run(wallet)


def by_a_refund(stripe, wallet):  # noqa: ARG001
    run(wallet)
    support("wallets.purchase", "refund", wallet.purchases.get().pk, amount="50")


def by_a_dispute(stripe, wallet):
    apply_dispute(dispute_id=dispute(stripe, buy(wallet)))


def by_a_lost_card(stripe, wallet):  # noqa: ARG001
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method="pm_gone")
    run(wallet)


def by_support(stripe, wallet):  # noqa: ARG001
    on_account(wallet, "suspend")


SUSPENDED = {
    "suspended_payment_failed": by_payment_failed,
    "suspended_authentication_required": by_the_bank,
    "suspended_refunded": by_a_refund,
    "suspended_disputed": by_a_dispute,
    "suspended_no_card": by_a_lost_card,
    "suspended_support": by_support,
}


def suspend(stripe, wallet, kind):
    SUSPENDED[kind](stripe, wallet)
    assert waits_for(kind)


@way_out(*SUSPENDED, by="customer", how="switching off")
@pytest.mark.parametrize("kind", SUSPENDED)
def test_whatever_suspends_it_the_customer_may_switch_it_off(stripe, low, kind):
    suspend(stripe, low, kind)

    switch_off(low)

    assert not waits_for(kind)


@way_out(*SUSPENDED, by="support", how="Lift the suspension")
@pytest.mark.parametrize("kind", SUSPENDED)
def test_whatever_suspends_it_support_may_lift_it(stripe, low, kind):
    suspend(stripe, low, kind)

    on_account(low, "lift")

    assert not waits_for(kind)


BY_THE_CARD = ("suspended_payment_failed", "suspended_authentication_required", "suspended_no_card")


@way_out(*BY_THE_CARD, by="customer", how="another card")
@pytest.mark.parametrize("kind", BY_THE_CARD)
def test_another_card_lifts_what_its_card_suspended(stripe, low, kind):
    suspend(stripe, low, kind)

    other_card(stripe, low)

    assert not waits_for(kind)


@way_out("suspended_payment_failed", by="customer", how="Try again")
def test_one_more_try_that_works_lifts_a_failed_payment(stripe, low):
    suspend(stripe, low, "suspended_payment_failed")

    post(low.account, "wallets:auto_recharge_retry", quoted_charge="50")

    assert not waits_for("suspended_payment_failed")
    assert credit(low) == 58


@way_out("suspended_payment_failed", by="support", how="Retry Auto-Recharge")
def test_support_tries_once_more_after_a_failed_payment(stripe, low):
    suspend(stripe, low, "suspended_payment_failed")

    on_account(low, "retry")

    assert not waits_for("suspended_payment_failed")
    assert credit(low) == 58


@way_out("suspended_payment_failed", by="customer", how="recharging by hand with its card")
def test_a_recharge_by_hand_with_its_card_lifts_a_failed_payment(stripe, low):
    suspend(stripe, low, "suspended_payment_failed")

    recharge(low)

    assert not waits_for("suspended_payment_failed")


@way_out("suspended_authentication_required", by="customer", how="confirming")
def test_confirming_with_the_bank_lifts_what_the_bank_suspended(stripe, low):
    suspend(stripe, low, "suspended_authentication_required")
    purchase = low.purchases.get()

    post(low.account, "wallets:purchase_confirm", purchase.pk)
    stripe.answer_bank(purchase.payment_intent)
    customer(low.account).get(reverse("wallets:purchase", args=[purchase.pk]))

    assert not waits_for("suspended_authentication_required")
    assert credit(low) == 58


@way_out("suspended_refunded", by="customer", how="saving Configure")
def test_saving_the_settings_goes_on_after_a_refund(stripe, low):
    suspend(stripe, low, "suspended_refunded")
    with later(minutes=2):
        configure(low, quoted_charge="50.00")

        assert not waits_for("suspended_refunded")
    assert credit(low) == 58


@way_out("another_card", by="time", how="looked at")
def test_another_card_is_seen_by_the_sweep_when_its_message_was_lost(stripe, low):
    with_another_card(stripe, low)

    tick()

    assert not waits_for("another_card")
    assert credit(low) == 58


@way_out("another_card", by="support", how="Lift the suspension")
def test_support_lifts_a_suspension_before_the_other_card_is_seen(stripe, low):
    with_another_card(stripe, low)

    on_account(low, "lift")

    assert not waits_for("another_card")


@way_out("another_card", by="customer", how="switching off")
def test_another_card_waits_for_nothing_once_it_is_switched_off(stripe, low):
    with_another_card(stripe, low)

    switch_off(low)

    assert not waits_for("another_card")


def with_another_card(stripe, low):
    suspend(stripe, low, "suspended_payment_failed")
    card = add_card(stripe, low, OTHER_GOOD_CARD)
    Wallet.objects.filter(pk=low.pk).update(default_payment_method=card.id)
    assert waits_for("another_card")


# --- Blocked.

BLOCKED = ("blocked_disputed", "blocked_books", "blocked_support")


@way_out(*BLOCKED, by="support", how="Lift the block")
@pytest.mark.parametrize("kind", BLOCKED)
def test_support_lifts_a_block_and_what_is_due_is_charged(low, kind):
    note_need(low)
    blocking.block(wallet_ids=[low.pk], reason=kind.removeprefix("blocked_"))
    tick()
    assert waits_for(kind)
    assert credit(low) == 8

    on_account(low, "unblock")
    tick()

    assert not waits_for(kind)
    assert credit(low) == 58


# --- Held: until a moment.


def after_a_success(stripe, wallet):  # noqa: ARG001
    run(wallet)
    fill(wallet, credit="-50")
    run(wallet)
    return timedelta(seconds=60)


def after_a_decline(stripe, wallet):
    note_need(wallet)
    decline(stripe, wallet)
    run(wallet)
    stripe.set_card(wallet.default_payment_method, behaviour="ok")
    return timedelta(hours=1)


def after_three_charges(stripe, wallet):  # noqa: ARG001
    for minutes in (9, 6, 3):
        with later(minutes=-minutes):
            run(wallet)
            fill(wallet, credit="-50")
    run(wallet)
    return timedelta(minutes=1)


def after_six_tries(stripe, wallet):  # noqa: ARG001
    note_need(wallet)
    for number in range(6):
        Purchase.objects.create(
            payer=wallet.account,
            wallet=wallet,
            purpose="auto_recharge",
            amount_cents=5000,
            buys="credit",
            state="canceled",
            created_at=clock.now() - timedelta(minutes=number),
            closed_at=clock.now(),
        )
    run(wallet)
    return timedelta(hours=1)


def at_the_monthly_limit(stripe, wallet):  # noqa: ARG001
    set_auto_recharge(wallet, monthly_limit=50)
    with later(minutes=-2):
        run(wallet)
    fill(wallet, credit="-50")
    run(wallet)
    return moment("2026-12-01") - clock.now()


def at_the_daily_ceiling(stripe, wallet):  # noqa: ARG001
    set_auto_recharge(wallet, daily_ceiling=50)
    with later(minutes=-2):
        run(wallet)
    fill(wallet, credit="-50")
    run(wallet)
    return moment("2026-11-15") - clock.now()


def after_silence(stripe, wallet):  # noqa: ARG001
    with later(minutes=-16):
        note_need(wallet)
        auto_recharge.claim(wallet_id=wallet.pk)
    tick()
    return timedelta(minutes=2)


HELD = {
    "hold_cooldown": after_a_success,
    "hold_declined": after_a_decline,
    "hold_too_many": after_three_charges,
    "hold_too_many_tries": after_six_tries,
    "hold_monthly_limit": at_the_monthly_limit,
    "hold_daily_ceiling": at_the_daily_ceiling,
    "hold_gateway": after_silence,
}
EACH = pytest.mark.parametrize("kind", HELD)


@pytest.fixture
def held(stripe, low, kind):
    """Held by this kind; it ends after `left`."""
    with clock.at(NOON):
        low.left = HELD[kind](stripe, low)
        tick()
        assert settings_of(low).hold_reason == kind.removeprefix("hold_")
        assert needs(low)
        assert not waits_for("recharge")
    return low


@way_out("hold_cooldown", by="time", how="60 seconds")
@way_out("hold_declined", by="time", how="1 hour, then 6")
@way_out("hold_too_many", by="time", how="the first charge is ten minutes old")
@way_out("hold_too_many_tries", by="time", how="1 hour")
@way_out("hold_monthly_limit", by="time", how="the first of the month")
@way_out("hold_daily_ceiling", by="time", how="midnight")
@way_out("hold_gateway", by="time", how="2 minutes")
@EACH
def test_a_hold_ends_at_its_moment_and_the_charge_is_made(held, kind):
    end = NOON + held.left
    before = credit(held)

    with clock.at(end - timedelta(seconds=1)):
        tick()
        assert credit(held) == before
    with clock.at(end + timedelta(minutes=5)):
        assert waits_for(kind)
        tick()

        assert not waits_for(kind)
        assert credit(held) == before + 50


@way_out(*HELD, by="customer", how="recharging by hand")
@EACH
def test_whatever_holds_it_the_customer_may_recharge_by_hand(held, kind):
    with clock.at(NOON):
        recharge(held)

        assert not needs(held)
        assert not waits_for(kind)


@way_out(*HELD, by="customer", how="switching off")
@EACH
def test_whatever_holds_it_the_customer_may_switch_it_off(held, kind):
    switch_off(held)

    assert not needs(held)
    assert not waits_for(kind)


TRIED = ("hold_declined", "hold_gateway", "hold_too_many_tries")


@way_out(*TRIED, by="customer", how="Try again")
@pytest.mark.parametrize("kind", TRIED)
def test_trying_again_charges_before_the_hold_has_ended(held):
    with clock.at(NOON + timedelta(minutes=11)):
        set_back(held)
        post(held.account, "wallets:auto_recharge_retry", quoted_charge="50")

        assert credit(held) == 58


@way_out(*TRIED, by="support", how="Retry Auto-Recharge")
@pytest.mark.parametrize("kind", TRIED)
def test_support_tries_again_before_the_hold_has_ended(held):
    with clock.at(NOON + timedelta(minutes=11)):
        set_back(held)
        on_account(held, "retry")

        assert credit(held) == 58


def set_back(held):
    """Still held, although the shortest hold would have ended by then."""
    until = clock.now() + timedelta(minutes=1)
    AutoRecharge.objects.filter(wallet=held).update(not_before=until)


@way_out("hold_declined", by="customer", how="another card")
@pytest.mark.parametrize("kind", ["hold_declined"])
def test_another_card_ends_the_wait_after_a_decline(stripe, held):
    card = add_card(stripe, held, OTHER_GOOD_CARD)
    with clock.at(NOON + timedelta(minutes=1)):
        configure(held, payment_method=card.id, quoted_charge="50.00")

        assert credit(held) == 58


@way_out("hold_monthly_limit", by="customer", how="raising the limit")
@pytest.mark.parametrize("kind", ["hold_monthly_limit"])
def test_raising_the_limit_charges_at_once(held):
    with clock.at(NOON + timedelta(minutes=1)):
        configure(held, monthly_limit="500", quoted_charge="50.00")

        assert credit(held) == 58


@way_out("hold_daily_ceiling", by="customer", how="raising the ceiling")
@pytest.mark.parametrize("kind", ["hold_daily_ceiling"])
def test_raising_the_ceiling_charges_at_once(held):
    with clock.at(NOON + timedelta(minutes=1)):
        configure(held, daily_ceiling="500", quoted_charge="50.00")

        assert credit(held) == 58


# --- Not told yet.


@pytest.fixture
def untold(stripe):
    """$20 fell to $5 and 2,000 minutes to one, and Auto-Recharge is off."""
    wallet = make_wallet()
    add_card(stripe, wallet)
    recharge(wallet, "20.00")
    fill(wallet, premium=120_000)
    fill(wallet, credit="-15", premium=-119_940)
    for kind in ("low_balance", "low_minutes"):
        assert waits_for(kind)
    yield wallet
    for kind in ("low_balance", "low_minutes"):
        assert not waits_for(kind)


@way_out("low_balance", "low_minutes", by="time", how="told")
def test_who_was_not_told_is_told_by_the_sweep(untold):
    tick()
    with later(minutes=1):
        tick()

    kinds = set(untold.account.notifications.values_list("kind", flat=True))
    assert {"low_balance", "low_minutes"} <= kinds


@way_out("low_balance", "low_minutes", by="customer", how="recharging by hand")
def test_nobody_need_be_told_once_the_balance_is_back(untold):
    recharge(untold)

    assert credit(untold) == Decimal(55)
