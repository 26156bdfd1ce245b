"""No log and no report of an error holds an address that lets its reader in."""

import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from gunicorn.config import Config

from tests.faults.test_h_authorization import path, routes
from thinkrr_billing.access_log import AccessLog
from thinkrr_billing.redaction import WithoutTokens, event_without_tokens, without_tokens

TOKEN = "c9x1ab-6d1f"
KEYS = {"token": TOKEN, "uidb64": "MQ"}


def test_every_route_with_a_key_in_it_is_known_here():
    found = [route for route in routes() if path(route, KEYS) != path(route, {})]

    assert len(found) >= 2
    for route in found:
        address = path(route, KEYS)
        assert TOKEN in address
        assert TOKEN not in without_tokens(address)
        assert "MQ" not in without_tokens(address)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (f"Not Found: /invitations/{TOKEN}/", "Not Found: /invitations/…"),
        (f"GET /password-reset/MQ/{TOKEN}/ HTTP/1.1", "GET /password-reset/… HTTP/1.1"),
        (f"/login/?next=/invitations/{TOKEN}/&a=1", "/login/?next=/invitations/…&a=1"),
        (f"/login/?next=%2Finvitations%2F{TOKEN}%2F", "/login/?next=%2Finvitations%2F…"),
        (f"'https://a.example/invitations/{TOKEN}/'", "'https://a.example/invitations/…'"),
        ("/password-reset/sent/", "/password-reset/sent/"),
        ("/password-reset/done/", "/password-reset/done/"),
        ("/settings/members/invite/ 100% done", "/settings/members/invite/ 100% done"),
    ],
)
def test_a_key_is_left_out_and_everything_else_stays(said, written):
    assert without_tokens(said) == written


def test_a_record_keeps_its_arguments_unless_a_key_is_among_them():
    plain = logging.LogRecord("a", logging.INFO, "", 0, "%s of %s", (1, 2), None)
    telling = logging.LogRecord(
        "a", logging.INFO, "", 0, "at %s", (f"/invitations/{TOKEN}/",), None
    )

    assert WithoutTokens().filter(plain)
    assert WithoutTokens().filter(telling)

    assert (plain.msg, plain.args) == ("%s of %s", (1, 2))
    assert telling.getMessage() == "at /invitations/…"


def test_every_handler_of_ours_leaves_keys_out():
    assert {name: one.get("filters") for name, one in settings.LOGGING["handlers"].items()} == {
        "console": ["without_tokens"]
    }


def test_the_web_servers_own_log_has_no_key_in_any_of_its_fields():
    config = Config()
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": f"/invitations/{TOKEN}/?next=/password-reset/MQ/{TOKEN}/",
        "PATH_INFO": f"/invitations/{TOKEN}/",
        "QUERY_STRING": f"next=/password-reset/MQ/{TOKEN}/",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_REFERER": f"https://a.example/password-reset/MQ/{TOKEN}/",
    }
    answer = SimpleNamespace(
        status="200 OK", sent=1, headers=[("Location", f"/invitations/{TOKEN}/")]
    )
    asked = SimpleNamespace(headers=[("REFERER", environ["HTTP_REFERER"])])

    atoms = AccessLog(config).atoms(answer, asked, environ, timedelta(seconds=1))

    assert atoms["U"] == "/invitations/…"
    assert atoms["m"] == "GET"
    assert TOKEN not in str(atoms)


def test_what_sentry_is_sent_has_none_either():
    event = {
        "request": {"url": f"https://a.example/invitations/{TOKEN}/", "headers": {"A": "b"}},
        "breadcrumbs": {"values": [{"message": f"GET /password-reset/MQ/{TOKEN}/"}]},
        "level": "error",
        "timestamp": 1.5,
    }

    assert event_without_tokens(event) == {
        "request": {"url": "https://a.example/invitations/…", "headers": {"A": "b"}},
        "breadcrumbs": {"values": [{"message": "GET /password-reset/…"}]},
        "level": "error",
        "timestamp": 1.5,
    }


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Not Found: /alerts/4242424242424242", "Not Found: /alerts/…4242"),
        ("paid with 4000 0566 5566 5556 today", "paid with …5556 today"),
        ("card=5555-5555-5555-4444&x=1", "card=…4444&x=1"),
        # No card's: of another length, or it does not check.
        ("Not Found: /alerts/4242424242424241", "Not Found: /alerts/4242424242424241"),
        ("sequence 42424242", "sequence 42424242"),
    ],
)
def test_what_may_be_the_number_of_a_card_is_in_no_log(said, written):
    assert without_tokens(said) == written
