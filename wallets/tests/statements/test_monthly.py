"""A month's statement: it adds up, and the next one opens with what it closed with."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Account
from accounts.tests.builders import make_individual, owner_of
from wallets.balances.opening import open_wallet
from wallets.models import LedgerEntry
from wallets.statements import monthly, papers
from wallets.statements.monthly import GROUPS, Group, month_of
from wallets.tests.worlds.histories import buy, post
from wallets.tests.worlds.pages import text_of

pytestmark = pytest.mark.django_db

SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, number, 1) for number in (9, 10, 11))


@pytest.fixture
def wallet():
    return open_wallet(account=make_individual(timezone="America/New_York"))


def a_life(wallet) -> None:
    """A recharge, calls, an Included month, an adjustment and a refund, in October and November."""
    for moment, deeds in (
        (datetime(2026, 9, 30, 12, tzinfo=UTC), [("credit", "20", "adjustment")]),
        (datetime(2026, 10, 2, 12, tzinfo=UTC), [("credit", "-2.5", "calls")]),
        (datetime(2026, 10, 5, 12, tzinfo=UTC), [("included", 6000, "included_grant")]),
        (datetime(2026, 10, 6, 12, tzinfo=UTC), [("included", -90, "calls")]),
        # Still October in New York.
        (datetime(2026, 11, 1, 3, 30, tzinfo=UTC), [("credit", "-0.000844", "calls")]),
        (datetime(2026, 11, 5, 12, tzinfo=UTC), [("included", -5910, "included_reset")]),
        (datetime(2026, 11, 6, 12, tzinfo=UTC), [("credit", "-10", "refund")]),
    ):
        with clock.at(moment):
            for pot, amount, kind in deeds:
                post(wallet, pot, amount, kind=kind)
    with clock.at(datetime(2026, 11, 7, 12, tzinfo=UTC)):
        buy(wallet, cents=5000)


def test_a_month_opens_moves_and_closes_by_pot(wallet):
    a_life(wallet)

    with clock.at(datetime(2026, 11, 20, tzinfo=UTC)):
        october = month_of(account=wallet.account, first=OCTOBER)

    credit, included = october.pots
    assert october.is_complete
    assert (credit.opening, credit.moved, credit.closing) == (
        Decimal(20),
        {Group.USED: Decimal("-2.500844")},
        Decimal("17.499156"),
    )
    assert (included.opening, included.moved, included.closing) == (
        0,
        {Group.GIVEN: 6000, Group.USED: -90},
        5910,
    )


def test_each_month_opens_with_what_the_one_before_closed_with(wallet):
    a_life(wallet)
    wallet.refresh_from_db()

    with clock.at(datetime(2026, 11, 20, tzinfo=UTC)):
        months = [
            month_of(account=wallet.account, first=first)
            for first in (SEPTEMBER, OCTOBER, NOVEMBER)
        ]

    for before, after in zip(months, months[1:], strict=False):
        assert [one.closing for one in before.pots] == [one.opening for one in after.pots]
    assert {one.pot: one.closing for one in months[-1].pots} == {
        "credit": wallet.credit.amount,
        "included": 0,
    }
    assert not months[-1].is_complete
    assert months[-1].pots[0].moved == {Group.BOUGHT: 50, Group.REFUNDED: -10}


def test_an_entry_dated_out_of_order_is_in_one_month_only(wallet):
    ends = datetime(2026, 10, 1, 4, tzinfo=UTC)
    for number, apart in enumerate((-1, 1, -2, 2)):
        LedgerEntry.objects.create(
            wallet=wallet,
            pot="credit",
            amount=1,
            balance_after=number + 1,
            kind="adjustment",
            key=f"{number}",
            occurred_at=ends,
            created_at=ends + timedelta(hours=apart),
        )

    september, october = (
        month_of(account=wallet.account, first=first) for first in (SEPTEMBER, OCTOBER)
    )

    assert (september.pots[0].opening, september.pots[0].closing) == (0, 1)
    assert (october.pots[0].opening, october.pots[0].closing) == (1, 4)


def test_every_kind_of_entry_is_in_a_group():
    assert set(GROUPS) == set(LedgerEntry.Kind)


def test_a_wallet_that_never_moved_has_no_pots(wallet, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        found = monthly.month_of(account=wallet.account, first=OCTOBER)

    assert found.pots == []


def test_the_page_the_pdf_and_the_csv_say_the_same(client, wallet):
    a_life(wallet)
    client.force_login(owner_of(wallet.account))

    with clock.at(datetime(2026, 11, 20, tzinfo=UTC)):
        page = text_of(client.get("/payments/statements/2026-10/"))
        printed = client.get("/payments/statements/2026-10.pdf")
        rows = client.get("/payments/statements/2026-10.csv").content.decode().splitlines()
        paper = papers.statement(month_of(account=wallet.account, first=OCTOBER), address="")

    assert "Credit Opening $20.00 Used by calls −$2.500844 Closing $17.499156" in page
    assert "Given by support and with the plan 100 min Used by calls −1 min 30 s" in page
    assert printed.content.startswith(b"%PDF-")
    assert 'filename="statement-2026-10.pdf"' in printed["Content-Disposition"]
    assert list(paper.lines)[:3] == [
        ("Credit: opening", "$20.00"),
        ("Credit: used by calls", "−$2.500844"),
        ("Credit: closing", "$17.499156"),
    ]
    assert rows == [
        "month,balance,unit,what,amount",
        "2026-10,credit,USD,opening,20.000000",
        "2026-10,credit,USD,used,-2.500844",
        "2026-10,credit,USD,closing,17.499156",
        "2026-10,included,seconds,opening,0",
        "2026-10,included,seconds,given,6000",
        "2026-10,included,seconds,used,-90",
        "2026-10,included,seconds,closing,5910",
    ]


def test_months_are_listed_from_the_accounts_first(client, wallet):
    Account.objects.filter(pk=wallet.account_id).update(
        created_at=datetime(2026, 9, 15, tzinfo=UTC)
    )
    client.force_login(owner_of(wallet.account))

    with clock.at(datetime(2026, 11, 20, tzinfo=UTC)):
        page = client.get("/payments/statements/")

    assert page.context["months"] == [NOVEMBER, OCTOBER, SEPTEMBER]
    assert "November 2026 goes on" in text_of(page)


@pytest.mark.parametrize("form", ["/", ".pdf", ".csv"])
@pytest.mark.parametrize(
    ("month", "sentence"),
    [
        ("2026-13", "“2026-13” is no month. Write it like 2026-11."),
        ("x", "“x” is no month."),
        ("2026-12", "December 2026 has not begun yet."),
        ("0001-01", "Choose a day from 1900 on."),
        ("9999-12", "December 9999 has not begun yet."),
    ],
)
def test_a_month_that_is_none_or_to_come_is_refused(client, wallet, form, month, sentence):
    client.force_login(owner_of(wallet.account))

    with clock.at(datetime(2026, 11, 20, tzinfo=UTC)):
        answer = client.get(f"/payments/statements/{month}{form}")

    assert answer.status_code == 400
    assert sentence in text_of(answer)


@pytest.mark.parametrize("form", [".pdf", ".csv"])
def test_the_files_of_a_month_are_whole_whatever_is_asked(client, wallet, form):
    client.force_login(owner_of(wallet.account))

    answer = client.get(f"/payments/statements/2026-11{form}", {"pot": "credit"})

    assert answer.status_code == 400
    assert "“pot” is nothing this file can be asked for. It takes none." in text_of(answer)


def test_a_month_without_any_movement_says_so(client, wallet):
    client.force_login(owner_of(wallet.account))

    with clock.at(datetime(2026, 11, 20, tzinfo=UTC)):
        page = client.get("/payments/statements/2026-11/")
        printed = client.get("/payments/statements/2026-11.pdf")

    assert "Nothing moved until the end of this month." in text_of(page)
    assert printed.content.startswith(b"%PDF-")
