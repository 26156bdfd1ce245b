"""Wallets, cards and settings for tests of every app, made through the real functions."""

from decimal import Decimal
from itertools import count

from djmoney.money import Money

from accounts.models import Account
from accounts.tests.builders import make_individual
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.balances import adjustments, holds
from wallets.balances.hold_statements import placing
from wallets.balances.opening import open_wallet
from wallets.cards import customers, keeping
from wallets.cards.payment_methods import Card
from wallets.models import AutoRecharge, Pot, Wallet
from wallets.stripe import gateway

_numbers = count(1)

GOOD_CARD = "4242424242424242"
OTHER_GOOD_CARD = "5555555555554444"
THIRD_GOOD_CARD = "378282246310005"
DECLINED_CARD = "4000000000000341"  # Can be saved; every charge is declined.
BANK_ASKS_CARD = "4000002760003184"  # Can be saved; every charge wants the bank's word.


def make_wallet(
    *,
    credit: str = "0",
    premium: int = 0,
    basic: int = 0,
    included: int = 0,
    account: Account | None = None,
) -> Wallet:
    """A wallet with these dollars and seconds, posted as adjustments."""
    wallet = open_wallet(account=account or make_individual())
    fill(wallet, credit=credit, premium=premium, basic=basic, included=included)
    return wallet


def fill(
    wallet: Wallet, *, credit: str = "0", premium: int = 0, basic: int = 0, included: int = 0
) -> None:
    """Add to the pots (or take from them) by adjustments, as support would."""
    for pot, amount in (
        (Pot.CREDIT, credit),
        (Pot.PREMIUM, premium),
        (Pot.BASIC, basic),
        (Pot.INCLUDED, included),
    ):
        if Decimal(amount):
            adjustments.post(
                wallet_id=wallet.pk,
                pot=pot,
                amount=Decimal(amount),
                note="test",
                actor=None,
                form_key=f"test-{next(_numbers)}",
            )
    wallet.refresh_from_db()


def place_hold(wallet: Wallet, *, call: str, seconds: int, minute_type: str = "premium") -> None:
    """Reserve seconds for a call, as far as they can be paid."""
    holds.place(
        statement=placing(unless="false"),
        account_id=wallet.account_id,
        reporter=wallet.account_id,
        call=call,
        minute_type=minute_type,
        seconds=seconds,
        may_start=True,
    )


def add_card(stripe: StripeSandbox, wallet: Wallet, number: str = GOOD_CARD, **facts) -> Card:
    """Save a card for the wallet's account at Stripe and here; the first becomes the default."""
    customer = customers.ensure(account=wallet.account)
    data = stripe.add_card(customer, number, **facts)
    card = keeping.adopt(account=wallet.account, card_id=data["id"])
    wallet.refresh_from_db()
    return card


def set_auto_recharge(wallet: Wallet, **settings: object) -> AutoRecharge:
    """Write settings as they would stand after saving, without the charge that saving makes."""
    automatic = AutoRecharge.objects.get(wallet=wallet)
    automatic.enabled = True
    for name, value in settings.items():
        dollars = ("threshold", "amount", "monthly_limit", "daily_ceiling")
        money = name in dollars and value is not None
        setattr(automatic, name, Money(value, "USD") if money else value)
    automatic.save()
    return automatic


def stranger_pays(stripe: StripeSandbox, *, cents: int = 2000, **metadata: str) -> str:
    """A payment at our Stripe account that is not ours; returns its intent."""
    number = next(_numbers)
    customer = gateway.create_customer(
        key=f"stranger-{number}", name="A stranger", email="", metadata={}
    )
    return pay(stripe, customer, cents=cents, **metadata)


def pay(stripe: StripeSandbox, customer: str, *, cents: int, **metadata: str) -> str:
    """A payment made at Stripe behind our back; returns its intent."""
    number = next(_numbers)
    intent = gateway.create_intent(
        key=f"outside-{number}",
        amount=cents,
        customer=customer,
        payment_method=stripe.add_card(customer)["id"],
        metadata=metadata,
        description="not by us",
    )
    gateway.confirm_intent(key=f"outside-confirm-{number}", intent_id=intent.id)
    return intent.id
