"""What the tests of reversals begin with: a wallet with a card, and a paid allocation."""

import pytest

from wallets.tests.worlds.reversal_world import make_allocated, make_wallet_with_card


@pytest.fixture
def wallet(stripe):
    return make_wallet_with_card(stripe)


@pytest.fixture
def allocated(stripe):
    return make_allocated(stripe)
