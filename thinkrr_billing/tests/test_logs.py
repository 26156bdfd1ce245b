"""What a line of the log says, and that nobody but us writes one."""

import logging
import re
import sys

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.audit import requests
from accounts.tests.authenticator import code_of_device
from accounts.tests.builders import (
    PASSWORD,
    make_individual,
    make_key,
    make_staff,
    make_user,
)
from thinkrr_billing.logs import Line

WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (\w+) +([\w.]+) (.*)", re.DOTALL)


def record(message: str, *args: object, **facts: object) -> logging.LogRecord:
    made = logging.LogRecord("a.b", logging.WARNING, "", 0, message, args, facts.pop("exc", None))
    made.__dict__.update(facts)
    return made


def written(message: str, *args: object, **facts: object) -> str:
    return Line().format(record(message, *args, **facts))


def test_a_line_says_when_in_utc_how_bad_where_and_what():
    assert written("at", created=1_780_000_000) == "2026-05-28T20:26:40Z WARNING a.b at"
    assert WRITTEN.fullmatch(written("refused %s", 7)).groups() == ("WARNING", "a.b", "refused 7")


@pytest.mark.parametrize(
    "sent", ["\n", "\r\n", "\x0b", "\x1b[2K", "\x85", "\u2028", "\u202e", "\x00"]
)
def test_what_somebody_sent_is_never_a_line_of_its_own(sent):
    line = written("refused %s", f"a{sent}2026-01-01T00:00:00Z INFO staff action=refund")

    assert len(line.splitlines()) == 1
    assert sent not in line
    assert sent.encode("unicode_escape").decode() in line


def test_what_an_error_says_is_indented_below_its_record():
    try:
        raise ValueError("a\n2026-01-01T00:00:00Z INFO staff \x1b[2K")
    except ValueError:
        lines = written("broken", exc=sys.exc_info()).splitlines()

    assert WRITTEN.match(lines[0])
    assert all(line.startswith("  ") for line in lines[1:])
    assert lines[-1] == "  2026-01-01T00:00:00Z INFO staff \\x1b[2K"


def test_every_handler_writes_such_lines():
    handlers = settings.LOGGING["handlers"].values()

    assert {handler["formatter"] for handler in handlers} == {"line"}
    assert settings.LOGGING["formatters"] == {"line": {"()": "thinkrr_billing.logs.Line"}}


def test_a_record_within_a_request_says_which_and_from_where():
    asked = RequestFactory().get("/", REMOTE_ADDR="203.0.113.9")
    asked.id = "abc-12345"

    with requests.of(asked):
        line = written("refused")

    assert line.endswith("refused [request=abc-12345 ip=203.0.113.9]")
    assert written("a tick").endswith("a tick")


@pytest.fixture
def lines(caplog) -> list[str]:
    """Each record as it would be written, at the moment it was made."""
    found: list[str] = []

    class Reader(logging.Handler):
        def emit(self, made: logging.LogRecord) -> None:
            found.append(Line().format(made))

    reader = Reader()
    logging.getLogger().addHandler(reader)
    caplog.set_level(logging.INFO)
    yield found
    logging.getLogger().removeHandler(reader)


@pytest.mark.django_db
class TestWhatIsWrittenDown:
    @pytest.fixture
    def user(self):
        user = make_user("ada@example.com")
        make_individual(owner=user)
        return user

    def test_who_logged_in_and_out_from_where_and_by_what(self, user, lines):
        client = Client(REMOTE_ADDR="203.0.113.9")
        client.post("/login/", {"username": user.email, "password": PASSWORD})
        client.post("/logout/")

        told = [line for line in lines if " accounts.audit.log_ins " in line]
        assert [re.sub(r"^\S+ +\w+ +\S+ ", "", line).partition(" [")[0] for line in told] == [
            f"logged in user={user.pk} by=ModelBackend",
            f"logged out user={user.pk}",
        ]
        assert all("ip=203.0.113.9" in line for line in told)
        assert user.email not in "".join(lines)

    def test_who_failed_to(self, user, lines):
        Client(REMOTE_ADDR="203.0.113.9").post(
            "/login/", {"username": user.email, "password": "wrong"}
        )

        [told] = [line for line in lines if "password refused" in line]
        assert "ip=203.0.113.9" in told
        assert user.email not in "".join(lines)

    def test_a_brake_that_holds(self, user, lines):
        client = Client(REMOTE_ADDR="203.0.113.9")
        for _ in range(11):
            client.post("/login/", {"username": user.email, "password": "wrong"})

        [told] = [line for line in lines if "brake holds" in line]
        assert "brake holds FailedLogin most=10 within=0:15:00" in told
        assert "ip=203.0.113.9" in told

    def test_a_page_that_is_refused_and_to_whom(self, user, lines):
        client = Client()
        client.force_login(user)
        lines.clear()

        client.get("/account-manager/")

        assert any(f"user={user.pk} account=" in line and "refused GET" in line for line in lines)

    def test_a_key_that_may_not(self, user, lines):
        account = user.memberships.get().account
        key, token = make_key(account, "read")

        client = Client(headers={"Authorization": f"Bearer {token}"})
        client.post("/api/v1/wallet/recharges", {}, content_type="application/json")

        [told] = [line for line in lines if "django.request Forbidden" in line]
        assert f"user=key:{key.pk}" in told

    def test_a_form_without_its_token(self, lines):
        Client(enforce_csrf_checks=True).post("/login/")

        assert any("django.security.csrf Forbidden" in line and "ip=" in line for line in lines)

    def test_a_code_that_was_right_and_one_that_was_not(self, lines):
        user = make_staff()
        device = TOTPDevice.objects.create(user=user)
        client = Client()
        client.force_login(user)

        client.post("/admin/second-factor/", {"code": "000000"})
        client.post("/admin/second-factor/", {"code": code_of_device(device)})

        told = [line.partition("second factor ")[2] for line in lines if "second factor" in line]
        assert [line.partition(" [")[0] for line in told] == [
            f"refused user={user.pk}",
            f"accepted user={user.pk}",
        ]
