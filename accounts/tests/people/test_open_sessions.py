"""The list of a person's sessions: complete, and what is ended there is out at its next request."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import clock
from accounts.models import OpenSession, User
from accounts.people import open_sessions
from accounts.telling import mails
from accounts.tests.builders import (
    PASSWORD,
    log_in_staff,
    make_individual,
    make_staff,
    make_user,
    owner_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

SECURITY = "/settings/security/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def ada() -> User:
    return owner_of(make_individual(owner=make_user("ada@example.com")))


@pytest.fixture
def here(ada) -> Client:
    return log_in(ada)


def log_in(user: User, *, ip: str = "192.0.2.1", agent: str = FIREFOX) -> Client:
    client = Client(REMOTE_ADDR=ip, headers={"User-Agent": agent})
    client.post("/login/", {"username": user.email, "password": PASSWORD})
    return client


def is_in(client: Client) -> bool:
    return client.get("/settings/").status_code == 200


def shown(client: Client) -> list[OpenSession]:
    return list(client.get(SECURITY).context["sessions"])


def row_of(client: Client) -> OpenSession:
    return OpenSession.objects.get(session_key=client.session.session_key)


def test_each_place_stands_in_the_list_with_its_browser_and_address_this_one_first(ada, here):
    log_in(ada, ip="192.0.2.2", agent="")

    rows = shown(here)

    assert [(row.browser, row.ip) for row in rows] == [
        ("Firefox on Linux", "192.0.2.1"),
        ("Unknown browser", "192.0.2.2"),
    ]
    assert rows[0].session_key == here.session.session_key


def test_what_a_browser_calls_itself_is_never_shown(ada, here):
    log_in(ada, agent="<script>Firefox/ evil</script>")

    assert "evil" not in here.get(SECURITY).content.decode()


def test_nobody_elses_session_stands_in_it_or_is_ended(here):
    other = log_in(owner_of(make_individual()))

    answer = here.post(f"{SECURITY}sessions/{row_of(other).pk}/end/", follow=True)

    assert len(shown(here)) == 1
    assert "It was logged out already." in answer.content.decode()
    assert is_in(other)


def test_one_that_was_ended_is_out_at_its_next_request(ada, here):
    elsewhere, third = log_in(ada), log_in(ada)

    answer = here.post(f"{SECURITY}sessions/{row_of(elsewhere).pk}/end/", follow=True)

    assert "It is logged out." in answer.content.decode()
    assert elsewhere.get("/settings/")["Location"].startswith("/login/")
    assert (is_in(here), is_in(third)) == (True, True)
    assert len(shown(here)) == 2


def test_ending_one_twice_says_that_it_was_over(ada, here):
    path = f"{SECURITY}sessions/{row_of(log_in(ada)).pk}/end/"
    here.post(path)

    assert "It was logged out already." in here.post(path, follow=True).content.decode()


def test_this_one_is_not_ended_from_the_list(here):
    answer = here.post(f"{SECURITY}sessions/{row_of(here).pk}/end/", follow=True)

    assert "This is where you are now. Sign out instead." in answer.content.decode()
    assert is_in(here)


def test_all_others_are_ended_at_once(ada, here):
    others = [log_in(ada) for _ in range(3)]

    answer = here.post(f"{SECURITY}sessions/end-others/", follow=True)

    assert "You are logged out everywhere else." in answer.content.decode()
    assert Session.objects.count() == 1
    assert [is_in(other) for other in others] == [False, False, False]
    assert is_in(here)
    assert shown(here) == [row_of(here)]


def test_signing_out_takes_it_off_the_list(ada, here):
    elsewhere = log_in(ada)
    elsewhere.post("/logout/")

    assert len(shown(here)) == 1


def test_a_new_password_ends_all_others_at_once_and_keeps_this_one(ada, here):
    log_in(ada)
    began = row_of(here).began_at
    new = {"new_password1": "tulips-in-winter", "new_password2": "tulips-in-winter"}

    here.post("/settings/profile/password/", {**new, "old_password": PASSWORD})

    assert Session.objects.count() == 1
    [row] = shown(here)
    assert (row, row.began_at) == (row_of(here), began)


def test_a_password_that_was_forgotten_and_reset_ends_every_session(ada, here, mailoutbox):
    client = Client()
    client.post("/password-reset/", {"email": ada.email})
    open_sessions_before = OpenSession.objects.count()
    mails.mail_due()
    link = next(word for word in mailoutbox[0].body.split() if "/password-reset/" in word)
    form = client.get("/" + link.split("/", 3)[3], follow=True).redirect_chain[-1][0]
    new = {"new_password1": "tulips-in-winter", "new_password2": "tulips-in-winter"}
    client.post(form, new)

    assert open_sessions_before == 1
    assert not OpenSession.objects.exists()
    assert not is_in(here)


def test_a_password_that_a_superuser_sets_ends_every_session_of_the_person(ada, here):
    superuser = log_in_staff(Client(), make_staff())
    new = {"password1": "tulips-in-winter", "password2": "tulips-in-winter"}

    superuser.post(
        reverse("admin:auth_user_password_change", args=[ada.pk]),
        {**new, "usable_password": "true"},
    )

    ada.refresh_from_db()
    assert ada.check_password("tulips-in-winter")
    assert not OpenSession.objects.filter(user=ada).exists()
    assert not is_in(here)


def test_a_superuser_who_sets_their_own_stays_in_here_and_nowhere_else():
    sam = make_staff()
    elsewhere, superuser = log_in_staff(Client(), sam), log_in_staff(Client(), sam)
    new = {"password1": "tulips-in-winter", "password2": "tulips-in-winter"}

    superuser.post(
        reverse("admin:auth_user_password_change", args=[sam.pk]),
        {**new, "usable_password": "true"},
    )

    assert [row.session_key for row in OpenSession.objects.filter(user=sam)] == [
        superuser.session.session_key
    ]
    assert superuser.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302


def test_a_session_of_before_the_list_is_put_on_it_by_its_next_page(here):
    began = datetime(2026, 3, 1, 12, tzinfo=UTC)
    OpenSession.objects.all().delete()
    session = here.session
    del session[open_sessions.NOTED]
    session["started_at"] = int(began.timestamp())
    session["seen_at"] = int(began.timestamp())
    session.save()

    with time_machine.travel(began + timedelta(hours=1)):
        here.get("/settings/")

    assert row_of(here).began_at == began


def test_a_page_asks_nothing_more_of_the_database_for_the_list(here):
    here.get("/settings/")

    with CaptureQueriesContext(connection) as asked:
        here.get("/settings/")

    assert not [one["sql"] for one in asked if "opensession" in one["sql"]]


@pytest.mark.parametrize(("seconds", "written"), [(295, False), (305, True)])
def test_last_seen_is_written_every_five_minutes(here, seconds, written):
    row = row_of(here)
    here.get("/settings/")

    with (
        time_machine.travel(time.time() + seconds),
        clock.at(clock.now() + timedelta(seconds=seconds)),
    ):
        here.get("/settings/", REMOTE_ADDR="192.0.2.9")

    after = row_of(here)
    assert (after.seen_at > row.seen_at, after.ip == "192.0.2.9") == (written, written)


def test_what_nobody_used_for_twelve_hours_is_not_shown_and_then_forgotten(ada, here):
    elsewhere = row_of(log_in(ada))
    long_ago = clock.now() - timedelta(hours=12, minutes=1)
    OpenSession.objects.filter(pk=elsewhere.pk).update(seen_at=long_ago)

    before = shown(here)
    open_sessions.forget_old()

    assert before == [row_of(here)]
    assert list(OpenSession.objects.all()) == [row_of(here)]


def test_sessions_that_ran_out_are_deleted_a_thousand_at_a_time(monkeypatch, here):
    monkeypatch.setattr(open_sessions, "FORGOTTEN_AT_ONCE", 2)
    long_ago = clock.now() - timedelta(seconds=1)
    for number in range(3):
        Session.objects.create(session_key=f"old{number:029d}", expire_date=long_ago)

    counts = []
    for _ in range(3):
        open_sessions.forget_old()
        counts.append(Session.objects.count())

    assert counts == [2, 1, 1]
    assert is_in(here)


def test_somebody_without_an_account_sees_it_as_well(client):
    client.force_login(make_user())

    assert "This one" in client.get(SECURITY).content.decode()


def test_the_list_has_pages(ada, here):
    OpenSession.objects.bulk_create(
        OpenSession(user=ada, session_key=f"s{number}", ip="192.0.2.3", browser="Firefox")
        for number in range(30)
    )
    Session.objects.bulk_create(
        Session(session_key=f"s{number}", expire_date=clock.now() + timedelta(days=1))
        for number in range(30)
    )

    assert len(shown(here)) == 25
    assert "1 to 25 of 31" in here.get(SECURITY).content.decode()
