"""What a reversal takes from which pot, and giving exactly that back.

Of $X first the unused seconds of the purchase's own types go, at its frozen rates and at most
what each pot holds; the rest comes from the payer's credit, which may go below zero.
A bank may take back what was refunded already: the ledger follows, and support is told once.
Locked in this order: wallets, the purchase, its reversals.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from accounts.telling.notifications import alert_staff
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.charging import rows
from wallets.models import LedgerEntry, Pot, Purchase, Reversal, Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE, dollars, price_of_seconds
from wallets.texts import usd

# Premium first: it is worth more, so fewer entries are needed.
MINUTE_POTS = (Pot.PREMIUM, Pot.BASIC)

TAKING = {
    Reversal.Kind.REFUND: LedgerEntry.Kind.REFUND,
    Reversal.Kind.DISPUTE: LedgerEntry.Kind.DISPUTE,
}
GIVING_BACK = {
    Reversal.Kind.REFUND: LedgerEntry.Kind.REFUND_FAILED,
    Reversal.Kind.DISPUTE: LedgerEntry.Kind.DISPUTE_WON,
}


@dataclass(frozen=True)
class LockedPurchase:
    """A purchase with the wallets a reversal may move, all locked."""

    purchase: Purchase
    wallets: dict[int, Wallet]
    payer_wallet: Wallet


@contextmanager
def locked_purchase(purchase_id: UUID) -> Iterator[LockedPurchase]:
    """A transaction of its own with the purchase's and its payer's wallet, then the purchase."""
    facts = Purchase.objects.select_related("payer").get(pk=purchase_id)
    with rows.in_log(facts), transaction.atomic(durable=True):
        payer_wallet_id = open_wallet(account=facts.payer).pk
        wallets = ledger.lock(wallet_ids=[facts.wallet_id, payer_wallet_id])
        purchase = Purchase.objects.locked().select_related("payer").get(pk=purchase_id)
        yield LockedPurchase(purchase, wallets, wallets[payer_wallet_id])


@dataclass(frozen=True)
class Refundable:
    """What support may still refund, in cents, and the unused seconds that would go first."""

    cents: int
    unused: dict[str, int] = field(default_factory=dict)


def refundable(purchase: Purchase, *, wallet: Wallet | None = None) -> Refundable:
    """What is left to refund: of a recharge all that was not reversed, of an allocation only
    its unused minutes. `wallet` is the purchase's, locked when the answer is acted on."""
    if purchase.state != Purchase.State.SUCCEEDED:
        return Refundable(0)
    wallet = wallet or Wallet.objects.get(pk=purchase.wallet_id)
    left = max(0, purchase.amount_cents - _reversed_cents(purchase))
    unused = unused_seconds(purchase, wallet)
    if purchase.buys == Purchase.Buys.ALLOCATION:
        worth = sum(
            (
                price_of_seconds(seconds=seconds, rate=rate_of(purchase, pot))
                for pot, seconds in unused.items()
            ),
            start=Decimal(0),
        )
        left = min(left, int((worth * 100).to_integral_value(ROUND_FLOOR)))
    return Refundable(left, unused)


def _reversed_cents(purchase: Purchase) -> int:
    standing = purchase.reversals.standing()
    return standing.aggregate(total=Sum("amount_cents"))["total"] or 0


def unused_seconds(purchase: Purchase, wallet: Wallet) -> dict[str, int]:
    """Seconds of the purchase's types that are still its own and still in the pots."""
    own = dict(
        LedgerEntry.objects.filter(purchase=purchase, wallet=wallet, pot__in=MINUTE_POTS)
        .values_list("pot")
        .annotate(total=Sum("amount"))
        .values_list("pot", "total")
    )
    held = {pot: min(int(own.get(pot, 0)), wallet.held(pot)) for pot in MINUTE_POTS}
    return {pot: seconds for pot, seconds in held.items() if seconds > 0}


def rate_of(purchase: Purchase, pot: str) -> Decimal:
    """Dollars per minute at which the purchase bought this type."""
    return getattr(purchase, f"{pot}_rate")


def take(reversal: Reversal, *, wallets: dict[int, Wallet], payer_wallet_id: int) -> None:
    """Post what this reversal takes. `wallets` are locked: the purchase's and the payer's.

    An allocation's last second is taken whole: its sub-account never owes a fraction.
    """
    purchase = reversal.purchase
    wallet = wallets[purchase.wallet_id]
    is_allocation = purchase.buys == Purchase.Buys.ALLOCATION
    rest = dollars(reversal.amount_cents)
    parts: list[tuple[int, str, Decimal | int]] = []
    for pot, unused in unused_seconds(purchase, wallet).items():
        rate = rate_of(purchase, pot)
        seconds = min(unused, _seconds_worth(rest, rate, round_up=is_allocation))
        parts.append((wallet.pk, pot, -seconds))
        rest = max(Decimal(0), rest - price_of_seconds(seconds=seconds, rate=rate))
    parts.append((payer_wallet_id, Pot.CREDIT, -rest))
    _post(reversal, parts, wallets, kind=TAKING[reversal.kind], key=f"reversal:{reversal.pk}")
    _tell_excess(purchase)


def _tell_excess(purchase: Purchase) -> None:
    taken = _reversed_cents(purchase)
    if taken > purchase.amount_cents:
        alert_staff(
            kind="reversed_beyond_paid",
            text=(
                f"Of purchase {purchase.pk} over {usd(dollars(purchase.amount_cents))} "
                f"refunds and disputes took back {usd(dollars(taken))}."
            ),
            data={"purchase": str(purchase.pk)},
            dedupe_key=f"reversed-beyond-paid:{purchase.pk}",
        )


def _seconds_worth(amount: Decimal, rate: Decimal, *, round_up: bool) -> int:
    rounding = ROUND_CEILING if round_up else ROUND_FLOOR
    return int((amount * SECONDS_PER_MINUTE / rate).to_integral_value(rounding))


def give_back(reversal: Reversal, *, wallets: dict[int, Wallet]) -> None:
    """Put back exactly what this reversal took, pot by pot."""
    taken = reversal.entries.filter(kind=TAKING[reversal.kind])
    parts = [(entry.wallet_id, entry.pot, -entry.amount) for entry in taken]
    key = f"reversal:{reversal.pk}:back"
    _post(reversal, parts, wallets, kind=GIVING_BACK[reversal.kind], key=key)


def _post(
    reversal: Reversal,
    parts: list[tuple[int, str, Decimal | int]],
    wallets: dict[int, Wallet],
    *,
    kind: str,
    key: str,
) -> None:
    is_foreign = reversal.purchase.purpose == Purchase.Purpose.ALLOCATION
    movements = [
        ledger.Movement(
            wallet_id=wallet_id,
            pot=pot,
            amount=amount,
            kind=kind,
            key=key,
            purchase_id=reversal.purchase_id,
            reversal_id=reversal.pk,
            actor_id=reversal.actor_id,
            note=reversal.reason,
            # The minutes of an allocation are somebody else's: the note is for who paid.
            customer_note="" if is_foreign else reversal.customer_note,
        )
        for wallet_id, pot, amount in parts
    ]
    ledger.post(movements=movements, wallets=wallets)
