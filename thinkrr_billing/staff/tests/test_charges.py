"""The switch of all automatic charges, as support sees and superusers turn it."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import StaffAction
from accounts.tests.builders import log_in_staff, make_staff
from thinkrr_billing.staff.groups import BILLING, READ_ONLY
from thinkrr_billing.staff.tests.phone import press, staff_client, url
from wallets.charging import switch
from wallets.tests.worlds.builders import make_wallet, set_auto_recharge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

PAGE = "wallets.chargeswitch"


def test_a_superuser_stops_and_starts_them_with_a_reason():
    boss = log_in_staff(Client(), make_staff())

    press(boss, PAGE, "stop_charges", reason="A restore")
    stopped = switch.stopped()
    press(boss, PAGE, "start_charges", reason="Books are silent")

    assert stopped.reason == "A restore"
    assert not switch.are_stopped()
    done = StaffAction.objects.order_by("pk").values_list("kind", "reason")
    assert list(done) == [("stop_charges", "A restore"), ("start_charges", "Books are silent")]


def test_nobody_else_does():
    press(staff_client(BILLING), PAGE, "stop_charges", reason="A restore")

    assert not switch.are_stopped()


def test_every_page_of_the_staff_says_so_while_they_are_stopped():
    wallet = make_wallet()
    client = staff_client(READ_ONLY)
    pages = [
        reverse("admin:index"),
        reverse("admin:find"),
        url("wallets.purchase", "changelist"),
        url("accounts.account", "change", wallet.account.pk),
    ]
    before = [client.get(page).content.decode() for page in pages]
    switch.stop(reason="A restore", actor=None)

    after = [client.get(page).content.decode() for page in pages]

    assert not any("All automatic charges are stopped" in page for page in before)
    assert all("All automatic charges are stopped" in page for page in after)
    assert all("the command: A restore" in page for page in after)


def test_customers_read_that_support_has_paused_them(client):
    wallet = make_wallet(credit="50")
    set_auto_recharge(wallet)
    switch.stop(reason="A restore", actor=None)
    client.force_login(wallet.account.memberships.get().user)

    page = client.get(reverse("wallets:payments")).content.decode()

    assert "Automatic charges are paused by support. You can still recharge by hand." in page
    assert "A restore" not in page
