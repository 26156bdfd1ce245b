"""An agency's programs: its sub-accounts, and what it buys for them each month."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts import clock
from accounts.models import Account, Invitation
from accounts.tests.builders import close, make_agency, make_individual, make_sub_account
from wallets.balances.opening import open_wallet
from wallets.models import AllocationRun, AutoAllocation, Wallet
from wallets.tests.worlds.api_clients import client_of, refusal
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

URL = "/api/v1/sub-accounts"
NEW = {"name": "Northside Dental", "owner_email": "owner@northside.example"}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def agency() -> Account:
    return make_agency("Brightline Agency")


@pytest.fixture
def client(agency):
    return client_of(agency, "read", "write")


def test_sub_accounts_are_listed_with_what_they_have(client, agency):
    sub = make_sub_account("Northside Dental", agency=agency)
    set_auto_recharge(make_wallet(account=sub, credit="8.20", basic=600))
    make_sub_account("Somebody Else's", agency=make_agency())

    body = client.get(URL).json()

    assert body["next"] is None
    [row] = body["results"]
    assert row == {
        "id": str(sub.pk),
        "name": "Northside Dental",
        "status": "active",
        "time_zone": "UTC",
        "credit": "8.200000",
        "currency": "USD",
        "premium_seconds": 0,
        "basic_seconds": 600,
        "auto_recharge": "on",
        "basic_minutes_a_month": 0,
        "premium_minutes_a_month": 0,
        "created_at": row["created_at"],
        "archived_at": None,
    }


@pytest.mark.outside_of_cells("the cell of a key and its account are asked for besides")
def test_sub_accounts_come_in_pages_of_constant_cost(client, agency, django_assert_num_queries):
    for number in range(5):
        with clock.at(NOON + timedelta(minutes=number // 2)):
            open_wallet(account=make_sub_account(f"Sub {number}", agency=agency))
    make_sub_account("Never used", agency=agency)
    url, names, pages = f"{URL}?limit=4", [], 0
    while url:
        # The key and the rows; the first request also notes the key's use, for the audit, too.
        with django_assert_num_queries(2 if pages else 5):
            page = client.get(url).json()
        names += [row["name"] for row in page["results"]]
        url, pages = page["next"], pages + 1

    assert sorted(names) == ["Never used", *(f"Sub {number}" for number in range(5))]
    assert pages == 2


def test_a_sub_account_can_be_added_and_its_owner_is_invited(client, agency):
    response = client.post(URL, NEW)

    body = response.json()
    sub = Account.objects.get(agency=agency)
    assert response.status_code == 201
    assert (body["id"], body["name"], body["credit"]) == (
        str(sub.pk),
        "Northside Dental",
        "0.000000",
    )
    assert body["auto_recharge"] == "off"
    assert Wallet.objects.filter(account=sub).exists()
    invitation = Invitation.objects.get(account=sub)
    assert (invitation.email, invitation.role) == ("owner@northside.example", "owner")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "n" * 121),
        ("owner_email", ""),
        ("owner_email", "owner"),
        ("owner_email", "a@b@c"),
    ],
)
def test_a_name_and_an_address_are_needed(client, agency, field, value):
    error = refusal(client.post(URL, NEW | {field: value}), 400)

    assert list(error["fields"]) == [field]
    assert not Account.objects.filter(agency=agency).exists()


def test_only_agencies_have_sub_accounts(agency):
    sub, individual = make_sub_account(agency=agency), make_individual()

    for account in (sub, individual):
        refusal(client_of(account).get(URL), 404)
        refusal(client_of(account).post(URL, NEW), 404)
    assert Account.objects.filter(kind="sub_account").count() == 1


def test_adding_needs_a_key_that_may_write_and_an_open_agency(client, agency):
    refusal(client_of(agency, "read").post(URL, NEW), 403)
    close(agency)
    refusal(client.post(URL, NEW), 403)

    assert not Account.objects.filter(agency=agency).exists()


# Monthly allocation


@pytest.fixture
def sub(agency) -> Account:
    return make_sub_account("Northside Dental", agency=agency)


@pytest.fixture
def card(stripe, agency):
    return add_card(stripe, make_wallet(account=agency))


def allocation_url(account: Account) -> str:
    return f"{URL}/{account.pk}/auto-allocation"


def wish(card=None, **changes) -> dict:
    body = {"basic_minutes": 500, "premium_minutes": 1000}
    return body | ({"payment_method": card.id} if card else {}) | changes


def test_without_an_allocation_everything_is_zero(client, sub):
    assert client.get(allocation_url(sub)).json() == {
        "account": str(sub.pk),
        "active": False,
        "basic_minutes": 0,
        "premium_minutes": 0,
        "payment_method": "",
        "start_date": None,
        "estimated_monthly_charge": "0.00",
        "currency": "USD",
        "next_charges": [],
        "skipped": None,
        "payment_failed": False,
        "latest_run": None,
    }
    assert not Wallet.objects.filter(account=sub).exists()


def test_an_allocation_can_be_set(client, sub, card):
    with clock.at(NOON):
        response = client.put(allocation_url(sub), wish(card, start_date="2026-12-31"))
        shown = client.get(allocation_url(sub)).json()

    assert response.status_code == 200
    assert response.json() == shown
    assert (shown["active"], shown["estimated_monthly_charge"]) == (True, "205.00")
    assert (shown["start_date"], shown["payment_method"]) == ("2026-12-31", card.id)
    assert shown["next_charges"] == ["2026-12-31", "2027-01-31", "2027-02-28"]
    assert shown["latest_run"] is None


def test_an_allocation_that_begins_today_has_a_run_that_is_due(client, sub, card):
    with clock.at(NOON):
        shown = client.put(allocation_url(sub), wish(card)).json()

    assert shown["latest_run"] == {
        "period": "2026-11-20",
        "state": "due",
        "basic_minutes": 500,
        "premium_minutes": 1000,
        "charge": "205.00",
        "error_text": "",
    }
    assert AllocationRun.objects.get().period == date(2026, 11, 20)


def test_both_zero_stops_it(client, sub, card):
    with clock.at(NOON):
        client.put(allocation_url(sub), wish(card, start_date="2026-12-31"))
        shown = client.put(allocation_url(sub), wish(basic_minutes=0, premium_minutes=0)).json()

    assert (shown["active"], shown["next_charges"]) == (False, [])
    assert shown["estimated_monthly_charge"] == "0.00"


@pytest.mark.parametrize(
    ("changes", "field", "status"),
    [
        ({"payment_method": ""}, "payment_method", 422),
        ({"payment_method": "pm_unknown"}, "payment_method", 422),
        ({"basic_minutes": 1, "premium_minutes": 0}, "basic_minutes", 422),
        ({"start_date": "2026-11-19"}, "start_date", 422),
        ({"start_date": "2028-01-01"}, "start_date", 422),
        ({"basic_minutes": 1_000_001}, "basic_minutes", 400),
        ({"premium_minutes": -1}, "premium_minutes", 400),
        ({"start_date": "20 Nov"}, "start_date", 400),
    ],
)
def test_what_cannot_be_set_is_refused_by_its_field(client, sub, card, changes, field, status):
    with clock.at(NOON):
        error = refusal(client.put(allocation_url(sub), wish(card, **changes)), status)

    assert list(error["fields"]) == [field]
    assert not AutoAllocation.objects.filter(active=True).exists()


def test_a_sub_accounts_own_key_sees_neither_card_nor_price(client, sub, card):
    with clock.at(NOON):
        client.put(allocation_url(sub), wish(card))

    refusal(client_of(sub).get(allocation_url(sub)), 403)
    refusal(client_of(sub).put(allocation_url(sub), wish(card)), 403)


def test_an_agency_allocates_to_its_own_sub_accounts_only(client, agency, card):
    other = make_sub_account(agency=make_agency())

    refusal(client.get(allocation_url(other)), 404)
    refusal(client.put(allocation_url(other), wish(card)), 404)
    refusal(client.get(allocation_url(agency)), 404)
    refusal(client.put(allocation_url(agency), wish(card)), 403)
    assert not AutoAllocation.objects.exists()


def test_a_key_that_may_only_read_reads_an_allocation_but_does_not_set_it(agency, sub, card):
    reader = client_of(agency, "read")

    assert reader.get(allocation_url(sub)).status_code == 200
    refusal(reader.put(allocation_url(sub), wish(card)), 403)
    assert not AutoAllocation.objects.exists()


def test_nothing_is_allocated_to_a_closed_account(client, sub, card):
    close(sub)

    refusal(client.put(allocation_url(sub), wish(card)), 403)
    assert not AutoAllocation.objects.exists()
