"""The pace of many wallets: for each the same as when it is asked for alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import make_agency, make_sub_account
from campaigns import calls
from campaigns.tests.builders import make_campaign, make_report
from wallets.forecasts import pace
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RATES = {"premium": Decimal("0.16"), "basic": Decimal("0.09")}


def call(account, *, seconds, ago, minute_type):
    with clock.at(NOW - ago):
        campaign = make_campaign(account, minute_type=minute_type)
        calls.record(
            reports=[make_report(account, campaign=campaign, seconds=seconds)], reporter=None
        )


@pytest.fixture
def wallets():
    with clock.at(NOW - timedelta(days=30)):
        agency = make_agency()
        return [
            make_wallet(
                account=make_sub_account(name, agency=agency), credit="100", premium=900, basic=60
            )
            for name in ("Busy", "Young", "Idle")
        ]


def test_each_wallets_pace_is_what_it_is_alone_in_two_queries(wallets, django_assert_num_queries):
    busy, young, idle = wallets
    call(busy.account, seconds=600, ago=timedelta(days=20), minute_type="premium")
    call(busy.account, seconds=1200, ago=timedelta(days=3), minute_type="premium_then_basic")
    call(busy.account, seconds=120, ago=timedelta(days=2), minute_type="basic")
    call(young.account, seconds=300, ago=timedelta(hours=40), minute_type="basic")

    with clock.at(NOW):
        alone = {wallet.pk: pace.measure(wallet=wallet, rates=RATES) for wallet in wallets}
        with django_assert_num_queries(2):
            many = pace.measure_many(
                wallets={wallet.pk: wallet.account_id for wallet in wallets}, rates=RATES
            )

    assert many == {busy.pk: alone[busy.pk], young.pk: alone[young.pk]}
    assert alone[idle.pk].pace.is_nothing
    assert round(many[young.pk].pace.basic, 6) == Decimal(180)
