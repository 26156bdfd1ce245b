from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from djstripe.models import PaymentMethod

from accounts import clock
from accounts.models import Notification, StaffAlert
from accounts.tests.builders import close
from wallets.charging import purchases
from wallets.models import Wallet
from wallets.recharges import auto_recharge, by_hand, configure
from wallets.recharges.auto_recharge import Terms
from wallets.tests.worlds.auto_recharge_world import (
    credit,
    decline,
    figures,
    logged,
    run,
    settings_of,
    told,
)
from wallets.tests.worlds.builders import add_card, fill, make_wallet, set_auto_recharge

pytestmark = pytest.mark.django_db


def terms(threshold, amount, monthly_limit=None):
    return Terms(True, Decimal(threshold), Decimal(amount), monthly_limit)


@pytest.mark.parametrize(
    ("balance", "threshold", "amount", "charge"),
    [
        ("8", 10, 50, 50),
        ("0", 100, 50, 150),  # Landing exactly on the threshold would fire again.
        ("99.999999", 100, 50, 50),
        ("-120", 10, 50, 150),
        ("0", 10_000, 2_500, 12_500),
        ("-30000", 10_000, 2_500, 12_500),  # The largest multiple that fits; the rest follows.
        ("-30000", 10_000, "1388.89", Decimal("11111.12")),  # Nine would be a cent too much.
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
    assert list(auto_recharge.DUE.take()) == [wallet.pk]


def test_minutes_do_not_count_towards_the_threshold(stripe):
    wallet = make_wallet(credit="8", premium=600_000)
    add_card(stripe, wallet)
    set_auto_recharge(wallet)

    assert run(wallet) == "charge"
    assert credit(wallet) == 58


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
        by_hand.recharge(
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
        configure.try_again(wallet_id=wallet.pk, actor=None)
    stripe.set_card(wallet.default_payment_method, behaviour="ok")

    saved = configure.try_again(wallet_id=wallet.pk, actor=None)

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


def test_support_hears_of_each_wallet_that_waits(stripe):
    wallets = [make_wallet(credit="8"), make_wallet(credit="8")]
    start = clock.now()
    for wallet in wallets:
        add_card(stripe, wallet)
        set_auto_recharge(wallet)
        for minute in (0, 2, 4):
            with clock.at(start + timedelta(minutes=minute)):
                assert run(wallet) == "charge"
                fill(wallet, credit="-50")
        with clock.at(start + timedelta(minutes=6)):
            assert run(wallet) == "too_many"

    alerts = StaffAlert.objects.filter(kind="auto_recharge_waits").order_by("pk")
    assert [one.data["account"] for one in alerts] == [str(one.account_id) for one in wallets]


def test_payments_by_hand_do_not_count_as_automatic_charges(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    start = clock.now()
    for minute in range(3):
        with clock.at(start + timedelta(minutes=minute)):
            by_hand.recharge(
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


def test_switched_off_it_charges_nothing(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, enabled=False)

    assert run(wallet) == "off"
    assert not wallet.purchases.exists()


def test_the_log_holds_what_a_charge_was_decided_on(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=200)

    run(wallet)

    assert figures(wallet, "charge") == {
        "credit": "8.000000",
        "threshold": "10.000000",
        "amount": "50.000000",
        "limit": "200.000000",
        "spent": "0",
        "charge": "50.000000",
    }


def test_the_log_says_why_it_is_suspended(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, suspended_at=clock.now(), suspended_reason="support")

    run(wallet)

    assert figures(wallet, "suspended")["reason"] == "support"


@pytest.mark.usefixtures("stripe")
def test_without_any_card_nothing_is_charged():
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


def test_a_card_removed_behind_our_back_suspends_once(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    PaymentMethod.objects.filter(id=card.id).delete()

    decision = auto_recharge.run(wallet_id=wallet.pk)
    assert (decision.wanted, decision.code) == (False, "no_card")
    assert run(wallet) == "suspended"
    assert settings_of(wallet).failed_fingerprint == ""
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


def test_a_charge_that_was_claimed_for_another_card_is_not_made(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    _, purchase = auto_recharge.claim(wallet_id=wallet.pk)
    other = add_card(stripe, wallet)
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method=other.id)

    assert purchases.drive(purchase_id=purchase.pk).state == "canceled"
    assert credit(wallet) == 8


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
    among = auto_recharge.coming_among(wallet_ids=[wallet.pk], now=clock.now())
    assert among == ({wallet.pk} if coming else set())
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
    other = due(stripe, 0)

    assert auto_recharge.coming(clock.now()).filter(wallet=wallet).exists() is coming
    assert auto_recharge.coming(clock.now()).filter(wallet=other).exists()
    assert auto_recharge.coming_among(wallet_ids=[other.pk], now=clock.now()) == {other.pk}


def test_a_wallet_with_a_card_for_auto_recharge_alone_is_charged(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method="")
    set_auto_recharge(wallet, due_since=clock.now(), payment_method=card.id)

    assert auto_recharge.coming(clock.now()).filter(wallet=wallet).exists()
    assert list(auto_recharge.DUE.take()) == [wallet.pk]
    assert run(wallet) == "charge"


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
    since = clock.now() - timedelta(seconds=seconds_ago)
    set_auto_recharge(wallet, **{"due_since": since, "look_at": since, **facts})
    return wallet


def test_the_sweep_looks_at_what_is_due_and_waits_for_no_known_moment_longest_first(stripe):
    now = clock.now()
    newer, older = due(stripe, 10), due(stripe, 90, not_before=now, hold_reason="declined")
    due(stripe, due_since=None)
    due(stripe, enabled=False)
    due(stripe, suspended_at=now, suspended_reason="support")
    due(stripe, not_before=now + timedelta(seconds=1), hold_reason="declined")
    auto_recharge.claim(wallet_id=due(stripe).pk)
    blocked = due(stripe)
    Wallet.objects.filter(pk=blocked.pk).update(blocked_at=now, blocked_reason="disputed")

    with clock.at(now):
        assert list(auto_recharge.DUE.take()) == [older.pk, newer.pk]


@pytest.mark.parametrize(("seconds", "coming"), [(59, True), (60, False)])
def test_campaigns_wait_less_than_sixty_seconds_for_a_recharge(stripe, seconds, coming):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    due = clock.now()
    set_auto_recharge(wallet, due_since=due)

    found = auto_recharge.coming(due + timedelta(seconds=seconds)).filter(wallet=wallet)

    assert found.exists() is coming


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
