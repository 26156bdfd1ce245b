"""The world that the examples of the document are about: an agency, Northside Dental and its calls.

What an example names (an id, a card) is here under the id it got; what is text stands as it is.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from accounts import clock
from accounts.models import Account, Role, WebhookAttempt
from accounts.people import members, opening
from accounts.telling.notifications import notify
from accounts.tests.builders import add_member, make_agency, make_sub_account, make_user
from accounts.webhooks import endpoints, outbox
from accounts.webhooks.endpoints import Terms
from campaigns import calls
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign, make_report
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.alerts import keeping
from wallets.allocations import asks, configure
from wallets.models import Alert, AllocationRun, MinuteAsk, Purchase, Wallet
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import buy
from wallets.why import decisions
from wallets.why.codes import Autopause

MASTERCARD = "5555555555554444"

# A minute after the moment of which the examples tell.
NOW = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    account: Account
    agency: Account
    # Another sub-account of the agency: it waits for minutes that it asked for.
    sister: Account
    # Each id of the examples, and what it is called here.
    named: dict[str, str]

    def here(self, example: object) -> object:
        """An example with the ids of this world."""
        told = re.compile("|".join(self.named))
        return json.loads(told.sub(lambda one: self.named[one[0]], json.dumps(example)))


def make_world(stripe: StripeSandbox) -> World:
    agency = make_agency()
    account = make_sub_account("Northside Dental", agency=agency)
    agencys = add_card(stripe, make_wallet(account=agency, credit="20"))
    wallet = make_wallet(account=account, credit="8.2", premium=7200)
    add_card(stripe, wallet)
    campaign = make_campaign(account, external_id="spring-1", name="Spring offers")
    with clock.at(clock.now() - timedelta(hours=1)):
        paid = buy(wallet, receipt_number=1)
    _report(account, campaign)
    sister = make_sub_account("Southside Dental", agency=agency)
    waiting = opening.add_sub_account(
        agency=agency, name="Lakeside Dental", owner_email="owner@lakeside.example"
    )
    other = add_card(stripe, wallet, MASTERCARD)
    agency.refresh_from_db()
    named = {
        "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11": str(account.pk),
        "0b0f6a53-6c2f-4f0b-9f57-0a4a1c6f2c11": str(paid.pk),
        "pm_1Q2w3E4r5T": agencys.id,
        "pm_9Z8y7X6w5V": other.id,
        "5a2e9c40-8d17-4c3b-a6f1-2b7d0e9c4a22": str(sister.pk),
        "8f6d2c11-3b4e-4d7a-9e05-6c1a8b2f7d44": str(waiting.pk),
        "1d4b8e27-6f3a-4b90-8c52-7e0a9d3f5b33": str(_gift(wallet, agency).pk),
        "50021": str(_alert(wallet).pk),
        "60012": str(_asks(account, sister).pk),
    }
    named |= _webhook(account)
    _people(account)
    _allocation(account, agency=agency, card_id=agencys.id)
    _trouble(wallet, campaign)
    return World(account, agency, sister, named)


def _people(account: Account) -> None:
    """Somebody who works there, somebody who was invited, and what they were told."""
    ada = make_user("ada@northside.example", name="Ada Lovelace")
    add_member(account, Role.OWNER, user=ada)
    members.invite(
        account=account, email="grace@northside.example", role=Role.ADMIN, invited_by=ada
    )
    notify(account=account, kind="calls", title="Calls", text="Calls came late.", mail=False)


def _webhook(account: Account) -> dict[str, str]:
    """A webhook that took a test event."""
    hook = endpoints.add(account=account, terms=Terms(url="https://example.com/hooks"), actor=None)
    sent = outbox.write_test(endpoint=hook)
    WebhookAttempt.objects.create(
        delivery=sent, at=clock.now(), took_ms=84, status=200, answer="ok"
    )
    sent.state, sent.attempts, sent.sent_at = "sent", 1, clock.now()
    sent.save(update_fields=["state", "attempts", "sent_at"])
    return {"6c1c3c0e-2a53-4d6b-8d6c-3a1f0f5b7a10": str(hook.pk), "70021": str(sent.pk)}


def _gift(wallet: Wallet, agency: Account) -> Purchase:
    """Minutes that the agency gave before."""
    return buy(
        wallet,
        payer=agency,
        purpose="allocation",
        buys="allocation",
        form_key="gift-1",
        receipt_number=2,
        basic_minutes=100,
        basic_rate="0.09",
        premium_rate="0.16",
    )


def _alert(wallet: Wallet) -> Alert:
    terms = keeping.Terms(
        kind="runway", level=Decimal(3), people="managers", addresses=("b@c.example",), slack=False
    )
    return keeping.add(wallet_id=wallet.pk, terms=terms, actor=None)


def _asks(account: Account, sister: Account) -> MinuteAsk:
    """One that was taken back, and one that is open."""
    wanted = {"actor": None, "basic_minutes": 100, "premium_minutes": 0, "words": "For Friday."}
    taken_back = asks.ask(account=account, **wanted)
    asks.withdraw(account=account, ask_id=taken_back.pk, actor=None)
    return asks.ask(account=sister, **wanted)


def _allocation(account: Account, *, agency: Account, card_id: str) -> None:
    """500 Basic and 1,000 Premium minutes a month, whose charge of today failed."""
    wish = {"basic_minutes": 500, "premium_minutes": 1000, "payment_method": card_id}
    configure.save(account=account, agency=agency, actor=None, **wish)
    AllocationRun.objects.filter(allocation__account=account).update(state="failed")


def _trouble(wallet: Wallet, campaign: Campaign) -> None:
    """Auto-Recharge below its threshold, and a campaign that was paused."""
    set_auto_recharge(wallet, threshold="100.00", amount="50.00")
    paused = Autopause.PAUSED
    decisions.record(decisions.Entry(wallet.pk, paused, campaign.external_id, campaign.name))


def _report(account: Account, campaign: Campaign) -> None:
    """A call of the campaign that ended a little ago."""
    ended = clock.now() - timedelta(minutes=5)
    report = make_report(account, campaign=campaign, seconds=120, ended_at=ended, id="call-48211")
    (result,) = calls.record(reports=[report], reporter=account)
    assert result.status == "charged"
