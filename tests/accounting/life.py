"""Half a year of an agency and its sub-account, day by day, through the real functions.

Recharges of each kind, calls, allocations, refunds (one fails), disputes (one is won), adjustments
of a micro-dollar, a debt, and Included minutes that are reset: played from dice with a seed.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from accounts import clock
from accounts.errors import AccountError
from accounts.models import Account
from accounts.tests.builders import make_agency, make_sub_account
from campaigns import calls
from campaigns.tests.builders import make_campaign, make_report
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.allocations import configure
from wallets.allocations import runs as allocation_runs
from wallets.balances import blocking, included
from wallets.balances.opening import open_wallet
from wallets.models import Purchase, Wallet
from wallets.prices import payable
from wallets.prices.rates import rates_now
from wallets.recharges import auto_recharge, by_hand
from wallets.reversals import disputes, refunds
from wallets.tests.worlds.builders import DECLINED_CARD, add_card, fill, set_auto_recharge
from wallets.tests.worlds.reversal_world import buy, dispute, drive, refund

BEGINNING = datetime(2026, 5, 12, 15, 0, tzinfo=UTC)
DAYS = 190
# Its clock changes in the middle of that, and its days are not those of UTC.
ZONE = "America/New_York"


class Life:
    """Its accounts, and the dice."""

    def __init__(self, stripe: StripeSandbox) -> None:
        self.stripe, self.dice = stripe, random.Random(16)
        self.agency = make_agency('Brigh"tline; \\Agency', timezone=ZONE, included_minutes=450)
        self.sub = make_sub_account("Northside Dental", agency=self.agency)
        for account in (self.agency, self.sub):
            add_card(stripe, open_wallet(account=account))
            account.refresh_from_db()
        self.declined_card = add_card(stripe, self.wallet(self.agency), DECLINED_CARD).id
        self.campaigns = [
            make_campaign(account, minute_type=kind)
            for account in (self.agency, self.sub)
            for kind in ("premium", "basic", "premium_then_basic")
        ]

    def wallet(self, account: Account) -> Wallet:
        return Wallet.objects.get(account=account)

    def play(self) -> None:
        """Some things happen each day, some in their turn."""
        turns = {
            0: self.recharge_credit,
            3: self.recharge_minutes,
            6: self.refund_some,
            8: self.dispute_one,
            9: self.refund_allocation,
            10: self.adjust,
            12: self.fail_a_refund,
            15: self.overdraw,
            16: self.decline,
        }
        with clock.at(BEGINNING):
            self.begin_allocation()
        for day in range(DAYS):
            with clock.at(BEGINNING + timedelta(days=day)):
                included.reset_due()
                allocation_runs.charge_due(now=clock.now())
                self.tried(turns.get(day % 17))
            self.report_calls(day)

    def tried(self, deed: Callable[[], object] | None) -> None:
        """What is refused for a reason of its own is a day without it."""
        try:
            if deed:
                deed()
        except AccountError:
            pass

    def begin_allocation(self) -> None:
        configure.save(
            account=self.sub,
            agency=self.agency,
            actor=None,
            basic_minutes=120,
            premium_minutes=45,
            payment_method=self.wallet(self.agency).default_payment_method,
        )

    def report_calls(self, day: int) -> None:
        for late in sorted(self.dice.sample(range(60, 86_000), 2)):
            with clock.at(BEGINNING + timedelta(days=day, seconds=late)):
                reports = [
                    make_report(one.account, campaign=one, seconds=self.dice.randrange(1, 500))
                    for one in self.dice.sample(self.campaigns, 3)
                ]
                calls.record(reports=reports, reporter=None)

    def recharge_credit(self) -> None:
        buy(self.wallet(self.agency), 45, "credit")
        buy(self.wallet(self.sub), 40, "credit")

    def recharge_minutes(self) -> None:
        buy(self.wallet(self.agency), 40, self.dice.choice(["premium", "basic"]))

    def some_purchase(self, **which: str) -> Purchase:
        """One that is paid, and of which nothing went back yet."""
        paid = Purchase.objects.filter(state="succeeded", reversals=None, **which)
        return self.dice.choice(list(paid.order_by("created_at")))

    def refund_some(self) -> None:
        """Of an allocation only what was not used yet: soon after it was bought."""
        drive(refund(self.some_purchase(purpose="recharge"), 733))

    def refund_allocation(self) -> None:
        newest = Purchase.objects.filter(purpose="allocation", state="succeeded")
        drive(refund(newest.latest("created_at"), 11))

    def fail_a_refund(self) -> None:
        reversal = refund(self.some_purchase(purpose="recharge"), 500)
        drive(reversal)
        reversal.refresh_from_db()
        self.stripe.set_refund(reversal.stripe_id, "failed")
        refunds.settle_refund(refund_id=reversal.stripe_id)

    def dispute_one(self) -> None:
        """Every second one is won; support lets the account pay again."""
        wins = self.dice.random() < 0.5
        purchase = self.some_purchase()
        disputed = dispute(self.stripe, purchase)
        disputes.apply_dispute(dispute_id=disputed)
        self.stripe.move_dispute(disputed, "win" if wins else "lose")
        disputes.apply_dispute(dispute_id=disputed)
        blocking.unblock(wallet_id=purchase.wallet_id)
        if purchase.purpose == "allocation":
            blocking.unblock(wallet_id=self.wallet(self.agency).pk)

    def adjust(self) -> None:
        amount = Decimal(self.dice.randrange(1, 10**6)) / 10**6
        fill(self.wallet(self.agency), credit=str(amount), premium=self.dice.randrange(1, 100))
        fill(self.wallet(self.sub), credit="0.000001", basic=7)

    def overdraw(self) -> None:
        """A call that happened is charged, whatever is left, and Auto-Recharge fills up. Not in
        the first two months, whose Included minutes are to be left over."""
        if clock.now() < BEGINNING + timedelta(days=62):
            return
        left = payable.payable_seconds(
            pots=self.wallet(self.agency).pots, usable="premium", rates=rates_now()
        )
        campaign = self.campaigns[0]
        report = make_report(self.agency, seconds=min(left + 901, 80_000), campaign=campaign)
        calls.record(reports=[report], reporter=None)
        wallet = self.wallet(self.agency)
        set_auto_recharge(wallet, threshold=15, amount=30, suspended_at=None, suspended_reason="")
        auto_recharge.run(wallet_id=wallet.pk)

    def decline(self) -> None:
        by_hand.recharge(
            wallet_id=self.wallet(self.agency).pk,
            actor=None,
            amount=Decimal(15),
            buys="credit",
            payment_method=self.declined_card,
            form_key=str(uuid4()),
        )
