"""What happened reaches every endpoint that wants it: in order, at least once, and no further."""

from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
import svix
from django.db import transaction

from accounts import clock, limits
from accounts.models import (
    Notification,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEvent,
    WebhookSender,
)
from accounts.people import closing
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from accounts.tests.webhooks.receiver import endpoint, send, states
from accounts.webhooks import claiming, endpoints, outbox, sending
from accounts.webhooks.claiming import Lane, Told
from accounts.webhooks.endpoints import Terms
from accounts.webhooks.posting import Answer
from accounts.webhooks.waking import TASK

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


@pytest.fixture
def account():
    return make_individual()


def close_and_reopen(account, times=1):
    for _ in range(times):
        closing.close(account=account)
        closing.reopen(account=account)


@pytest.mark.parametrize("library", [standardwebhooks, svix])
def test_the_libraries_of_customers_verify_what_is_sent(receiver, account, library):
    secret = endpoint(receiver, account).secret

    closing.close(account=account)
    send()

    (got,) = receiver.requests
    library.Webhook(secret).verify(got.body, got.headers)
    event = WebhookEvent.objects.get()
    assert got.json == {
        "type": "account.closed",
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
        "data": {
            "account": str(account.pk),
            "sequence": event.sequence,
            "object": event.facts | {"status": "closed", "id": str(account.pk)},
        },
    }
    assert got.headers["content-type"] == "application/json"
    assert got.id == event.message


@pytest.mark.parametrize("library", [standardwebhooks, svix])
def test_what_another_secret_signed_or_somebody_changed_is_not_verified(receiver, account, library):
    secret = endpoint(receiver, account).secret
    closing.close(account=account)
    send()
    (got,) = receiver.requests

    with pytest.raises(Exception, match="signature"):
        library.Webhook("whsec_" + "A" * 43 + "=").verify(got.body, got.headers)
    with pytest.raises(Exception, match="signature"):
        library.Webhook(secret).verify(got.body.replace(b"closed", b"active"), got.headers)


def test_while_a_secret_rotates_both_verify_and_after_a_day_only_the_new_one(receiver, account):
    one = endpoint(receiver, account)
    old = one.secret
    new = endpoints.rotate(endpoint=one).secret

    closing.close(account=account)
    send()
    later = clock.now() + limits.WEBHOOK_OVERLAP + timedelta(seconds=1)
    with clock.at(later):
        closing.reopen(account=account)
        send()

    during, after = receiver.requests
    assert [len(each.headers["webhook-signature"].split()) for each in (during, after)] == [2, 1]
    for secret in (old, new):
        standardwebhooks.Webhook(secret).verify(during.body, during.headers)
    stale = {name: value for name, value in after.headers.items() if name != "webhook-timestamp"}
    assert stale["webhook-signature"] == signature_of(new, after)


def signature_of(secret, request):
    moment = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    signer = standardwebhooks.Webhook(secret)
    return signer.sign(request.id, moment, request.body.decode())


def test_a_roll_back_sends_nothing(receiver, account):
    endpoint(receiver, account)

    with pytest.raises(RuntimeError), transaction.atomic():
        closing.close(account=account)
        raise RuntimeError

    assert not WebhookEvent.objects.exists()
    assert send() == 0
    assert receiver.requests == []


def test_nothing_is_written_for_whom_nobody_listens_to(receiver, account):
    endpoint(receiver, make_individual("Another"))
    endpoint(receiver, account, events=("account.reopened",))

    closing.close(account=account)

    assert not WebhookEvent.objects.exists()


def test_an_agency_hears_of_its_sub_accounts_and_they_only_of_themselves(receiver):
    agency = make_agency()
    north, south = (make_sub_account(name, agency=agency) for name in ("North", "South"))
    endpoint(receiver, agency, "/agency")
    endpoint(receiver, north, "/north")

    closing.close(account=north)
    closing.close(account=south)
    closing.close(account=agency)
    send()

    told = {path: [one.json["data"]["account"] for one in receiver.to(path)] for path in PATHS}
    assert sorted(told["/agency"]) == sorted(str(one.pk) for one in (north, south, agency))
    assert told["/north"] == [str(north.pk)]


PATHS = ("/agency", "/north")


def test_events_of_one_account_come_in_the_order_in_which_they_happened(receiver, account):
    one = endpoint(receiver, account)

    close_and_reopen(account, times=3)
    send()

    assert receiver.types() == ["account.closed", "account.reopened"] * 3
    numbers = [each.json["data"]["sequence"] for each in receiver.requests]
    assert numbers == sorted(numbers)
    assert states(one) == ["sent"] * 6


def test_one_that_fails_holds_back_the_later_of_its_account_and_no_others(receiver):
    agency = make_agency()
    north, south = (make_sub_account(name, agency=agency) for name in ("North", "South"))
    endpoint(receiver, agency)
    refused = []

    def only_south(handler):
        body = receiver.requests[-1].json
        fails = body["data"]["account"] == str(north.pk) and not refused
        refused.extend([1] if fails else [])
        handler.send_response(500 if fails else 200)
        handler.end_headers()

    receiver.answers["/"] = only_south
    close_and_reopen(north)
    send()
    close_and_reopen(south)
    send()
    before = [(one.json["type"], one.json["data"]["account"]) for one in receiver.requests]
    with clock.at(clock.now() + timedelta(seconds=6)):
        send()

    assert before == [
        ("account.closed", str(north.pk)),
        ("account.closed", str(south.pk)),
        ("account.reopened", str(south.pk)),
    ]
    again = receiver.requests[3:]
    assert [one.json["type"] for one in again] == ["account.closed", "account.reopened"]
    assert again[0].id == receiver.requests[0].id
    assert again[0].body == receiver.requests[0].body


def test_it_is_tried_on_the_published_schedule_and_then_the_endpoint_is_switched_off(
    receiver, account
):
    receiver.answers["/"] = 500
    one = endpoint(receiver, account)
    closing.close(account=account)
    start = clock.now()

    waits, moment = [], start
    for _ in range(limits.WEBHOOK_TRIES):
        with clock.at(moment):
            assert send() == 1
            assert send() == 0
        moment = WebhookDelivery.objects.get().next_at
        waits.append(moment - start)
        start = moment

    one.refresh_from_db()
    assert [wait.total_seconds() for wait in waits[:-1]] == [
        5,
        5 * 60,
        30 * 60,
        2 * 3600,
        5 * 3600,
        10 * 3600,
        14 * 3600,
        20 * 3600,
        24 * 3600,
    ]
    assert len({each.id for each in receiver.requests}) == 1
    assert len(receiver.requests) == 10
    assert states(one) == ["failed"]
    assert one.disabled_because == "it took none of 10 tries of one event"
    notice = Notification.objects.get(kind="webhook_disabled")
    assert (notice.account, notice.level) == (account, "danger")


def test_410_switches_the_endpoint_off_at_once_and_ends_what_waits(receiver, account):
    receiver.answers["/"] = 410
    one = endpoint(receiver, account)
    close_and_reopen(account)

    send()
    closing.close(account=account)
    send()

    one.refresh_from_db()
    assert len(receiver.requests) == 1
    assert states(one) == ["failed", "failed"]
    assert one.disabled_because == "it answered 410 Gone"
    assert WebhookEvent.objects.count() == 2


def test_what_the_former_address_answers_switches_off_no_other(receiver, account):
    """Somebody sees to it while the old one has not answered yet."""
    one = endpoint(receiver, account)
    closing.close(account=account)
    WebhookSender.objects.get_or_create(pk=1, defaults={"until": sending.LONG_AGO})
    outbox.accept()
    [delivery] = claiming.claim(lane=Lane.NEW, room=50)
    terms = Terms(url=f"{receiver.base}/mended")
    endpoints.change(endpoint_id=one.pk, account=account, terms=terms)

    claiming.finish([Told(delivery, Answer(status=410), clock.now())])

    one.refresh_from_db()
    assert one.disabled_at is None
    with clock.at(clock.now() + timedelta(seconds=6)):
        send()
    assert receiver.types("/mended") == ["account.closed"]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500])
def test_only_2xx_counts_and_no_redirect_is_followed(receiver, account, status):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Location", f"{receiver.base}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answers["/"] = answer
    one = endpoint(receiver, account)
    closing.close(account=account)

    send()

    assert states(one) == ["waiting"]
    assert receiver.to("/elsewhere") == []
    assert WebhookAttempt.objects.get().status == status


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [(429, "120", 120), (503, "60", 60), (503, "999999", 3600), (429, "1", 5), (500, "120", 5)],
)
def test_an_endpoint_may_ask_to_wait_for_an_hour_at_most(receiver, account, status, asked, seconds):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Retry-After", asked)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answers["/"] = answer
    endpoint(receiver, account)
    closing.close(account=account)
    moment = clock.now()

    with clock.at(moment):
        send()

    assert WebhookDelivery.objects.get().next_at == moment + timedelta(seconds=seconds)


def test_a_sender_that_died_is_followed_by_another_that_sends_the_same_again(receiver, account):
    one = endpoint(receiver, account)
    closing.close(account=account)
    a_sender_dies()
    assert send() == 0

    with clock.at(clock.now() + limits.WEBHOOK_CLAIM + timedelta(seconds=1)):
        send()

    (got,) = receiver.requests
    assert got.id == WebhookEvent.objects.get().message
    assert states(one) == ["sent"]


def a_sender_dies():
    """As a worker leaves it that is killed while it sends: its turn and its claim stand."""
    with sending._turn() as turn:
        assert turn
        outbox.accept()
        assert len(claiming.claim(lane=Lane.NEW, room=10)) == 1
    sending.WebhookSender.objects.update(token=turn.token, until=clock.now() + limits.WEBHOOKS_TURN)


def test_two_senders_never_send_at_once(receiver, account):
    endpoint(receiver, account)
    closing.close(account=account)

    with sending._turn() as turn:
        assert turn is not None
        assert send() == 0
    assert receiver.requests == []
    assert send() == 1


def test_the_commit_wakes_a_sender_once_and_the_sweep_finds_what_that_lost(
    receiver, account, nudges, django_capture_on_commit_callbacks
):
    endpoint(receiver, account)

    with django_capture_on_commit_callbacks(execute=True):
        closing.close(account=account)
        closing.reopen(account=account)
    woken = [name for name, _ in nudges if name == TASK]
    nudges.clear()
    with django_capture_on_commit_callbacks(execute=True):
        sending.sweep()

    assert woken == [TASK]
    assert nudges == [(TASK, ())]
