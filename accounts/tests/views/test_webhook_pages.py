"""Settings, Webhooks: as people use it, with and without JavaScript."""

import pytest
from django.urls import reverse

from accounts.models import Role, WebhookDelivery, WebhookEndpoint
from accounts.people import closing
from accounts.tests.builders import add_member, make_individual, owner_of
from accounts.tests.webhooks.conftest import receiver  # noqa: F401
from accounts.tests.webhooks.receiver import send, states
from accounts.webhooks import endpoints
from accounts.webhooks.endpoints import Terms

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

LIST = "/settings/webhooks/"
SLACK = "https://hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop"


@pytest.fixture
def account():
    return make_individual()


@pytest.fixture
def browser(account, client):
    client.force_login(owner_of(account))
    return client


@pytest.fixture
def one(account):
    terms = Terms(url="https://example.com/hooks", description="CRM")
    return endpoints.add(account=account, terms=terms, actor=None)


def act(browser, name, *args, **fields):
    return browser.post(reverse(f"accounts:{name}", args=args), fields, follow=True)


def test_an_empty_page_says_what_webhooks_are_for(browser):
    page = browser.get(LIST)

    assert page.status_code == 200
    assert "No webhooks yet" in page.text
    assert "wallet.low_balance" in page.text


def test_a_webhook_is_added_and_its_secret_shown_this_once(browser):
    page = browser.post(
        LIST,
        {"url": "https://example.com/hooks", "format": "standard", "events": ["campaign.paused"]},
    )

    one = WebhookEndpoint.objects.get()
    assert one.secret in page.text
    assert (one.url, one.events) == ("https://example.com/hooks", ["campaign.paused"])
    for path in (LIST, f"{LIST}{one.pk}/"):
        assert one.secret not in browser.get(path).text


def test_a_wrong_address_is_explained_beside_its_field(browser, settings):
    settings.WEBHOOKS_MAY_STAY_HERE = False

    page = browser.post(LIST, {"url": "http://localhost/", "format": "standard"})

    assert page.status_code == 422
    assert "begins with https://" in page.text
    assert not WebhookEndpoint.objects.exists()


def test_it_is_changed_paused_resumed_and_deleted(browser, one):
    changed = {"url": "https://example.com/other", "format": "standard", "description": "ERP"}

    act(browser, "webhook", one.pk, **changed)
    paused = act(browser, "webhook_pause", one.pk)
    one.refresh_from_db()
    assert (one.url, one.description) == ("https://example.com/other", "ERP")
    assert one.paused_at
    assert "Paused" in paused.text
    act(browser, "webhook_resume", one.pk)
    one.refresh_from_db()
    assert one.paused_at is None
    act(browser, "webhook_remove", one.pk)
    assert not WebhookEndpoint.objects.exists()


def test_a_rotated_secret_is_shown_once_and_the_third_of_a_day_refused(browser, one):
    first = one.secret

    page = act(browser, "webhook_rotate", one.pk)
    act(browser, "webhook_rotate", one.pk)
    refused = act(browser, "webhook_rotate", one.pk)

    one.refresh_from_db()
    assert "signs beside it for 24 hours" in page.text
    assert first not in page.text
    assert "Two earlier secrets are still in use" in refused.text
    assert len(one.old_secrets) == 2


def test_the_log_shows_what_was_sent_and_answered_and_sends_it_again(
    browser,
    account,
    receiver,  # noqa: F811
):
    receiver.answers["/"] = 410
    one = endpoints.add(account=account, terms=Terms(url=receiver.base + "/"), actor=None)
    closing.close(account=account)
    send()
    closing.reopen(account=account)
    delivery = WebhookDelivery.objects.get()

    page = browser.get(f"{LIST}{one.pk}/").text
    details = browser.get(f"{LIST}{one.pk}/deliveries/{delivery.pk}/").text
    refused = act(browser, "webhook_resend", one.pk, delivery.pk).text
    act(browser, "webhook_resume", one.pk)
    receiver.answers.clear()
    act(browser, "webhook_resend", one.pk, delivery.pk)
    send()

    assert "Switched off" in page
    assert "account.closed" in page
    assert "Answered 410" in page
    assert delivery.event.message in details
    assert "&quot;account.closed&quot;" in details
    assert "Resume it first" in refused
    assert states(one) == ["sent"]


def test_a_test_event_leads_to_its_answer(browser, account, receiver):  # noqa: F811
    one = endpoints.add(account=account, terms=Terms(url=receiver.base + "/"), actor=None)

    page = act(browser, "webhook_test", one.pk)

    delivery = WebhookDelivery.objects.get()
    assert page.redirect_chain[-1][0] == f"{LIST}{one.pk}/deliveries/{delivery.pk}/"
    assert "It was not sent yet." in page.text
    send()
    assert receiver.types() == ["webhook.test"]


def test_slacks_address_is_never_shown_again_and_kept_when_left_empty(browser):
    page = browser.post(LIST, {"url": SLACK, "format": "slack", "description": "Ops"})
    one = WebhookEndpoint.objects.get()

    act(browser, "webhook", one.pk, url="", format="slack", description="Operations")

    one.refresh_from_db()
    assert (one.url, one.description) == (SLACK, "Operations")
    for text in (page.text, browser.get(f"{LIST}{one.pk}/").text, browser.get(LIST).text):
        assert "abcdefghijklmnop" not in text
        assert one.secret not in text


def test_members_read_and_change_nothing(account, client, one):
    client.force_login(add_member(account, Role.MEMBER))

    pages = [client.get(LIST), client.get(f"{LIST}{one.pk}/")]
    refused = [
        client.post(LIST, {"url": "https://evil.example/", "format": "standard"}),
        client.post(f"{LIST}{one.pk}/", {"url": "https://evil.example/", "format": "standard"}),
        client.post(f"{LIST}{one.pk}/rotate/"),
        client.post(f"{LIST}{one.pk}/delete/"),
    ]

    assert {page.status_code for page in pages} == {200}
    assert "Add webhook" not in pages[0].text
    assert "Delete" not in pages[1].text
    assert {answer.status_code for answer in refused} == {403}
    fresh = WebhookEndpoint.objects.get()
    assert (fresh.url, fresh.secret) == (one.url, one.secret)
