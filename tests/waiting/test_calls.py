"""Seconds that are reserved for calls."""

import pytest

from accounts import clock
from campaigns import calls, holds
from campaigns.tests.builders import make_report, make_wallet
from tests.waiting.ways import later, tick, waits_for, way_out
from wallets.models import CallHold

pytestmark = [pytest.mark.django_db, pytest.mark.journey, pytest.mark.usefixtures("nudges")]


@pytest.fixture
def wallet():
    """A minute of Premium, held for a call."""
    wallet = make_wallet(premium=60)
    assert hold(wallet, "a").seconds == 60
    assert not waits_for("call_hold")
    return wallet


def hold(wallet, call):
    return holds.hold(
        account=wallet.account, call=call, seconds=60, reporter=None, minute_type="premium"
    )


def is_free(wallet):
    return calls.authorize(account=wallet.account, minute_type="premium").allowed


@way_out("call_hold", by="customer", how="reporting the call")
def test_the_call_is_reported(wallet):
    assert not is_free(wallet)

    calls.record(reports=[make_report(wallet.account, id="a", seconds=0)], reporter=None)

    assert is_free(wallet)
    assert not CallHold.objects.exists()


@way_out("call_hold", by="customer", how="releasing it")
def test_the_platform_gives_it_back(wallet):
    holds.release(call="a", reporter=None)

    assert is_free(wallet)
    assert not CallHold.objects.exists()


@way_out("call_hold", by="time", how="ten minutes after its last second")
def test_a_forgotten_hold_ends_by_itself_and_its_row_by_the_tick(wallet):
    with later(minutes=11, seconds=1):
        assert is_free(wallet)
        assert waits_for("call_hold")

        tick()

        assert not waits_for("call_hold")
        assert not CallHold.objects.filter(expires_at__lte=clock.now()).exists()
