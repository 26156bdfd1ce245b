"""With LOG_FORMAT=json a line of the log is one object, whoever writes it."""

import json
import logging
import sys
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from celery import current_app
from celery.app.trace import build_tracer
from django.test import RequestFactory
from gunicorn.config import Config
from structlog.contextvars import bound_contextvars, get_contextvars

from accounts.audit import requests
from thinkrr_billing.access_log import AccessLog
from thinkrr_billing.json_logs import JsonLine
from thinkrr_billing.tests.test_logs import record
from thinkrr_billing.tests.test_redaction import TOKEN
from wallets.tasks import drive_purchase

STRANGE = 'a\n\x1b[2K\u2028\u202e\x00"}'


def written(message: str, *args: object, **facts: object) -> dict:
    line = JsonLine().format(record(message, *args, **facts))
    assert line.isascii()
    assert line.isprintable()
    return json.loads(line)


def test_a_line_says_when_in_utc_how_bad_where_and_what():
    assert written("refused %s", 7, created=1_780_000_000.25) == {
        "timestamp": "2026-05-28T20:26:40.250Z",
        "level": "warning",
        "logger": "a.b",
        "event": "refused 7",
    }


def test_what_somebody_sent_stays_within_its_field():
    assert written("refused %s", STRANGE)["event"] == f"refused {STRANGE}"


def test_an_error_is_a_field_of_its_record_without_variables_and_without_keys():
    hidden = "a variable's " + "value"
    try:
        raise ValueError(f"{STRANGE} at /invitations/{TOKEN}/")
    except ValueError:
        found = written("broken", exc=sys.exc_info())

    assert found["event"] == "broken"
    assert "ValueError: a\n" in found["exception"]
    assert "/invitations/…" in found["exception"]
    assert TOKEN not in found["exception"]
    assert hidden not in found["exception"]


def test_a_record_names_the_request_what_is_bound_and_stripes_own_id():
    asked = RequestFactory().get("/", REMOTE_ADDR="203.0.113.9")
    asked.id = "abc-12345"

    with requests.of(asked), bound_contextvars(purchase="p1", wallet="7"):
        found = written("asked", stripe_request="req_1")

    assert {name: found[name] for name in found.keys() - written("asked").keys()} == {
        "request": "abc-12345",
        "ip": "203.0.113.9",
        "purchase": "p1",
        "wallet": "7",
        "stripe_request": "req_1",
    }


@pytest.fixture
def access_log(monkeypatch):
    """Gunicorn's loggers are of the whole process: put back as they were."""
    monkeypatch.setenv("LOG_FORMAT", "json")
    loggers = [logging.getLogger(f"gunicorn.{name}") for name in ("access", "error")]
    before = [(one.handlers[:], one.level, one.propagate) for one in loggers]
    for one in loggers:
        one.handlers = []
    config = Config()
    config.set("accesslog", "-")
    yield AccessLog(config)
    for one, (handlers, level, propagate) in zip(loggers, before, strict=True):
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)
    logging.captureWarnings(False)


def test_a_line_of_the_web_server_has_the_requests_id_and_no_key(access_log, capsys):
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": f"/invitations/{TOKEN}/?next=/password-reset/MQ/{TOKEN}/",
        "PATH_INFO": f"/invitations/{TOKEN}/",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    answer = SimpleNamespace(
        status="200 OK", status_code=200, sent=1, headers=[("X-Request-ID", "abc-12345")]
    )
    access_log.access_log.handlers[0].setStream(sys.stdout)
    asked = SimpleNamespace(headers=[])

    access_log.access(answer, asked, environ, timedelta(seconds=0.0125))

    found = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in ("logger", "event", "request", "status", "seconds")} == {
        "logger": "gunicorn.access",
        "event": "GET /invitations/… 200",
        "request": "abc-12345",
        "status": 200,
        "seconds": 0.013,
    }


def test_whatever_the_web_server_says_is_such_a_line(access_log, capsys):
    access_log.error_log.handlers[0].setStream(sys.stdout)

    access_log.exception("Error handling request %s", f"/invitations/{TOKEN}/")

    found = json.loads(capsys.readouterr().out)
    assert (found["logger"], found["event"]) == (
        "gunicorn.error",
        "Error handling request /invitations/…",
    )


@pytest.fixture
def queue():
    with current_app.connection_for_read() as connection, connection.SimpleQueue("celery") as found:
        found.clear()
        yield found
        found.clear()


def headers_of_the_next(queue) -> dict:
    message = queue.get(timeout=5)
    message.ack()
    return message.headers


def test_a_message_names_the_request_it_is_sent_for_beside_what_it_says_anyway(queue):
    with bound_contextvars(request="abc-12345"):
        current_app.send_task("wallets.tick", headers={"useful_until": "later"})

    headers = headers_of_the_next(queue)
    assert (headers["request_id"], headers["useful_until"]) == ("abc-12345", "later")


def test_a_message_that_is_sent_for_nobody_names_none(queue):
    current_app.send_task("wallets.tick")

    assert "request_id" not in headers_of_the_next(queue)


def test_a_task_binds_what_it_is_about_and_hands_the_request_on(queue, monkeypatch):
    """Another task it sends is of the same request; afterwards nothing is bound."""
    about, seen = str(uuid4()), []

    def look(purchase_id: str) -> None:  # noqa: ARG001
        seen.append(get_contextvars())
        current_app.send_task("wallets.tick")

    monkeypatch.setattr(drive_purchase, "run", look)
    trace = build_tracer(drive_purchase.name, drive_purchase, app=current_app)
    trace("t1", (about,), {}, {"request_id": "abc-12345"})

    assert seen == [
        {
            "request": "abc-12345",
            "task": "t1",
            "task_name": "wallets.drive_purchase",
            "purchase": about,
        }
    ]
    assert headers_of_the_next(queue)["request_id"] == "abc-12345"
    assert get_contextvars() == {}
