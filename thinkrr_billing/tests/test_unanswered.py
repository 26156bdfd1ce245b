"""What people and programs are answered while PostgreSQL is away, or takes no writes."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from accounts.api.answers import exception_handler
from accounts.errors import AccountError
from accounts.models import User
from accounts.runtime.outages import RETRY_AFTER
from accounts.tests.builders import make_agency, make_individual, make_key, owner_of
from accounts.views.dialogs import refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    """Shows the answer, as a web server would, where Django's test client would raise."""
    return Client(raise_request_exception=False)


@pytest.fixture
def away(monkeypatch):
    """Nothing listens where the database was."""

    def go() -> None:
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "PORT", "1")

    return go


def refusals_of_503(kind: type[AccountError] = AccountError) -> list[type[AccountError]]:
    below = [found for one in kind.__subclasses__() for found in refusals_of_503(one)]
    return below + [kind] * (kind.status == 503)


@contextmanager
def standby() -> Iterator[None]:
    """The server takes no writes, as a primary does that has become the other's standby."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        yield
        cursor.execute("RESET default_transaction_read_only")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/payments/", "/account-manager/", "/settings/profile/"])
def test_a_page_says_when_to_come_again_while_the_database_is_away(browser, away, path):
    browser.force_login(owner_of(make_agency()))
    away()

    answer = browser.get(path)

    assert (answer.status_code, answer["Retry-After"]) == (503, str(RETRY_AFTER))
    assert f"Try again in {RETRY_AFTER} seconds." in answer.text
    assert "none is taken twice" in answer.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["wallet", "wallet/recharges", "campaigns"])
def test_a_program_reads_the_same_from_the_api(browser, away, path):
    _, token = make_key(make_individual())
    away()

    answer = browser.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer["Retry-After"]) == (503, str(RETRY_AFTER))
    assert answer.json()["error"]["code"] == "unavailable"


@pytest.mark.django_db(transaction=True)
def test_a_form_that_meets_a_standby_changes_nothing_and_may_be_sent_again(browser):
    person = owner_of(make_individual())
    browser.force_login(person)
    before = User.objects.values().get(pk=person.pk)

    with standby():
        answer = browser.post("/settings/profile/", {"name": "Ada King", "theme": "dark"})

    assert (answer.status_code, answer["Retry-After"]) == (503, str(RETRY_AFTER))
    assert User.objects.values().get(pk=person.pk) == before


@pytest.mark.django_db(transaction=True)
def test_a_setting_that_meets_a_standby_is_to_be_sent_again(browser):
    account = make_individual()
    _, token = make_key(None)

    with standby():
        answer = browser.put(
            f"/api/v1/wallet/auto-recharge?account={account.pk}",
            {"enabled": False, "threshold": "10.00", "amount": "50.00"},
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )

    assert (answer.status_code, answer["Retry-After"]) == (503, str(RETRY_AFTER))
    assert answer.json()["error"]["code"] == "unavailable"


@pytest.mark.django_db(transaction=True)
def test_a_session_that_a_standby_does_not_take_is_an_outage_and_no_log_out(browser):
    """Django takes any failure to write a session for one that somebody has ended."""
    account = make_agency()
    browser.force_login(owner_of(account))
    browser.get("/payments/")
    before = Session.objects.values().get()

    with standby():
        answer = browser.post("/accounts/switch/", {"account": account.pk})

    assert (answer.status_code, answer["Retry-After"]) == (503, str(RETRY_AFTER))
    assert Session.objects.values().get() == before


@pytest.mark.parametrize("kind", refusals_of_503(), ids=lambda kind: kind.__name__)
def test_each_refusal_that_only_has_to_be_waited_for_says_for_how_long(kind, rf):
    request = rf.post("/")
    request.htmx = True

    told = exception_handler(kind("Not now."), {})
    shown = refused(request, back="/", error=kind("Not now."))

    assert told.status_code == shown.status_code == 503
    assert told["Retry-After"] == shown["Retry-After"] == str(kind.retry_after)


def test_a_fault_of_our_own_stays_a_500(browser, monkeypatch):
    monkeypatch.setattr("accounts.people.access.standing", lambda **_: 1 / 0)
    browser.force_login(owner_of(make_individual()))

    answer = browser.get("/payments/")

    assert answer.status_code == 500
    assert "Retry-After" not in answer
