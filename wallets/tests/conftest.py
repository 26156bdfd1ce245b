"""What several rooms' tests begin with."""

import pytest
from django.test import Client

from accounts.tests.builders import owner_of
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge


@pytest.fixture
def low(stripe):
    """A wallet below its threshold with a good card: the rule wants $50."""
    wallet = make_wallet(credit="8.00")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)
    return wallet


@pytest.fixture
def browser(client: Client, wallet) -> Client:
    """The wallet's owner, logged in; each file has its own wallet."""
    client.force_login(owner_of(wallet.account))
    return client
