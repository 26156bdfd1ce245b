"""The content security policy: strict everywhere, looser in the admin only."""

import pytest
from django.test import Client

from accounts.tests.builders import make_individual, make_staff, owner_of
from thinkrr_billing.staff.tests.phone import staff_client

pytestmark = pytest.mark.django_db

LOOSE = ("unsafe-eval", "unsafe-inline")


@pytest.fixture
def customer() -> Client:
    client = Client()
    client.force_login(owner_of(make_individual()))
    return client


@pytest.mark.parametrize(
    "path", ["/payments/", "/campaigns/", "/settings/", "/notifications/", "/api/v1/docs/"]
)
def test_pages_of_customers_are_strict(customer, path):
    policy = customer.get(path).headers["Content-Security-Policy"]

    assert not any(word in policy for word in LOOSE)


@pytest.mark.parametrize("path", ["/login/", "/admin/login/", "/admin/"])
def test_what_anybody_can_open_is_strict(client, path):
    policy = client.get(path, follow=True).headers["Content-Security-Policy"]

    assert not any(word in policy for word in LOOSE)


def test_the_second_factor_is_strict(client):
    client.force_login(make_staff())

    policy = client.get("/admin/second-factor/set-up/").headers["Content-Security-Policy"]
    assert not any(word in policy for word in LOOSE)


def test_the_admin_is_looser_in_two_words_and_nothing_else():
    policy = staff_client().get("/admin/").headers["Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.rstrip(";").split("; "))

    assert rules["script-src"] == "'self' 'unsafe-eval'"
    assert rules["style-src"] == "'self' 'unsafe-inline'"
    assert rules["default-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
