"""Every page lets its reader log out."""

import pytest
from django.test import Client

from accounts.tests.builders import make_individual, owner_of
from thinkrr_billing.staff.tests.phone import staff_client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

PAGES = ["/payments/", "/campaigns/", "/notifications/", "/settings/", "/settings/profile/"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_offers_to_log_out(path):
    client = Client()
    client.force_login(owner_of(make_individual()))

    assert '<form method="post" action="/logout/">' in client.get(path).content.decode()


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/account/"])
def test_every_page_of_support_offers_to_log_out(path):
    assert 'action="/admin/logout/"' in staff_client().get(path).content.decode()
