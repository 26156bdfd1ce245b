"""Choosing the backup card."""

import pytest

from wallets.cards import backup, keeping, uses
from wallets.errors import NoPaymentMethod, PaymentMethodInUse, Refused
from wallets.models import Wallet
from wallets.stripe import gateway
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card, make_wallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet(stripe):
    found = make_wallet()
    add_card(stripe, found)
    return found


@pytest.fixture
def other(wallet, stripe):
    return add_card(stripe, wallet, OTHER_GOOD_CARD)


def chosen(wallet) -> str:
    return Wallet.objects.get(pk=wallet.pk).backup_payment_method


def test_another_saved_card_becomes_the_backup_and_none_again(wallet, other):
    assert backup.choose(account=wallet.account, card_id=other.id).label == "Mastercard •••• 4444"
    assert chosen(wallet) == other.id

    assert backup.clear(account=wallet.account) is True
    assert backup.clear(account=wallet.account) is False
    assert chosen(wallet) == ""


def test_the_default_card_cannot_stand_in_for_itself(wallet, stripe):
    same = add_card(stripe, wallet)

    for card_id in (wallet.default_payment_method, same.id):
        with pytest.raises(Refused, match="is your default card"):
            backup.choose(account=wallet.account, card_id=card_id)

    assert chosen(wallet) == ""


def test_a_card_of_somebody_else_or_an_expired_one_is_refused(wallet, stripe):
    strangers = add_card(stripe, make_wallet(), OTHER_GOOD_CARD)
    expired = add_card(stripe, wallet, OTHER_GOOD_CARD, exp_year=2020)

    for card_id in (strangers.id, expired.id):
        with pytest.raises(NoPaymentMethod):
            backup.choose(account=wallet.account, card_id=card_id)

    assert chosen(wallet) == ""


def test_a_backup_that_becomes_the_default_stands_in_for_none(wallet, other):
    backup.choose(account=wallet.account, card_id=other.id)

    keeping.make_default(account=wallet.account, card_id=other.id)

    assert chosen(wallet) == ""


def test_removing_the_backup_says_what_it_was_for_and_needs_agreement(wallet, other):
    backup.choose(account=wallet.account, card_id=other.id)

    assert uses.found(account=wallet.account, card_id=other.id) == [
        "It is your backup card. Without it no other card is tried when one is declined."
    ]
    with pytest.raises(PaymentMethodInUse):
        keeping.remove(account=wallet.account, card_id=other.id)
    assert chosen(wallet) == other.id

    keeping.remove(account=wallet.account, card_id=other.id, agreed=True)
    assert chosen(wallet) == ""


def test_a_backup_detached_at_stripe_is_none_any_more(wallet, other):
    backup.choose(account=wallet.account, card_id=other.id)
    gateway.detach_card(card_id=other.id)

    keeping.card_changed({"id": other.id})

    assert chosen(wallet) == ""
