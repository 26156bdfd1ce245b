"""Cards tried one after the other wait after ten, however the account, person or address change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts import clock
from accounts.models import StaffAlert
from accounts.runtime.addresses import UNKNOWN_IP
from accounts.tests.builders import make_individual, make_user, owner_of
from wallets.allocations import retries
from wallets.cards import keeping, trying
from wallets.cards.trying import Who
from wallets.errors import TooManyAttempts
from wallets.models import AutoRecharge, CardAttempt, Purchase
from wallets.recharges import by_hand, configure
from wallets.recharges.configure import Settings
from wallets.tests.worlds.allocation_world import make_world
from wallets.tests.worlds.at_once import at_once
from wallets.tests.worlds.builders import (
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)

pytestmark = [pytest.mark.django_db, pytest.mark.journey]

NOON = datetime(2026, 11, 14, 12, tzinfo=UTC)
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def person():
    return make_user()


@pytest.fixture
def wallet(stripe):
    """A wallet in New York whose default card is declined."""
    wallet = make_wallet(account=make_individual("Ada", timezone="America/New_York"))
    add_card(stripe, wallet, DECLINED_CARD)
    return wallet


def pay(wallet, *, minute=0, person=None, address="", card=""):
    with clock.at(NOON + timedelta(minutes=minute)):
        return by_hand.recharge(
            wallet_id=wallet.pk,
            actor=person,
            amount=Decimal(5),
            buys="credit",
            form_key=f"{minute}:{card}",
            payment_method=card,
            address=address,
        )


def start_adding(account, *, minute=0, **who):
    with clock.at(NOON + timedelta(minutes=minute)):
        return keeping.start_adding(
            account=account,
            success_url="https://example.com/?session_id={CHECKOUT_SESSION_ID}",
            cancel_url="https://example.com/",
            **who,
        )


def tried_ten_times(wallet, **who):
    for minute in range(10):
        assert pay(wallet, minute=minute, **who).state == "declined"


def test_after_ten_declined_payments_in_an_hour_the_next_waits_until_the_first_is_an_hour_old(
    wallet, stripe
):
    tried_ten_times(wallet)
    good = add_card(stripe, wallet, OTHER_GOOD_CARD).id

    with pytest.raises(TooManyAttempts) as refusal:
        pay(wallet, minute=10, card=good)

    assert str(refusal.value) == (
        "Ten payments were declined or cards added within an hour. Try again at 08:00 (EST), or "
        "contact support. Nothing was charged."
    )
    assert Purchase.objects.count() == 10
    with pytest.raises(TooManyAttempts):
        pay(wallet, minute=59, card=good)
    assert pay(wallet, minute=60, card=good).state == "succeeded"


def test_support_is_told_once_a_wait(wallet):
    tried_ten_times(wallet)
    assert not StaffAlert.objects.exists()

    for minute in (10, 11):
        with pytest.raises(TooManyAttempts):
            pay(wallet, minute=minute)

    alert = StaffAlert.objects.get(kind="cards_tried")
    assert alert.text == (
        f"Ada: ten declined payments or new cards within an hour, counted by account "
        f"{wallet.account_id}. More wait until 13:00 UTC."
    )
    assert alert.data == {
        "account": str(wallet.account_id),
        "counted_by": f"account {wallet.account_id}",
    }


def test_payments_that_succeed_are_not_counted(wallet, stripe):
    good = add_card(stripe, wallet, OTHER_GOOD_CARD).id
    for minute in range(10):
        assert pay(wallet, minute=minute, card=good).state == "succeeded"

    assert pay(wallet, minute=10).state == "declined"


def test_the_same_form_again_is_answered_while_others_wait(wallet):
    tried_ten_times(wallet)

    assert pay(wallet, minute=9).state == "declined"


@pytest.mark.parametrize("same", ["person", "address"])
def test_another_account_does_not_start_the_count_anew(wallet, stripe, person, same):
    tried_ten_times(wallet, person=person, address=HERE)
    other = make_wallet()
    add_card(stripe, other)
    who = {"person": person, "address": THERE}
    if same == "address":
        who = {"person": make_user("other@example.com"), "address": HERE}

    with pytest.raises(TooManyAttempts):
        pay(other, minute=10, **who)

    assert not other.purchases.exists()
    assert StaffAlert.objects.get().data["counted_by"].startswith(same)


def test_strangers_elsewhere_do_not_wait(wallet, stripe, person):
    tried_ten_times(wallet, person=person, address=HERE)
    other = make_wallet()
    add_card(stripe, other)

    paid = pay(other, minute=10, person=make_user("other@example.com"), address=THERE)

    assert paid.state == "succeeded"


@pytest.mark.parametrize("address", ["", UNKNOWN_IP])
def test_an_address_nobody_knows_is_nobodys(wallet, stripe, address):
    tried_ten_times(wallet, address=address)
    other = make_wallet()
    add_card(stripe, other)

    assert pay(other, minute=10, address=address).state == "succeeded"


def test_the_addresses_of_one_64_are_one_machine(wallet, stripe):
    for minute in range(10):
        pay(wallet, minute=minute, address=f"2001:db8:1:2::{minute}")
    other = make_wallet()
    add_card(stripe, other)

    with pytest.raises(TooManyAttempts):
        pay(other, minute=10, address="2001:db8:1:2:aaaa::1")

    assert StaffAlert.objects.get().data["counted_by"] == "address 2001:db8:1:2::"
    assert pay(other, minute=10, address="2001:db8:1:3::1").state == "succeeded"


def test_pages_that_add_a_card_are_counted_before_they_are_opened(stripe):
    account = make_wallet().account
    for minute in range(10):
        start_adding(account, minute=minute)

    with pytest.raises(TooManyAttempts, match="Try again at 13:00"):
        start_adding(account, minute=10)

    sessions = [one for one in stripe.requests() if one["path"] == "/v1/checkout/sessions"]
    assert len(sessions) == CardAttempt.objects.count() == 10
    assert StaffAlert.objects.get().kind == "cards_tried"
    start_adding(account, minute=60)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", ["person", "address"])
def test_ten_at_most_are_opened_by_one_who_asks_in_many_wallets_at_the_same_moment(same):
    accounts = [make_wallet().account for _ in range(12)]
    person = make_user()
    whos = [
        Who(one, person) if same == "person" else Who(one, make_user(), HERE) for one in accounts
    ]

    answers = at_once(trying.note_new_card, whos)

    assert answers.count(None) == CardAttempt.objects.count() == 10
    assert answers.count("too_many_attempts") == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", ["person", "address"])
def test_ten_declined_payments_at_most_of_one_who_pays_in_many_wallets_at_the_same_moment(
    stripe, same
):
    person = make_user()
    wallets = [make_wallet() for _ in range(12)]
    for one in wallets:
        add_card(stripe, one, DECLINED_CARD)

    def try_one(wallet):
        who = {"person": person} if same == "person" else {"person": make_user(), "address": HERE}
        return pay(wallet, **who).state

    answers = at_once(try_one, wallets)

    assert answers.count("declined") == Purchase.objects.count() == 10
    assert answers.count("too_many_attempts") == 2
    assert len(stripe.truth()["payment_intents"]) == 10


def test_a_payment_under_way_counts_until_it_has_succeeded(stripe):
    """Whoever could still be declined ten times has to wait for the result."""
    person = make_user()
    waiting = make_wallet()
    card = add_card(stripe, waiting)
    stripe.set_card(card.id, behaviour="processing")
    assert pay(waiting, person=person).state == "submitted"
    other = make_wallet()
    add_card(stripe, other, DECLINED_CARD)
    for minute in range(9):
        assert pay(other, person=person, minute=minute).state == "declined"

    with pytest.raises(TooManyAttempts, match="Ten payments are under way or were declined"):
        pay(other, person=person, minute=9)

    assert Purchase.objects.count() == 10


def test_new_cards_and_declined_payments_count_together(wallet):
    for minute in range(5):
        pay(wallet, minute=minute)
        start_adding(wallet.account, minute=minute)

    with pytest.raises(TooManyAttempts):
        pay(wallet, minute=5)
    with pytest.raises(TooManyAttempts):
        start_adding(wallet.account, minute=5)


@pytest.mark.usefixtures("stripe", "nudges")
def test_the_pages_tell_who_asks_and_from_where(client):
    account = make_individual("Ada")
    owner = owner_of(account)
    make_wallet(account=account)
    client.force_login(owner)

    client.post(reverse("wallets:methods_add"), REMOTE_ADDR=HERE)

    row = CardAttempt.objects.get()
    assert (row.account, row.person, row.address, row.purchase) == (account, owner, HERE, None)


# --- Whatever else a person asks a card to pay.

LOW = Settings(enabled=True, threshold=Decimal(10), amount=Decimal(50))


def save(wallet, *, minute=0, person=None, address="", **changes):
    with clock.at(NOON + timedelta(minutes=minute)):
        return configure.save(
            wallet_id=wallet.pk,
            settings=replace(LOW, **changes),
            actor=person,
            address=address,
        )


def test_a_card_that_is_declined_when_settings_are_saved_is_counted(wallet, person):
    saved = save(wallet, person=person, address=HERE)

    row = CardAttempt.objects.get()
    assert (row.account, row.person, row.address) == (wallet.account, person, HERE)
    assert row.purchase == saved.purchase
    assert saved.purchase.state == "declined"


def test_after_ten_declines_no_card_is_charged_by_saving_settings_and_nothing_is_saved(wallet):
    tried_ten_times(wallet)

    with pytest.raises(TooManyAttempts, match="Nothing was charged"):
        save(wallet, minute=10)

    assert not AutoRecharge.objects.get(wallet=wallet).enabled
    assert Purchase.objects.count() == 10
    assert StaffAlert.objects.filter(kind="cards_tried").count() == 1


def test_after_ten_declines_settings_that_charge_nothing_are_saved(wallet):
    tried_ten_times(wallet)

    for changes in ({"enabled": False}, {}):
        fill(wallet, credit="100")
        save(wallet, minute=10, **changes)

    assert AutoRecharge.objects.get(wallet=wallet).enabled


def test_a_person_who_tries_again_is_counted_and_waits_after_ten(wallet, person):
    set_auto_recharge(wallet)
    with clock.at(NOON):
        tried = configure.try_again(wallet_id=wallet.pk, actor=person, address=HERE)
    row = CardAttempt.objects.get()
    for minute in range(9):
        pay(wallet, minute=minute)

    with clock.at(NOON + timedelta(minutes=10)), pytest.raises(TooManyAttempts, match="Ten pay"):
        configure.try_again(wallet_id=wallet.pk, actor=person, address=HERE)

    assert (row.person, row.address, row.purchase) == (person, HERE, tried.purchase)
    assert Purchase.objects.count() == 10


def test_support_that_tries_again_is_not_counted_and_does_not_wait(wallet, person):
    tried_ten_times(wallet)
    set_auto_recharge(wallet)

    with clock.at(NOON + timedelta(minutes=10)):
        tried = configure.try_again(wallet_id=wallet.pk, actor=person, by_support=True)

    assert tried.purchase.state == "declined"
    assert not CardAttempt.objects.filter(purchase=tried.purchase).exists()


def test_an_agency_that_retries_a_month_is_counted_and_waits_after_ten(stripe, person):
    world = make_world(stripe, number=DECLINED_CARD)
    facts = {"account": world.sub, "agency": world.agency, "actor": person}
    with clock.at(NOON):
        world.save()
        tried = retries.retry_now(**facts, address=HERE)
    row = CardAttempt.objects.get()
    for minute in range(9):
        pay(world.agency.wallet, minute=minute)

    with clock.at(NOON + timedelta(minutes=10)), pytest.raises(TooManyAttempts, match="Ten pay"):
        retries.retry_now(**facts, address=HERE)

    assert (row.account, row.person, row.address) == (world.agency, person, HERE)
    assert (row.purchase, tried.state) == (tried, "declined")
    with clock.at(NOON + timedelta(minutes=10)):
        assert retries.retry_now(**facts, by_support=True).state == "declined"
