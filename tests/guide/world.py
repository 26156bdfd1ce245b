"""The guide's world: accounts with cards and credit, people at pages, calls, and the workers."""

from dataclasses import dataclass
from decimal import Decimal

from django.test import Client

from accounts import clock
from accounts.models import Account
from accounts.tests.builders import make_agency, make_individual, make_sub_account, owner_of
from campaigns import calls
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign, make_report
from thinkrr_billing.sandbox.story.person import Page
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.allocations import planning
from wallets.allocations import runs as allocation_runs
from wallets.models import AllocationRun, LedgerEntry, Purchase, Wallet
from wallets.recharges import auto_recharge
from wallets.tests.worlds.builders import GOOD_CARD, add_card, make_wallet, set_auto_recharge

SITE = "http://testserver"
CONFIGURE = "/payments/auto-recharge/"
RESUME = "/campaigns/resume/"


@dataclass
class Player:
    """An account, its wallet and its owner at a browser."""

    account: Account
    wallet: Wallet
    stripe: StripeSandbox

    def __post_init__(self) -> None:
        self.client = Client()
        self.client.force_login(owner_of(self.account))

    @property
    def credit(self) -> Decimal:
        return self._fresh().credit.amount

    @property
    def minutes(self) -> dict[str, int]:
        wallet = self._fresh()
        return {"basic": wallet.basic_seconds // 60, "premium": wallet.premium_seconds // 60}

    def _fresh(self) -> Wallet:
        return Wallet.objects.get(pk=self.wallet.pk)

    def open(self, path: str, **query: str) -> Page:
        return _page(self.client.get(path, query), path)

    def source(self, path: str) -> str:
        """The HTML of a page, however its templates break their lines."""
        return " ".join(self.client.get(path).content.decode().split())

    def submit(self, path: str, field: str, **answers: object) -> Page:
        """Open the page, fill in its form and press the button; once more if figures changed."""
        page = self.open(path)
        for _ in range(2):
            form = page.form(field)
            page = _page(self.client.post(form.action, form.fields | answers, follow=True), path)
            if page.status != 422:
                break
        return page

    def charged(self) -> list[int]:
        """What Stripe took from this account's cards, in cents, oldest first."""
        customer = Account.objects.get(pk=self.account.pk).stripe_customer
        if not customer:
            return []
        truth = self.stripe.truth(customer=customer)["payment_intents"]
        taken = [one for one in truth if one["status"] == "succeeded"]
        return [one["amount"] for one in sorted(taken, key=lambda one: one["created"])]

    def call(self, *, minutes: int, **kind: object) -> None:
        """Calls of a minute each, reported as the voice platform does; then workers work."""
        reports = [make_report(self.account, seconds=60, **kind) for _ in range(minutes)]
        results = calls.record(reports=reports, reporter=None)
        assert {result.status for result in results} == {"charged"}
        work()

    def campaign(self, minute_type: str, status: str = "started") -> Campaign:
        name = minute_type.replace("_", " ").capitalize()
        return make_campaign(self.account, minute_type=minute_type, status=status, name=name)

    def recharge(self, *, amount: str, buys: str) -> Page:
        """Through the Recharge dialog as a page."""
        page = self.open("/payments/recharge/", amount=amount, buys=buys)
        form = page.form("/payments/recharge/")
        return _page(self.client.post(form.action, form.fields, follow=True), form.action)

    def bought(self) -> list[LedgerEntry]:
        return list(LedgerEntry.objects.filter(wallet=self.wallet, purchase__isnull=False))


def work() -> None:
    """What workers do once a transaction has committed."""
    for wallet_id in auto_recharge.DUE.take():
        auto_recharge.run(wallet_id=wallet_id)
    planning.plan_due(now=clock.now())
    for run_id in planning.DUE.take():
        allocation_runs.charge_run(run_id=run_id)


def status_of(campaign: Campaign) -> str:
    """Started, or "paused: low_balance"."""
    campaign.refresh_from_db()
    reason = f": {campaign.pause_reason}" if campaign.pause_reason else ""
    return f"{campaign.status}{reason}"


def runs_of(sub_account: Player) -> list[tuple[str, str]]:
    runs = AllocationRun.objects.filter(allocation__account=sub_account.account)
    return [(f"{run.period:%-d %b}", run.state) for run in runs.order_by("period")]


def purchases_of(player: Player) -> list[tuple[int, str]]:
    found = Purchase.objects.filter(payer=player.account).order_by("created_at")
    return [(one.amount_cents, one.state) for one in found]


def _page(response: object, path: str) -> Page:
    chain = getattr(response, "redirect_chain", None)
    url = SITE + (chain[-1][0] if chain else path)
    return Page(url=url, status=response.status_code, source=response.content.decode())


class World:
    """Makes players."""

    def __init__(self, stripe: StripeSandbox) -> None:
        self.stripe = stripe

    def individual(self, **facts: object) -> Player:
        return self._player(make_individual(), **facts)

    def agency(self, *, included_minutes: int = 0, **facts: object) -> Player:
        return self._player(make_agency(included_minutes=included_minutes), **facts)

    def sub_account(self, agency: Player, name: str = "Northside Dental", **facts) -> Player:
        return self._player(make_sub_account(name, agency=agency.account), **facts)

    def _player(
        self,
        account: Account,
        *,
        credit: str = "0",
        included: int = 0,
        card: str = GOOD_CARD,
        threshold: str = "",
        amount: str = "50",
    ) -> Player:
        """With a card unless it is "", and Auto-Recharge on when a threshold is given."""
        wallet = make_wallet(account=account, credit=credit, included=included)
        if card:
            add_card(self.stripe, wallet, card)
        if threshold:
            set_auto_recharge(wallet, threshold=threshold, amount=amount)
        return Player(account, wallet, self.stripe)
