"""The Export dialog and the files it gives, as people use them."""

import re
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts import clock
from wallets import limits
from wallets.exports.asking import Format
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

EXPORT = reverse("wallets:export")
CSV = reverse("wallets:transactions_csv")
TRANSACTIONS = reverse("wallets:transactions")
HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def wallet():
    return make_wallet(credit="50")


def given(answer) -> str:
    return b"".join(answer.streaming_content).decode()


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split()).replace("&#x27;", "'")


def test_the_page_offers_the_export_with_its_filters(browser):
    page = browser.get(TRANSACTIONS, {"type": "calls", "since": "2026-11-01"}).content.decode()

    assert f'href="{EXPORT}?type=calls&amp;since=2026-11-01"' in page


def test_the_dialog_asks_which_file(browser):
    dialog = text_of(browser.get(EXPORT, {"type": "calls", "since": "2026-11-01"}, headers=HTMX))
    page = text_of(browser.get(EXPORT))

    assert "<html" not in dialog
    assert "<html" in page
    asked = ("Format", "From", "To", "Balance", "byte-order mark", "Download")
    assert [words for words in asked if words not in dialog or words not in page] == []
    assert "Only what the page was filtered by: Calls." in dialog
    assert 'value="2026-11-01"' in dialog
    assert "filtered by" not in page


TYPES = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "ofx": ("application/x-ofx", "ofx"),
    "datev": ("text/csv; charset=utf-8", "datev.csv"),
    "beancount": ("text/plain; charset=utf-8", "beancount"),
    "hledger": ("text/plain; charset=utf-8", "journal"),
    "ledger": ("text/plain; charset=utf-8", "ledger"),
    "rules": ("text/plain; charset=utf-8", "csv.rules"),
}


@pytest.mark.parametrize("name", ["payments", "bom"])
def test_a_tick_stands_before_its_words_and_is_not_called_optional(browser, name):
    page = browser.get("/payments/export/").content.decode()

    label = re.search(rf'<label class="check" for="id_{name}">.*?</label>', page, re.S)[0]
    assert f'type="checkbox" name="{name}"' in label
    assert "(optional)" not in label
    assert page.count(f'id="id_{name}_helptext"') == label.count(f'id="id_{name}_helptext"') == 1


def test_every_format_is_tried_here():
    assert set(TYPES) == set(Format.values)


@pytest.mark.parametrize("format", TYPES)
def test_each_format_is_a_file_of_its_kind_and_streamed(browser, format):
    with clock.at(NOON):
        answer = browser.get(EXPORT, {"format": format})

    kind, suffix = TYPES[format]
    assert (answer.status_code, answer.streaming) == (200, True)
    assert answer["Content-Type"] == kind
    name = f"transactions-ada-lovelace-until-2026-11-20.{suffix}"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert len(b"".join(answer.streaming_content)) > 100


def test_the_old_address_and_the_dialog_give_the_same_csv(browser):
    chosen = {"since": "2026-11-01", "pot": "credit", "bom": "on"}

    old = browser.get(CSV, chosen)
    new = browser.get(EXPORT, {"format": "csv", **chosen})

    assert given(old) == given(new)
    assert old["Content-Disposition"] == new["Content-Disposition"]


def test_from_and_to_are_other_names_of_the_days(browser):
    answer = browser.get(CSV, {"from": "2026-11-02", "to": "2026-11-03"})

    assert answer["Content-Disposition"].endswith('2026-11-02--2026-11-03.csv"')


WRONG = [
    ({"since": "2026-13-01"}, "“2026-13-01” is no day. Write it like 2026-11-22."),
    ({"from": "yesterday"}, "“yesterday” is no day."),
    ({"until": "2026-02-31"}, "“2026-02-31” is no day."),
    ({"since": "11/12/2026"}, "“11/12/2026” is no day."),
    ({"since": "2026-11-20", "until": "2026-11-01"}, "This is before 20 Nov 2026."),
    ({"until": "2026-12-01"}, "1 Dec 2026 has not come yet."),
    ({"pot": "gold"}, "Choose credit, premium, basic or included."),
    ({"type": "x"}, "Choose a type: recharges, calls,"),
    ({"status": "'"}, "Choose one of the statuses."),
    ({"since": "0001-01-01"}, "Choose a day from 1900 on."),
    ({"bom": "maybe"}, "Choose 1 or 0. Nothing was exported."),
    ({"sinse": "2026-11-01"}, "“sinse” is nothing this file can be asked for. It knows"),
    ({"cursor": "x"}, "“cursor” is nothing this file can be asked for."),
    ({"since": ["2026-11-01", "2026-11-10"]}, "“since” is there 2 times. Send it once."),
    ({"since": "2026-11-01", "from": "2026-11-10"}, "“since” and “from” are the same day."),
]


@pytest.mark.parametrize(("query", "said"), WRONG)
@pytest.mark.parametrize("address", [CSV, f"{EXPORT}?format=xlsx"])
def test_what_makes_no_sense_is_refused_with_a_sentence(browser, address, query, said):
    """`since=2026-13-01` exported everything."""
    path, _, more = address.partition("?")
    with clock.at(NOON):
        answer = browser.get(path, {**({"format": "xlsx"} if more else {}), **query})

    assert (answer.status_code, answer.streaming) == (400, False)
    assert said in text_of(answer)
    assert "Content-Disposition" not in answer


@pytest.mark.parametrize(
    ("bom", "begins"),
    [
        ("1", "\ufeffdate,"),
        ("on", "\ufeffdate,"),
        ("0", "date,"),
        ("false", "date,"),
        ("", "date,"),
    ],
)
def test_the_mark_is_there_when_it_was_asked_for(browser, bom, begins):
    """`bom=0` began with a mark."""
    assert given(browser.get(CSV, {"bom": bom})).startswith(begins)


def test_the_old_address_of_the_csv_takes_no_other_format(browser):
    answer = browser.get(CSV, {"format": "ofx"})

    assert answer.status_code == 400
    assert "“format” is nothing this file can be asked for." in text_of(answer)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"format": "pdf"}, "Choose one of the formats."),
        ({"format": ""}, "Choose one of the formats."),
        ({"format": "ofx", "pot": "basic"}, "A bank file holds money only"),
        ({"format": "datev", "pot": "basic"}, "A bank file holds money only"),
        ({"format": "datev", "type": "calls"}, "This format adds up only whole"),
        ({"format": "ledger", "pot": "basic"}, "A journal holds all balances"),
        ({"format": "beancount", "type": "calls"}, "This format adds up only whole"),
    ],
)
def test_a_format_that_cannot_hold_it_is_refused(browser, query, said):
    answer = browser.get(EXPORT, query)

    assert answer.status_code == 400
    assert said in text_of(answer)


def test_too_many_rows_for_a_spreadsheet_are_refused_in_the_dialog(browser, wallet, monkeypatch):
    monkeypatch.setattr(limits, "XLSX_ROWS_MOST", 1)
    post(wallet, "credit", "1")

    answer = browser.get(EXPORT, {"format": "xlsx"})

    assert answer.status_code == 400
    assert "There are more than 1 lines, too many for one XLSX file." in text_of(answer)
