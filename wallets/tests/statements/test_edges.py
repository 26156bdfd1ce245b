"""However long a history is, only what is asked for is read of it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from accounts import clock
from accounts.models import Account, User
from accounts.people import access
from accounts.tests.builders import make_agency, make_individual, make_sub_account, owner_of
from tests.databases import as_owner
from tests.plans import rows_read, rows_read_by
from thinkrr_billing.staff import timeline
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.books import proof
from wallets.exports import periods
from wallets.exports.lines import lines
from wallets.forecasts import pace, replay
from wallets.models import LedgerEntry, Pot, Wallet
from wallets.statements import edges, figures, statements
from wallets.statements.edges import NO_ENTRY

pytestmark = pytest.mark.django_db

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
ONE = Decimal(1)
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


OF_OTHERS = """
INSERT INTO wallets_ledgerentry
    (wallet_id, pot, amount, balance_after, kind, key, note, occurred_at, created_at)
SELECT %s, 'credit', 1, g, 'adjustment', 'k' || g, '', moment, moment
FROM generate_series(1, 4000) g, LATERAL (SELECT %s + g * interval '1 hour' AS moment) AS m
ORDER BY g
"""
OF_EACH_OTHER = """
INSERT INTO wallets_ledgerentry
    (wallet_id, pot, amount, balance_after, kind, key, note, occurred_at, created_at)
SELECT wallet, 'credit', 1, g, 'adjustment', 'k' || g, '', moment, moment
FROM generate_series(1, 10) g, unnest(%s::bigint[]) wallet,
     LATERAL (SELECT %s + g * interval '1 hour' AS moment) AS m
ORDER BY g
"""
LOOKS = {
    "the list": lambda one: statements.transactions(account=one.account),
    "the list since a day": lambda one: statements.transactions(
        account=one.account, since=BEGINS.date()
    ),
    "the list until a day": lambda one: statements.transactions(
        account=one.account, until=date(2026, 3, 1)
    ),
    "the ledger": lambda one: statements.entries(account=one.account),
    "a file": lambda one: list(lines(whole(one), newest_first=True)),
    "a file from its beginning": lambda one: list(lines(whole(one), newest_first=False)),
    "where a day begins": lambda one: edges.first_from([(one.pk, BEGINS)]),
    "what was held": lambda one: edges.held_before([(one.pk, NO_ENTRY)]),
    "the balance of each day": lambda one: figures.balance_history(wallet=one, days=30),
    "what settings would have done": lambda one: replay.past(wallet=one),
    "the pace": lambda one: pace.measure(wallet=one, rates={"premium": ONE, "basic": ONE}),
    "the proof": proof.of,
    "what support sees": lambda one: timeline.of(one.account, kind="ledger"),
}


def whole(wallet: Wallet) -> periods.Period:
    return periods.period(account=wallet.account, since=None, until=None)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_of_a_wallet_that_rests_nothing_is_read_of_the_few_others(look):
    quiet, busy = open_wallet(account=make_individual()), open_wallet(account=make_individual())
    with clock.at(BEGINS):
        post(quiet, "credit", ONE, ["a", "b"])
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(OF_OTHERS, [busy.pk, BEGINS + timedelta(days=1)])
        cursor.execute("ANALYZE wallets_ledgerentry, wallets_wallet, accounts_account")

    with clock.at(BEGINS + timedelta(days=170)):
        assert entries_read(lambda: look(quiet)) <= 30


# Of a file its first row. What support sees is in the order of moments, whose index is larger than
# that of numbers: which of them looks cheaper depends on their sizes.
OF_MUCH = {name: look for name, look in LOOKS.items() if name != "what support sees"} | {
    "a file": lambda one: next(lines(whole(one), newest_first=True)),
    "a file from its beginning": lambda one: next(lines(whole(one), newest_first=False)),
}


@pytest.mark.parametrize("look", OF_MUCH.values(), ids=OF_MUCH)
def test_of_a_wallet_that_has_much_among_many_it_is_not_read_as_a_whole(look, monkeypatch):
    """What PostgreSQL expects of a wallet is less than a page there, and it would sort it all."""
    monkeypatch.setattr("wallets.books.proof.SUMMED", 100)
    busy = open_wallet(account=make_individual())
    others = Account.objects.bulk_create(
        Account(kind="individual", name=f"Other {number}", timezone="UTC") for number in range(600)
    )
    wallets = Wallet.objects.bulk_create(Wallet(account=other) for other in others)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(OF_EACH_OTHER, [[one.pk for one in wallets], BEGINS])
        cursor.execute(OF_OTHERS, [busy.pk, BEGINS + timedelta(days=1)])
        cursor.execute("ANALYZE wallets_ledgerentry, wallets_wallet, accounts_account")

    with clock.at(BEGINS + timedelta(days=400)):
        assert entries_read(lambda: look(busy)) <= 2 * edges.NEAR


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

    assert read <= edges.NEAR + len(Pot) + A_DAY * DAYS // 2
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
