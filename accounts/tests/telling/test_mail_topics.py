"""Each person chooses which mails come, except those about problems."""

import re

import pytest
from django.test import Client

from accounts.models import Role, User
from accounts.telling import mails, notifications
from accounts.tests.builders import add_member, make_agency, make_user, owner_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


@pytest.fixture
def agency():
    return make_agency(owner=make_user("ada@example.com"))


def mail(agency, **facts) -> None:
    told = notifications.notify(account=agency, text="Text.", **facts)
    mails.mail_notification(told.pk)


def readers(mailoutbox) -> list[str]:
    return sorted(reader for message in mailoutbox for reader in message.to)


def test_who_switched_a_topic_off_gets_no_mail_of_it_and_the_others_do(agency, mailoutbox):
    add_member(agency, Role.ADMIN, user=make_user("bob@example.com", muted=["receipts"]))

    mail(agency, kind="recharge_paid")

    assert readers(mailoutbox) == ["ada@example.com"]


def test_problems_are_mailed_whatever_is_switched_off(agency, mailoutbox):
    User.objects.update(muted=["receipts", "allocation"])

    mail(agency, kind="recharge_failed", level="danger")
    mail(agency, kind="allocation_changed", level="danger")

    assert readers(mailoutbox) == ["ada@example.com", "ada@example.com"]


def test_it_is_chosen_on_the_profile_page(agency, client: Client):
    client.force_login(owner_of(agency))
    wanted = ["agency", "campaigns", "minutes_asked", "people", "settings"]
    client.post("/settings/profile/mails/", {"wanted": wanted})

    page = client.get("/settings/profile/").content.decode()

    assert set(owner_of(agency).muted) == {"receipts", "low_balance", "allocation"}
    assert re.search(r'value="campaigns" id="id_wanted_\d" checked', page)
    assert re.search(r'value="receipts" id="id_wanted_\d">', page)


def test_what_is_not_offered_changes_nothing(agency, client: Client):
    client.force_login(owner_of(agency))

    client.post("/settings/profile/mails/", {"wanted": ["recharge_failed"]})

    assert owner_of(agency).muted == []
