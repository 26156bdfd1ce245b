"""The bank-style files: cents that add up, times in UTC, ids that stay. That a program of others
reads it is in tests/accounting."""

import csv
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import make_individual
from wallets.balances import adjustments
from wallets.errors import InvalidAmount
from wallets.exports.asking import Format
from wallets.tests.exports.reading import november, text_of
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def wallet():
    return make_wallet(account=make_individual(timezone="America/New_York"))


def amounts(text: str) -> list[Decimal]:
    return [Decimal(one) for one in re.findall(r"<TRNAMT>(-?[\d.]+)", text)]


def ids(text: str) -> list[str]:
    return re.findall(r"<FITID>([^<]+)", text)


def ofx(wallet, **facts) -> str:
    return text_of(wallet.account, Format.OFX, **facts)


def take(wallet, *amounts_of_calls: str) -> None:
    for amount in amounts_of_calls:
        post(wallet, "credit", amount, kind="calls")


def test_what_is_rounded_comes_with_the_next_entry(wallet):
    post(wallet, "credit", "1")
    take(wallet, "-0.004", "-0.004", "-0.004", "-0.014")

    text = ofx(wallet)

    # What was left: 0.996, 0.992, 0.988, 0.974.
    assert amounts(text) == [Decimal(1), Decimal("-0.01"), Decimal("-0.02")]
    assert "<BALAMT>0.97<" in text
    assert sum(amounts(text)) == Decimal("0.97")


def test_each_amount_says_what_it_was_exactly(wallet):
    post(wallet, "credit", "1")
    take(wallet, "-0.013333")

    assert "exactly -0.013333 USD</STMTTRN>" in ofx(wallet)


def test_an_entry_has_the_same_id_and_amount_in_whatever_file(wallet):
    """Otherwise what is imported twice would be there twice, or differ by a cent."""
    for day in range(10, 20):
        with clock.at(datetime(2026, 11, day, 15, tzinfo=UTC)):
            post(wallet, "credit", "0.104999")

    with clock.at(NOON):
        whole = ofx(wallet)
        parts = [ofx(wallet, until=november(14)), ofx(wallet, since=november(15))]

    assert [one for part in parts for one in ids(part)] == ids(whole)
    assert [one for part in parts for one in amounts(part)] == amounts(whole)


def test_moments_are_in_utc_and_always_have_a_time(wallet):
    with clock.at(datetime(2026, 11, 18, 4, 30, 7, tzinfo=UTC)):
        post(wallet, "credit", "1")

    with clock.at(NOON):
        text = ofx(wallet, since=november(17), until=november(18))

    found = dict(re.findall(r"<(DT[A-Z]+)>([^<\n]+)", text))
    assert found == {
        "DTSERVER": "20261120120000.000[0:GMT]",
        "DTSTART": "20261117050000.000[0:GMT]",
        "DTEND": "20261119050000.000[0:GMT]",
        "DTPOSTED": "20261118043007.000[0:GMT]",
        "DTASOF": "20261119050000.000[0:GMT]",
    }


def test_words_are_short_plain_and_never_markup(wallet):
    note = "Ünïcode & <MEMO>x\n" + "w" * 170
    adjustments.post(
        wallet_id=wallet.pk,
        pot="credit",
        amount=Decimal(1),
        note="For ourselves",
        customer_note=note,
        actor=None,
        form_key="words",
    )

    text = ofx(wallet)

    [memo] = re.findall(r"<MEMO>(.*?)</STMTTRN>", text)
    assert memo.startswith("Adjustment by support, Unicode &amp; &lt;MEMO&gt;x www")
    assert len(memo.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")) <= 255
    assert text.isascii()
    assert max(len(name) for name in re.findall(r"<NAME>([^<]+)", text)) <= 32


def test_a_bank_file_holds_money_only(wallet):
    post(wallet, "credit", "1")
    post(wallet, "premium", 60)

    assert amounts(ofx(wallet)) == [Decimal(1)]
    assert ofx(wallet, pot="credit") == ofx(wallet)
    with pytest.raises(InvalidAmount) as refused:
        ofx(wallet, pot="premium")
    assert refused.value.fields["pot"].startswith("A bank file holds money only")


def test_a_wallet_that_never_moved_is_an_empty_statement(wallet):
    with clock.at(NOON + timedelta(minutes=1)):
        text = ofx(wallet)

    assert ids(text) == []
    assert "<BALAMT>0.00<DTASOF>20261120120100.000[0:GMT]" in text


# --- DATEV


def datev(wallet, **facts) -> list[list[str]]:
    text = text_of(wallet.account, Format.DATEV, **facts)
    return list(csv.reader(text.splitlines(), delimiter=";"))


@pytest.mark.outside_of_cells("longer keys of rows leave fewer words of a line")
def test_a_line_for_datev_has_the_seventeen_fields_of_its_format(wallet):
    with clock.at(datetime(2026, 11, 18, 4, 30, 7, tzinfo=UTC)):
        take(wallet, "-1.234567")
    entry = wallet.entries.get()

    with clock.at(NOON):
        [row] = datev(wallet)

    number = f"{wallet.account_id.int % 10**10:010}"
    day = "17.11.2026"
    assert row[:8] == ["00000000", number, "", day, day, day, "-1,23", "Calls"]
    assert row[8:11] == ["", "", ""]
    assert row[11:14] == [f"E{entry.pk} Calls, exactly", "-1.234567 USD", ""]
    assert row[14:] == ["", "", "USD"]


def test_what_datev_is_given_adds_up_as_the_ofx_does(wallet):
    post(wallet, "credit", "1234.5")
    take(wallet, "-0.004", "-0.004", "-0.004", "-0.014")

    rows = datev(wallet)

    assert [row[6] for row in rows] == ["1234,50", "-0,01", "-0,02"]
    assert [Decimal(row[6].replace(",", ".")) for row in rows] == amounts(ofx(wallet))
    assert text_of(wallet.account, Format.DATEV).endswith("\r\n")


def test_words_for_datev_are_plain_and_no_longer_than_its_fields(wallet):
    adjustments.post(
        wallet_id=wallet.pk,
        pot="credit",
        amount=Decimal(1),
        note="For ourselves",
        customer_note='Ünïcode"; = x\n' + "w" * 170,
        actor=None,
        form_key="words",
    )

    [row] = datev(wallet)

    assert max(map(len, row)) <= 27
    assert "".join(row).isascii()
    assert " ".join(row[11:14]).split()[1:5] == ["Adjustment", "by", "support,", 'Unicode";']
