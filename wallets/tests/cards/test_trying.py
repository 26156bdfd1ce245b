"""Cards tried one after the other wait after ten, however the account, person or address change."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts import clock
from accounts.models import StaffAlert
from accounts.runtime.addresses import UNKNOWN_IP
from accounts.tests.builders import make_individual, make_user, owner_of
from wallets.cards import keeping
from wallets.errors import TooManyAttempts
from wallets.models import CardAttempt, Purchase
from wallets.recharges import by_hand
from wallets.tests.worlds.builders import DECLINED_CARD, OTHER_GOOD_CARD, add_card, make_wallet

pytestmark = pytest.mark.django_db

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
