"""The world that the examples of the document are about: an agency, Northside Dental and its calls.

What an example names (an id, a card) is here under the id it got; what is text stands as it is.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from accounts import clock
from accounts.models import Account
from accounts.tests.builders import make_agency, make_sub_account
from campaigns import calls
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign, make_report
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.tests.worlds.builders import add_card, make_wallet
from wallets.tests.worlds.histories import buy

# A minute after the moment of which the examples tell.
NOW = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    account: Account
    agency: Account
    # Each id of the examples, and what it is called here.
    named: dict[str, str]

    def here(self, example: object) -> object:
        """An example with the ids of this world."""
        text = json.dumps(example)
        for told, real in self.named.items():
            text = text.replace(told, real)
        return json.loads(text)


def make_world(stripe: StripeSandbox) -> World:
    agency = make_agency()
    account = make_sub_account("Northside Dental", agency=agency)
    agencys = add_card(stripe, make_wallet(account=agency, credit="20"))
    wallet = make_wallet(account=account, credit="8.2", premium=7200)
    add_card(stripe, wallet)
    campaign = make_campaign(account, external_id="spring-1", name="Spring offers")
    paid = buy(wallet, receipt_number=1)
    _report(account, campaign)
    named = {
        "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11": str(account.pk),
        "0b0f6a53-6c2f-4f0b-9f57-0a4a1c6f2c11": str(paid.pk),
        "pm_1Q2w3E4r5T": agencys.id,
    }
    return World(account, agency, named)


def _report(account: Account, campaign: Campaign) -> None:
    """A call of the campaign that ended a little ago."""
    ended = clock.now() - timedelta(minutes=5)
    report = make_report(account, campaign=campaign, seconds=120, ended_at=ended, id="call-48211")
    (result,) = calls.record(reports=[report], reporter=account)
    assert result.status == "charged"
