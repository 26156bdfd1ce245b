"""A wallet below its threshold with two cards."""

import pytest

from wallets.cards import backup
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card


@pytest.fixture
def other(low, stripe):
    """The backup card of the wallet below its threshold."""
    card = add_card(stripe, low, OTHER_GOOD_CARD)
    backup.choose(account=low.account, card_id=card.id)
    low.refresh_from_db()
    return card
