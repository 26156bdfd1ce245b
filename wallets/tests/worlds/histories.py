"""Movements, purchases and allocations as they stand afterwards, for tests of what is read."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

from accounts import clock
from wallets.balances import ledger
from wallets.models import AllocationRun, AutoAllocation, Purchase, Wallet


def post(wallet: Wallet, pot: str, amount: str | int, *, kind: str = "adjustment", **more) -> None:
    more.setdefault("key", f"test:{uuid4()}")
    ledger.post(
        movements=[
            ledger.Movement(wallet_id=wallet.pk, pot=pot, amount=Decimal(amount), kind=kind, **more)
        ]
    )


def buy(wallet: Wallet, *, cents: int = 5000, state: str = "succeeded", **more) -> Purchase:
    """A purchase of credit in this state, and what it credits when it succeeded."""
    facts = {
        "payer": wallet.account,
        "wallet": wallet,
        "purpose": "recharge",
        "buys": "credit",
        "card": "Visa •••• 4242",
        "created_at": clock.now(),
        **more,
    }
    if state not in ("created", "declined", "canceled"):
        facts["payment_intent"] = f"pi_{uuid4().hex}"
    if state in ("succeeded", "declined", "canceled"):
        facts["closed_at"] = clock.now()
    purchase = Purchase.objects.create(amount_cents=cents, state=state, **facts)
    if state == "succeeded" and purchase.purpose != "allocation":
        post(
            wallet,
            "credit",
            Decimal(cents) / 100,
            kind=purchase.purpose,
            purchase_id=purchase.pk,
            key=f"purchase:{purchase.pk}",
        )
    return purchase


def allocate(sub: Wallet, *, basic: int = 500, cents: int = 4500) -> Purchase:
    """500 Basic minutes from the agency, paid with its card and credited."""
    agency = sub.account.agency
    allocation = AutoAllocation.objects.create(
        agency=agency,
        account=sub.account,
        basic_minutes=basic,
        payment_method="pm_agency",
        anchor_date=date(2026, 11, 20),
    )
    run = AllocationRun.objects.create(
        allocation=allocation,
        period=date(2026, 11, 20),
        basic_minutes=basic,
        premium_minutes=0,
        basic_rate="0.09",
        premium_rate="0.16",
        amount_cents=cents,
    )
    purchase = buy(
        sub,
        cents=cents,
        payer=agency,
        purpose="allocation",
        buys="allocation",
        allocation_run=run,
        basic_minutes=basic,
        basic_rate="0.09",
        premium_rate="0.16",
        card="Visa •••• 1881",
    )
    post(
        sub,
        "basic",
        basic * 60,
        kind="allocation",
        purchase_id=purchase.pk,
        key=f"purchase:{purchase.pk}",
    )
    return purchase
