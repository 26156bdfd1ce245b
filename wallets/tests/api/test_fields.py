"""How figures are written in answers."""

from decimal import Decimal

import pytest
from djmoney.money import Money

from wallets.api.fields import dollars_text


@pytest.mark.parametrize(
    ("amount", "decimal_places", "text"),
    [
        (Decimal("1.5"), 6, "1.500000"),
        (Decimal("0E-6"), 6, "0.000000"),
        (Decimal(5), 2, "5.00"),
        (Money("-8.2", "USD"), 2, "-8.20"),
    ],
)
def test_dollars_are_written_with_all_their_decimals(amount, decimal_places, text):
    assert dollars_text(amount, decimal_places=decimal_places) == text
