"""An agency with a card, its sub-account, and time to move through, for allocation tests."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from accounts import clock
from accounts.models import Account, Notification
from accounts.tests.builders import make_agency, make_sub_account
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.allocations import configure
from wallets.allocations import runs as allocation_runs
from wallets.balances.opening import open_wallet
from wallets.cards.payment_methods import Card
from wallets.models import AllocationRun, AutoAllocation, LoggedDecision, Purchase, Wallet
from wallets.tests.worlds.builders import GOOD_CARD, add_card


def moment(text: str) -> datetime:
    """A moment in UTC, from 2026-11-14 or 2026-11-14 15:30."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class World:
    stripe: StripeSandbox
    agency: Account
    sub: Account
    card: Card

    def save(self, basic: int = 500, premium: int = 1000, **facts: object) -> AutoAllocation:
        facts = {"payment_method": self.card.id} | facts
        return configure.save(
            account=self.sub,
            agency=self.agency,
            actor=None,
            basic_minutes=basic,
            premium_minutes=premium,
            **facts,
        )

    def preview(self, basic: int = 500, premium: int = 1000, **facts: object):
        return configure.preview(
            account=self.sub,
            agency=self.agency,
            basic_minutes=basic,
            premium_minutes=premium,
            **facts,
        )

    def stop(self) -> AutoAllocation:
        return configure.stop(account=self.sub, agency=self.agency, actor=None)

    def run_at(self, text: str) -> list[str]:
        """Everything that is due at that moment, as a worker would do it."""
        with clock.at(moment(text)):
            return [one.code for one in allocation_runs.charge_due(now=clock.now())]

    def decline_with(self, code: str = "insufficient_funds") -> None:
        self.stripe.set_card(self.card.id, behaviour={"decline_code": code})

    def accept(self) -> None:
        self.stripe.set_card(self.card.id, behaviour="ok")

    @property
    def allocation(self) -> AutoAllocation:
        return AutoAllocation.objects.get(account=self.sub)

    @property
    def runs(self) -> list[tuple[str, str]]:
        rows = AllocationRun.objects.filter(allocation__account=self.sub).order_by("period")
        return [(f"{row.period}", row.state) for row in rows]

    def run(self, period: str) -> AllocationRun:
        return AllocationRun.objects.get(allocation__account=self.sub, period=period)

    @property
    def minutes(self) -> tuple[int, int]:
        """Basic and Premium minutes in the sub-account's pots."""
        wallet = Wallet.objects.get(account=self.sub)
        return wallet.basic_seconds // 60, wallet.premium_seconds // 60

    def taken(self) -> list[int]:
        """What Stripe really took from the agency, in cents."""
        intents = self.stripe.truth(customer=self.agency.stripe_customer)["payment_intents"]
        return sorted(one["amount"] for one in intents if one["status"] == "succeeded")

    def purchases(self) -> list[Purchase]:
        return list(Purchase.objects.filter(payer=self.agency).order_by("created_at"))

    def told(self, account: Account, kind: str) -> list[str]:
        notices = Notification.objects.filter(account=account, kind=kind).order_by("pk")
        return list(notices.values_list("text", flat=True))

    def logged(self, account: Account) -> list[str]:
        """The codes of what the account reads about monthly allocation, in order."""
        rows = LoggedDecision.objects.filter(wallet__account=account, subject="allocation")
        return list(rows.order_by("first_at", "pk").values_list("code", flat=True))

    def sibling(self, name: str = "Southside Dental") -> "World":
        """Another sub-account of the same agency, paid with the same card."""
        sub = make_sub_account(name, agency=self.agency)
        open_wallet(account=sub)
        return replace(self, sub=sub)


def make_world(stripe: StripeSandbox, *, timezone: str = "UTC", number: str = GOOD_CARD) -> World:
    agency = make_agency("Brightline Agency", timezone=timezone)
    sub = make_sub_account("Northside Dental", agency=agency)
    card = add_card(stripe, open_wallet(account=agency), number)
    agency.refresh_from_db()
    open_wallet(account=sub)
    return World(stripe, agency, sub, card)


def make_unanswered(stripe: StripeSandbox, *, number: str = GOOD_CARD) -> tuple[World, Purchase]:
    """A world whose first month, at 10:00 on 14 November, was asked for; the answer was lost."""
    world = make_world(stripe, number=number)
    with clock.at(moment("2026-11-14 10:00")):
        world.save()
    stripe.fault(kind="reset_after", path="/v1/payment_intents/.*/confirm", times=2)
    world.run_at("2026-11-14 10:00")
    [purchase] = world.purchases()
    return world, purchase
