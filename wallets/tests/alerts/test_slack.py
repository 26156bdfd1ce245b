"""Alerts in Slack, against a server that stands for it."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from accounts import clock
from accounts.models import AuditEntry, Notification
from wallets import limits
from wallets.alerts import keeping, sending, slack
from wallets.errors import Refused
from wallets.models import SlackHook, SlackMessage
from wallets.tests.worlds.builders import make_wallet

pytestmark = pytest.mark.django_db

ADDRESS = "https://hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop"
PATH = "/services/TEAMX/BOTXX/abcdefghijklmnop"


class StandIn:
    """Keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.status, self.word, self.headers = 200, "ok", {}
        self.got: list[tuple[str, dict]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, json.loads(body)))
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(outer.word.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def there(monkeypatch) -> Iterator[StandIn]:
    found = StandIn()
    port = found.server.server_port
    monkeypatch.setattr(slack, "_connection", lambda: HTTPConnection("127.0.0.1", port, timeout=2))
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def wallet():
    found = make_wallet()
    keeping.connect_slack(wallet_id=found.pk, address=ADDRESS, actor=None)
    return found


def message(wallet, text="Ada: Balance below $25.00. <!channel>", key="k") -> SlackMessage:
    return SlackMessage.objects.create(
        wallet=wallet, text=text, link="/payments/recharge/", dedupe_key=key
    )


def test_a_message_is_sent_once_with_a_link_and_can_call_nobody(wallet, there):
    one = message(wallet)

    assert sending.send(message_id=one.pk) is True
    assert sending.send(message_id=one.pk) is False

    [(path, body)] = there.got
    assert path == PATH
    assert body["text"].startswith("Ada: Balance below $25.00. &lt;!channel&gt; http")
    assert body["text"].endswith("/payments/recharge/")


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop",
        "https://hooks.slack.com.evil.example/services/TEAMX/BOTXX/abcdefghijklmnop",
        "https://me@hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop",
        "https://hooks.slack.com:8443/services/TEAMX/BOTXX/abcdefghijklmnop",
        "https://hooks.slack.com/services/TEAMX/BOTXX/../../abcdefghijklmnop",
        "https://hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop?x=1",
        "https://127.0.0.1/services/TEAMX/BOTXX/abcdefghijklmnop",
        "https://[hooks.slack.com/services",
        "",
    ],
)
def test_any_other_address_is_refused_and_the_old_one_stays(wallet, address):
    with pytest.raises(Refused, match="as Slack shows it"):
        keeping.connect_slack(wallet_id=wallet.pk, address=address, actor=None)

    assert SlackHook.objects.get().secret_path == PATH


def test_an_answer_that_leads_elsewhere_is_not_followed(wallet, there):
    there.status, there.headers = 302, {"Location": "http://127.0.0.1:9/"}
    one = message(wallet)

    assert sending.send(message_id=one.pk) is False

    assert len(there.got) == 1
    assert SlackHook.objects.get().disabled_at is None


@pytest.mark.parametrize(("status", "word"), [(404, "no_service"), (403, "action_prohibited")])
def test_a_webhook_that_is_gone_is_switched_off_at_once_and_said_so(wallet, there, status, word):
    there.status, there.word = status, word
    one, two = message(wallet), message(wallet, key="other")

    sending.send(message_id=one.pk)
    sending.send(message_id=two.pk)

    hook = SlackHook.objects.get()
    assert hook.disabled_because == f"Slack answered: {word}"
    assert len(there.got) == 1
    [note] = Notification.objects.filter(account=wallet.account, kind="slack_disabled")
    assert note.level == "danger"
    assert SlackMessage.objects.filter(given_up_at=None).count() == 0


def test_trouble_is_tried_again_with_a_bound_and_then_switched_off(wallet, there):
    there.status = 500
    one = message(wallet)
    now = clock.now()

    for hours in range(limits.SLACK_TRIES + 3):
        with clock.at(now + timedelta(hours=hours)):
            sending.send(message_id=one.pk)

    assert len(there.got) == limits.SLACK_TRIES
    assert SlackHook.objects.get().disabled_because == "Slack did not answer 12 times"
    assert Notification.objects.filter(kind="slack_disabled").count() == 1


def test_nobody_there_is_trouble_like_any_other(wallet, monkeypatch):
    monkeypatch.setattr(slack, "_connection", lambda: HTTPConnection("127.0.0.1", 9, timeout=1))
    one = message(wallet)

    assert sending.send(message_id=one.pk) is False

    one.refresh_from_db()
    assert (one.attempts, one.sent_at, one.given_up_at) == (1, None, None)


def test_a_worker_that_dies_while_it_sends_has_counted_its_try(wallet, monkeypatch):
    def die(**_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(slack, "send", die)
    one = message(wallet)
    with pytest.raises(SystemExit):
        sending.send(message_id=one.pk)

    one.refresh_from_db()
    assert one.attempts == 1
    assert sending.WAITING.rows(clock.now()).get() == one


@pytest.mark.usefixtures("there")
def test_saving_the_webhook_again_goes_on(wallet):
    hook = SlackHook.objects.get()
    sending.disable(hook, because="Slack answered: no_service")

    keeping.connect_slack(wallet_id=wallet.pk, address=ADDRESS, actor=None)

    assert sending.send(message_id=message(wallet).pk) is True


def test_a_new_webhook_is_not_blamed_for_what_the_one_before_did_not_answer(wallet, there):
    there.status = 500
    one, gone = message(wallet), SlackHook.objects.get()
    SlackMessage.objects.update(attempts=limits.SLACK_TRIES - 1)

    keeping.connect_slack(wallet_id=wallet.pk, address=f"{ADDRESS}x", actor=None)
    sending.send(message_id=one.pk)

    one.refresh_from_db()
    hook = SlackHook.objects.get()
    assert (hook.pk, hook.disabled_at) == (gone.pk, None)
    assert (one.attempts, one.given_up_at) == (1, None)


@pytest.mark.parametrize(("same", "attempts"), [(True, 3), (False, 0)])
def test_tries_are_counted_anew_at_another_address_only(wallet, same, attempts):
    message(wallet)
    SlackMessage.objects.update(attempts=3)

    address = ADDRESS if same else f"{ADDRESS}x"
    keeping.connect_slack(wallet_id=wallet.pk, address=address, actor=None)

    assert SlackMessage.objects.get().attempts == attempts


@pytest.mark.usefixtures("wallet")
def test_the_secret_stands_in_no_audit_and_no_page():
    [row] = AuditEntry.objects.filter(table="wallets_slackhook")

    assert row.after["secret_path"] == "(secret)"
    assert slack.shown(PATH) == "https://hooks.slack.com/services/TEAMX/BOTXX/…"


@pytest.mark.usefixtures("there")
def test_old_messages_are_forgotten_and_waiting_ones_are_not(wallet):
    old, waiting = message(wallet), message(wallet, key="waits")
    sending.send(message_id=old.pk)

    with clock.at(clock.now() + timedelta(days=31)):
        assert sending.forget_old() == 1

    assert SlackMessage.objects.get() == waiting
