"""Hostile figures, dates and texts in every form and every query: refused, and never an error."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from accounts import clock
from accounts.models import Account, ApiKey, Invitation, Membership, User
from accounts.tests.builders import make_agency, make_sub_account, owner_of
from thinkrr_billing.staff.tests.phone import press, staff_client
from wallets.balances.opening import open_wallet
from wallets.models import (
    AutoAllocation,
    AutoRecharge,
    LedgerEntry,
    MinuteRate,
    Purchase,
    Reversal,
    Seller,
)
from wallets.tests.worlds.api_clients import client_of
from wallets.tests.worlds.builders import add_card
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.faults, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

HOSTILE = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e309",
    "1E+99999999999",
    "-1",
    "-0",
    "0x10",
    "1_000",
    "１２",
    "٣",
    "9" * 26,
    "9" * 5000,
    "null",
    "[]",
    "{}",
    "true",
    "\x00",
    "5\x00",
    "' OR 1=1 --",
    "1;DROP TABLE accounts_account",
    "<script>",
    "../../etc/passwd",
    "%00",
    "\u202e12",
    "5.001",
    "2026-02-30",
    "0000-00-00",
    "9999-99-99",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
]


# Every form with figures, dates or choices: where it is sent, what it takes, and which of its
# fields nothing of the above may get into. `{sub}`, `{card}` and so on stand for the world's own.
FORMS = {
    "/payments/recharge/": (
        {
            "amount": "50",
            "quoted_amount": "50",
            "buys": "premium",
            "payment_method": "{card}",
            "form_key": "{key}",
        },
        ("amount", "buys", "payment_method", "form_key"),
    ),
    "/payments/auto-recharge/": (
        {
            "enabled": "on",
            "threshold": "10",
            "amount": "50",
            "monthly_limit": "500",
            "daily_ceiling": "500",
            "payment_method": "{card}",
        },
        ("threshold", "amount", "monthly_limit", "daily_ceiling", "payment_method"),
    ),
    "/account-manager/{sub}/give-minutes/": (
        {
            "basic_minutes": "100",
            "premium_minutes": "5",
            "payment_method": "{card}",
            "form_key": "{key}",
            "quoted_charge": "9.80",
        },
        ("basic_minutes", "premium_minutes", "payment_method", "form_key"),
    ),
    "/account-manager/{sub}/rename/": ({"name": "North"}, ()),
    "/account-manager/several/allocation/": (
        {
            "chosen": "{sub}",
            "basic_minutes": "100",
            "premium_minutes": "5",
            "payment_method": "{card}",
            "quoted_charge": "9.80",
            "step": "save",
        },
        ("chosen", "basic_minutes", "premium_minutes", "payment_method"),
    ),
    "/account-manager/{sub}/auto-allocation/": (
        {
            "basic_minutes": "500",
            "premium_minutes": "5",
            "start_date": "{tomorrow}",
            "payment_method": "{card}",
        },
        ("basic_minutes", "premium_minutes", "start_date", "payment_method"),
    ),
    "/settings/": (
        {
            "name": "Brightline",
            "timezone": "America/New_York",
            "billing_name": "",
            "billing_address": "",
            "tax_id": "",
        },
        ("timezone",),
    ),
    "/settings/api-keys/": (
        {"name": "Dialer", "scopes": "read", "expires": "90"},
        ("scopes", "expires"),
    ),
    "/settings/profile/": ({"name": "Ada", "theme": "dark"}, ("theme",)),
    "/settings/members/invite/": (
        {"email": "new@example.com", "role": "member"},
        ("email", "role"),
    ),
    "/account-manager/add/": (
        {"name": "West", "owner_email": "west@example.com"},
        ("owner_email",),
    ),
}
# Dialogs of support: model, button, about which row, what they take, and the fields.
DIALOGS = [
    (
        "accounts.account",
        "adjust",
        "sub",
        {"pot": "credit", "direction": "add", "amount": "5"},
        ("pot", "direction", "amount"),
    ),
    ("accounts.account", "grant_included", "agency", {"minutes": "30"}, ("minutes",)),
    ("wallets.purchase", "refund", "paid", {"amount": "20"}, ("amount",)),
    (
        "wallets.seller",
        "set_seller",
        None,
        {"country": "DE", "name": "Thinkrr", "tax_sentence": "Reverse charge"},
        ("country",),
    ),
    (
        "wallets.minuterate",
        "set_rate",
        None,
        {"minute_type": "basic", "price": "0.0875", "effective_from": "2099-01-01 00:00"},
        ("minute_type", "price", "effective_from"),
    ),
]


class World:
    """An agency that can pay, so that only what is hostile keeps a form from being done."""

    def __init__(self, stripe) -> None:
        self.agency = make_agency(included_minutes=60)
        self.sub = make_sub_account(agency=self.agency)
        for account in (self.agency, self.sub):
            open_wallet(account=account)
        wallet = self.agency.wallet
        self.card = add_card(stripe, wallet).id
        self.paid = buy(wallet)
        self.agency.refresh_from_db()
        self.client = Client()
        self.client.force_login(owner_of(self.agency))
        self.staff = staff_client()
        self.values = {
            "{sub}": str(self.sub.pk),
            "{card}": self.card,
            "{key}": str(uuid4()),
            "{tomorrow}": str(clock.now().date() + timedelta(days=2)),
        }

    def filled(self, text: str) -> str:
        for mark, value in self.values.items():
            text = text.replace(mark, value)
        return text

    def stored(self) -> dict[str, list]:
        models = (
            Account,
            ApiKey,
            AutoAllocation,
            AutoRecharge,
            Invitation,
            LedgerEntry,
            Membership,
            MinuteRate,
            Purchase,
            Reversal,
            Seller,
            User,
        )
        return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


@pytest.fixture
def world(stripe) -> World:
    return World(stripe)


@pytest.mark.parametrize("address", FORMS)
def test_f87_hostile_values_in_a_form_are_refused_and_nothing_is_stored(address, world):
    form, fields = FORMS[address]
    url = world.filled(address)
    form = {name: world.filled(value) for name, value in form.items()}
    before = world.stored()
    taken = [
        (field, value[:30], answer.status_code)
        for field in fields
        for value in HOSTILE
        if (answer := world.client.post(url, form | {field: value})).status_code not in (400, 422)
    ]

    assert taken == []
    assert world.stored() == before
    # The control: without anything hostile the same form is done.
    assert world.client.post(url, form).status_code < 400
    assert world.stored() != before


@pytest.mark.parametrize("address", FORMS)
def test_f87_hostile_text_anywhere_in_a_form_is_no_server_error(address, world):
    form, fields = FORMS[address]
    form = {name: world.filled(value) for name, value in form.items()}
    errors = [
        (field, value[:30])
        for field in [*(form.keys() - set(fields)), "unknown", "quoted_charge", "quoted_rate"]
        for value in HOSTILE
        if world.client.post(world.filled(address), form | {field: value}).status_code >= 500
    ]
    assert errors == []


@pytest.mark.parametrize(("model", "button", "about", "form", "fields"), DIALOGS)
def test_f87_hostile_values_in_supports_dialogs_are_refused_and_nothing_is_stored(
    model, button, about, form, fields, world
):
    about = [] if about is None else [getattr(world, about).pk]
    before = world.stored()
    # A rate is shown before it is set: the second press would set it.
    shown = {"shown": "basic 0.0875 2099-01-01 00:00:00+00:00"}
    taken = [
        (field, value[:30], answer.status_code)
        for field in (*fields, "form_key", "reason")
        for value in HOSTILE
        if field in fields or "\x00" in value or len(value) > 1000
        # Support may post millionths of a dollar.
        if (button, value) != ("adjust", "5.001")
        if (
            answer := press(world.staff, model, button, *about, **form | shown | {field: value})
        ).status_code
        not in (200, 400, 422)
    ]

    assert taken == []
    assert world.stored() == before
    # The control: without anything hostile the same dialog is done.
    assert press(world.staff, model, button, *about, **form | shown).status_code == 303
    assert world.stored() != before


QUERIES = {
    "/api/v1/wallet/entries": ("kind", "pot", "from", "to", "cursor", "limit", "account"),
    "/api/v1/calls": ("from", "to", "campaign", "outcome", "minute_type", "cursor", "include"),
    "/api/v1/usage": ("from", "to", "by", "campaign", "outcome", "minute_type", "include"),
    "/api/v1/receipts": ("from", "to", "cursor", "limit", "include"),
    "/api/v1/wallet/recharges": ("from", "to", "state", "cursor", "limit", "include"),
    "/api/v1/campaigns": ("changed_since", "after", "cursor", "limit", "account"),
    "/api/v1/changes": ("after", "kind", "limit", "include", "account"),
    "/api/v1/wallet": ("account", "expand"),
    "/api/v1/rates": ("account", "order"),
    "/payments/transactions/": ("type", "status", "since", "until", "cursor", "page", "q"),
    "/payments/transactions.csv": (
        "kind",
        "pot",
        "type",
        "status",
        "from",
        "to",
        "since",
        "until",
        "bom",
        "payments",
    ),
    "/payments/export/": ("format", "pot", "type", "status", "from", "to", "since", "until", "bom"),
    "/payments/statements/2026-11.csv": ("pot",),
    "/payments/": ("days",),
    "/api/v1/statements/2026-11": ("account", "include"),
    "/payments/recharge/quote/": ("amount", "buys"),
    "/payments/outcome/": ("since",),
    "/payments/receipts/": ("period",),
    "/payments/receipts.pdf": ("period",),
    "/usage/": ("since", "until", "by", "show", "account", "campaign", "minute_type", "outcome"),
    "/usage.csv": ("since", "until", "by", "account", "campaign"),
    "/account-manager/": ("search", "status", "page", "sort"),
    "/account-manager.csv": ("search", "status", "sort"),
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
