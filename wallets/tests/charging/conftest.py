"""What the tests of charging begin with."""

import pytest

from wallets.tests.worlds.builders import (
    add_card,
    make_wallet,
    set_auto_recharge,
)


@pytest.fixture
def low(stripe):
    """A wallet below its threshold with a good card: the rule wants $50."""
    wallet = make_wallet(credit="8.00")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)
    return wallet
