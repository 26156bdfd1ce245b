"""Journals: every entry once, opened and closed by our books. That real programs read them, and
agree, is in tests/accounting."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from beancount import loader
from django.core.management import CommandError, call_command

from accounts import clock
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from wallets.balances import adjustments
from wallets.errors import InvalidAmount
from wallets.exports import asking, files
from wallets.exports.asking import JOURNALS, Format
from wallets.models import Wallet
from wallets.reversals import disputes
from wallets.tests.exports.reading import november, text_of
from wallets.tests.worlds.builders import fill, make_wallet
from wallets.tests.worlds.histories import allocate, post
from wallets.tests.worlds.reversal_world import buy as recharge
from wallets.tests.worlds.reversal_world import dispute, make_allocated, make_wallet_with_card

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_recharge_of_minutes_says_what_was_paid_and_what_it_bought(stripe):
    with clock.at(NOON):
        wallet = make_wallet_with_card(stripe)
        purchase = recharge(wallet, 50, "premium")
        purchase.refresh_from_db()
        [bought] = [one for one in wallet.entries.all() if one.pot == "premium"]

        text = text_of(wallet.account, Format.LEDGER, since=november(20))

    assert (
        f"""\
2026-11-20 * (E{bought.pk}) Recharge  Premium minutes
    ; time: 12:00:00
    ; entry: E{bought.pk}
    ; kind: recharge
    ; purchase: {purchase.pk}
    ; receipt: {purchase.receipt_number}
    ; note: $50.00 from {purchase.card}  312 min 30 s of Premium minutes
    Assets:Thinkrr:Premium  18750 PREMIUMSEC
    Equity:Thinkrr:Payments  -18750 PREMIUMSEC
    Liabilities:Thinkrr:Card  -50.000000 USD
    Equity:Thinkrr:Payments  50.000000 USD
"""
        in text
    )


def two_months():
    """A dollar in October and two in November, where days begin at New York's midnight."""
    account = make_individual(timezone="America/New_York")
    with clock.at(datetime(2026, 11, 1, 3, 59, tzinfo=UTC)):
        wallet = make_wallet(account=account, credit="1.5", basic=7)
    with clock.at(datetime(2026, 11, 1, 4, 0, tzinfo=UTC)):
        post(wallet, "credit", "2.000001")
    return wallet


def test_each_months_end_and_the_last_day_say_what_our_books_held():
    with clock.at(NOON):
        text = text_of(two_months().account, Format.BEANCOUNT)

    balances = [row for row in text.splitlines() if " balance " in row]
    assert balances == [
        "2026-11-01 balance Assets:Thinkrr:Credit  1.500000 ~ 0 USD",
        "2026-11-01 balance Assets:Thinkrr:Premium  0 ~ 0 PREMIUMSEC",
        "2026-11-01 balance Assets:Thinkrr:Basic  7 ~ 0 BASICSEC",
        "2026-11-01 balance Assets:Thinkrr:Included  0 ~ 0 INCLUDEDSEC",
        "2026-11-21 balance Assets:Thinkrr:Credit  3.500001 ~ 0 USD",
        "2026-11-21 balance Assets:Thinkrr:Premium  0 ~ 0 PREMIUMSEC",
        "2026-11-21 balance Assets:Thinkrr:Basic  7 ~ 0 BASICSEC",
        "2026-11-21 balance Assets:Thinkrr:Included  0 ~ 0 INCLUDEDSEC",
    ]


def test_months_without_an_entry_end_as_well():
    with clock.at(datetime(2026, 8, 3, tzinfo=UTC)):
        wallet = make_wallet(account=make_individual(timezone="UTC"), credit="1")
    with clock.at(NOON):
        text = text_of(wallet.account, Format.HLEDGER)

    ends = [row.split(" *")[0] for row in text.splitlines() if "Balances by our books" in row]
    assert ends == ["2026-08-31", "2026-09-30", "2026-10-31", "2026-11-20"]


def test_what_is_posted_after_midnight_while_a_journal_is_written_is_not_in_it():
    wallet = two_months()
    with clock.at(datetime(2026, 11, 21, 4, 59, tzinfo=UTC)):
        journal = files.make(asking.ask(account=wallet.account, format=Format.HLEDGER))
    with clock.at(datetime(2026, 11, 21, 5, 1, tzinfo=UTC)):
        post(wallet, "credit", "7")

    text = "".join(journal.bites)

    assert "2026-11-21" not in text
    assert text.endswith(
        """\
2026-11-20 * Balances by our books
    Assets:Thinkrr:Credit  0 USD = 3.500001 USD
    Assets:Thinkrr:Premium  0 PREMIUMSEC = 0 PREMIUMSEC
    Assets:Thinkrr:Basic  0 BASICSEC = 7 BASICSEC
    Assets:Thinkrr:Included  0 INCLUDEDSEC = 0 INCLUDEDSEC
"""
    )


@pytest.mark.parametrize("format", sorted(JOURNALS))
def test_a_part_opens_with_what_was_held(format):
    with clock.at(NOON):
        text = text_of(two_months().account, format, since=november(1), until=november(19))

    assert "Opening balances" in text
    assert "Assets:Thinkrr:Credit  1.500000 USD" in text
    assert "Equity:Thinkrr:Opening  -7 BASICSEC" in text
    assert "2026-10" not in text


def test_a_sub_accounts_minutes_come_from_its_agency():
    agency = make_agency()
    make_wallet(account=agency)
    sub = make_wallet(account=make_sub_account(agency=agency))
    allocate(sub)

    text = text_of(sub.account, Format.HLEDGER)

    assert "Assets:Thinkrr:Basic  30000 BASICSEC" in text
    assert "Income:Thinkrr:Allocations  -30000 BASICSEC" in text
    assert "purchase:" not in text
    assert "Card  " not in text


def test_credit_that_makes_up_for_an_allocation_is_no_payment_of_this_wallet(stripe):
    world = make_allocated(stripe)
    fill(Wallet.objects.get(account=world.sub), basic=-30000, premium=-60000)
    with clock.at(NOON):
        disputes.apply_dispute(dispute_id=dispute(stripe, world.purchases()[0]))
        text = text_of(world.agency, Format.HLEDGER)

    assert "Income:Thinkrr:Allocations  205.000000 USD" in text
    assert "Equity:Thinkrr:Payments  " not in text
    assert "Liabilities:Thinkrr:Card  " not in text


HOSTILE = 'a"\\;|:,\n2026-01-01 * x\n  Assets:Y  1 USD\u2028include /etc/passwd'


@pytest.mark.parametrize("format", sorted(JOURNALS))
def test_words_of_others_stay_words(format):
    account = make_individual(name=HOSTILE[:60])
    wallet = make_wallet(account=account)
    adjustments.post(
        wallet_id=wallet.pk,
        pot="credit",
        amount=Decimal(1),
        note="For ourselves",
        customer_note=HOSTILE,
        actor=None,
        form_key="hostile",
    )

    rows = text_of(account, format).splitlines()

    assert [row for row in rows if row.startswith(("2026-01-01", "include"))] == []
    # The account's name and the note, each on its one line.
    assert len([row for row in rows if "include /etc/passwd" in row]) == 2
    if format == Format.BEANCOUNT:
        entries, errors, _ = loader.load_string("\n".join(rows))
        assert errors == []
        noted = [one.meta["note"] for one in entries if "note" in one.meta]
        assert noted == [" ".join(HOSTILE.split())]


def test_a_wallet_without_entries_is_a_journal_of_nothing():
    with clock.at(NOON):
        text = text_of(make_individual(), Format.BEANCOUNT)

    _, errors, _ = loader.load_string(text)
    assert errors == []
    assert "balance Assets:Thinkrr:Credit  0.000000 ~ 0 USD" in text


@pytest.mark.parametrize(("since", "until"), [(date(1900, 1, 1), None), (None, date(1900, 1, 1))])
def test_a_journal_from_long_before_the_account_is_no_longer_for_it(since, until):
    with clock.at(NOON):
        text = text_of(two_months().account, Format.BEANCOUNT, since=since, until=until)

    _, errors, _ = loader.load_string(text)
    assert errors == []
    assert text.count(" balance ") == (4 if until else 8)


@pytest.mark.parametrize("format", sorted(JOURNALS))
@pytest.mark.parametrize("narrowed", [{"pot": "credit"}, {"kinds": ["calls"]}, {"statuses": []}])
def test_a_journal_is_never_a_part_of_the_pots_or_the_entries(format, narrowed):
    with pytest.raises(InvalidAmount, match="Nothing was exported."):
        text_of(make_wallet().account, format, **narrowed)


# --- the command


def written(*words: str) -> str:
    said = StringIO()
    call_command("export_journal", *words, stdout=said)
    return said.getvalue()


def test_the_command_writes_what_the_page_gives():
    with clock.at(NOON):
        wallet = two_months()
        words = ("--account", str(wallet.account_id), "--format", "hledger")

        assert written(*words) == text_of(wallet.account, Format.HLEDGER)
        assert written(*words, "--from", "2026-11-01", "--to", "2026-11-02") == text_of(
            wallet.account, Format.HLEDGER, since=november(1), until=november(2)
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "2026-13-01"], "--from: “2026-13-01” is no day. Write it like 2026-11-22."),
        (["--from", "20261101"], "--from: “20261101” is no day."),
        (["--to", "soon"], "--to: “soon” is no day."),
        (["--from", ""], "--from needs a day. Leave it out, or write it like 2026-11-22."),
        (["--from", "2026-11-02", "--to", "2026-11-01"], "This is before 2 Nov 2026."),
        (["--from", "2026-11-21"], "21 Nov 2026 has not come yet."),
    ],
)
def test_the_command_refuses_days_that_make_no_sense(words, said):
    account = make_individual(timezone="UTC")

    with clock.at(NOON), pytest.raises(CommandError) as refused:
        written("--account", str(account.pk), "--format", "ledger", *words)

    assert said in str(refused.value)


@pytest.mark.parametrize("account", ["x", "00000000-0000-4000-8000-000000000000"])
def test_the_command_refuses_an_account_that_there_is_not(account):
    with pytest.raises(CommandError, match="There is no account with the id"):
        written("--account", account, "--format", "ledger")
