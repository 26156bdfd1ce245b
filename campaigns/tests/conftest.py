"""Rates as the platform starts with, whatever an earlier test flushed."""

from datetime import UTC, datetime

import pytest

from wallets.models import MinuteRate

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def rates():
    """$0.16 a Premium minute, $0.09 a Basic minute, since long ago."""
    for minute_type, price in (("premium", "0.16"), ("basic", "0.09")):
        MinuteRate.objects.get_or_create(
            minute_type=minute_type, effective_from=LONG_AGO, defaults={"price": price}
        )
