"""The papers of a year or a month, as a list and as one PDF."""

import re
from datetime import UTC, datetime

import pytest

from accounts import clock
from accounts.tests.builders import make_individual, owner_of
from wallets import limits
from wallets.balances.opening import open_wallet
from wallets.models import Reversal
from wallets.tests.worlds.histories import buy
from wallets.tests.worlds.pages import text_of

pytestmark = pytest.mark.django_db

LIST, FILE = "/payments/receipts/", "/payments/receipts.pdf"
PAGES = re.compile(rb"/Type /Page\b")
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def wallet():
    return open_wallet(account=make_individual(timezone="America/New_York"))


@pytest.fixture
def own(client, wallet):
    client.force_login(owner_of(wallet.account))
    with clock.at(NOW):
        yield client


@pytest.fixture
def papers(wallet) -> Reversal:
    """Two receipts and a credit note in 2026, one receipt in 2025."""
    # Still 2025 in New York.
    with clock.at(datetime(2026, 1, 1, 3, tzinfo=UTC)):
        buy(wallet, cents=1000, receipt_number=101)
    with clock.at(datetime(2026, 3, 5, 12, tzinfo=UTC)):
        paid = buy(wallet, cents=5000, receipt_number=102)
    with clock.at(datetime(2026, 11, 5, 12, tzinfo=UTC)):
        buy(wallet, cents=2500, receipt_number=103)
        reversal = Reversal.objects.create(
            purchase=paid,
            kind="refund",
            amount_cents=500,
            state="succeeded",
            reason="x",
            closed_at=datetime(2026, 11, 6, 12, tzinfo=UTC),
        )
    reversal.refresh_from_db()
    return reversal


def numbers(answer) -> list[str]:
    return [one.number for one in answer.context["papers"]]


def test_a_year_lists_its_receipts_and_credit_notes_with_the_net(own, papers):
    page = own.get(LIST)

    assert numbers(page) == [f"CN-{papers.credit_note_number}", "103", "102"]
    assert "Paid, less what was refunded $70.00" in text_of(page)
    assert numbers(own.get(LIST, {"period": "2025"})) == ["101"]
    assert numbers(own.get(LIST, {"period": "2026-11"})) == [
        f"CN-{papers.credit_note_number}",
        "103",
    ]


def test_a_month_is_called_by_its_name_in_its_year(own):
    page = own.get(LIST, {"period": "2026-11"})

    assert "Receipts of November 2026" in text_of(page)
    marked = re.findall(r'href="([^"]+)"\s+aria-current="true"', page.content.decode())
    assert marked == ["?period=2026", "?period=2026-11"]


def test_a_refund_that_fails_later_leaves_its_credit_note_where_it_was_and_void(own, papers):
    """The bank said so in December: it was listed there, and taken off what was paid."""
    with clock.at(datetime(2026, 12, 2, 12, tzinfo=UTC)):
        papers.state, papers.closed_at = "failed", clock.now()
        papers.save(update_fields=["state", "closed_at"])
        november = own.get(LIST, {"period": "2026-11"})
        december = own.get(LIST, {"period": "2026-12"})
        note = own.get(f"/payments/credit-notes/{papers.pk}/")

    assert numbers(november) == [f"CN-{papers.credit_note_number}", "103"]
    assert f"Credit note CN-{papers.credit_note_number} Void" in text_of(november)
    assert "Paid, less what was refunded $25.00" in text_of(november)
    assert numbers(december) == []
    assert "Refunded on 6 Nov 2026" in text_of(note)


def test_all_of_them_are_one_pdf_of_a_page_each(own, papers):
    answer = own.get(FILE, {"period": "2026"})

    assert papers.credit_note_number is not None
    assert 'filename="receipts-2026.pdf"' in answer["Content-Disposition"]
    assert answer.content.startswith(b"%PDF-")
    assert len(PAGES.findall(answer.content)) == 3


def test_a_time_without_receipts_says_so_and_makes_no_file(own, papers):
    page, answer = own.get(LIST, {"period": "2024"}), own.get(FILE, {"period": "2024"})

    assert papers is not None
    assert "No receipts in this time." in text_of(page)
    assert answer.status_code == 400
    assert "There are no receipts of 2024." in text_of(answer)


@pytest.mark.parametrize("address", [LIST, FILE])
@pytest.mark.parametrize(
    ("period", "sentence"),
    [
        ("20x6", "“20x6” is no year or month."),
        ("0000", "Choose a day from 1900 on."),
        ("0002-01", "Choose a day from 1900 on."),
        ("9999", "“9999” is no year or month."),
        (["2026", "2025"], "“period” is there 2 times. Send it once."),
        ("2026-13", "“2026-13” is no month."),
        ("2027", "2027 has not begun yet."),
        ("2026-12", "December 2026 has not begun yet."),
    ],
)
def test_a_time_that_is_none_or_to_come_is_refused(own, address, period, sentence):
    answer = own.get(address, {"period": period})

    assert answer.status_code == 400
    assert sentence in text_of(answer)


def test_a_file_of_receipts_takes_nothing_else(own):
    answer = own.get(FILE, {"year": "2025"})

    assert answer.status_code == 400
    assert "“year” is nothing this file can be asked for. It knows period." in text_of(answer)


def test_more_than_a_file_holds_asks_for_a_month(own, papers, monkeypatch):
    monkeypatch.setattr(limits, "PAPERS_IN_A_FILE", 2)

    whole, month = own.get(FILE, {"period": "2026"}), own.get(FILE, {"period": "2026-11"})

    assert papers is not None
    assert whole.status_code == 400
    assert "2026 has more than 2 papers. Choose one of its months." in text_of(whole)
    assert month.status_code == 200


def test_a_busy_year_is_listed_by_its_months(own, papers, monkeypatch):
    monkeypatch.setattr(limits, "PAPERS_LISTED", 2)

    year, month = own.get(LIST), own.get(LIST, {"period": "2026-11"})

    assert (year.status_code, numbers(year)) == (200, [])
    assert "2026 has more than 2 papers. Choose one of its months." in text_of(year)
    assert "?period=2026-11" in year.content.decode()
    assert "?period=2026-12" not in year.content.decode()
    assert numbers(month) == [f"CN-{papers.credit_note_number}", "103"]


def test_others_papers_are_not_among_them(own, papers):
    buy(open_wallet(account=make_individual()), receipt_number=999)

    assert papers is not None
    assert "999" not in numbers(own.get(LIST))
