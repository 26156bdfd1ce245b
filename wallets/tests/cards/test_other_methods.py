"""Payment methods that are no cards: Stripe may hold them for a customer, and we never use one."""

import djstripe.models
import pytest

from accounts.models import Notification
from wallets.cards import keeping, payment_methods
from wallets.models import Wallet
from wallets.stripe import gateway
from wallets.tests.worlds.builders import add_card, make_wallet

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.parametrize("type", ["us_bank_account", "link"]),
]


@pytest.fixture
def mine(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    return wallet


@pytest.fixture
def other(mine, stripe, type):
    """The customer's method that is no card, attached by another door of the account's."""
    return stripe.add_method(mine.account.stripe_customer, type)["id"]


def state(wallet):
    """What a person would see of cards, and has been told."""
    wallet.refresh_from_db()
    mirrored = djstripe.models.PaymentMethod.objects.values_list("id", flat=True)
    return (
        wallet.default_payment_method,
        [card.id for card in payment_methods.cards(wallet.account)],
        sorted(mirrored),
        Notification.objects.count(),
    )


def test_it_does_not_become_the_default_of_a_wallet_without_one(mine, other, nudges):
    Wallet.objects.filter(pk=mine.pk).update(default_payment_method="")
    before = state(mine)
    nudges.clear()

    assert keeping.adopt(account=mine.account, card_id=other) is None

    assert (state(mine), nudges) == (before, [])
    assert before[0] == ""


def test_it_is_not_among_the_cards_that_are_read_again(mine, other, stripe):
    card = stripe.add_card(mine.account.stripe_customer)["id"]

    said = keeping.renew_customer(account=mine.account)

    assert said.endswith("Cards: 1 added here, 0 taken away.")
    default, shown, mirrored, _ = state(mine)
    assert default != other
    assert set(shown) == set(mirrored) == {default, card}


def test_events_about_it_change_nothing_and_tell_nobody(mine, other):
    before = state(mine)

    keeping.card_changed({"id": other, "object": "payment_method"})
    assert state(mine) == before
    gateway.detach_card(card_id=other)
    keeping.card_changed({"id": other, "object": "payment_method"})

    assert state(mine) == before


def test_stripes_own_default_does_not_count(mine, other):
    settings = {"default_payment_method": other}
    before = state(mine)

    gateway._stripe().customers.update(mine.account.stripe_customer, {"invoice_settings": settings})
    keeping.renew_customer(account=mine.account)

    assert state(mine) == before
