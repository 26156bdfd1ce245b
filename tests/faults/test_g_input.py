"""Hostile figures, dates and texts in every form and every query: refused, and never an error."""

import pytest
from django.test import Client

from accounts.models import Account
from accounts.tests.builders import make_agency, make_sub_account, owner_of
from wallets.models import AutoAllocation, AutoRecharge, Purchase
from wallets.opening import open_wallet
from wallets.tests.api_clients import client_of

pytestmark = [pytest.mark.faults, pytest.mark.django_db]

HOSTILE = [
    "NaN", "Infinity", "-Infinity", "1e309", "1E+99999999999", "-1", "-0", "0x10", "1_000",
    "１２", "٣", "9" * 26, "9" * 5000, "null", "[]", "{}", "true", "\x00", "5\x00", "' OR 1=1 --",
    "1;DROP TABLE accounts_account", "<script>", "../../etc/passwd", "%00", "\u202e12", "5.001",
    "2026-02-30", "0000-00-00", "9999-99-99", "\ud800".encode("utf-8", "surrogatepass").decode(
        "latin-1"
    ),
]  # fmt: skip


class World:
    def __init__(self) -> None:
        self.agency = make_agency()
        self.sub = make_sub_account(agency=self.agency)
        for account in (self.agency, self.sub):
            open_wallet(account=account)
        self.client = Client()
        self.client.force_login(owner_of(self.agency))
        self.forms = {
            "/payments/recharge/": {"amount": "50", "buys": "premium", "form_key": ""},
            "/payments/recharge/quote/": {"amount": "50", "buys": "premium"},
            "/payments/auto-recharge/": {
                "enabled": "on", "threshold": "10", "amount": "50", "monthly_limit": "",
                "payment_method": "",
            },
            "/payments/auto-recharge/preview/": {
                "enabled": "on", "threshold": "10", "amount": "50", "monthly_limit": "",
            },
            f"/account-manager/{self.sub.pk}/auto-allocation/": {
                "basic_minutes": "5", "premium_minutes": "5", "start_date": "",
                "payment_method": "pm_1",
            },
            f"/account-manager/{self.sub.pk}/auto-allocation/estimate/": {
                "basic_minutes": "5", "premium_minutes": "5", "start_date": "",
            },
        }  # fmt: skip

    def stored(self) -> list:
        return [
            list(model.objects.order_by("pk").values())
            for model in (Account, AutoAllocation, AutoRecharge, Purchase)
        ]


@pytest.fixture
def world(nudges) -> World:
    return World()


def test_f87_hostile_forms_store_nothing(world):
    before = world.stored()
    errors = []
    for url, form in world.forms.items():
        for field in form:
            for value in HOSTILE:
                answer = world.client.post(url, form | {field: value})
                if answer.status_code >= 500:
                    errors.append((url, field, value[:30], answer.status_code))
    assert errors == []
    assert world.stored() == before


QUERIES = {
    "/api/v1/wallet/entries": ("kind", "pot", "from", "to", "cursor", "limit", "account"),
    "/api/v1/campaigns": ("changed_since", "cursor", "limit", "account"),
    "/api/v1/wallet": ("account", "expand"),
    "/api/v1/rates": ("account", "order"),
    "/payments/transactions/": ("kind", "pot", "cursor", "from", "to", "page", "q"),
    "/payments/transactions.csv": ("kind", "from", "to"),
    "/account-manager/": ("q", "page", "sort"),
    "/campaigns/": ("status", "page", "q"),
    "/campaigns/resume/": ("purchase",),
    "/notifications/": ("page", "before", "cursor"),
    "/payments/methods/added/": ("session_id",),
}


def test_f87_f93_hostile_queries_are_no_server_error(world):
    api = client_of(world.agency)
    errors = []
    for url, names in QUERIES.items():
        client = api if url.startswith("/api/") else world.client
        for name in names:
            for value in HOSTILE:
                status = client.get(url, {name: value}).status_code
                if status >= 500:
                    errors.append((url, name, value[:30], status))
    assert errors == []
