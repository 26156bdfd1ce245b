"""A wallet with a card, what it buys and what goes back of that, for tests of reversals."""

from decimal import Decimal
from uuid import uuid4

from accounts import clock
from wallets.models import Reversal, Wallet
from wallets.recharges import by_hand
from wallets.reversals import refunds
from wallets.stripe import gateway
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.builders import add_card, make_wallet


def make_wallet_with_card(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    return wallet


def make_allocated(stripe):
    """A world whose agency has paid its sub-account's first month: one purchase."""
    world = make_world(stripe)
    with clock.at(moment("2026-11-14")):
        world.save(basic=500, premium=1000)
    world.run_at("2026-11-14 00:01")
    return world


def buy(wallet, amount=50, buys="credit"):
    return by_hand.recharge(
        wallet_id=wallet.pk,
        actor=None,
        amount=Decimal(amount),
        buys=buys,
        form_key=str(uuid4()),
    )


def refund(purchase, cents, form_key=None, **facts):
    return refunds.refund(
        purchase_id=purchase.pk,
        amount_cents=cents,
        actor=None,
        reason="Asked for it back",
        form_key=form_key or str(uuid4()),
        **facts,
    )


def drive(reversal):
    return refunds.drive_refund(reversal_id=reversal.pk).state


def dispute(stripe, purchase, **facts):
    return stripe.dispute(purchase.payment_intent, **facts)["id"]


def refunded_outside(purchase, cents, **metadata):
    """A refund made at Stripe, not by us."""
    return gateway.create_refund(
        key=f"outside:{uuid4()}",
        intent_id=purchase.payment_intent,
        amount=cents,
        metadata=metadata,
    )


def pots(wallet):
    wallet = Wallet.objects.get(pk=wallet.pk)
    return wallet.credit.amount, wallet.premium_seconds, wallet.basic_seconds


def refunded_at_stripe(stripe):
    return sum(one["amount_refunded"] for one in stripe.truth()["payment_intents"])


def nothing_moved(purchase):
    return not Reversal.objects.exists() and not purchase.entries.filter(amount__lt=0).exists()
