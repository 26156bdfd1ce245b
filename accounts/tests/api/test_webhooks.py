"""Webhooks by the API: what pages can, a program can."""

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiKey, WebhookDelivery, WebhookEndpoint
from accounts.people import api_keys, closing
from accounts.tests.builders import make_individual
from accounts.tests.webhooks.conftest import receiver  # noqa: F401
from accounts.tests.webhooks.receiver import send
from accounts.webhooks import endpoints
from accounts.webhooks.endpoints import Terms

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

URL = "/api/v1/webhooks"
SLACK = "https://hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop"


@pytest.fixture
def account():
    return make_individual()


@pytest.fixture
def client(account):
    _, token = api_keys.create(account=account, name="CRM", scopes=["read", "write"])
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def add(client, **facts):
    answer = client.post(URL, {"url": "https://example.com/hooks"} | facts, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_a_webhook_is_added_and_its_secret_answered_this_once(client, account):
    added = add(client, description="CRM", events=["campaign.paused", "account.closed"])

    one = WebhookEndpoint.objects.get()
    assert added["secret"] == one.secret
    assert one.secret.startswith("whsec_")
    assert (added["status"], added["secrets_in_use"]) == ("new", 1)
    assert added["events"] == ["account.closed", "campaign.paused"]
    assert added["account"] == str(account.pk)
    again = client.get(f"{URL}/{one.pk}").json()
    assert again == {name: value for name, value in added.items() if name != "secret"}
    assert client.get(URL).json() == {"results": [again]}


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://user:word@example.com/"}, "url"),
        ({"url": "https://example.com/", "format": "slack"}, "url"),
        ({"events": ["wallet.nothing"]}, "events"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_field(client, settings, facts, field):
    settings.WEBHOOKS_MAY_STAY_HERE = False

    answer = client.post(URL, {"url": "https://example.com/"} | facts, format="json")

    assert answer.status_code == 422
    assert set(answer.json()["error"]["fields"]) == {field}
    assert not WebhookEndpoint.objects.exists()


def test_an_account_has_ten_at_most(client):
    for number in range(10):
        add(client, url=f"https://example.com/{number}")

    answer = client.post(URL, {"url": "https://example.com/"}, format="json")

    assert answer.status_code == 409
    assert WebhookEndpoint.objects.count() == 10


def test_the_secret_rotates_with_overlap_twice_a_day_at_most(client):
    added = add(client)
    path = f"{URL}/{added['id']}/rotate"

    answers = [client.post(path) for _ in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 409]
    assert [one.json()["secrets_in_use"] for one in answers[:2]] == [2, 3]
    secrets = {added["secret"], *(one.json()["secret"] for one in answers[:2])}
    assert len(secrets) == 3


def test_it_is_changed_paused_resumed_and_deleted(client):
    path = f"{URL}/{add(client)['id']}"
    terms = {"url": "https://example.com/other", "events": ["rate.announced"]}

    paused = client.put(path, terms | {"paused": True}, format="json").json()
    kept = client.put(path, terms, format="json").json()
    resumed = client.put(path, terms | {"paused": False}, format="json").json()

    assert [one["status"] for one in (paused, kept, resumed)] == ["paused", "paused", "new"]
    assert resumed["url"] == "https://example.com/other"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404


def test_the_address_of_slack_is_a_secret(client):
    added = add(client, url=SLACK, format="slack")

    assert added["url"] == "https://hooks.slack.com/services/TEAMX/BOTXX/…"
    assert (added["secret"], added["secrets_in_use"]) == ("", 0)
    assert client.post(f"{URL}/{added['id']}/rotate").status_code == 409


def test_a_test_event_and_its_answer_are_in_the_log(client, receiver):  # noqa: F811
    path = f"{URL}/{add(client, url=receiver.base + '/')['id']}"

    asked = client.post(f"{path}/test")
    send()

    assert asked.status_code == 202
    (logged,) = client.get(f"{path}/deliveries").json()["results"]
    assert (logged["type"], logged["state"], logged["attempts"]) == ("webhook.test", "sent", 1)
    assert logged["event"] == receiver.requests[0].id == asked.json()["event"]
    (only,) = logged["tries"]
    assert (only["status"], only["answer"], only["error"]) == (200, "ok", "")


def test_an_event_is_sent_again_once_it_has_ended(client, account, receiver):  # noqa: F811
    path = f"{URL}/{add(client, url=receiver.base + '/')['id']}"
    closing.close(account=account)
    closing.reopen(account=account)
    send()
    (latest, first) = client.get(f"{path}/deliveries").json()["results"]

    again = client.post(f"{path}/deliveries/{first['id']}/resend")
    refused = client.post(f"{path}/deliveries/{first['id']}/resend")
    send()

    assert (again.status_code, refused.status_code) == (202, 409)
    assert [one.id for one in receiver.requests] == [
        first["event"],
        latest["event"],
        first["event"],
    ]
    assert client.post(f"{path}/deliveries/999999/resend").status_code == 404


def test_the_log_is_paged_from_the_newest(client, account):
    one = endpoints.add(account=account, terms=Terms(url="https://example.com/"), actor=None)
    made = [endpoints.test(endpoint=one).pk for _ in range(5)]
    path = f"{URL}/{one.pk}/deliveries"

    first = client.get(f"{path}?limit=3").json()
    second = client.get(f"{path}?limit=3&cursor={first['next_cursor']}").json()

    assert [row["id"] for row in first["results"]] == made[:1:-1]
    assert [row["id"] for row in second["results"]] == made[1::-1]
    assert client.get(first["next"]).json() == second
    assert (second["next"], second["next_cursor"]) == (None, None)
    assert client.get(f"{path}?cursor=x").status_code == 400


def test_one_of_another_account_is_not_there(client):
    other = make_individual("Another")
    one = endpoints.add(account=other, terms=Terms(url="https://example.com/"), actor=None)
    path = f"{URL}/{one.pk}"

    answers = [
        client.get(path),
        client.put(path, {"url": "https://evil.example/"}, format="json"),
        client.delete(path),
        client.post(f"{path}/rotate"),
        client.post(f"{path}/test"),
        client.get(f"{path}/deliveries"),
    ]

    assert {answer.status_code for answer in answers} == {404}
    fresh = WebhookEndpoint.objects.get()
    assert (fresh.url, fresh.secret) == (one.url, one.secret)
    assert not WebhookDelivery.objects.exists()


def test_a_key_that_only_reads_changes_nothing(account):
    _, token = api_keys.create(account=account, name="Reader", scopes=["read"])
    reader = APIClient(headers={"Authorization": f"Bearer {token}"})

    assert reader.get(URL).status_code == 200
    assert reader.post(URL, {"url": "https://example.com/"}, format="json").status_code == 403
    assert not WebhookEndpoint.objects.exists()
    assert ApiKey.objects.count() == 1
