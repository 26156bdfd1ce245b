"""Programs that are not ours load half a year, and find what our books say, exactly."""

import csv
import io
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from python_calamine import CalamineWorkbook

from tests.accounting import programs
from tests.accounting.life import Life
from wallets.exports import asking, files
from wallets.exports.asking import Format
from wallets.exports.journal import ACCOUNTS, CARD, COMMODITIES, OPENING
from wallets.models import LedgerEntry, Purchase, Reversal
from wallets.months import beginning

pytestmark = [pytest.mark.django_db, pytest.mark.accounting]

PROGRAMS = {
    "beancount": (programs.beancount_errors, programs.beancount_moves),
    "hledger": (programs.hledger_errors, programs.hledger_moves),
    "ledger": (programs.ledger_errors, programs.ledger_moves),
}
PERIODS = {"all of it": (), "from September": ("--from", "2026-09-01", "--to", "2026-10-31")}
SEPTEMBER, AFTER_OCTOBER = date(2026, 9, 1), date(2026, 11, 1)


def exported(life: Life, who: str, program: str, folder: Path, *options: str) -> Path:
    """The journal as the command writes it."""
    path, said = folder / f"{program}.journal", io.StringIO()
    account = str(getattr(life, who).pk)
    call_command("export_journal", "--account", account, "--format", program, *options, stdout=said)
    path.write_text(said.getvalue())
    return path


def file_of(life: Life, who: str, format: Format, folder: Path, **facts: object) -> Path:
    """What the page gives."""
    file = files.make(asking.ask(account=getattr(life, who), format=format, **facts))
    path = folder / file.name
    bites = (bite if isinstance(bite, bytes) else bite.encode() for bite in file.bites)
    path.write_bytes(b"".join(bites))
    return path


def books(life: Life, who: str, since: date | None, before: date | None) -> programs.Moves:
    """What moved each pot in each month where the account is: from the entries, by hand."""
    account = getattr(life, who)
    found: programs.Moves = defaultdict(Decimal)
    for entry in LedgerEntry.objects.filter(wallet__account=account):
        day = account.local_date(entry.created_at)
        if (since is None or day >= since) and (before is None or day < before):
            found[ACCOUNTS[entry.pot], f"{day:%Y-%m}", COMMODITIES[entry.pot]] += entry.amount
    return programs.without_zeros(found)


def held(life: Life, who: str, before: date | None) -> dict[str, Decimal]:
    """What each pot held when that day began, as a sum of entries."""
    account = getattr(life, who)
    found = dict.fromkeys(ACCOUNTS, Decimal(0))
    for entry in LedgerEntry.objects.filter(wallet__account=account):
        if before is None or entry.created_at < beginning(before, account.zone):
            found[entry.pot] += entry.amount
    return found


def of_pots(moves: programs.Moves) -> programs.Moves:
    return {key: amount for key, amount in moves.items() if key[0] in ACCOUNTS.values()}


def in_total(moves: programs.Moves) -> dict[str, Decimal]:
    """What each pot holds when all of these have moved."""
    return {
        pot: sum((amount for key, amount in moves.items() if key[0] == account), Decimal(0))
        for pot, account in ACCOUNTS.items()
    }


def test_the_life_has_everything_that_can_move_a_balance(life):
    kinds = set(LedgerEntry.objects.values_list("kind", flat=True))
    debts = LedgerEntry.objects.filter(wallet__account=life.agency, balance_after__lt=0)
    purposes = set(Purchase.objects.values_list("purpose", "buys", "state"))

    assert kinds == set(LedgerEntry.Kind.values)
    assert debts.exists()
    assert {
        ("recharge", "credit", "succeeded"),
        ("recharge", "premium", "succeeded"),
        ("recharge", "basic", "succeeded"),
        ("recharge", "credit", "declined"),
        ("allocation", "allocation", "succeeded"),
    } <= purposes


@pytest.mark.parametrize("who", ["agency", "sub"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_agrees_in_total_by_month_and_by_pot(life, who, program, tmp_path):
    errors, moves = PROGRAMS[program]
    path = exported(life, who, program, tmp_path)

    found = moves(path)

    assert errors(path) == []
    assert of_pots(found) == books(life, who, None, None)
    wallet = life.wallet(getattr(life, who))
    assert in_total(found) == {pot: Decimal(amount) for pot, amount in wallet.pots.items()}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_part_opens_with_what_was_held_and_ends_with_what_is(life, program, tmp_path):
    errors, moves = PROGRAMS[program]
    path = exported(life, "agency", program, tmp_path, *PERIODS["from September"])
    found = moves(path)
    expected = books(life, "agency", SEPTEMBER, AFTER_OCTOBER)
    opened = held(life, "agency", SEPTEMBER)

    assert errors(path) == []
    assert in_total(found) == held(life, "agency", AFTER_OCTOBER)
    for pot, account in ACCOUNTS.items():
        commodity = COMMODITIES[pot]
        assert -found.get((OPENING, "2026-09", commodity), Decimal(0)) == opened[pot]
        october = (account, "2026-10", commodity)
        assert found.get(october) == expected.get(october)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_card_paid_what_stripe_took_and_gave_back(life, program, tmp_path):
    _, moves = PROGRAMS[program]
    found = moves(exported(life, "agency", program, tmp_path))
    own = Purchase.objects.filter(wallet__account=life.agency, state="succeeded")
    back = Reversal.objects.standing().filter(purchase__in=own)

    paid = sum(own.values_list("amount_cents", flat=True))
    paid -= sum(back.values_list("amount_cents", flat=True))
    card = sum(amount for (account, _, _), amount in found.items() if account == CARD)
    assert card == -Decimal(paid) / 100


# What is planted: one side of a transaction, both sides of it, and a second of minutes.
PLANTED = {
    "one side of a movement": ("credit", 1),
    "both sides of a movement": ("credit", 2),
    "a second of minutes": ("basic", 2),
}
LEAST = {"credit": Decimal("0.000001"), "basic": Decimal(1)}


def plant(text: str, pot: str, sides: int) -> str:
    """The first call that this pot paid is larger by the least there is."""
    account, commodity = ACCOUNTS[pot], COMMODITIES[pot]
    rows = text.splitlines(keepends=True)
    expenses = (i for i, row in enumerate(rows) if row.strip().startswith("Expenses:"))
    at = next(i for i in expenses if rows[i - 1].strip().startswith(f"{account}  -"))
    for i in range(at, at - sides, -1):
        amount = rows[i].split()[1]
        more = Decimal(amount) + LEAST[pot].copy_sign(Decimal(amount))
        rows[i] = rows[i].replace(f"  {amount} {commodity}", f"  {more} {commodity}")
    return "".join(rows)


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("program", PROGRAMS)
def test_an_error_of_the_least_amount_is_noticed(life, program, planted, tmp_path):
    errors, _ = PROGRAMS[program]
    path = exported(life, "agency", program, tmp_path)
    right = path.read_text()

    path.write_text(plant(right, *PLANTED[planted]))

    assert path.read_text() != right
    assert errors(path) != []


def test_beancount_alone_would_let_a_micro_dollar_pass(life, tmp_path):
    """Why its assertions say `~ 0`: otherwise the last digit may differ (docs/exports.md)."""
    path = exported(life, "agency", "beancount", tmp_path)
    wrong = plant(path.read_text(), "credit", 2)

    path.write_text(wrong.replace(" ~ 0 ", " "))
    passed = programs.beancount_errors(path)
    path.write_text(wrong)

    assert passed == []
    assert programs.beancount_errors(path)[0].startswith("Balance failed for 'Assets:Thinkrr:Cred")


def csv_of(life: Life, who: str, folder: Path) -> tuple[Path, Path]:
    return file_of(life, who, Format.CSV, folder), file_of(life, who, Format.RULES, folder)


@pytest.mark.parametrize("who", ["agency", "sub"])
def test_hledger_reads_the_csv_by_our_rules(life, who, tmp_path):
    path, rules = csv_of(life, who, tmp_path)

    assert rules.name == f"{path.name}.rules"
    assert of_pots(programs.hledger_moves(path)) == books(life, who, None, None)
    _, printed = programs.run("hledger", "-f", path, "print")
    assert programs.run("hledger", "-f", "-", "check", given=printed) == (0, "")


def test_an_error_in_the_csv_is_noticed_when_hledger_reads_what_it_printed(life, tmp_path):
    """Its own reading of CSV does not look at the balances that the rules assert."""
    path, _ = csv_of(life, "agency", tmp_path)
    rows = path.read_text().splitlines(keepends=True)
    at = next(i for i, row in enumerate(rows) if ",Calls," in row)
    amount = rows[at].split(",")[4]
    wrong = f"{Decimal(amount) - Decimal('0.000001'):.6f}"
    path.write_text("".join([*rows[:at], rows[at].replace(amount, wrong), *rows[at + 1 :]]))

    read = programs.run("hledger", "-f", path, "check")
    _, printed = programs.run("hledger", "-f", path, "print")
    code, said = programs.run("hledger", "-f", "-", "check", given=printed)

    assert read == (0, "")
    assert code == 1
    assert "balance assertion" in said
    assert wrong in said


@pytest.mark.parametrize("since", [None, SEPTEMBER])
@pytest.mark.parametrize("who", ["agency", "sub"])
def test_a_bank_file_adds_up_to_the_cent(life, who, since, tmp_path):
    found = programs.ofx_transactions(file_of(life, who, Format.OFX, tmp_path, since=since))
    opened = held(life, who, since)["credit"] if since else Decimal(0)
    closed = life.wallet(getattr(life, who)).credit.amount
    cent = Decimal("0.01")

    moved = sum(Decimal(one["Total money amount"]) for one in found)
    ids = [one["Financial institution's ID for this transaction"] for one in found]

    assert len(found) > 10
    assert moved == closed.quantize(cent) - opened.quantize(cent)
    assert len(ids) == len(set(ids))


def test_no_amount_of_a_bank_file_is_a_cent_away_from_its_entry(life, tmp_path):
    found = programs.ofx_transactions(file_of(life, "agency", Format.OFX, tmp_path))
    entries = {f"E{one.pk}": one for one in LedgerEntry.objects.all()}

    posted = Decimal(0)
    for one in found:
        entry = entries[one["Financial institution's ID for this transaction"]]
        posted += Decimal(one["Total money amount"])
        assert abs(posted - entry.balance_after) <= Decimal("0.005")
        assert one["Date posted"] == f"{entry.created_at:%a %b %e %H:%M:%S %Y} UTC"


@pytest.mark.parametrize("who", ["agency", "sub"])
def test_a_spreadsheet_has_numbers_and_dates_that_add_up(life, who, tmp_path):
    path = file_of(life, who, Format.XLSX, tmp_path)
    heads, *rows = CalamineWorkbook.from_path(path).get_sheet_by_name("Entries").to_python()
    wallet = life.wallet(getattr(life, who))
    columns = {name: [row[at] for row in rows] for at, name in enumerate(heads)}

    pots = ("credit", "premium_seconds", "basic_seconds", "included_seconds")
    sums = [round(Decimal(sum(columns[name])), 6) for name in pots]
    assert sums == list(wallet.pots.values())
    newest = LedgerEntry.objects.filter(wallet=wallet).latest("pk")
    local = newest.created_at.astimezone(wallet.account.zone).replace(microsecond=0)
    assert (columns["day"][0], columns["time"][0]) == (local.date(), local.time())
    assert columns["reference"][0] == f"E{newest.pk}"
    assert len(rows) == LedgerEntry.objects.filter(wallet=wallet).count()


def test_the_csv_of_each_month_opens_where_the_one_before_closed(life, tmp_path):
    ends, day = [], date(2026, 5, 1)
    while day < AFTER_OCTOBER:
        following = (day + timedelta(days=31)).replace(day=1)
        ends.append((day, following - timedelta(days=1)))
        day = following

    references, total = [], Decimal(0)
    for since, until in ends:
        path = file_of(life, "agency", Format.CSV, tmp_path, since=since, until=until)
        rows = list(csv.DictReader(path.read_text().splitlines()))
        references += [row["reference"] for row in reversed(rows)]
        total += sum(Decimal(row["credit"]) for row in rows)

    assert len(references) == len(set(references))
    assert references == sorted(references, key=lambda reference: int(reference[1:]))
    assert total == held(life, "agency", AFTER_OCTOBER)["credit"]
