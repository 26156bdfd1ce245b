"""The settings page Alerts, as people use it."""

from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Notification
from accounts.tests.builders import add_member
from wallets.alerts import keeping
from wallets.alerts.keeping import Terms
from wallets.models import Alert, SlackHook
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

ALERTS = reverse("wallets:alerts")
ADDRESS = "https://hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop"


@pytest.fixture
def wallet():
    return make_wallet(credit="50")


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split()).replace("&#x27;", "'")


def form(**changes) -> dict[str, str]:
    facts = {"kind": "balance", "level": "$25", "people": "managers", "addresses": ""}
    return facts | changes


def add(wallet, **facts) -> Alert:
    terms = Terms(**({"kind": "balance", "level": Decimal(25)} | facts))
    return keeping.add(wallet_id=wallet.pk, terms=terms, actor=None)


def test_without_alerts_the_page_says_what_is_told_all_the_same(browser):
    shown = text_of(browser.get(ALERTS))

    assert "No alerts of your own yet." in shown
    assert "Add an alert" in shown


def test_an_alert_is_added_shown_changed_and_removed(browser):
    sent = form(addresses="books@example.com\npager@example.com")
    answer = browser.post(reverse("wallets:alert_add"), sent, follow=True)

    alert = Alert.objects.get()
    assert (alert.level, alert.addresses) == (25, ["books@example.com", "pager@example.com"])
    shown = text_of(answer)
    assert "You will hear of it: balance below $25.00." in shown
    assert "To Owners and admins, books@example.com, pager@example.com." in shown

    changed = browser.get(reverse("wallets:alert", args=[alert.pk]))
    assert 'value="25.00"' in changed.content.decode()
    browser.post(reverse("wallets:alert", args=[alert.pk]), form(level="30"))
    alert.refresh_from_db()
    assert (alert.level, alert.addresses) == (30, [])

    browser.post(reverse("wallets:alert_remove", args=[alert.pk]))
    assert not Alert.objects.exists()


def test_what_cannot_be_told_is_said_at_its_field_with_what_was_typed(browser):
    answer = browser.post(reverse("wallets:alert_add"), form(level="", addresses="no address"))

    shown = text_of(answer)
    assert answer.status_code == 422
    assert "Enter more than 0 and at most 1,000,000" in shown
    assert "is no address. Enter one on each line" in shown
    assert "no address</textarea>" in shown
    assert not Alert.objects.exists()


def test_a_number_that_is_none_is_refused(browser):
    answer = browser.post(reverse("wallets:alert_add"), form(level="a few"))

    assert answer.status_code == 422
    assert "Enter a number, like 25" in text_of(answer)


def test_the_preview_shows_the_mail_as_it_is_sent(browser, wallet):
    alert = add(wallet, addresses=("books@example.com",))

    shown = text_of(browser.get(reverse("wallets:alert_preview", args=[alert.pk])))

    assert f"Balance below $25.00: {wallet.account.name}" in shown
    assert "Your balance is $24.84, below $25.00." in shown
    assert "books@example.com" in shown
    assert not Notification.objects.exists()


def test_a_test_goes_to_whom_it_names_and_the_eleventh_in_an_hour_is_refused(browser, wallet):
    alert = add(wallet, addresses=("books@example.com",))
    address = reverse("wallets:alert_test", args=[alert.pk])

    for _ in range(10):
        browser.post(address)
    answer = browser.post(address, follow=True)

    told = Notification.objects.filter(kind="own_alert_test")
    assert told.count() == 10
    assert told[0].also_to == ["books@example.com"]
    assert "the figures are made up. Your balance is $24.84" in told[0].text
    assert "You have sent ten tests within an hour." in text_of(answer)


def test_slack_is_connected_its_secret_never_shown_again_and_disconnected(browser):
    answer = browser.post(reverse("wallets:alert_slack"), {"address": ADDRESS}, follow=True)

    shown = text_of(answer)
    assert "https://hooks.slack.com/services/TEAMX/BOTXX/…" in shown
    assert "abcdefghijklmnop" not in shown

    browser.post(reverse("wallets:alert_add"), form(people="nobody", slack="on"))
    assert Alert.objects.get().slack is True

    browser.post(reverse("wallets:alert_slack"), {"off": "1"})
    alert = Alert.objects.get()
    assert (alert.slack, alert.people) == (False, "managers")
    assert not SlackHook.objects.exists()


def test_another_address_is_refused_and_not_sent_back(browser):
    typed = "https://evil.example/services/TEAMX/BOTXX/abcdefghijklmnop"

    answer = browser.post(reverse("wallets:alert_slack"), {"address": typed})

    assert answer.status_code == 422
    assert "Enter the address of an incoming webhook as Slack shows it" in text_of(answer)
    assert "evil.example" not in answer.content.decode()
    assert not SlackHook.objects.exists()


def test_members_see_alerts_and_change_none(client, wallet):
    alert = add(wallet)
    client.force_login(add_member(wallet.account))

    shown = text_of(client.get(ALERTS))

    assert "Balance below $25.00" in shown
    assert "Only owners and admins of this account may change this." in shown
    assert "Send a test" not in shown
    for name in ("alert_remove", "alert_test"):
        assert client.post(reverse(f"wallets:{name}", args=[alert.pk])).status_code == 403
    assert Alert.objects.get() == alert
