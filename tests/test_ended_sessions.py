"""A session that ended: whatever a page sends then changes nothing, says so, and leads back.

The routes come from the URL resolver, so a new form is covered the day it is born."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.tests.builders import owner_of
from tests.test_two_tabs import TwoTabs, pages

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

# It leads out, session or not.
NO_SESSION = {"logout/"}
BEHIND = "http://testserver/settings/"


@pytest.fixture
def world() -> TwoTabs:
    return TwoTabs()


def sent(client: Client, path: str, *, by: str) -> tuple[str, int]:
    """Where log-in is, as a form of a page or one in a dialog is answered."""
    headers = {"Referer": BEHIND}
    if by == "dialog":
        headers |= {"HX-Request": "true", "HX-Current-URL": BEHIND, "HX-Target": "dialog-body"}
    answer = client.post(path, {"amount": "50"}, headers=headers)
    return answer.headers.get("HX-Redirect", answer.headers.get("Location", "")), answer.status_code


@pytest.mark.parametrize("by", ["page", "dialog"])
def test_every_form_says_that_nothing_was_charged_and_comes_back_to_a_page(by, world):
    owner, before = world.tab(world.sub), world.stored()
    wrong = {}
    for route in pages():
        if route in NO_SESSION:
            continue
        login, status = sent(Client(), world.path(route), by=by)
        query = parse_qs(urlsplit(login).query)
        back = query.get("next", [""])[0]
        if urlsplit(login).path != "/login/" or query.get("ended") != ["1"]:
            wrong[route] = (status, login)
        elif owner.get(back, follow=True).status_code not in (200, 403, 404):
            wrong[route] = back

    assert wrong == {}
    assert world.stored() == before


def test_a_page_that_answered_a_form_at_its_own_address_leads_to_one_that_opens(world):
    """Without JavaScript: what a form is answered with has the address the form was sent to."""
    owner, wrong = world.tab(world.sub), {}
    for route in pages():
        if route in NO_SESSION:
            continue
        page = {"Referer": f"http://testserver{world.path(route)}"}
        login = Client().post(world.path(route), headers=page)["Location"]
        [back] = parse_qs(urlsplit(login).query)["next"]
        opened = owner.get(back, follow=True, headers={"Accept": "text/html,*/*;q=0.8"})
        if opened.status_code == 405:
            wrong[route] = back

    assert wrong == {}


@pytest.mark.parametrize(
    ("address", "above"),
    [
        ("/settings/members/invite/", "/settings/members/"),
        ("/settings/members/5/role/", "/settings/members/"),
        ("/settings/profile/password/", "/settings/profile/"),
        ("/account-manager/several/allocation/", "/account-manager/"),
    ],
)
def test_an_address_that_only_takes_forms_leads_to_the_page_above_it(world, address, above):
    browser = Client()
    browser.force_login(owner_of(world.agency))

    opened = browser.get(address, headers={"Accept": "text/html"})
    asked = browser.get(address, headers={"Accept": "*/*"})

    assert (opened.status_code, opened["Location"]) == (302, above)
    assert asked.status_code == 405


@pytest.mark.usefixtures("world")
def test_log_in_says_so():
    login, _ = sent(Client(), "/payments/recharge/", by="dialog")

    said = Client().get(login).content.decode()

    assert "Your session ended before this was sent, so nothing was charged or changed." in said
