"""Two tabs, one session: what a page sends acts on the account it was made for, or on none.

The routes come from the URL resolver, so a new page is covered the day it is born."""

import json
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from accounts.middleware import PERSONAL
from accounts.models import Account, ApiKey, Invitation, Role
from accounts.tests.builders import add_member, make_individual
from tests.faults.test_h_authorization import API, API_PUBLIC, PUBLIC, World, routes
from thinkrr_billing.sandbox.story.person import Page
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

SENTENCE = (
    "You work in Ada Lovelace now, and this page is of another account. Nothing was changed and "
    "nothing was charged. Reload the page, or switch back first."
)
# What no person's page sends: open to everybody, to keys, or to support alone.
ELSEWHERE = {*PUBLIC, *(f"api/v1/{route}" for route in (*API, *API_PUBLIC))}
WRITING = ("post", "put", "patch", "delete")


class TwoTabs(World):
    """The owner of the sub-account works in an account of their own, too: tab two is there."""

    def __init__(self) -> None:
        super().__init__()
        self.other = make_individual()
        add_member(self.other, Role.OWNER, user=self.users["owner"])
        self.ids["invitation_id"] = Invitation.objects.create(
            account=self.other,
            email="x@example.com",
            role="member",
            invited_by=self.users["owner"],
            expires_at=self.other.created_at,
        ).pk

    def tab(self, account: Account, **options: object) -> Client:
        client = self.client("owner", **options)
        session = client.session
        session["account"] = str(account.pk)
        session.save()
        return client


@pytest.fixture
def world() -> TwoTabs:
    return TwoTabs()


def pages() -> Iterator[str]:
    """Every route a person's page may send something to."""
    for route in routes():
        if route not in ELSEWHERE and not route.startswith(("admin/", "looking/")):
            yield route


def view_name(world: TwoTabs, route: str) -> str:
    return resolve(world.path(route)).view_name


@pytest.mark.parametrize("method", WRITING)
@pytest.mark.parametrize("by", ["hidden field", "header"])
def test_every_page_refuses_what_a_tab_of_another_account_sends(method, by, world):
    client, before = world.tab(world.other), world.stored()
    wrong = []
    for route in pages():
        if view_name(world, route) in PERSONAL:
            continue
        sends = getattr(client, method)
        if by == "header":
            headers = {"HX-Request": "true", "X-Page-Account": str(world.sub.pk)}
            answer = sends(world.path(route), headers=headers)
        elif method == "post":
            answer = sends(world.path(route), {"page_account": str(world.sub.pk)})
        else:
            continue  # No form sends any other way.
        if answer.status_code != 409 or SENTENCE not in answer.content.decode():
            wrong.append((route, answer.status_code))
    assert wrong == []
    assert world.stored() == before


def test_every_page_refuses_a_form_that_names_no_account(world):
    client, before = world.tab(world.other, enforce_csrf_checks=True), world.stored()
    client.get("/settings/")
    token = {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    wrong = []
    for route in pages():
        if view_name(world, route) in PERSONAL:
            continue
        answer = client.post(world.path(route), token)
        if answer.status_code != 409 or "Reload the page and try" not in answer.content.decode():
            wrong.append((route, answer.status_code))
    assert wrong == []
    assert world.stored() == before


@pytest.mark.parametrize("both", [("sub", "other"), ("other", "sub")])
def test_a_field_and_a_header_that_disagree_are_refused(both, world):
    client, before = world.tab(world.other), world.stored()
    field, header = (str(getattr(world, name).pk) for name in both)

    answer = client.post(
        "/settings/", {"page_account": field, "name": "X"}, headers={"X-Page-Account": header}
    )

    assert answer.status_code == 409
    assert world.stored() == before


@pytest.mark.parametrize("named", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_made_up_account_is_refused(named, world):
    client, before = world.tab(world.other), world.stored()

    answer = client.post("/settings/api-keys/", {"page_account": named, "name": "K"})

    assert answer.status_code == 409
    assert world.stored() == before


def test_every_form_of_every_page_names_the_account_of_its_page(world):
    client = world.tab(world.sub)
    seen, wrong = 0, []
    for route in pages():
        answer = client.get(world.path(route))
        if answer.status_code != 200 or "text/html" not in answer["Content-Type"]:
            continue
        page = Page(url=world.path(route), status=200, source=answer.content.decode())
        for form in page.forms:
            if "csrfmiddlewaretoken" not in form.fields:
                continue  # It only reads.
            seen += 1
            if form.fields.get("page_account") != [str(world.sub.pk)]:
                wrong.append((route, form.action))
    assert wrong == []
    assert seen > 40


def test_the_three_ways_that_were_found_change_nothing_in_the_other_account(world):
    """Renaming another tenant, inviting an owner into it, making a key for it."""
    tab_one = world.tab(world.sub)
    stale = {"page_account": str(world.sub.pk)}
    tab_one.post("/accounts/switch/", {**stale, "account": str(world.other.pk)})
    before = (ApiKey.objects.count(), Invitation.objects.count())
    facts = {"name": "Renamed", "timezone": "UTC"}

    renamed = tab_one.post("/settings/", {**facts, **stale})
    invited = tab_one.post(
        "/settings/members/invite/", {"email": "mine@example.com", "role": "owner", **stale}
    )
    made = tab_one.post(
        "/settings/api-keys/", {"name": "K", "scopes": ["read"], "expires": "", **stale}
    )

    assert [answer.status_code for answer in (renamed, invited, made)] == [409, 409, 409]
    assert Account.objects.get(pk=world.other.pk).name == "Ada Lovelace"
    assert (ApiKey.objects.count(), Invitation.objects.count()) == before


def test_after_switching_back_the_same_form_goes_through(world):
    tab_one = world.tab(world.other)
    stale = {"page_account": str(world.sub.pk)}
    facts = {"name": "Renamed", "timezone": "UTC", **stale}
    assert tab_one.post("/settings/", facts).status_code == 409

    # The menu of a stale page still leads out of it.
    back = tab_one.post("/accounts/switch/", {**stale, "account": str(world.sub.pk)})

    assert back.status_code == 302
    assert tab_one.post("/settings/", facts)["Location"] == "/settings/"
    assert Account.objects.get(pk=world.sub.pk).name == "Renamed"
    assert Account.objects.get(pk=world.other.pk).name == "Ada Lovelace"


def test_what_is_about_the_person_alone_works_from_any_tab(world):
    tab_one = world.tab(world.other)

    saved = tab_one.post(
        "/settings/profile/",
        {"page_account": str(world.sub.pk), "name": "New Name", "theme": "dark"},
    )

    assert saved["Location"] == "/settings/profile/"
    world.users["owner"].refresh_from_db()
    assert world.users["owner"].name == "New Name"


@pytest.mark.parametrize("path", ["/payments/recharge/", "/payments/", "/banner/?seen=x"])
def test_a_fragment_never_shows_another_account_than_its_page(path, world):
    make_wallet(account=world.other)
    client = world.tab(world.other)
    headers = {"HX-Request": "true", "X-Page-Account": str(world.sub.pk)}

    assert client.get(path, headers=headers).status_code == 409
    assert client.get(path, headers={"HX-Request": "true"}).status_code == 200
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(("target", "toasts"), [("dialog-body", False), ("camp-1", True)])
def test_the_sentence_stands_in_the_dialog_or_is_called_out(target, toasts, world):
    headers = {
        "HX-Request": "true",
        "HX-Target": target,
        "X-Page-Account": str(world.sub.pk),
    }
    answer = world.tab(world.other).post("/payments/recharge/", headers=headers)

    assert SENTENCE in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert answer.has_header("HX-Trigger") == toasts
    if toasts:
        told = json.loads(answer["HX-Trigger"])
        assert told == {"toast": {"text": SENTENCE, "tone": "danger"}}


def test_personal_pages_are_named_as_they_are_routed():
    def names(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
        for one in resolver.url_patterns:
            if isinstance(one, URLPattern):
                yield f"{prefix}{one.name}"
            else:
                yield from names(one, f"{one.app_name}:" if one.app_name else prefix)

    assert set(names(get_resolver())) >= PERSONAL
