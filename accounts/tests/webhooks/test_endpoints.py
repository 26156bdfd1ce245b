"""Endpoints: paused, switched off, tried, sent to again, of Slack; and how long all is kept."""

from datetime import timedelta

import pytest
from django.db import transaction

from accounts import clock, limits
from accounts.models import (
    Notification,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from accounts.people import closing
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from accounts.tests.webhooks.receiver import after_each_wait, endpoint, send, states
from accounts.webhooks import claiming, endpoints, outbox, sending
from accounts.webhooks.claiming import Lane, Told
from accounts.webhooks.endpoints import Terms
from accounts.webhooks.posting import Answer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

SLACK = "https://hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop"


@pytest.fixture
def account():
    return make_individual("Ada & <!channel>")


def close_and_reopen(account):
    closing.close(account=account)
    closing.reopen(account=account)


def test_a_paused_endpoint_hears_later_of_what_happened_meanwhile(receiver, account):
    one = endpoint(receiver, account)
    endpoints.pause(endpoint=one)
    close_and_reopen(account)

    send()
    assert receiver.requests == []
    endpoints.resume(endpoint=one)
    send()

    assert receiver.types() == ["account.closed", "account.reopened"]


def test_a_disabled_endpoint_that_is_resumed_hears_of_what_happens_from_then_on(receiver, account):
    receiver.answers["/"] = 410
    one = endpoint(receiver, account)
    closing.close(account=account)
    send()
    receiver.answers.clear()

    endpoints.resume(endpoint=one)
    closing.reopen(account=account)
    send()

    assert receiver.types() == ["account.closed", "account.reopened"]
    assert states(one) == ["failed", "sent"]


def test_sending_again_repeats_the_same_id_and_waits_for_no_other(receiver, account):
    one = endpoint(receiver, account)
    closing.close(account=account)
    send()
    receiver.answers["/"] = 500
    closing.reopen(account=account)
    send()
    receiver.answers.clear()

    endpoints.resend(delivery=WebhookDelivery.objects.order_by("sequence").first())
    send()

    assert receiver.types() == ["account.closed", "account.reopened", "account.closed"]
    assert receiver.requests[2].id == receiver.requests[0].id
    assert states(one) == ["sent", "waiting"]


def test_a_test_goes_to_its_endpoint_alone_and_never_switches_it_off(receiver, account):
    receiver.answers["/"] = 500
    one, other = endpoint(receiver, account), endpoint(receiver, account, "/other")

    endpoints.test(endpoint=one)
    after_each_wait(limits.WEBHOOK_TRIES_ALONE)

    one.refresh_from_db()
    assert receiver.types() == ["webhook.test"] * 3
    assert states(one) == ["failed"]
    assert states(other) == []
    assert one.disabled_at is None


def test_the_log_tells_what_was_answered_and_never_a_secret(receiver, account, caplog):
    receiver.answers["/"] = 503
    one = endpoint(receiver, account)
    closing.close(account=account)

    send()

    tried = WebhookAttempt.objects.get()
    assert (tried.status, tried.answer, tried.error) == (503, "ok", "")
    assert one.secret not in caplog.text


def test_what_happened_a_month_ago_is_forgotten_with_its_log(receiver, account):
    endpoint(receiver, account)
    closing.close(account=account)
    send()

    sending.forget_old()
    assert WebhookEvent.objects.count() == 1
    with clock.at(clock.now() + limits.WEBHOOKS_KEPT + timedelta(days=1)):
        sending.forget_old()

    left = [rows.objects.count() for rows in (WebhookEvent, WebhookDelivery, WebhookAttempt)]
    assert left == [0, 0, 0]
    assert WebhookEndpoint.objects.count() == 1


def claimed_for_slack(account):
    """The one delivery of a closed account to its webhook of Slack, ready to be sent."""
    terms = Terms(url=SLACK, format="slack")
    endpoints.add(account=account, terms=terms, actor=None)
    closing.close(account=account)
    sending.WebhookSender.objects.get_or_create(pk=1, defaults={"until": clock.now()})
    outbox.accept()
    (delivery,) = claiming.claim(lane=Lane.NEW, room=1)
    return delivery


def test_slack_gets_a_sentence_in_which_no_name_calls_a_channel(account):
    delivery = claimed_for_slack(account)

    parcel = sending.parcel(delivery, clock.now())

    text = b'{"text": "Ada &amp; &lt;!channel&gt; was closed.", "unfurl_links": false}'
    assert (parcel.body, parcel.headers) == (text, {})
    assert (parcel.target.host, parcel.target.port) == ("hooks.slack.com", 443)
    assert f"https://{parcel.target.host}{parcel.target.path}" == SLACK
    assert SLACK.rpartition("/")[2] not in repr(parcel.headers)


def test_a_webhook_that_slack_has_forgotten_is_switched_off_at_once(account):
    delivery = claimed_for_slack(account)

    claiming.finish([Told(delivery, Answer(status=404, text="no_service"), clock.now())])

    one = WebhookEndpoint.objects.get()
    assert one.disabled_because == "Slack answered 404"
    assert Notification.objects.get(kind="webhook_disabled").account == account


def test_what_happens_behind_one_that_waits_for_its_next_try_waits_as_long(receiver, account):
    receiver.answers["/"] = 500
    endpoint(receiver, account)
    closing.close(account=account)
    send()

    closing.reopen(account=account)
    send()

    first, second = WebhookDelivery.objects.order_by("sequence")
    assert second.next_at == first.next_at > clock.now()
    assert len(receiver.requests) == 1


def test_an_answer_that_comes_after_another_sender_took_over_changes_nothing(receiver, account):
    endpoint(receiver, account)
    closing.close(account=account)
    sending.WebhookSender.objects.get_or_create(pk=1, defaults={"until": clock.now()})
    outbox.accept()
    (late,) = claiming.claim(lane=Lane.NEW, room=1)
    with clock.at(clock.now() + limits.WEBHOOK_CLAIM + timedelta(seconds=1)):
        (again,) = claiming.claim(lane=Lane.NEW, room=1)

    claiming.finish([Told(late, Answer(status=500), clock.now())])

    assert (late.pk, late.attempts, again.attempts) == (again.pk, 1, 2)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.next_at) == ("waiting", again.next_at)


def test_one_account_never_has_more_under_way_to_one_endpoint_than_it_may(receiver):
    agency = make_agency()
    one = endpoint(receiver, agency)
    WebhookEndpoint.objects.filter(pk=one.pk).update(worked_at=clock.now())
    for number in range(6):
        closing.close(account=make_sub_account(f"Client {number}", agency=agency))
    sending.WebhookSender.objects.get_or_create(pk=1, defaults={"until": clock.now()})
    outbox.accept()

    first = claiming.claim(lane=Lane.WELL, room=50)
    second = claiming.claim(lane=Lane.WELL, room=50)
    WebhookEndpoint.objects.filter(pk=one.pk).update(troubled_since=clock.now())
    others = claiming.claim(lane=Lane.TROUBLED, room=50)

    assert [len(found) for found in (first, second, others)] == [4, 0, 0]


def test_disabling_tells_once(receiver, account):
    one = endpoint(receiver, account)

    for _ in range(2):
        with transaction.atomic():
            endpoints.disable(endpoint_id=one.pk, url=one.url, because="it answered 410 Gone")

    assert Notification.objects.filter(kind="webhook_disabled").count() == 1
