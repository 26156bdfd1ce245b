"""Wallets in the four situations in which money is taken, for the table of crash points."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from accounts.tests.builders import make_agency, make_individual, make_sub_account, owner_of
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.allocations import asks, configure, gifts, runs
from wallets.balances.opening import open_wallet
from wallets.models import AutoRecharge, Wallet
from wallets.recharges import auto_recharge
from wallets.recharges import by_hand as recharges
from wallets.tests.worlds.builders import add_card, fill, set_auto_recharge


@dataclass
class Situation:
    """What takes the money (again and again, as a nudge or a person would), and what is due."""

    wallet: Wallet
    trigger: Callable[[], object]
    cents: int
    # What is in the pots once it was paid exactly once.
    credit: Decimal
    premium_seconds: int = 0


def low_balance(stripe: StripeSandbox, *, credit: str = "8") -> Wallet:
    """Below its threshold of $10: the rule wants $50."""
    wallet = open_wallet(account=make_individual())
    add_card(stripe, wallet)
    fill(wallet, credit=credit)
    set_auto_recharge(wallet, threshold=10, amount=50)
    AutoRecharge.objects.watch(wallet_ids=[wallet.pk], now=wallet.account.created_at)
    return wallet


def automatic(stripe: StripeSandbox) -> Situation:
    wallet = low_balance(stripe)
    return Situation(wallet, lambda: auto_recharge.run(wallet_id=wallet.pk), 5000, Decimal("58"))


def by_hand(stripe: StripeSandbox) -> Situation:
    wallet = open_wallet(account=make_individual())
    add_card(stripe, wallet)
    return Situation(
        wallet,
        lambda: recharges.recharge(
            wallet_id=wallet.pk, actor=None, amount=Decimal(16), buys="premium", form_key="once"
        ),
        1600,
        Decimal(0),
        premium_seconds=6000,
    )


def monthly(stripe: StripeSandbox) -> Situation:
    agency = make_agency()
    account = make_sub_account(agency=agency)
    card = add_card(stripe, open_wallet(account=agency))
    wallet = open_wallet(account=account)
    agency.refresh_from_db()
    allocation = configure.save(
        account=account,
        agency=agency,
        actor=None,
        basic_minutes=0,
        premium_minutes=100,
        payment_method=card.id,
    )
    run = allocation.runs.get()
    return Situation(
        wallet, lambda: runs.charge_run(run_id=run.pk), 1600, Decimal(0), premium_seconds=6000
    )


def gift(stripe: StripeSandbox) -> Situation:
    """An agency answers what its sub-account asked for."""
    agency = make_agency()
    account = make_sub_account(agency=agency)
    card = add_card(stripe, open_wallet(account=agency))
    asked = asks.ask(account=account, actor=owner_of(account), basic_minutes=0, premium_minutes=100)
    given = gifts.Gift(0, 100, card.id, form_key="once", ask_id=asked.pk)
    return Situation(
        open_wallet(account=account),
        lambda: gifts.give(account=account, agency=agency, actor=owner_of(agency), gift=given),
        1600,
        Decimal(0),
        premium_seconds=6000,
    )


SITUATIONS: dict[str, Callable[[StripeSandbox], Situation]] = {
    "recharge": by_hand,
    "auto_recharge": automatic,
    "allocation": monthly,
    "gift": gift,
}


def taken(stripe: StripeSandbox) -> list[int]:
    """What Stripe really took, in cents, per successful intent."""
    intents = stripe.truth()["payment_intents"]
    return [one["amount_received"] for one in intents if one["amount_received"]]
