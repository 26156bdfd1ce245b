"""Saving Auto-Recharge's settings, the preview of it, and a person's "Try again"."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from djmoney.money import Money

from accounts import clock
from accounts.tests.builders import close, make_user
from wallets.errors import InvalidAmount, NoPaymentMethod, QuoteChanged, Refused, TooManyAttempts
from wallets.models import AutoRecharge, Wallet
from wallets.recharges import configure
from wallets.recharges.configure import Settings
from wallets.tests.worlds.auto_recharge_world import (
    TEN_FIFTY,
    credit,
    decline,
    run,
    settings_of,
    suspend_by_declining,
    told,
)
from wallets.tests.worlds.builders import (
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    make_wallet,
    set_auto_recharge,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 14, 12, tzinfo=UTC)
OFF = replace(TEN_FIFTY, enabled=False)


def usd_of(amount) -> Money:
    return Money(Decimal(amount), "USD")


def test_saving_below_the_threshold_charges_at_once(stripe):
    wallet = make_wallet(credit="15")
    add_card(stripe, wallet)

    saved = configure.save(
        wallet_id=wallet.pk,
        settings=Settings(enabled=True, threshold=Decimal(20), amount=Decimal(50)),
        actor=None,
        quoted_charge=Decimal(50),
    )

    assert saved.purchase.state == "succeeded"
    assert credit(wallet) == 65


def test_the_preview_is_what_saving_charges(stripe):
    wallet = make_wallet(credit="0")
    add_card(stripe, wallet)
    settings = Settings(enabled=True, threshold=Decimal(100), amount=Decimal(50))

    preview = configure.preview(wallet_id=wallet.pk, settings=settings)

    assert preview.charge == 150
    assert not settings_of(wallet).enabled
    saved = configure.save(wallet_id=wallet.pk, settings=settings, actor=None)
    assert saved.purchase.amount_cents == 15_000


def test_a_charge_that_differs_from_the_one_shown_saves_nothing(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)

    with pytest.raises(QuoteChanged, match=r"The charge is now \$50.00"):
        configure.save(
            wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None, quoted_charge=Decimal(0)
        )

    assert not settings_of(wallet).enabled
    assert not wallet.purchases.exists()


def test_settings_stay_saved_when_the_charge_fails(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, DECLINED_CARD)

    saved = configure.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)

    assert saved.purchase.state == "declined"
    assert settings_of(wallet).enabled
    assert settings_of(wallet).hold_reason == "declined"


def test_turning_it_on_without_a_card_is_refused():
    wallet = make_wallet(credit="8")

    with pytest.raises(NoPaymentMethod, match="Add a payment method before turning this on"):
        configure.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)

    assert not settings_of(wallet).enabled


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"threshold": Decimal("0.99")}, "threshold"),
        ({"threshold": Decimal("10000.01")}, "threshold"),
        ({"threshold": Decimal("NaN")}, "threshold"),
        ({"threshold": Decimal("10.001")}, "threshold"),
        ({"amount": Decimal("4.99")}, "amount"),
        ({"amount": Decimal("2500.01")}, "amount"),
        ({"amount": Decimal("-5")}, "amount"),
        ({"monthly_limit": Decimal("49.99")}, "monthly_limit"),
        ({"monthly_limit": Decimal("Infinity")}, "monthly_limit"),
    ],
)
def test_settings_out_of_range_change_nothing(stripe, change, field):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    settings = Settings(**{**TEN_FIFTY.__dict__, **change})

    with pytest.raises(InvalidAmount) as refusal:
        configure.save(wallet_id=wallet.pk, settings=settings, actor=None)

    assert list(refusal.value.fields) == [field]
    assert settings_of(wallet).threshold.amount == 10
    assert not settings_of(wallet).enabled


@pytest.mark.parametrize(
    ("threshold", "amount", "monthly_limit"),
    [("1", "5", None), ("10000", "2500", None), ("10", "50", "50"), ("1.01", "5.01", "5.01")],
)
def test_settings_may_be_as_small_and_as_large_as_promised(
    stripe, threshold, amount, monthly_limit
):
    wallet = make_wallet(credit="10000")
    add_card(stripe, wallet)
    limit = monthly_limit and Decimal(monthly_limit)
    asked = Settings(True, Decimal(threshold), Decimal(amount), monthly_limit=limit)

    configure.save(wallet_id=wallet.pk, settings=asked, actor=None)

    kept = settings_of(wallet)
    assert (kept.threshold.amount, kept.amount.amount) == (asked.threshold, asked.amount)
    assert (kept.monthly_limit and kept.monthly_limit.amount) == limit


def test_an_expired_card_cannot_be_chosen(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, exp_year=2020, exp_month=1)

    with pytest.raises(NoPaymentMethod, match="has expired"):
        configure.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)


def test_try_again_is_one_attempt_whatever_the_wait(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)
    run(wallet)
    stripe.set_card(wallet.default_payment_method, behaviour="ok")

    saved = configure.try_again(wallet_id=wallet.pk, actor=None)

    assert saved.purchase.state == "succeeded"
    assert credit(wallet) == 58


def test_try_again_that_fails_suspends_again(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)

    saved = configure.try_again(wallet_id=wallet.pk, actor=None)

    assert saved.purchase.state == "declined"
    assert settings_of(wallet).suspended_reason == "payment_failed"


def test_try_again_more_than_five_times_an_hour_is_refused(stripe, django_user_model):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    person = django_user_model.objects.create_user("ann@example.com")
    for _ in range(5):
        configure.try_again(wallet_id=wallet.pk, actor=person)

    with pytest.raises(TooManyAttempts):
        configure.try_again(wallet_id=wallet.pk, actor=person)

    assert wallet.purchases.count() == 6
    assert settings_of(wallet).suspended_reason == "payment_failed"


def test_a_try_counts_for_an_hour(stripe, django_user_model):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    person = django_user_model.objects.create_user("ann@example.com")
    start = clock.now()
    with clock.at(start):
        for _ in range(5):
            configure.try_again(wallet_id=wallet.pk, actor=person)

    with clock.at(start + timedelta(seconds=3599)), pytest.raises(TooManyAttempts):
        configure.try_again(wallet_id=wallet.pk, actor=person)
    with clock.at(start + timedelta(seconds=3600)):
        configure.try_again(wallet_id=wallet.pk, actor=person)

    assert wallet.purchases.count() == 7


def test_try_again_with_a_fine_balance_is_refused(stripe):
    wallet = make_wallet(credit="80")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)

    with pytest.raises(Refused, match="is not below"):
        configure.try_again(wallet_id=wallet.pk, actor=None)


# --- What saving keeps and tells.


def test_all_settings_are_kept_and_the_change_is_told_with_the_person(stripe):
    wallet, person = make_wallet(credit="100"), make_user()
    add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    asked = Settings(
        enabled=True,
        threshold=Decimal("12.50"),
        amount=Decimal(60),
        payment_method=other.id,
        monthly_limit=Decimal(300),
        daily_ceiling=Decimal(120),
        resume_campaigns=True,
    )

    with clock.at(NOON):
        saved = configure.save(wallet_id=wallet.pk, settings=asked, actor=person)

    kept = settings_of(wallet)
    assert (kept.enabled, kept.threshold, kept.amount) == (True, usd_of("12.50"), usd_of(60))
    assert (kept.monthly_limit, kept.daily_ceiling) == (usd_of(300), usd_of(120))
    assert (kept.payment_method, kept.resume_campaigns) == (other.id, True)
    assert (kept.updated_at, saved.automatic) == (NOON, kept)
    assert (saved.decision.code, saved.purchase) == ("balance_fine", None)
    assert told(wallet, "settings_changed") == [
        f"{person} changed Auto-Recharge: on, threshold $12.50, amount $60.00, monthly limit "
        "$300.00, daily ceiling $120.00 (before: off, threshold $10.00, amount $50.00, monthly "
        "limit none, daily ceiling $500.00)."
    ]


def test_limits_that_are_taken_back_are_gone(stripe):
    wallet = make_wallet(credit="100")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=300, daily_ceiling=120)

    configure.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)

    assert (settings_of(wallet).monthly_limit, settings_of(wallet).daily_ceiling) == (None, None)


def test_saving_the_same_settings_again_tells_nobody(stripe):
    wallet = make_wallet(credit="100")
    add_card(stripe, wallet)

    for _ in range(2):
        configure.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)

    assert [text.split(":")[0] for text in told(wallet, "settings_changed")] == [
        "The API changed Auto-Recharge"
    ]


def test_what_saving_charges_is_in_the_persons_name_and_what_came_of_it_is_answered(stripe):
    wallet, person = make_wallet(credit="8"), make_user()
    add_card(stripe, wallet)
    decline(stripe, wallet)

    saved = configure.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=person)

    assert saved.purchase.requested_by == person
    assert (saved.decision.wanted, saved.decision.code) == (True, "charge")
    assert saved.automatic.hold_reason == "declined"


@pytest.mark.parametrize(("threshold", "is_due"), [("20", True), ("10", False)])
def test_saving_notes_whether_the_balance_is_below_the_new_threshold(stripe, threshold, is_due):
    """A wallet that cannot be charged just now is found by the sweep once it can."""
    wallet = make_wallet(credit="15")
    add_card(stripe, wallet)
    Wallet.objects.filter(pk=wallet.pk).update(blocked_at=NOON, blocked_reason="disputed")
    set_auto_recharge(wallet, threshold=15, due_since=None if is_due else NOON)

    with clock.at(NOON):
        asked = replace(TEN_FIFTY, threshold=Decimal(threshold))
        saved = configure.save(wallet_id=wallet.pk, settings=asked, actor=None)

    assert saved.purchase is None
    assert settings_of(wallet).due_since == (NOON if is_due else None)


def test_a_closed_account_saves_nothing(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    close(wallet.account)

    with pytest.raises(Refused, match="This account is closed"):
        configure.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)

    assert not settings_of(wallet).enabled
    assert not wallet.purchases.exists()


def test_a_charge_that_is_no_longer_made_is_told_as_none(stripe):
    wallet = make_wallet(credit="80")
    add_card(stripe, wallet)

    with pytest.raises(QuoteChanged, match="Nothing would be charged now"):
        configure.save(
            wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None, quoted_charge=Decimal(50)
        )

    assert not settings_of(wallet).enabled


def test_no_charge_is_what_is_quoted_when_none_is_made(stripe):
    wallet = make_wallet(credit="80")
    add_card(stripe, wallet)

    saved = configure.save(
        wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None, quoted_charge=Decimal(0)
    )

    assert (saved.purchase, settings_of(wallet).enabled) == (None, True)


@pytest.mark.parametrize("asked", ["save", "try_again"])
def test_a_charge_is_never_made_inside_a_transaction_that_may_be_rolled_back(stripe, asked):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    facts = {"settings": TEN_FIFTY} if asked == "save" else {}

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        getattr(configure, asked)(wallet_id=wallet.pk, actor=None, **facts)

    assert not wallet.purchases.exists()


# --- What is refused.


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (
            {"threshold": "0", "amount": "3000"},
            {
                "threshold": "Minimum Threshold must be between $1.00 and $10,000.00",
                "amount": "Auto-Recharge Amount must be between $5.00 and $2,500.00",
            },
        ),
        (
            {"threshold": "10.001", "amount": "Infinity", "daily_ceiling": "1"},
            {
                "threshold": "Enter an amount in dollars and cents, like 10.00",
                "amount": "Enter an amount in dollars and cents, like 10.00",
            },
        ),
        (
            {"monthly_limit": "100.001"},
            {"monthly_limit": "Enter an amount in dollars and cents, like 500.00"},
        ),
        (
            {"monthly_limit": "1000000.01"},
            {"monthly_limit": "Enter an amount in dollars and cents, like 500.00"},
        ),
        (
            {"monthly_limit": "49.99", "daily_ceiling": "49.99"},
            {"monthly_limit": "Monthly limit must be at least the Auto-Recharge Amount"},
        ),
        (
            {"daily_ceiling": "100.001"},
            {"daily_ceiling": "Enter an amount in dollars and cents, like 500.00"},
        ),
        (
            {"daily_ceiling": "NaN"},
            {"daily_ceiling": "Enter an amount in dollars and cents, like 500.00"},
        ),
    ],
)
def test_each_field_that_cannot_be_says_what_can(change, fields):
    wallet = make_wallet(credit="8")
    asked = replace(TEN_FIFTY, **{name: Decimal(value) for name, value in change.items()})

    with pytest.raises(InvalidAmount) as refusal:
        configure.preview(wallet_id=wallet.pk, settings=asked)

    assert refusal.value.fields == fields
    assert str(refusal.value) == " ".join(f"{text}." for text in fields.values())


@pytest.mark.parametrize("limit", ["1000000", "50"])
def test_a_monthly_limit_may_be_the_amount_and_a_million(stripe, limit):
    wallet = make_wallet(credit="100")
    add_card(stripe, wallet)
    asked = replace(TEN_FIFTY, monthly_limit=Decimal(limit), daily_ceiling=Decimal(50))

    configure.save(wallet_id=wallet.pk, settings=asked, actor=None)

    assert settings_of(wallet).monthly_limit == usd_of(limit)
    assert settings_of(wallet).daily_ceiling == usd_of(50)


# --- The card.


def test_it_is_turned_off_without_a_card():
    wallet = make_wallet(credit="8")
    set_auto_recharge(wallet)

    shown = configure.preview(wallet_id=wallet.pk, settings=OFF)
    configure.save(wallet_id=wallet.pk, settings=OFF, actor=None)

    assert (shown.charge, shown.decision.code, shown.card) == (0, "off", None)
    assert not settings_of(wallet).enabled


def test_it_is_turned_off_with_a_default_card_that_has_expired(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, exp_year=2020, exp_month=1)
    set_auto_recharge(wallet)

    configure.save(wallet_id=wallet.pk, settings=OFF, actor=None)

    assert not settings_of(wallet).enabled


@pytest.mark.parametrize("settings", [OFF, TEN_FIFTY])
def test_a_card_that_has_expired_is_not_chosen_whether_on_or_off(stripe, settings):
    wallet = make_wallet(credit="100")
    add_card(stripe, wallet)
    old = add_card(stripe, wallet, OTHER_GOOD_CARD, exp_year=2020, exp_month=1)

    with pytest.raises(NoPaymentMethod) as refusal:
        chosen = replace(settings, payment_method=old.id)
        configure.save(wallet_id=wallet.pk, settings=chosen, actor=None)

    message = "Mastercard •••• 4444 has expired. Choose another card."
    assert (str(refusal.value), refusal.value.fields) == (message, {"payment_method": message})
    assert settings_of(wallet).payment_method == ""


def test_the_field_of_a_card_that_is_missing_is_named():
    wallet = make_wallet(credit="8")

    with pytest.raises(NoPaymentMethod) as refusal:
        configure.preview(wallet_id=wallet.pk, settings=TEN_FIFTY)

    message = "Add a payment method before turning this on."
    assert refusal.value.fields == {"payment_method": message}


def test_the_preview_names_the_card_that_is_charged(stripe):
    make_wallet(credit="100")
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)

    shown = configure.preview(
        wallet_id=wallet.pk, settings=replace(TEN_FIFTY, payment_method=other.id)
    )

    assert (shown.charge, shown.decision.code, shown.card) == (50, "charge", other)
    assert settings_of(wallet).payment_method == ""


# --- After a suspension.


@pytest.mark.parametrize(
    ("reason", "settings", "kept"),
    [
        ("refunded", TEN_FIFTY, ""),
        ("refunded", OFF, "refunded"),
        ("disputed", TEN_FIFTY, "disputed"),
        ("support", TEN_FIFTY, "support"),
    ],
)
def test_only_turning_it_on_ends_the_suspension_after_a_refund_and_no_other(
    stripe, reason, settings, kept
):
    wallet = make_wallet(credit="100")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, suspended_at=NOON, suspended_reason=reason)

    shown = configure.preview(wallet_id=wallet.pk, settings=settings)
    configure.save(wallet_id=wallet.pk, settings=settings, actor=None)

    automatic = settings_of(wallet)
    assert automatic.suspended_reason == kept
    assert automatic.suspended_at == (NOON if kept else None)
    expected = "off" if settings is OFF else "suspended" if kept else "balance_fine"
    assert shown.decision.code == expected


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("refunded", "Auto-Recharge is suspended: a recharge was refunded."),
        ("disputed", "Auto-Recharge is suspended: a payment was disputed."),
        ("support", "Auto-Recharge is suspended: suspended by support."),
    ],
)
def test_a_suspension_that_is_no_trouble_with_the_card_is_not_tried_again(stripe, reason, text):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, suspended_at=NOON, suspended_reason=reason)

    shown = configure.preview_try_again(wallet_id=wallet.pk)
    with pytest.raises(Refused) as refusal:
        configure.try_again(wallet_id=wallet.pk, actor=None)

    assert str(refusal.value) == text
    assert (shown.charge, shown.decision.code) == (0, "suspended")
    assert settings_of(wallet).suspended_reason == reason
    assert not wallet.purchases.exists()


@pytest.mark.parametrize("suspended", [True, False])
def test_the_preview_of_trying_again_is_what_it_charges_and_writes_nothing(stripe, suspended):
    make_wallet(credit="100")
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    decline(stripe, wallet, "lost_card" if suspended else "insufficient_funds")
    set_auto_recharge(wallet)
    run(wallet)
    before = settings_of(wallet)

    shown = configure.preview_try_again(wallet_id=wallet.pk)

    assert (shown.charge, shown.decision.code, shown.card) == (50, "charge", card)
    assert (before.suspended_reason, before.hold_reason) == (
        ("payment_failed", "") if suspended else ("", "declined")
    )
    kept = settings_of(wallet)
    assert (kept.suspended_at, kept.suspended_reason) == (
        before.suspended_at,
        before.suspended_reason,
    )
    assert (kept.hold_reason, kept.not_before) == (before.hold_reason, before.not_before)


@pytest.mark.parametrize(
    ("facts", "failed"),
    [
        ({}, False),
        ({"hold_reason": "declined"}, True),
        ({"hold_reason": "cooldown"}, False),
        ({"suspended_reason": "no_card"}, True),
        ({"suspended_reason": "disputed"}, False),
        ({"suspended_reason": "no_card", "enabled": False}, False),
        ({"hold_reason": "declined", "enabled": False}, False),
    ],
)
def test_a_person_may_try_again_what_failed_by_the_card_while_it_is_on(facts, failed):
    automatic = AutoRecharge(**{"enabled": True} | facts)

    assert configure.has_failed(automatic) is failed


def test_trying_again_answers_what_came_of_it_in_the_persons_name(stripe):
    wallet, person = make_wallet(credit="8"), make_user()
    suspend_by_declining(stripe, wallet)

    saved = configure.try_again(wallet_id=wallet.pk, actor=person)

    assert (saved.decision.code, saved.purchase.requested_by) == ("charge", person)
    assert saved.automatic.suspended_reason == "payment_failed"


def test_recharges_by_hand_and_automatic_ones_are_no_tries_of_a_person(stripe):
    wallet, person = make_wallet(credit="8"), make_user()
    suspend_by_declining(stripe, wallet)
    now = clock.now() - timedelta(minutes=30)
    with clock.at(now):
        for purpose, asker in [("recharge", person), ("auto_recharge", None)] * 5:
            wallet.purchases.create(
                payer=wallet.account,
                purpose=purpose,
                amount_cents=5000,
                buys="credit",
                state="declined",
                closed_at=now,
                requested_by=asker,
            )

    saved = configure.try_again(wallet_id=wallet.pk, actor=person)

    assert saved.purchase.state == "declined"
