"""However long a history is, only what is asked for is read of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from accounts import clock
from accounts.models import Account, User
from accounts.people import access
from accounts.tests.builders import make_agency, make_individual, make_sub_account, owner_of
from tests.databases import as_owner
from tests.plans import rows_read, rows_read_by
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.models import LedgerEntry, Pot, Wallet
from wallets.statements import edges

pytestmark = pytest.mark.django_db

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 20
A_DAY = 50
OTHERS = 10


@pytest.fixture
def wallet() -> Wallet:
    """Premium minutes on the first day only, then credit fifty times a day."""
    wallet = open_wallet(account=make_individual())
    with clock.at(BEGINS):
        post(wallet, "premium", Decimal(600), ["first"])
    for day in range(DAYS):
        with clock.at(BEGINS + timedelta(days=day, hours=12)):
            post(wallet, "credit", Decimal(1), [f"{day}-{number}" for number in range(A_DAY)])
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE wallets_ledgerentry")
    return wallet


def post(wallet: Wallet, pot: str, amount: Decimal, keys: list[str]) -> None:
    ledger.post(
        movements=[
            ledger.Movement(wallet_id=wallet.pk, pot=pot, amount=amount, kind="adjustment", key=key)
            for key in keys
        ]
    )


def entries_read(look) -> int:
    return rows_read_by(look, of="wallets_ledgerentry")


def test_what_was_held_before_an_entry_is_read_from_the_newest_ones(wallet):
    last = LedgerEntry.objects.latest("pk").pk

    read = entries_read(lambda: edges.held_before([(wallet.pk, last)]))

    [held] = edges.held_before([(wallet.pk, last)])
    assert held == {Pot.PREMIUM: Decimal(600), Pot.CREDIT: Decimal(DAYS * A_DAY - 1)}
    assert read <= edges.NEAR + 1


def test_among_many_wallets_a_long_history_is_read_from_the_newest_ones_too(wallet):
    """Where most are short PostgreSQL takes every one for short, and sorts it as a whole."""
    others = [open_wallet(account=make_individual()) for _ in range(OTHERS)]
    for number in range(A_DAY * DAYS // 2):
        for one in (wallet, others[number % OTHERS]):
            post(one, "credit", Decimal(1), [f"later-{number}"])
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE wallets_ledgerentry")
    asked = [(one.pk, edges.NO_ENTRY) for one in (wallet, *others)]

    read = entries_read(lambda: edges.held_before(asked))

    assert read <= edges.NEAR + 1 + A_DAY * DAYS // 2
    held = edges.held_before(asked)
    assert held[0] == {Pot.PREMIUM: Decimal(600), Pot.CREDIT: Decimal(A_DAY * DAYS * 3 // 2)}
    assert held[1:] == [{Pot.CREDIT: Decimal(A_DAY * DAYS // 2 // OTHERS)}] * OTHERS


@pytest.mark.parametrize("entries", [0, 1, 2])
def test_before_the_first_entries_little_was_held(entries):
    wallet = open_wallet(account=make_individual())
    post(wallet, "premium", Decimal(600), ["first"])
    post(wallet, "credit", Decimal(1), ["second", "third"])
    number = LedgerEntry.objects.order_by("pk")[entries].pk

    [held] = edges.held_before([(wallet.pk, number)])

    assert held == dict([(Pot.PREMIUM, Decimal(600)), (Pot.CREDIT, Decimal(1))][:entries])


def test_a_day_begins_with_its_first_entry_and_nothing_begins_after_the_last_one(wallet):
    first = LedgerEntry.objects.get(key="10-0").pk

    [found] = edges.first_from([(wallet.pk, BEGINS + timedelta(days=10))])

    assert found == first
    later = BEGINS + timedelta(days=DAYS)
    assert edges.first_from([(wallet.pk, later)]) == [edges.NO_ENTRY]
    last_days = BEGINS + timedelta(days=2)
    read = entries_read(lambda: edges.first_from([(wallet.pk, last_days)]))
    assert read <= 2 * A_DAY + 1


def test_who_sees_which_accounts_is_not_asked_of_all_of_them():
    agency = make_agency()
    dental, owner = make_sub_account(agency=agency), owner_of(agency)
    Account.objects.bulk_create(
        Account(kind="individual", name=f"Other {number}", timezone="UTC") for number in range(2000)
    )
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_account, accounts_membership")

    visible = access.visible_accounts(user=User.objects.get(pk=owner.pk))

    assert set(visible) == {agency, dental}
    statement, values = visible.query.sql_with_params()
    assert rows_read(statement, values, of="accounts_account") <= 10
