from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from accounts import clock
from accounts.models import Notification, StaffAlert
from accounts.tests.builders import close, make_individual, make_user
from wallets import (
    auto_recharge,
    auto_recharge_settings,
    low_balance,
    monthly_limit,
    payment_methods,
    purchases,
    recharges,
    suspensions,
)
from wallets.auto_recharge import Terms
from wallets.auto_recharge_settings import Settings
from wallets.errors import (
    InvalidAmount,
    NoPaymentMethod,
    QuoteChanged,
    Refused,
    TooManyAttempts,
)
from wallets.models import AutoRecharge, LoggedDecision, Wallet
from wallets.tests.builders import (
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

TEN_FIFTY = Settings(enabled=True, threshold=Decimal(10), amount=Decimal(50))


def terms(threshold, amount, monthly_limit=None):
    return Terms(True, Decimal(threshold), Decimal(amount), monthly_limit)


def run(wallet):
    return auto_recharge.run(wallet_id=wallet.pk).code


def credit(wallet):
    return Wallet.objects.get(pk=wallet.pk).credit.amount


def settings_of(wallet):
    return AutoRecharge.objects.get(wallet=wallet)


def decline(stripe, wallet, code="insufficient_funds"):
    stripe.set_card(wallet.default_payment_method, behaviour={"decline_code": code})


@pytest.mark.parametrize(
    ("balance", "threshold", "amount", "charge"),
    [
        ("8", 10, 50, 50),
        ("0", 100, 50, 150),  # Landing exactly on the threshold would fire again.
        ("99.999999", 100, 50, 50),
        ("-120", 10, 50, 150),
        ("0", 10_000, 2_500, 12_500),
        ("-30000", 10_000, 2_500, 12_500),  # The largest multiple that fits; the rest follows.
    ],
)
def test_one_charge_lands_strictly_above_the_threshold(balance, threshold, amount, charge):
    found = auto_recharge.charge_for(credit=Decimal(balance), terms=terms(threshold, amount))

    assert found == charge


@pytest.mark.parametrize(("spent", "charge"), [(0, 150), (60, 100), (110, 50), (160, 0)])
def test_the_monthly_limit_leaves_whole_amounts_only(spent, charge):
    found = auto_recharge.charge_for(
        credit=Decimal(0), terms=terms(100, 50, Decimal(200)), spent=Decimal(spent)
    )

    assert found == charge


def test_exactly_at_the_threshold_nothing_is_charged(stripe):
    wallet = make_wallet(credit="10")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10)

    assert run(wallet) == "balance_fine"
    assert not wallet.purchases.exists()


def test_a_movement_below_the_threshold_nudges_the_recharge_after_commit(
    stripe, nudges, django_capture_on_commit_callbacks
):
    wallet = make_wallet(credit="11")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10)

    with django_capture_on_commit_callbacks(execute=True):
        fill(wallet, credit="-1")
    assert nudges == []
    with django_capture_on_commit_callbacks(execute=True):
        fill(wallet, credit="-0.000001")

    assert nudges == [("wallets.recharge_wallet", (wallet.pk,))]
    assert auto_recharge.due_wallet_ids() == [wallet.pk]


def test_minutes_do_not_count_towards_the_threshold(stripe):
    wallet = make_wallet(credit="8", premium=600_000)
    add_card(stripe, wallet)
    set_auto_recharge(wallet)

    assert run(wallet) == "charge"
    assert credit(wallet) == 58


def test_saving_below_the_threshold_charges_at_once(stripe):
    wallet = make_wallet(credit="15")
    add_card(stripe, wallet)

    saved = auto_recharge_settings.save(
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

    preview = auto_recharge_settings.preview(wallet_id=wallet.pk, settings=settings)

    assert preview.charge == 150
    assert not settings_of(wallet).enabled
    saved = auto_recharge_settings.save(wallet_id=wallet.pk, settings=settings, actor=None)
    assert saved.purchase.amount_cents == 15_000


def test_a_charge_that_differs_from_the_one_shown_saves_nothing(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)

    with pytest.raises(QuoteChanged, match=r"The charge is now \$50.00"):
        auto_recharge_settings.save(
            wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None, quoted_charge=Decimal(0)
        )

    assert not settings_of(wallet).enabled
    assert not wallet.purchases.exists()


def test_settings_stay_saved_when_the_charge_fails(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, DECLINED_CARD)

    saved = auto_recharge_settings.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)

    assert saved.purchase.state == "declined"
    assert settings_of(wallet).enabled
    assert settings_of(wallet).hold_reason == "declined"


def test_turning_it_on_without_a_card_is_refused():
    wallet = make_wallet(credit="8")

    with pytest.raises(NoPaymentMethod, match="Add a payment method before turning this on"):
        auto_recharge_settings.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)

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
        auto_recharge_settings.save(wallet_id=wallet.pk, settings=settings, actor=None)

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

    auto_recharge_settings.save(wallet_id=wallet.pk, settings=asked, actor=None)

    kept = settings_of(wallet)
    assert (kept.threshold.amount, kept.amount.amount) == (asked.threshold, asked.amount)
    assert (kept.monthly_limit and kept.monthly_limit.amount) == limit


def test_an_expired_card_cannot_be_chosen(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, exp_year=2020, exp_month=1)

    with pytest.raises(NoPaymentMethod, match="has expired"):
        auto_recharge_settings.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)


def test_a_minute_passes_between_two_automatic_charges(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    run(wallet)
    fill(wallet, credit="-55")

    assert run(wallet) == "cooldown"
    with clock.at(clock.now() + timedelta(seconds=61)):
        assert run(wallet) == "charge"
    assert credit(wallet) == 53


@pytest.mark.parametrize(("seconds", "code"), [(59, "cooldown"), (60, "charge")])
def test_the_pause_after_a_success_is_sixty_seconds(stripe, seconds, code):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    run(wallet)
    fill(wallet, credit="-55")
    paid = wallet.purchases.get().closed_at

    with clock.at(paid + timedelta(seconds=seconds)):
        assert run(wallet) == code


def test_the_pause_counts_from_the_latest_success_of_either_kind(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    start = clock.now()
    with clock.at(start):
        run(wallet)
    with clock.at(start + timedelta(seconds=30)):
        recharges.recharge(
            wallet_id=wallet.pk, actor=None, amount=Decimal(5), buys="credit", form_key="a"
        )
        fill(wallet, credit="-60")

    with clock.at(start + timedelta(seconds=70)):
        decision = auto_recharge.run(wallet_id=wallet.pk)

    assert decision.code == "cooldown"
    assert decision.figures["until"] == start + timedelta(seconds=90)
    assert settings_of(wallet).not_before == start + timedelta(seconds=90)


def test_declined_tries_are_no_charges_of_the_ten_minutes(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)
    run(wallet)
    for _ in range(2):
        auto_recharge_settings.try_again(wallet_id=wallet.pk, actor=None)
    stripe.set_card(wallet.default_payment_method, behaviour="ok")

    saved = auto_recharge_settings.try_again(wallet_id=wallet.pk, actor=None)

    assert saved.decision.code == "charge"
    assert credit(wallet) == 58


@pytest.mark.parametrize(("seconds", "code"), [(599, "too_many"), (600, "charge")])
def test_a_charge_counts_for_ten_minutes(stripe, seconds, code):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    start = clock.now()
    for minute in range(3):
        with clock.at(start + timedelta(minutes=2 * minute)):
            run(wallet)
            fill(wallet, credit="-50")

    with clock.at(start + timedelta(seconds=seconds)):
        decision = auto_recharge.run(wallet_id=wallet.pk)

    assert decision.code == code
    if code == "too_many":
        assert decision.figures["until"] == start + timedelta(minutes=10)


def test_the_fourth_charge_in_ten_minutes_waits_and_people_are_told(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    start = clock.now()
    for minute in range(3):
        with clock.at(start + timedelta(minutes=2 * minute)):
            assert run(wallet) == "charge"
            fill(wallet, credit="-50")

    with clock.at(start + timedelta(minutes=6)):
        assert run(wallet) == "too_many"
        assert run(wallet) == "too_many"
    assert wallet.purchases.count() == 3
    text = "Auto-Recharge charged three times in ten minutes, so the next charge waits."
    assert told(wallet, "auto_recharge_waits") == [text]
    alert = StaffAlert.objects.get(kind="auto_recharge_waits")
    assert alert.text == f"{wallet.account.name}: {text}"
    assert alert.data == {"account": str(wallet.account.pk)}
    with clock.at(start + timedelta(minutes=10, seconds=1)):
        assert run(wallet) == "charge"
        fill(wallet, credit="-50")
    with clock.at(start + timedelta(minutes=11, seconds=30)):
        assert run(wallet) == "too_many"
    assert Notification.objects.filter(kind="auto_recharge_waits").count() == 2


def test_payments_by_hand_do_not_count_as_automatic_charges(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    start = clock.now()
    for minute in range(3):
        with clock.at(start + timedelta(minutes=minute)):
            recharges.recharge(
                wallet_id=wallet.pk,
                actor=None,
                amount=Decimal(5),
                buys="credit",
                form_key=str(minute),
            )
    set_auto_recharge(wallet)
    fill(wallet, credit="-20")

    with clock.at(start + timedelta(minutes=4)):
        assert run(wallet) == "charge"


def test_without_any_card_nothing_is_charged(stripe):
    wallet = make_wallet(credit="8")
    set_auto_recharge(wallet)

    assert run(wallet) == "no_card"
    assert not wallet.purchases.exists()
    assert settings_of(wallet).suspended_reason == ""


def test_no_second_charge_while_one_has_no_outcome(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    stripe.set_card(card.id, behaviour="processing")
    run(wallet)

    for _ in range(5):
        fill(wallet, credit="-1")
        assert run(wallet) == "purchase_pending"

    assert wallet.purchases.count() == 1


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


def test_an_unknown_code_counts_as_a_soft_decline(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet, "a_code_of_next_year")
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


def told(wallet, kind):
    notes = Notification.objects.filter(account=wallet.account, kind=kind).order_by("pk")
    return list(notes.values_list("text", flat=True))


def logged(wallet):
    rows = LoggedDecision.objects.filter(wallet=wallet).order_by("first_at", "pk")
    return list(rows.values_list("code", flat=True))


def suspend_by_declining(stripe, wallet):
    add_card(stripe, wallet)
    decline(stripe, wallet, "lost_card")
    set_auto_recharge(wallet)
    run(wallet)


def test_another_card_lifts_the_suspension_and_is_charged(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)

    payment_methods.make_default(account=wallet.account, card_id=other.id)
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


def test_the_same_card_saved_again_lifts_nothing(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    again = add_card(stripe, wallet)

    payment_methods.make_default(account=wallet.account, card_id=again.id)
    auto_recharge.payment_method_changed(wallet_id=wallet.pk)
    auto_recharge_settings.save(wallet_id=wallet.pk, settings=TEN_FIFTY, actor=None)

    assert settings_of(wallet).suspended_reason == "payment_failed"
    assert credit(wallet) == 8


def test_paying_by_hand_with_its_own_card_lifts_the_suspension(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    stripe.set_card(wallet.default_payment_method, behaviour="ok")

    recharges.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(5), buys="credit", form_key="a"
    )

    assert settings_of(wallet).suspended_reason == ""
    assert settings_of(wallet).consecutive_declines == 0


def test_try_again_is_one_attempt_whatever_the_wait(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)
    run(wallet)
    stripe.set_card(wallet.default_payment_method, behaviour="ok")

    saved = auto_recharge_settings.try_again(wallet_id=wallet.pk, actor=None)

    assert saved.purchase.state == "succeeded"
    assert credit(wallet) == 58


def test_try_again_that_fails_suspends_again(stripe):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)

    saved = auto_recharge_settings.try_again(wallet_id=wallet.pk, actor=None)

    assert saved.purchase.state == "declined"
    assert settings_of(wallet).suspended_reason == "payment_failed"


def test_try_again_more_than_five_times_an_hour_is_refused(stripe, django_user_model):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    person = django_user_model.objects.create_user("ann@example.com")
    for _ in range(5):
        auto_recharge_settings.try_again(wallet_id=wallet.pk, actor=person)

    with pytest.raises(TooManyAttempts):
        auto_recharge_settings.try_again(wallet_id=wallet.pk, actor=person)

    assert wallet.purchases.count() == 6
    assert settings_of(wallet).suspended_reason == "payment_failed"


def test_a_try_counts_for_an_hour(stripe, django_user_model):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)
    person = django_user_model.objects.create_user("ann@example.com")
    start = clock.now()
    with clock.at(start):
        for _ in range(5):
            auto_recharge_settings.try_again(wallet_id=wallet.pk, actor=person)

    with clock.at(start + timedelta(seconds=3599)), pytest.raises(TooManyAttempts):
        auto_recharge_settings.try_again(wallet_id=wallet.pk, actor=person)
    with clock.at(start + timedelta(seconds=3600)):
        auto_recharge_settings.try_again(wallet_id=wallet.pk, actor=person)

    assert wallet.purchases.count() == 7


def test_try_again_with_a_fine_balance_is_refused(stripe):
    wallet = make_wallet(credit="80")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)

    with pytest.raises(Refused, match="is not below"):
        auto_recharge_settings.try_again(wallet_id=wallet.pk, actor=None)


def test_the_monthly_limit_stops_and_tells_once(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=75)
    run(wallet)
    fill(wallet, credit="-55")

    with clock.at(clock.now() + timedelta(minutes=5)):
        assert run(wallet) == "monthly_limit"
        assert run(wallet) == "monthly_limit"

    assert wallet.purchases.count() == 1
    notes = Notification.objects.filter(account=wallet.account, kind="auto_recharge_limit")
    assert ["$50.00 of your $75.00 monthly limit is used" in note.text for note in notes] == [True]


@pytest.mark.parametrize(("limit", "percent"), [(62, 80), (55, 90), (50, 100)])
def test_the_share_of_the_limit_is_announced(stripe, limit, percent):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=limit)

    run(wallet)

    note = Notification.objects.get(account=wallet.account, kind="auto_recharge_limit")
    assert f"has used {percent} %" in note.text


@pytest.mark.parametrize(
    ("limit", "percent"),
    [
        ("62.51", None),
        ("62.50", 80),
        ("55.56", 80),
        ("55.55", 90),
        ("50.01", 90),
    ],
)
def test_a_share_of_the_limit_is_announced_once_it_is_reached(stripe, limit, percent):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=Decimal(limit))

    run(wallet)

    texts = list(
        Notification.objects.filter(account=wallet.account, kind="auto_recharge_limit").values_list(
            "text", flat=True
        )
    )
    assert [f"has used {percent} %" in text for text in texts] == ([True] if percent else [])


def test_the_monthly_limit_starts_anew_at_the_accounts_midnight(stripe):
    wallet = make_wallet(credit="8", account=make_individual(timezone="America/New_York"))
    midnight = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
    with clock.at(midnight - timedelta(minutes=30)):
        add_card(stripe, wallet)
        set_auto_recharge(wallet, monthly_limit=50)
        run(wallet)
        fill(wallet, credit="-55")

    with clock.at(midnight - timedelta(microseconds=1)):
        decision = auto_recharge.run(wallet_id=wallet.pk)
        assert (decision.code, decision.figures["until"]) == ("monthly_limit", midnight)
    with clock.at(midnight):
        assert run(wallet) == "charge"
        fill(wallet, credit="-55")
    with clock.at(midnight + timedelta(minutes=5)):
        decision = auto_recharge.run(wallet_id=wallet.pk)
        # New York leaves summer time in November.
        december = datetime(2026, 12, 1, 5, 0, tzinfo=UTC)
        assert (decision.code, decision.figures["until"]) == ("monthly_limit", december)
    # The account's months: in UTC all of it happened in November.
    notes = Notification.objects.filter(account=wallet.account, kind="auto_recharge_limit")
    assert [note.text[:22] for note in notes.order_by("pk")] == [
        "Auto-Recharge has used",
        "Auto-Recharge has stop",
    ] * 2


def test_each_share_of_the_limit_is_announced_once(stripe):
    wallet = make_wallet(credit="-67")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, amount=5, monthly_limit=100)
    start = clock.now()

    for minute, spent in ((0, 80), (15, 85), (30, 90), (45, 95), (60, 100)):
        with clock.at(start + timedelta(minutes=minute)):
            assert run(wallet) == "charge"
            assert monthly_limit.spent(wallet=wallet, now=clock.now()) == spent
            fill(wallet, credit="-5")

    assert told(wallet, "auto_recharge_limit") == [
        "Auto-Recharge has used 80 % of your $100.00 monthly limit ($80.00).",
        "Auto-Recharge has used 90 % of your $100.00 monthly limit ($90.00).",
        "Auto-Recharge has used 100 % of your $100.00 monthly limit ($100.00).",
    ]


def test_the_limit_counts_automatic_charges_that_were_or_may_yet_be_paid(stripe):
    wallet = make_wallet(credit="3")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=500)
    recharges.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(5), buys="credit", form_key="a"
    )
    start = clock.now() + timedelta(minutes=2)
    decline(stripe, wallet)
    with clock.at(start):
        assert run(wallet) == "charge"
    stripe.set_card(card.id, behaviour="processing")
    later = start + timedelta(hours=1)
    with clock.at(later):
        assert run(wallet) == "charge"

    states = wallet.purchases.order_by("created_at").values_list("state", flat=True)
    assert list(states) == ["succeeded", "declined", "submitted"]
    assert monthly_limit.spent(wallet=wallet, now=later) == 50


def test_the_month_of_the_limit_is_the_accounts_own(stripe):
    wallet = make_wallet(credit="8", account=make_individual(timezone="America/New_York"))
    with clock.at(datetime(2026, 11, 1, 2, 0, tzinfo=UTC)):  # Still 31 October in New York.
        add_card(stripe, wallet)
        set_auto_recharge(wallet, monthly_limit=50)
        assert run(wallet) == "charge"
        fill(wallet, credit="-55")
    with clock.at(datetime(2026, 11, 1, 3, 0, tzinfo=UTC)):
        assert run(wallet) == "monthly_limit"
    with clock.at(datetime(2026, 11, 1, 4, 1, tzinfo=UTC)):
        assert run(wallet) == "charge"


def test_a_card_removed_behind_our_back_suspends_once(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    payment_methods.forget(account=wallet.account, card_id=card.id)
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method=card.id)

    decision = auto_recharge.run(wallet_id=wallet.pk)
    assert (decision.wanted, decision.code) == (False, "no_card")
    assert run(wallet) == "suspended"
    assert logged(wallet) == ["now_suspended", "no_card", "suspended"]

    assert (
        Notification.objects.filter(account=wallet.account, kind="auto_recharge_suspended").count()
        == 1
    )


def test_a_card_that_has_expired_meanwhile_suspends_and_is_not_charged(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet, exp_year=2030, exp_month=1)
    set_auto_recharge(wallet)

    with clock.at(datetime(2030, 2, 2, tzinfo=UTC)):
        assert run(wallet) == "no_card"

    kept = settings_of(wallet)
    assert (kept.suspended_reason, kept.failed_fingerprint) == ("no_card", card.fingerprint)
    assert not wallet.purchases.exists()


def test_an_automatic_charge_says_whom_it_charges_and_for_what(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)

    run(wallet)

    made = wallet.purchases.get()
    assert (made.payer, made.purpose, made.buys) == (wallet.account, "auto_recharge", "credit")
    assert (made.payment_method, made.card, made.card_fingerprint) == (
        card.id,
        card.label,
        card.fingerprint,
    )
    assert (made.amount_cents, made.requested_by) == (5000, None)


def test_closed_and_blocked_wallets_are_never_charged(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    Wallet.objects.filter(pk=wallet.pk).update(blocked_at=clock.now(), blocked_reason="disputed")
    assert run(wallet) == "blocked"
    Wallet.objects.filter(pk=wallet.pk).update(blocked_at=None, blocked_reason="")
    close(wallet.account)

    assert run(wallet) == "closed"
    assert not wallet.purchases.exists()


@pytest.mark.parametrize(
    ("change", "coming"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"suspended_at": datetime(2026, 1, 1, tzinfo=UTC), "suspended_reason": "support"}, False),
        ({"not_before": datetime(2100, 1, 1, tzinfo=UTC), "hold_reason": "declined"}, False),
        ({"not_before": datetime(2100, 1, 1, tzinfo=UTC), "hold_reason": "monthly_limit"}, False),
        ({"not_before": datetime(2100, 1, 1, tzinfo=UTC), "hold_reason": "cooldown"}, True),
    ],
)
def test_a_recharge_is_coming_while_nothing_stands_in_its_way(stripe, change, coming):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, due_since=clock.now(), **change)

    found = auto_recharge.coming(clock.now()).filter(wallet=wallet).exists()

    assert found is coming
    assert not auto_recharge.coming(clock.now() + timedelta(seconds=61)).exists()


@pytest.mark.parametrize(
    ("state", "coming"), [("submitted", True), ("created", True), ("requires_action", False)]
)
def test_a_charge_on_its_way_is_coming_unless_it_waits_for_the_bank(stripe, state, coming):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, due_since=clock.now())
    auto_recharge.claim(wallet_id=wallet.pk)
    if state != "created":
        wallet.purchases.update(state="submitted", submitted_at=clock.now(), payment_intent="pi_1")
    if state == "requires_action":
        wallet.purchases.update(state=state)

    assert auto_recharge.coming(clock.now()).filter(wallet=wallet).exists() is coming


@pytest.mark.parametrize("change", ["blocked", "closed", "no_card"])
def test_nothing_is_coming_that_could_not_be_charged(stripe, change):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, due_since=clock.now())
    if change == "blocked":
        Wallet.objects.update(blocked_at=clock.now(), blocked_reason="disputed")
    elif change == "closed":
        close(wallet.account)
    else:
        Wallet.objects.update(default_payment_method="")

    assert not auto_recharge.coming(clock.now()).exists()


@pytest.mark.parametrize(("seconds", "coming"), [(0, True), (1, False)])
def test_a_wait_ends_at_its_moment(stripe, seconds, coming):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    now = clock.now()
    ends = now + timedelta(seconds=seconds)
    set_auto_recharge(wallet, due_since=now, not_before=ends, hold_reason="declined")

    assert auto_recharge.coming(now).filter(wallet=wallet).exists() is coming
    with clock.at(now):
        assert run(wallet) == ("charge" if coming else "declined")


def due(stripe, seconds_ago=60, **facts):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    moment = clock.now()
    set_auto_recharge(wallet, **{"due_since": moment - timedelta(seconds=seconds_ago), **facts})
    return wallet


def test_the_sweep_looks_at_what_is_due_and_waits_for_no_known_moment_longest_first(stripe):
    now = clock.now()
    newer, older = due(stripe, 10), due(stripe, 90, not_before=now, hold_reason="declined")
    due(stripe, due_since=None)
    due(stripe, enabled=False)
    due(stripe, suspended_at=now, suspended_reason="support")
    due(stripe, not_before=now + timedelta(seconds=1), hold_reason="declined")
    blocked = due(stripe)
    Wallet.objects.filter(pk=blocked.pk).update(blocked_at=now, blocked_reason="disputed")

    with clock.at(now):
        assert auto_recharge.due_wallet_ids() == [older.pk, newer.pk]


@pytest.mark.parametrize(("seconds", "coming"), [(59, True), (60, False)])
def test_campaigns_wait_less_than_sixty_seconds_for_a_recharge(stripe, seconds, coming):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    due = clock.now()
    set_auto_recharge(wallet, due_since=due)

    found = auto_recharge.coming(due + timedelta(seconds=seconds)).filter(wallet=wallet)

    assert found.exists() is coming


def test_a_low_balance_is_told_once_per_crossing_when_it_is_off(
    nudges, django_capture_on_commit_callbacks
):
    wallet = make_wallet(credit="20")
    with django_capture_on_commit_callbacks(execute=True):
        fill(wallet, credit="-11.80")
        fill(wallet, credit="-0.10")
    assert nudges == [("wallets.tell_low_balance", (wallet.pk,))]

    assert low_balance.untold_wallet_ids() == [wallet.pk]
    low_balance.tell(wallet_id=wallet.pk)
    low_balance.tell(wallet_id=wallet.pk)

    notes = Notification.objects.filter(account=wallet.account, kind="low_balance")
    assert [note.text for note in notes] == ["Low balance: $8.10, about 50 Premium minutes."]
    fill(wallet, credit="4")  # $12.10: above the threshold, not well above.
    fill(wallet, credit="-5")
    assert low_balance.untold_wallet_ids() == []
    fill(wallet, credit="10")
    fill(wallet, credit="-10")
    assert low_balance.untold_wallet_ids() == [wallet.pk]


def test_a_new_wallet_is_not_told_that_it_is_empty():
    wallet = make_wallet()
    fill(wallet, credit="5")

    assert low_balance.untold_wallet_ids() == []


@pytest.mark.parametrize("reason", ["refunded", "disputed"])
def test_a_refund_or_a_dispute_outweighs_trouble_with_the_card(stripe, reason):
    wallet = make_wallet(credit="8")
    suspend_by_declining(stripe, wallet)

    with transaction.atomic():
        suspensions.suspend(wallet=wallet, reason=reason)

    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    payment_methods.make_default(account=wallet.account, card_id=other.id)
    auto_recharge.payment_method_changed(wallet_id=wallet.pk)
    assert settings_of(wallet).suspended_reason == reason
    assert credit(wallet) == 8


def test_taking_the_card_away_and_back_shortens_no_wait_after_a_decline(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)
    run(wallet)
    waits = settings_of(wallet).not_before

    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method="")
    assert run(wallet) == "no_card"
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method=card.id)

    assert run(wallet) == "declined"
    kept = settings_of(wallet)
    assert (kept.hold_reason, kept.not_before) == ("declined", waits)
    assert wallet.purchases.count() == 1


def test_a_wait_that_is_over_is_forgotten_once_the_balance_is_fine(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    decline(stripe, wallet)
    set_auto_recharge(wallet)
    run(wallet)
    fill(wallet, credit="2")

    with clock.at(settings_of(wallet).not_before):
        assert run(wallet) == "balance_fine"

    kept = settings_of(wallet)
    assert (kept.hold_reason, kept.not_before) == ("", None)


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

    recharges.confirm_with_bank(purchase_id=purchase.pk, return_url="http://localhost/back")
    stripe.answer_bank(purchase.payment_intent, approved=False)
    purchases.settle(payment_intent=purchase.payment_intent)

    assert told(wallet, "recharge_failed") == [
        f"Auto-Recharge failed: {wallet.purchases.get().error_text}"
    ]
    kept = settings_of(wallet)
    assert (kept.hold_reason, kept.consecutive_declines) == ("", 1)
    assert logged(wallet) == ["charge", "needs_bank", "now_suspended", "failed_for_good"]


def test_paying_at_the_bank_is_logged_as_lifting_and_looked_at_again(stripe, nudges):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    run(wallet)
    purchase = wallet.purchases.get()
    recharges.confirm_with_bank(purchase_id=purchase.pk, return_url="http://localhost/back")
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


@pytest.mark.parametrize("enabled", [True, False])
def test_a_refund_suspends_and_tells_only_where_it_is_switched_on(stripe, enabled):
    wallet = make_wallet(credit="80")
    set_auto_recharge(wallet, enabled=enabled)

    with transaction.atomic():
        suspensions.suspend(wallet=wallet, reason="refunded")

    texts = ["Auto-Recharge is suspended. A recharge was refunded."] if enabled else []
    assert told(wallet, "auto_recharge_suspended") == texts
    assert settings_of(wallet).suspended_reason == ("refunded" if enabled else "")
    assert logged(wallet) == (["now_suspended"] if enabled else [])


# --- Support.


def test_support_suspends_and_lifts_and_the_account_hears_of_both(
    stripe, nudges, django_capture_on_commit_callbacks
):
    wallet, person = make_wallet(credit="8"), make_user()
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    who = {"wallet_id": wallet.pk, "actor": person}

    with pytest.raises(Refused, match="is not suspended"):
        suspensions.lift_by_support(**who)
    suspensions.suspend_by_support(**who)
    assert run(wallet) == "suspended"
    with pytest.raises(Refused, match="suspended already: Suspended by support"):
        suspensions.suspend_by_support(**who)
    nudges.clear()
    with django_capture_on_commit_callbacks(execute=True):
        suspensions.lift_by_support(**who)

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

    suspensions.lift_by_support(wallet_id=wallet.pk, actor=make_user())

    kept = settings_of(wallet)
    assert (kept.suspended_at, kept.suspended_reason) == (None, "")
    assert (kept.consecutive_declines, kept.failed_fingerprint) == (0, "")
    assert logged(wallet).count("lifted") == 1


def test_support_unblocks_a_wallet_once_and_a_dispute_stays_suspended(
    stripe, nudges, django_capture_on_commit_callbacks
):
    wallet, person = make_wallet(credit="8"), make_user()
    add_card(stripe, wallet)
    set_auto_recharge(wallet, suspended_at=clock.now(), suspended_reason="disputed")
    Wallet.objects.filter(pk=wallet.pk).update(blocked_at=clock.now(), blocked_reason="disputed")

    with django_capture_on_commit_callbacks(execute=True):
        suspensions.unblock(wallet_id=wallet.pk, actor=person)
    with pytest.raises(Refused, match="not blocked"):
        suspensions.unblock(wallet_id=wallet.pk, actor=person)

    wallet.refresh_from_db()
    assert (wallet.blocked_at, wallet.blocked_reason) == (None, "")
    assert nudges.count(("wallets.recharge_wallet", (wallet.pk,))) == 1
    assert run(wallet) == "suspended"
