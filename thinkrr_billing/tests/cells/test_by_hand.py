"""A command by hand names a cell that fails, does the others, and exits with 1."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts.cells import place
from accounts.cells.place import inside
from accounts.models import Account, ApiKey, JobRun
from accounts.people import searching
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.tests.cells.worlds import wallet_in
from wallets import sweeps
from wallets.allocations import planning, runs
from wallets.books import recovering
from wallets.errors import Refused
from wallets.stripe import answers


@pytest.fixture
def broken(monkeypatch):
    """What does this fails in the first cell."""

    def breaks(module, name, *, error=None, answer=None):
        do = getattr(module, name)

        def done(*args, **kwargs):
            if place.current() == FIRST:
                raise error or OperationalError("the server closed the connection")
            return do(*args, **kwargs) if answer is None else answer

        monkeypatch.setattr(module, name, done)

    return breaks


def failed(*arguments):
    """What the command said before it failed, why, and its exit code."""
    out = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue().splitlines(), str(refused.value), refused.value.returncode


AWAY = "The cell first: the server closed the connection"


@pytest.mark.usefixtures("two_cells")
@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [(planning, "dry_run", ["--dry-run"]), (runs, "charge_due", [])],
)
def test_allocations_of_the_other_cells_are_done(broken, module, name, arguments):
    broken(module, name)

    assert failed("run_allocations", *arguments) == ([], AWAY, 1)


@pytest.mark.usefixtures("two_cells")
def test_what_would_be_charged_elsewhere_is_said(broken):
    broken(planning, "dry_run", answer=["Acme, 1 Dec 2026: charge $5.00"])

    told, why, code = failed("run_allocations", "--dry-run")

    assert (told, why, code) == (["Acme, 1 Dec 2026: charge $5.00"], AWAY, 1)


@pytest.mark.usefixtures("kept_cells")
def test_one_beat_by_hand_goes_on_to_the_other_cells_and_tasks(broken):
    broken(sweeps, "work")

    told, why, code = failed("tick")

    assert (told[-1], why, code) == ("wallets.tick", f"wallets.tick: {AWAY}", 1)
    for cell, runs_well in ((FIRST, False), (SECOND, True), ("", True)):
        with inside(cell):
            assert JobRun.objects.get(pk="wallets.tick").ok is runs_well


@pytest.mark.usefixtures("two_cells")
def test_what_the_other_cells_lost_is_recovered(broken):
    found = recovering.Found(recovering.MAKE_UP, "payment pi_1 of $50.00")
    broken(recovering, "recover", answer=[found])

    told, why, code = failed("recover_from_stripe")

    assert told == ["cell second: recover: payment pi_1 of $50.00"]
    assert why == f"{AWAY}\nWhat was recovered stays; run it again for the rest."
    assert code == 1


@pytest.mark.usefixtures("two_cells")
@pytest.mark.parametrize(
    ("error", "said", "exits"),
    [
        (Refused("Stop the automatic charges first"), "Stop the automatic charges first", 1),
        (answers.Unknown("timed out"), "Stripe did not answer: timed out", 2),
    ],
)
def test_what_is_no_cells_own_is_told_once_while_recovering(broken, error, said, exits):
    broken(recovering, "recover", error=error, answer=[])

    told, why, code = failed("recover_from_stripe")

    assert told == []
    assert why.startswith(said)
    assert "The cell" not in why
    assert code == exits


@pytest.fixture
def without_the_first(monkeypatch):
    find = Account.objects.filter

    def away(**lookups):
        if place.current() == FIRST:
            raise OperationalError("the server closed the connection")
        return find(**lookups)

    return lambda: monkeypatch.setattr(searching.Account.objects, "filter", away)


@pytest.mark.usefixtures("two_cells")
def test_a_key_is_made_by_id_while_another_cell_is_away(without_the_first):
    account_id = wallet_in(SECOND).account_id
    without_the_first()

    call_command("create_api_key", f"--account={account_id}", stdout=StringIO(), stderr=StringIO())

    assert ApiKey.objects.filter(account_id=account_id).count() == 1


@pytest.mark.usefixtures("two_cells")
def test_no_key_is_made_by_a_name_that_an_account_of_a_cell_that_is_away_may_have(
    monkeypatch,
):
    account = wallet_in(SECOND).account
    asked = searching.reachable.ask_each
    monkeypatch.setattr(
        searching.reachable, "ask_each", lambda *args, **more: (asked(*args, **more)[0], [FIRST])
    )

    _, why, code = failed("create_api_key", f"--account={account.name}")

    assert why == f"No key was made: an account named “{account.name}” may be in first."
    assert code == 1
    assert not ApiKey.objects.filter(account_id=account.pk).exists()
