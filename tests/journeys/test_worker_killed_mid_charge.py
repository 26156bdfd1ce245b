"""A worker dies in the middle of a charge. Whoever comes next ends it: one charge, one credit."""

import time
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from accounts.tests.builders import make_individual
from tests.journeys.workers import Workers
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from thinkrr_billing.tests.processes import wait_until
from wallets.balances import adjustments
from wallets.balances.opening import open_wallet
from wallets.cards import customers, keeping
from wallets.models import LedgerEntry, Purchase, Wallet
from wallets.recharges import configure
from wallets.recharges.configure import Settings

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

# A loaded machine starts a worker slowly.
STARTS_WITHIN = 60
# The sweep leaves a purchase to its driver for half a minute, then takes it over.
TAKEN_OVER_WITHIN = 120
# Longer than the test: whoever waits for this answer waits until it is killed.
HANGS_SECONDS = 600


def test_a_worker_killed_before_or_after_stripe_took_the_money_charges_and_credits_once(
    workers: Workers, stripe: StripeSandbox
) -> None:
    before = _wallet_below_threshold(stripe, "Killed before the charge", hangs="hang_before")
    after = _wallet_below_threshold(stripe, "Killed after the charge", hangs="hang_after")
    workers.start()
    for wallet in (before, after):
        workers.send("wallets.recharge_wallet", wallet.pk)
    wait_until(
        lambda: all(fault["used"] for fault in stripe.faults()),
        seconds=STARTS_WITHIN,
        what="both confirmations reach Stripe",
    )
    wait_until(
        lambda: _taken(stripe, after) == [5000], seconds=10, what="Stripe takes the second's money"
    )

    workers.kill()

    assert _taken(stripe, before) == []
    assert {purchase.state for purchase in Purchase.objects.all()} == {"submitted"}
    assert [_credit(wallet) for wallet in (before, after)] == [Decimal(5), Decimal(5)]
    stripe.clear_faults()
    workers.start()
    _tick_until_settled(workers)
    for wallet in (before, after):
        assert _taken(stripe, wallet) == [5000]
        assert _credit(wallet) == Decimal(55)
        (credited,) = LedgerEntry.objects.filter(wallet=wallet, kind="auto_recharge")
        assert credited.amount == Decimal(50)
    assert _complaints_about_the_books() == ""


def _wallet_below_threshold(stripe: StripeSandbox, name: str, *, hangs: str) -> Wallet:
    """$5 of credit, threshold $10, amount $50, and the next confirmation hangs."""
    account = make_individual(name)
    wallet = open_wallet(account=account)
    _adjust(wallet, "20")
    customer = customers.ensure(account=account)
    keeping.adopt(account=account, card_id=stripe.add_card(customer)["id"])
    configure.save(
        wallet_id=wallet.pk,
        settings=Settings(enabled=True, threshold=Decimal(10), amount=Decimal(50)),
        actor=None,
    )
    stripe.fault(
        method="POST",
        path=r"/v1/payment_intents/[^/]+/confirm",
        kind=hangs,
        seconds=HANGS_SECONDS,
        customer=customer,
    )
    _adjust(wallet, "-15")
    return wallet


def _adjust(wallet: Wallet, amount: str) -> None:
    adjustments.post(
        wallet_id=wallet.pk,
        pot="credit",
        amount=Decimal(amount),
        note="For the journey",
        actor=None,
        form_key=amount,
    )


def _tick_until_settled(workers: Workers) -> None:
    """Tick like beat, only faster, until no purchase is open any more."""
    deadline = time.monotonic() + TAKEN_OVER_WITHIN
    while Purchase.objects.open().exists():
        assert time.monotonic() < deadline, "the purchases were not taken over"
        workers.send("wallets.tick")
        time.sleep(1)


def _taken(stripe: StripeSandbox, wallet: Wallet) -> list[int]:
    truth = stripe.truth(customer=wallet.account.stripe_customer)["payment_intents"]
    return [intent["amount"] for intent in truth if intent["status"] == "succeeded"]


def _credit(wallet: Wallet) -> Decimal:
    return Wallet.objects.get(pk=wallet.pk).credit.amount


def _complaints_about_the_books() -> str:
    out = StringIO()
    call_command("verify_books", "--stripe", stdout=out, stderr=out)
    return out.getvalue()
