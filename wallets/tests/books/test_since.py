"""What was written lately is proven alone: by what the entries before it left."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from accounts import clock
from wallets.balances import ledger
from wallets.books import checking
from wallets.models import LedgerEntry, Wallet
from wallets.tests.worlds.books_world import plant
from wallets.tests.worlds.builders import make_wallet

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)
CHANGE = "UPDATE wallets_ledgerentry SET balance_after = balance_after + 1 WHERE id = {}"


@pytest.fixture
def entries() -> list[LedgerEntry]:
    """Of one wallet: two a week ago, two today."""
    with clock.at(clock.now() - WEEK):
        wallet = make_wallet()
        post(wallet, "a", "b")
    post(wallet, "c", "d")
    return list(LedgerEntry.objects.order_by("pk"))


def post(wallet: Wallet, *keys: str) -> None:
    for key in keys:
        movement = ledger.Movement(
            wallet_id=wallet.pk, pot="credit", amount=Decimal(10), kind="adjustment", key=key
        )
        ledger.post(movements=[movement])


def found(*, days: int | None) -> list[str]:
    since = None if days is None else clock.now() - timedelta(days=days)
    return [row.text for row in checking.check_all(since=since)]


@pytest.mark.parametrize("days", [None, 1, 30])
@pytest.mark.parametrize("place", [2, 3])
def test_a_gap_in_what_was_written_today_is_found_by_a_days_check_as_well(entries, place, days):
    plant(CHANGE.format(entries[place].pk))

    told = found(days=days)

    left, before = Decimal(10) * (place + 1) + 1, Decimal(10) * place
    assert told[0] == (
        f"entry {entries[place].pk} leaves {left:.6f} in credit, the one before left {before:.6f}"
        " and it moves 10.000000"
    )
    # The one after it begins elsewhere, too.
    assert len(told) == (2 if place == 2 else 1)


def test_what_was_wrong_before_is_found_by_the_whole_check_only(entries):
    plant(CHANGE.format(entries[0].pk))

    assert found(days=1) == []
    assert len(found(days=None)) == len(found(days=30)) == 2


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize("days", [None, 1])
def test_a_pot_that_holds_something_else_than_its_last_entry_left_is_found(days):
    plant("UPDATE wallets_wallet SET credit = credit + 1")

    assert found(days=days) == ["credit holds 41.000000, its entries sum to 40.000000"]


@pytest.mark.parametrize(("days", "sum_is"), [(None, 30), (1, 30)])
def test_the_last_entry_taken_away_is_found_while_the_pot_was_moved_lately(entries, days, sum_is):
    plant(f"DELETE FROM wallets_ledgerentry WHERE id = {entries[3].pk}")

    assert found(days=days) == [f"credit holds 40.000000, its entries sum to {sum_is}.000000"]


def test_a_pot_without_any_entry_holds_nothing():
    make_wallet()
    plant("UPDATE wallets_wallet SET basic_seconds = 60")

    assert found(days=None) == ["basic holds 60, its entries sum to 0"]


def test_the_command_proves_as_many_days_as_it_is_told(entries):
    plant(CHANGE.format(entries[0].pk))
    out = StringIO()

    call_command("verify_books", days=1, stdout=out)
    with pytest.raises(SystemExit):
        call_command("verify_books", days=30, stdout=out)

    assert out.getvalue().count("I1: wallet") == 2
