"""The only writer of entries, and by them of balances.

Every movement names its cause by a key: posting the same key again changes nothing, so callers
may retry freely. Each transaction that moved something says so once, by `balances_moved`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction
from djmoney.money import Money

from accounts import clock
from accounts.models import User
from accounts.nudges import nudge
from wallets.errors import InvalidAmount, KeyReused
from wallets.models import AutoRecharge, LedgerEntry, Pot, Wallet
from wallets.models.fields import LARGEST_AMOUNT
from wallets.models.wallet import MOST_SECONDS
from wallets.pricing import MICRO_DOLLAR
from wallets.signals import balances_moved

NOTE_LENGTH = 200

INSERT_ENTRIES = """
INSERT INTO wallets_ledgerentry
    (wallet_id, pot, amount, balance_after, kind, key, purchase_id, reversal_id, actor_id,
     note, occurred_at, created_at)
SELECT * FROM unnest(
    %s::bigint[], %s::text[], %s::numeric[], %s::numeric[], %s::text[], %s::text[], %s::uuid[],
    %s::uuid[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[])
"""


@dataclass(frozen=True)
class Movement:
    """One pot of one wallet moves. Positive adds; dollars for credit, whole seconds for minutes."""

    wallet_id: int
    pot: str
    amount: Decimal | int
    kind: str
    key: str
    purchase_id: UUID | None = None
    reversal_id: UUID | None = None
    actor_id: int | None = None
    note: str = ""
    occurred_at: datetime | None = None


@transaction.atomic
def post(*, movements: Iterable[Movement], wallets: dict[int, Wallet] | None = None) -> int:
    """Write these entries and move the balances with them. Returns how many were new.

    A movement whose (wallet, pot, key) was posted before is left out, so this is safe to repeat.
    Credit may end below zero; minute pots may not: that is refused by the database.
    `wallets` are rows the caller has locked in this transaction; without them they are locked
    here. Their balances are brought up to date in place.

    Raises KeyReused when a key was posted with another amount.
    """
    movements = [movement for movement in movements if movement.amount]
    ids = {movement.wallet_id for movement in movements}
    if wallets is None:
        wallets = lock(wallet_ids=ids)
    new = _without_posted(movements)
    if not new:
        return 0
    _write(new, wallets)
    moved = [wallets[pk] for pk in sorted({movement.wallet_id for movement in new})]
    due, low = AutoRecharge.objects.watch(
        wallet_ids=[wallet.pk for wallet in moved], now=clock.now()
    )
    balances_moved.send(sender=Wallet, wallets=moved, kinds={movement.kind for movement in new})
    for wallet_id in due:
        nudge("wallets.recharge_wallet", wallet_id)
    for wallet_id in low:
        nudge("wallets.tell_low_balance", wallet_id)
    return len(new)


def lock(*, wallet_ids: Iterable[int]) -> dict[int, Wallet]:
    """Lock wallets in primary key order, before any other row. Raises Wallet.DoesNotExist."""
    wanted = set(wallet_ids)
    wallets = {wallet.pk: wallet for wallet in Wallet.objects.filter(pk__in=wanted).locked()}
    if missing := wanted - wallets.keys():
        raise Wallet.DoesNotExist(f"There is no wallet {min(missing)}.")
    return wallets


def adjust(
    *, wallet_id: int, pot: str, amount: Decimal, note: str, actor: User | None, form_key: str
) -> LedgerEntry:
    """Correct one pot by hand: positive adds, negative takes; whole seconds for minute pots.

    The form's key makes a second click post nothing. Raises InvalidAmount.
    """
    with transaction.atomic():
        wallet = lock(wallet_ids=[wallet_id])[wallet_id]
        key = f"adjustment:{form_key}"
        before = LedgerEntry.objects.filter(wallet_id=wallet_id, pot=pot, key=key).first()
        if before is None:
            check_adjustment(wallet=wallet, pot=pot, amount=amount, note=note)
        movement = Movement(
            wallet_id=wallet_id,
            pot=pot,
            amount=amount,
            kind=LedgerEntry.Kind.ADJUSTMENT,
            key=key,
            note=note.strip(),
            actor_id=actor.pk if actor else None,
        )
        post(movements=[movement], wallets={wallet_id: wallet})
        return LedgerEntry.objects.get(wallet_id=wallet_id, pot=pot, key=key)


def check_adjustment(*, wallet: Wallet, pot: str, amount: Decimal, note: str) -> None:
    """Raise InvalidAmount unless the locked wallet can be adjusted so."""
    if not 0 < len(note.strip()) <= NOTE_LENGTH:
        text = f"Say why you adjust this, in at most {NOTE_LENGTH} characters."
        raise InvalidAmount(text, fields={"note": "Say why."})
    if not amount.is_finite() or not amount:
        raise InvalidAmount("Enter an amount other than 0.", fields={"amount": "Not 0."})
    after = _balance(wallet, pot) + amount
    if pot == Pot.CREDIT:
        largest = max(abs(amount), abs(after))
        if largest > LARGEST_AMOUNT or amount != amount.quantize(MICRO_DOLLAR):
            text = "Enter dollars with at most six decimals; a wallet holds up to a billion."
            raise InvalidAmount(text, fields={"amount": text})
        return
    if amount != int(amount):
        raise InvalidAmount("Enter whole seconds.", fields={"amount": "Whole seconds."})
    if after >= MOST_SECONDS:
        raise InvalidAmount("A minute pot cannot hold that.", fields={"amount": "Too much."})
    if after < 0:
        raise InvalidAmount(
            "A minute pot cannot go below zero.", fields={"amount": "More than there is."}
        )


def _without_posted(movements: Sequence[Movement]) -> list[Movement]:
    """Leave out what was posted before. Refuses a key that was used for another amount."""
    posted = {
        (wallet_id, pot, key): amount
        for wallet_id, pot, key, amount in LedgerEntry.objects.filter(
            wallet_id__in={m.wallet_id for m in movements}, key__in={m.key for m in movements}
        ).values_list("wallet_id", "pot", "key", "amount")
    }
    new = []
    for movement in movements:
        before = posted.get((movement.wallet_id, movement.pot, movement.key))
        if before is None:
            new.append(movement)
        elif before != movement.amount:
            raise KeyReused(f"{movement.key}: {before} was posted, then {movement.amount}.")
    return new


def _write(movements: Sequence[Movement], wallets: dict[int, Wallet]) -> None:
    """The database moves the balances with the entries, and refuses what ours do not agree with."""
    now = clock.now()
    rows = []
    for m in movements:
        after = _move(wallets[m.wallet_id], m.pot, m.amount)
        rows.append(
            (m.wallet_id, str(m.pot), Decimal(m.amount), Decimal(after), str(m.kind), m.key)
            + (m.purchase_id, m.reversal_id, m.actor_id, m.note, m.occurred_at or now, now)
        )
    with connection.cursor() as cursor:
        cursor.execute(INSERT_ENTRIES, [list(column) for column in zip(*rows, strict=True)])


def _move(wallet: Wallet, pot: str, amount: Decimal | int) -> Decimal | int:
    """Move the pot of the locked row in memory, and return what it holds afterwards."""
    if pot == Pot.CREDIT:
        wallet.credit = Money(wallet.credit.amount + amount, "USD")
        return wallet.credit.amount
    after = _balance(wallet, pot) + int(amount)
    setattr(wallet, f"{pot}_seconds", after)
    return after


def _balance(wallet: Wallet, pot: str) -> Decimal | int:
    return wallet.credit.amount if pot == Pot.CREDIT else getattr(wallet, f"{pot}_seconds")
