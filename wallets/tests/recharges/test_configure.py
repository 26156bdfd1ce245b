from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from wallets.errors import InvalidAmount, NoPaymentMethod, QuoteChanged, Refused, TooManyAttempts
from wallets.recharges import configure
from wallets.recharges.configure import Settings
from wallets.tests.worlds.auto_recharge_world import (
    TEN_FIFTY,
    credit,
    decline,
    run,
    settings_of,
    suspend_by_declining,
)
from wallets.tests.worlds.builders import DECLINED_CARD, add_card, make_wallet, set_auto_recharge

pytestmark = pytest.mark.django_db


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
