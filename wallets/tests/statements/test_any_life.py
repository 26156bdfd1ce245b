"""What holds for the statement of any life, whatever the hosts' clocks said."""

import csv
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts import clock
from accounts.tests.builders import make_individual, owner_of
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.models import LedgerEntry, Pot, Reversal, Wallet
from wallets.statements import statements
from wallets.statements.monthly import month_of
from wallets.tests.worlds.histories import buy, post

pytestmark = [pytest.mark.django_db, pytest.mark.journey]

BEGINS = datetime(2026, 8, 28, 12, tzinfo=UTC)
PLAIN = ("adjustment", "included_grant", "included_reset", "refund_failed", "dispute_won")


def moves(wallet: Wallet, dice: random.Random) -> None:
    """One cause: a movement of several pots, a payment in any state, or a refund of one."""
    deed = dice.choice(("calls", "calls", "calls", "plain", "pay", "unpaid", "back"))
    if deed == "pay":
        buy(wallet, cents=dice.randrange(500, 9000))
    elif deed == "unpaid":
        buy(wallet, state=dice.choice(("declined", "canceled")))
    elif deed == "back" and (paid := wallet.purchases.filter(state="succeeded").first()):
        cents = dice.randrange(1, 100)
        reversal = Reversal.objects.create(
            purchase=paid, kind="refund", amount_cents=cents, state="succeeded", reason="Asked for"
        )
        taken = {"purchase_id": paid.pk, "reversal_id": reversal.pk}
        post(wallet, "credit", -Decimal(cents) / 100, kind="refund", **taken)
    else:
        kind = "calls" if deed == "calls" else dice.choice(PLAIN)
        sign = -1 if kind in ("calls", "included_reset") else 1
        pots = dice.sample(list(Pot), dice.randrange(1, 4))
        amounts = {
            pot: Decimal(dice.randrange(1, 10**6)) / 10**6 if pot == Pot.CREDIT else Decimal(60)
            for pot in pots
        }
        key = f"{kind}:{uuid4()}"
        ledger.post(
            movements=[
                ledger.Movement(
                    wallet_id=wallet.pk, pot=pot, amount=sign * amount, kind=kind, key=key
                )
                for pot, amount in amounts.items()
            ]
        )


def live(dice: random.Random) -> Wallet:
    """Sixty causes in three months, by hosts whose clocks are up to three hours apart."""
    wallet = open_wallet(account=make_individual(timezone=dice.choice(ZONES)))
    with clock.at(BEGINS):
        for pot in (Pot.PREMIUM, Pot.BASIC, Pot.INCLUDED):
            post(wallet, pot, 6000)
    for number in range(60):
        apart = timedelta(minutes=dice.randrange(-180, 180))
        with clock.at(BEGINS + number * timedelta(days=1.2) + apart):
            moves(wallet, dice)
    # One that is open, as there is at most.
    with clock.at(BEGINS + timedelta(days=dice.randrange(60))):
        buy(wallet, state=dice.choice(("created", "requires_action")))
    wallet.refresh_from_db()
    return wallet


ZONES = ("America/New_York", "Pacific/Kiritimati", "Pacific/Niue", "Africa/Cairo", "Asia/Kathmandu")
LATER = datetime(2026, 12, 1, 12, tzinfo=UTC)


def pages(wallet: Wallet, limit: int) -> list[list]:
    found, cursor = [], None
    while cursor != "":
        page = statements.transactions(account=wallet.account, cursor=cursor, limit=limit)
        found.append(page.rows)
        cursor = page.next_cursor
    return found


@pytest.mark.parametrize("seed", range(4))
def test_rows_add_up_to_the_balances_on_every_page_and_in_all_of_them(seed):
    dice = random.Random(seed)
    wallet = live(dice)

    read = pages(wallet, dice.randrange(1, 9))
    rows = [row for page in read for row in page]

    assert rows == [row for page in pages(wallet, 500) for row in page]
    told = [row.entry_id for row in rows if row.moved]
    assert told == sorted(told, reverse=True)
    held = dict(wallet.pots)
    for pot in Pot:
        of_pot = [row.of(pot) for row in rows if row.of(pot)]
        assert sum(one.amount for one in of_pot) == held[pot]
        assert not of_pot or of_pot[0].balance_after == held[pot]
        for newer, older in pairwise(of_pot):
            assert newer.balance_after - newer.amount == older.balance_after
    # Each page: from the balance before its oldest row to that of its newest one.
    for page in read:
        for pot in Pot:
            of_pot = [row.of(pot) for row in page if row.of(pot)]
            if of_pot:
                before = of_pot[-1].balance_after - of_pot[-1].amount
                assert before + sum(one.amount for one in of_pot) == of_pot[0].balance_after
    unmade = [row for row in rows if row.status not in ("posted", "paid", "refunded")]
    assert {row.moved for row in unmade} == {()}


@pytest.mark.parametrize("seed", range(4))
def test_months_and_files_add_up_to_the_same(client, seed):
    dice = random.Random(seed)
    wallet = live(dice)
    held = {pot: amount for pot, amount in wallet.pots.items() if amount}
    client.force_login(owner_of(wallet.account))

    with clock.at(LATER):
        firsts = [BEGINS.date().replace(month=month, day=1) for month in (8, 9, 10, 11, 12)]
        months = [month_of(account=wallet.account, first=first) for first in firsts]
        edges = [wallet.account.local_date(BEGINS + timedelta(days=9 * part)) for part in range(11)]
        sums = dict.fromkeys(COLUMNS.values(), Decimal(0))
        rows = 0
        for since, after in pairwise([None, *edges, None]):
            days = {"since": since, "until": after and after - timedelta(days=1)}
            days = {name: day for name, day in days.items() if day}
            answer = client.get(reverse("wallets:transactions_csv"), days)
            text = b"".join(answer.streaming_content).decode()
            for row in csv.DictReader(text.splitlines()):
                rows += 1
                for column in sums:
                    sums[column] += Decimal(row[column])

    for before, after in pairwise(months):
        opening = {one.pot: one.opening for one in after.pots}
        assert {one.pot: one.closing for one in before.pots} == opening
    assert {one.pot: one.opening for one in months[0].pots if one.opening} == {}
    assert {one.pot: one.closing for one in months[-1].pots if one.closing} == held
    assert {pot: sums[column] for pot, column in COLUMNS.items() if sums[column]} == held
    assert rows == LedgerEntry.objects.filter(wallet=wallet).count()


COLUMNS = {
    Pot.CREDIT: "credit",
    Pot.PREMIUM: "premium_seconds",
    Pot.BASIC: "basic_seconds",
    Pot.INCLUDED: "included_seconds",
}
