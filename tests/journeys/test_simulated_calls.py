"""The simulator dials like a voice platform: obeys pauses and balances, reports every call."""

import pytest

from accounts.models import Account
from accounts.people import api_keys
from campaigns.models import Call, Campaign
from campaigns.tests.builders import make_campaign
from thinkrr_billing.sandbox.dialer import Dialer
from thinkrr_billing.sandbox.http_api import Api
from wallets.tests.worlds.builders import fill, make_wallet

pytestmark = [
    pytest.mark.journey,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nudges"),
]


@pytest.fixture
def account() -> Account:
    return make_wallet(credit="100").account


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def dialer(live_server: object, account: Account, complaints: list[str]) -> Dialer:
    _, token = api_keys.create(account=None, name="Dialer", scopes=["calls", "read"])
    return Dialer(
        api=Api(base=live_server.url, token=token),
        accounts=[str(account.pk)],
        rate=20,
        seed=1,
        complain=complaints.append,
    )


def _calls_of(campaign: Campaign) -> int:
    return Call.objects.filter(campaign=campaign).count()


def test_every_call_it_starts_is_reported_and_charged_once(
    dialer: Dialer, account: Account, complaints: list[str]
) -> None:
    campaign = make_campaign(account, minute_type="basic")

    dialer.second(elapsed=1)
    dialer.hang_up()

    assert dialer.totals["reported"] == dialer.totals["charged"] == _calls_of(campaign) == 20
    assert complaints == []


def test_campaigns_that_are_not_started_get_no_calls(dialer: Dialer, account: Account) -> None:
    started = make_campaign(account, minute_type="premium")
    others = [make_campaign(account, status=status) for status in ("manual", "not_started")]

    dialer.second(elapsed=1)
    dialer.hang_up()

    assert _calls_of(started) == 20
    assert [_calls_of(campaign) for campaign in others] == [0, 0]


def test_calls_that_cannot_be_paid_are_held_back(dialer: Dialer, account: Account) -> None:
    make_campaign(account, minute_type="premium")
    fill(account.wallet, credit="-98.40")

    dialer.second(elapsed=1)
    dialer.hang_up()

    # Ten minutes are left, and twenty calls were wanted at once.
    assert dialer.totals["held"] == 20
    assert not Call.objects.exists()
