"""The only writer of entries, and by them of balances.

Every movement names its cause by a key: posting the same key again changes nothing, so callers
may retry freely. Each transaction that moved something says so once, by `balances_moved`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec
from django.db import connection, transaction
from djmoney.money import Money

from accounts import clock
from accounts.runtime import statements
from accounts.runtime.columns import column
from accounts.runtime.nudges import nudge_each
from wallets.errors import KeyReused
from wallets.models import AutoRecharge, LedgerEntry, Pot, Wallet
from wallets.signals import balances_moved

CALLS = LedgerEntry.Kind.CALLS
# What the account itself paid with: it was well, and hears when it is low again.
PAYMENTS = (LedgerEntry.Kind.RECHARGE, LedgerEntry.Kind.AUTO_RECHARGE)
# What brings minutes.
FILLING = (*PAYMENTS, LedgerEntry.Kind.ALLOCATION, LedgerEntry.Kind.INCLUDED_GRANT)

# Hosts agree on the moment to within milliseconds, yet two may hold the wallet's lock one after the
# other within one: an entry never claims to be older than the one before it. Whether anybody's
# entry is of a later moment is asked once a statement: hardly ever, so hardly any wallet is asked.
# Of the last moment alone, where wallets are few, PostgreSQL looks through everybody's entries.
CREATED = """
    CASE WHEN (
        SELECT min(l.created_at) FROM wallets_ledgerentry l
        WHERE l.created_at > %s::timestamptz
            AND l.created_at < %s::timestamptz + interval '1 minute') IS NULL
    THEN e.created ELSE GREATEST(e.created, (
        SELECT l.created_at FROM wallets_ledgerentry l
        WHERE l.wallet_id = ANY (ARRAY[e.wallet]) AND l.created_at < e.created + interval '1 minute'
        ORDER BY l.wallet_id DESC, l.created_at DESC LIMIT 1)) END
"""

INSERT_ENTRIES = f"""
INSERT INTO wallets_ledgerentry
    (wallet_id, pot, amount, balance_after, kind, key, purchase_id, reversal_id, actor_id,
     note, customer_note, occurred_at, created_at)
SELECT e.wallet, e.pot, e.amount, e.after, e.kind, e.key, e.purchase, e.reversal, e.actor, e.note,
       e.told, e.occurred, {CREATED}
FROM unnest(
    %s::bigint[], %s::text[], %s::numeric[], %s::numeric[], %s::text[], %s::text[], %s::uuid[],
    %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
    AS e (wallet, pot, amount, after, kind, key, purchase, reversal, actor, note, told, occurred,
          created)
"""  # nosec B608 # a constant of ours

# The same for entries that share their cause.
INSERT_OF_ONE_CAUSE = f"""
INSERT INTO wallets_ledgerentry
    (wallet_id, pot, amount, balance_after, kind, key, note, occurred_at, created_at)
SELECT e.wallet, e.pot, e.amount, e.after, e.kind, e.key, '', e.created, {CREATED}
FROM (
    SELECT wallet, pot, amount, after, %s::text AS kind, %s::text AS key, %s::timestamptz AS created
    FROM unnest(%s::bigint[], %s::text[], %s::numeric[], %s::numeric[])
        AS moved (wallet, pot, amount, after)) AS e
"""  # nosec B608 # a constant of ours

# What is kept as reserved comes only with wallets that have holds.
HOLDINGS = """
SELECT w.id, w.account_id, w.credit, w.premium_seconds, w.basic_seconds, w.included_seconds,
    CASE WHEN w.reserved_calls <> 0 THEN ARRAY[
        w.reserved_credit, w.reserved_premium_seconds, w.reserved_basic_seconds,
        w.reserved_included_seconds] END
FROM wallets_wallet w WHERE w.account_id = ANY(%s::uuid[])
"""
# In primary key order, like every other lock of wallets.
LOCK_ACCOUNTS = f"{HOLDINGS} ORDER BY w.id FOR NO KEY UPDATE"

# What each pot of a wallet holds: dollars of credit, whole seconds of minutes.
Pots = dict[str, Decimal | int]
POTS = ("credit", "premium", "basic", "included")


class Holding(msgspec.Struct, gc=False):
    """A locked wallet in plain values, as `balances_moved` tells it: a thousand models are slow."""

    pk: int
    account_id: UUID
    pots: Pots
    # What is kept as reserved for calls that run (`wallets.balances.holds`); None without holds.
    reserved: Pots | None = None


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
    # For ourselves, and for the customer.
    note: str = ""
    customer_note: str = ""
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
    tell(
        [Holding(one.pk, one.account_id, one.pots, one.reserved) for one in moved],
        kinds={movement.kind for movement in new},
        paid={movement.wallet_id for movement in new if movement.kind in PAYMENTS},
        filled={movement.wallet_id for movement in new if movement.kind in FILLING},
    )
    return len(new)


def post_debits(*, wallets: Iterable[Holding], left: Mapping[int, Pots], key: str) -> list[Holding]:
    """Write what calls took: an entry for each pot that has less `left` than its wallet holds.

    Call with the wallets locked, once for a key that was made in this transaction: so nobody is
    asked whether it was posted, and the unique key refuses it a second time. What the wallets hold
    is brought up to date in place. Returns those that moved: `tell` of them before the commit.
    """
    entries: list[tuple[int, str, Decimal | int, Decimal | int]] = []
    moved = []
    for wallet in wallets:
        before, after = wallet.pots, left[wallet.pk]
        if before != after:
            moved.append(wallet)
            entries += [
                (wallet.pk, pot, held - before[pot], held)
                for pot, held in after.items()
                if held != before[pot]
            ]
            wallet.pots = after
    if moved:
        columns = [column(values) for values in zip(*entries, strict=True)]
        now = clock.now()
        statements.run(INSERT_OF_ONE_CAUSE, [now, now, str(CALLS), key, now, *columns])
    return moved


def tell(
    moved: Sequence[Holding],
    *,
    kinds: set[str],
    paid: Collection[int] = (),
    filled: Collection[int] = (),
    **read: object,
) -> None:
    """Let everybody know who lives on these wallets, in the order of their keys.

    Once in each transaction that moved some. What the caller has `read` under the locks is passed
    on to whoever listens (`wallets.signals`).
    """
    watched = AutoRecharge.objects.watch(
        wallet_ids=[wallet.pk for wallet in moved], now=clock.now(), paid=paid, filled=filled
    )
    balances_moved.send(sender=Wallet, wallets=moved, kinds=kinds, **read)
    # Nobody waits for that answer before the commit.
    transaction.on_commit(lambda: _nudge(*watched()))


def _nudge(due: list[int], low: list[int], minutes: list[int]) -> None:
    nudge_each("wallets.recharge_wallet", due)
    nudge_each("wallets.tell_low_balance", low)
    nudge_each("wallets.tell_low_minutes", minutes)


def lock_accounts(*, account_ids: Iterable[UUID]) -> dict[UUID, Holding]:
    """Lock the wallets of these accounts in primary key order, before any other row.

    An account without a wallet is left out.
    """
    return ask_locked(account_ids=account_ids)()


def ask_locked(*, account_ids: Iterable[UUID]) -> Callable[[], dict[UUID, Holding]]:
    """The same, asked now and read when it is called."""
    return _holdings(LOCK_ACCOUNTS, account_ids)


def holding(*, account_id: UUID) -> Holding | None:
    """What the account's wallet holds at this moment, without locking it; None without a wallet."""
    return _holdings(HOLDINGS, [account_id])().get(account_id)


def _holdings(statement: str, account_ids: Iterable[UUID]) -> Callable[[], dict[UUID, Holding]]:
    answer = statements.ask(statement, [column(account_id.hex for account_id in account_ids)])
    return lambda: {
        account_id: Holding(
            pk,
            account_id,
            {"credit": credit, "premium": premium, "basic": basic, "included": included},
            reserved and _reserved(*reserved),
        )
        for pk, account_id, credit, premium, basic, included, reserved in answer.rows()
    }


def _reserved(credit: Decimal, *seconds: Decimal) -> Pots:
    """An array is of one type: seconds come as numbers of dollars do."""
    return dict(zip(POTS, (credit, *map(int, seconds)), strict=True))


def lock(*, wallet_ids: Iterable[int]) -> dict[int, Wallet]:
    """Lock wallets in primary key order, before any other row. Raises Wallet.DoesNotExist."""
    wanted = set(wallet_ids)
    wallets = {wallet.pk: wallet for wallet in Wallet.objects.filter(pk__in=wanted).locked()}
    if missing := wanted - wallets.keys():
        raise Wallet.DoesNotExist(f"There is no wallet {min(missing)}.")
    return wallets


def lock_one(*, wallet_id: int) -> Wallet:
    """Lock one wallet, before any other row. Raises Wallet.DoesNotExist."""
    return lock(wallet_ids=[wallet_id])[wallet_id]


def _without_posted(movements: Sequence[Movement]) -> list[Movement]:
    """Leave out what was posted before. Refuses a key that was used for another amount."""
    # All three of the unique key: without the pot PostgreSQL before 18 reads every key of a wallet.
    found = LedgerEntry.objects.filter(
        wallet_id__in={m.wallet_id for m in movements},
        pot__in={m.pot for m in movements},
        key__in={m.key for m in movements},
    )
    posted = {
        (wallet_id, pot, key): amount
        for wallet_id, pot, key, amount in found.values_list("wallet_id", "pot", "key", "amount")
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
            + (m.purchase_id, m.reversal_id, m.actor_id, m.note, m.customer_note)
            + (m.occurred_at or now, now)
        )
    with connection.cursor() as cursor:
        columns = [list(column) for column in zip(*rows, strict=True)]
        cursor.execute(INSERT_ENTRIES, [now, now, *columns])


def _move(wallet: Wallet, pot: str, amount: Decimal | int) -> Decimal | int:
    """Move the pot of the locked row in memory, and return what it holds afterwards."""
    if pot == Pot.CREDIT:
        wallet.credit = Money(wallet.credit.amount + amount, "USD")
        return wallet.credit.amount
    after = wallet.held(pot) + int(amount)
    setattr(wallet, f"{pot}_seconds", after)
    return after
