"""Hostile values in every field there is, found by reading the pages: a new page is tried the day
it is born. What is sent may be refused in any way, but never as an error of ours."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts.tests.authenticator import enter_password, turn_on
from accounts.tests.builders import make_key, owner_of
from campaigns.tests.builders import make_campaign
from tests.faults.test_g_input import World as Payers
from tests.faults.test_h_authorization import path, routes
from thinkrr_billing.staff.tests.phone import staff_client, url
from wallets.models import Alert
from wallets.tests.worlds.histories import allocate, buy

pytestmark = [pytest.mark.faults, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

HOSTILE = (
    "5\x00",
    "NaN",
    "1E+99999999999",
    "-1",
    "٣",
    "9" * 30,
    "x" * 5000,
    "' OR 1=1 --",
    "2026-02-30",
    "9999-12-31",
    "00000000-0000-0000-0000-00000000000g",
    "https://[",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
)
# Other people's: the support's pages are walked apart, the API's bodies by its schema.
APART = ("admin/", "looking/", "api/", "metrics", "healthz", "readyz", "stripe/", "logout/")


@dataclass
class Asked:
    """One form, link or htmx request of a page: where it goes and what it carries."""

    method: str
    url: str
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        return self.method, self.url, tuple(sorted(self.fields))


class Reader(HTMLParser):
    """What a page lets its reader send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.found: list[Asked] = []
        self._form: Asked | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = facts.get("method", "get").lower()
            self._form = self._ask(method, facts.get("action", ""))
        for method in ("get", "post"):
            if f"hx-{method}" in facts:
                asked = self._ask(method, facts[f"hx-{method}"])
                # Inside a form htmx sends its fields along.
                if self._form and tag != "form":
                    asked.fields = self._form.fields
        if tag == "a" and "?" in facts.get("href", ""):
            self._ask("get", facts["href"])
        if tag in ("input", "select", "textarea", "button") and facts.get("name"):
            asked = self._form or self._ask("get", "")
            asked.fields.setdefault(facts["name"], facts.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None

    def _ask(self, method: str, address: str) -> Asked:
        parts = urlsplit(urljoin(self.page, address))
        asked = Asked(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)))
        if not parts.netloc:
            self.found.append(asked)
        return asked


def read(client: Client, page: str) -> list[Asked]:
    answer = client.get(page)
    if answer.status_code != 200 or "text/html" not in answer.headers.get("Content-Type", ""):
        return []
    reader = Reader(page)
    reader.feed(answer.content.decode())
    return reader.found


def errors_of(client: Client, found: list[Asked]) -> Iterator[tuple[str, str, str, str]]:
    """Every field of each, hostile; what is stored by it is undone."""
    client.raise_request_exception = False
    for asked in {one.key: one for one in found}.values():
        for name in asked.fields:
            if name == "csrfmiddlewaretoken":
                continue
            # By its longer name it is the same lookup: whether it is let in is all that differs.
            for value in HOSTILE[:2] if name.endswith("__exact") else HOSTILE:
                before = transaction.savepoint()
                send = client.post if asked.method == "post" else client.get
                answer = send(asked.url, asked.fields | {name: value})
                transaction.savepoint_rollback(before)
                if answer.status_code >= 500:
                    yield asked.method, asked.url, name, value[:30]


@pytest.fixture
def world(stripe) -> Payers:
    """An agency and its sub-account with something on every page."""
    world = Payers(stripe)
    for wallet in (world.agency.wallet, world.sub.wallet):
        buy(wallet)
    allocate(world.sub.wallet)
    make_key(world.agency)
    campaign = make_campaign(world.sub, external_id="camp", status="low_balance")
    world.ids = {
        "key_id": world.agency.api_keys.get().pk,
        "alert_id": Alert.objects.create(wallet=world.agency.wallet, kind="balance", level=25).pk,
        "user_id": owner_of(world.agency).pk,
        "invitation_id": 999_999,
        "session_id": 999_999,
        "form_key": world.values["{key}"],
        "purchase_id": world.paid.pk,
        "card_id": world.card,
        "account_id": world.sub.pk,
        "campaign_id": campaign.pk,
        "uidb64": "MQ",
        "token": "set",
    }
    return world


@pytest.mark.parametrize("who", ["agency", "sub", "nobody"])
def test_f87_no_field_of_any_page_makes_an_error_of_ours(who, world):
    client = Client()
    turn_on(owner_of(world.sub))
    if who == "nobody":
        # As far as one gets without a code.
        enter_password(client, owner_of(world.sub))
    else:
        client.force_login(owner_of(getattr(world, who)))
    found = [
        asked
        for route in routes()
        if not route.startswith(APART)
        for asked in read(client, path(route, world.ids))
        if not asked.url.lstrip("/").startswith(APART)
    ]

    assert sum(len(one.fields) for one in found) > (3 if who == "nobody" else 40)
    assert list(errors_of(client, found)) == []


def lookups(model) -> set[str]:
    """What somebody could write into the address of a list by hand."""
    names = {name for one in model._meta.fields for name in (one.name, f"{one.name}__exact")}
    return names | {"q", "p", "o", "e", "all", "_facets", "_to_field", "_popup"}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("model", [model._meta.label_lower for model in admin.site._registry])
def test_f87_no_field_of_supports_pages_makes_an_error_of_ours(model):
    staff = staff_client()
    registered = next(one for one in admin.site._registry if one._meta.label_lower == model)
    rows, pages = url(model, "changelist"), [url(model, "changelist")]
    if row := registered.objects.order_by("pk").first():
        pages += [url(model, "change", row.pk), url(model, "history", row.pk)]
    found = [
        asked
        for page in pages
        for asked in read(staff, page)
        if asked.url.startswith("/admin/") and asked.url != reverse("admin:logout")
    ]
    names = lookups(registered).union(*(one.fields for one in found if one.url == rows))
    found = [one for one in found if one.url != rows]
    # Which columns may not be asked for is tried in staff/tests/test_hidden_columns.py.
    asked = [name for name in names if staff.get(rows, {name: "1"}).status_code != 400]
    found += [Asked("get", rows, {name: ""}) for name in asked]

    assert list(errors_of(staff, found)) == []
