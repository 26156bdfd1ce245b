"""Every list of the API is read to its end by the value of its cursor, and by its link."""

import pytest

from accounts.models import Account, Role
from accounts.people import members
from accounts.telling.notifications import notify
from accounts.tests.builders import add_member, make_agency, make_sub_account, owner_of
from accounts.webhooks import endpoints
from accounts.webhooks.endpoints import Terms
from campaigns.calls import record
from campaigns.tests.builders import make_campaign, make_report
from tests.api.document import Operation, operations, resolved
from wallets.allocations import asks
from wallets.models import Purchase, Wallet
from wallets.tests.worlds.api_clients import client_of
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import buy
from wallets.why import decisions
from wallets.why.codes import Autopause

pytestmark = [pytest.mark.journey, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

ROWS = 3


def lists() -> list[Operation]:
    return [
        one
        for one in operations()
        for answer in one.good().values()
        if one.method == "get" and "next_cursor" in resolved(answer["schema"])["properties"]
    ]


@pytest.fixture
def agency(monkeypatch):
    """An agency with three of everything that it and its sub-accounts list."""
    agency = make_agency()
    make_wallet(account=agency, credit="100")
    for number in range(ROWS):
        sub = make_sub_account(agency=agency)
        asks.ask(account=sub, actor=None, basic_minutes=10, premium_minutes=0, words="")
        buy(agency.wallet, receipt_number=number + 1)
        add_member(agency, Role.MEMBER)
        invited = f"invited-{number}@example.com"
        members.invite(account=agency, email=invited, role=Role.MEMBER, invited_by=owner_of(agency))
        notify(account=agency, kind="calls", text=f"Call {number} came late.", mail=False)
        made = make_campaign(agency)
        paused = decisions.Entry(agency.wallet.pk, Autopause.PAUSED, made.external_id, made.name)
        decisions.record(paused)
    record(reports=[make_report(agency) for _ in range(ROWS)], reporter=agency)
    for number in range(ROWS):
        _give(make_wallet(account=sub), agency, number)
    monkeypatch.setattr("campaigns.api.campaigns._Pages.page_size", 1)
    hook = endpoints.add(account=agency, terms=Terms(url="https://example.com/"), actor=None)
    for _ in range(ROWS):
        endpoints.test(endpoint=hook)
    return agency


def _give(wallet: Wallet, agency: Account, number: int) -> None:
    """Minutes that the agency gives once."""
    facts = {"basic_minutes": 10, "basic_rate": "0.09", "premium_rate": "0.16"}
    facts |= {"purpose": "allocation", "buys": "allocation", "form_key": f"gift-{number}"}
    buy(wallet, payer=agency, receipt_number=ROWS + number + 1, **facts)


@pytest.mark.parametrize("operation", lists(), ids=str)
def test_a_cursor_and_a_link_lead_over_the_same_pages_to_the_end(operation, agency):
    client = client_of(agency)
    given = Purchase.objects.filter(purpose="allocation").first()
    address = operation.path.format(
        account_id=given.wallet.account_id, endpoint_id=agency.webhook_endpoints.get().pk
    )
    sizes = {"limit": 1} if "limit" in {one["name"] for one in operation.parameters} else {}

    by_cursor, sent = [], dict(sizes)
    for _ in range(2 * ROWS + 2):
        page = client.get(address, sent).json()
        by_cursor.append(page["results"])
        if page["next_cursor"] is None:
            break
        sent = sizes | {"cursor": page["next_cursor"]}
    by_link, link = [], address + ("?limit=1" if sizes else "")
    while link and len(by_link) <= len(by_cursor):
        page = client.get(link).json()
        by_link.append(page["results"])
        link = page["next"]

    assert by_cursor == by_link
    assert len(by_cursor) >= ROWS
    assert (page["next"], page["next_cursor"]) == (None, None)
    rows = [str(row) for results in by_cursor for row in results]
    assert len(set(rows)) == len(rows)
