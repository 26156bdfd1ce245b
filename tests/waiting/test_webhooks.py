"""Webhooks and what waits for them, and the ways out of it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts import clock, limits
from accounts.models import WebhookDelivery
from accounts.people import closing
from accounts.tests.builders import make_individual
from accounts.tests.webhooks.conftest import receiver  # noqa: F401
from accounts.tests.webhooks.receiver import after_each_wait, endpoint, send, states
from accounts.webhooks import endpoints, sending
from accounts.webhooks.waking import TASK
from tests.waiting.ways import customer, waits_for, way_out

pytestmark = [pytest.mark.django_db, pytest.mark.journey]


@pytest.fixture
def account():
    return make_individual()


@pytest.fixture
def one(receiver, account):  # noqa: F811
    return endpoint(receiver, account)


def press(one, name: str) -> None:
    answer = customer(one.account).post(reverse(f"accounts:webhook_{name}", args=[one.pk]))
    assert answer.status_code == 302, answer.content.decode()


@way_out("webhook_event", by="time", how="numbered")
@way_out("webhook", by="time", how="delivered")
def test_what_no_message_told_of_is_sent_after_the_next_tick(
    one,
    account,
    receiver,  # noqa: F811
    nudges,
    django_capture_on_commit_callbacks,
):
    closing.close(account=account)
    assert waits_for("webhook_event")
    nudges.clear()

    with django_capture_on_commit_callbacks(execute=True):
        sending.sweep()
    assert nudges == [(TASK, ())]
    send()

    assert not waits_for("webhook_event")
    assert not waits_for("webhook")
    assert states(one) == ["sent"]
    assert receiver.types() == ["account.closed"]


def fail(account, receiver) -> None:  # noqa: F811
    receiver.answers["/"] = 500
    closing.close(account=account)
    send()


@way_out("webhook", by="time", how="given up after ten tries")
def test_what_no_server_takes_ends_after_ten_tries(one, account, receiver, nudges):  # noqa: ARG001, F811
    fail(account, receiver)

    with clock.at(clock.now() + timedelta(seconds=6)):
        after_each_wait(1)
    moment = clock.now()
    for _ in range(limits.WEBHOOK_TRIES):
        moment = max(moment, WebhookDelivery.objects.get().next_at)
        with clock.at(moment):
            send()

    assert states(one) == ["failed"]
    assert len(receiver.requests) == limits.WEBHOOK_TRIES
    assert waits_for("webhook_disabled")


@way_out("webhook", by="customer", how="pausing it")
@way_out("webhook_paused", by="customer", how="resuming it")
def test_a_paused_one_waits_for_its_owner(one, account, receiver, nudges):  # noqa: ARG001, F811
    closing.close(account=account)
    closing.reopen(account=account)

    press(one, "pause")
    send()
    assert waits_for("webhook_paused")
    assert not waits_for("webhook")
    press(one, "resume")
    send()

    assert not waits_for("webhook_paused")
    assert states(one) == ["sent", "sent"]


@way_out("webhook", by="customer", how="deleting it")
@way_out("webhook_paused", by="customer", how="deleting it")
@way_out("webhook_disabled", by="customer", how="deleting it")
@pytest.mark.parametrize("state", ["waiting", "paused", "disabled"])
def test_a_deleted_one_waits_for_nothing(one, account, state, nudges):  # noqa: ARG001
    closing.close(account=account)
    closing.reopen(account=account)
    if state == "paused":
        endpoints.pause(endpoint=one)
    elif state == "disabled":
        endpoints.disable(endpoint_id=one.pk, url=one.url, because="it answered 410 Gone")

    press(one, "remove")
    send()

    waiting = [waits_for(kind) for kind in ("webhook", "webhook_paused", "webhook_disabled")]
    assert waiting == [False, False, False]


@way_out("webhook_disabled", by="customer", how="resuming it")
def test_a_disabled_one_goes_on_when_it_is_resumed(one, account, receiver, nudges):  # noqa: ARG001, F811
    endpoints.disable(endpoint_id=one.pk, url=one.url, because="it answered 410 Gone")
    assert waits_for("webhook_disabled")

    press(one, "resume")
    closing.close(account=account)
    send()

    assert not waits_for("webhook_disabled")
    assert receiver.types() == ["account.closed"]
