"""A wallet below its threshold, and an agency with a sub-account."""

import pytest

from wallets.models import Wallet
from wallets.tests.worlds.allocation_world import World, make_world
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge


@pytest.fixture
def low(stripe, db) -> Wallet:  # noqa: ARG001
    """$8 of credit and a good card: the rule wants $50."""
    wallet = make_wallet(credit="8.00")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)
    return wallet


@pytest.fixture
def world(stripe, db) -> World:  # noqa: ARG001
    return make_world(stripe)
