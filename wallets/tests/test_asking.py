"""Whoever may not pay asks an owner."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts import clock
from accounts.models import Membership, Notification
from accounts.tests.builders import add_member, close, make_agency, make_sub_account, owner_of
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

ASK = reverse("wallets:ask_owner")


@pytest.fixture
def wallet():
    return make_wallet(account=make_agency(), credit="8.20")


@pytest.fixture
def member(client, wallet):
    user = add_member(wallet.account)
    client.force_login(user)
    client.user = user
    return client


def asked():
    return list(Notification.objects.filter(kind="asked_owner").order_by("pk"))


def text(answer):
    return " ".join(answer.content.decode().split())


def test_a_member_asks_and_the_owners_hear_what_for(member):
    answer = member.post(ASK, {"about": "recharge", "next": "/payments/"}, follow=True)
    (told,) = asked()

    assert "Asked. The owners and admins get a mail." in text(answer)
    assert told.text == f"{member.user.email} asks you to add credit. The balance is $8.20."
    assert (told.audience, told.link) == ("managers", "/payments/recharge/")
    assert told.mail_due_at is not None


def test_the_same_is_asked_once_an_hour_and_something_else_at_once(member):
    with clock.at(clock.now()) as frozen:
        member.post(ASK, {"about": "recharge"})
        again = member.post(ASK, {"about": "recharge"}, follow=True)
        other = member.post(ASK, {"about": "card"}, follow=True)
        first = [note.link for note in asked()]
    with clock.at(frozen + timedelta(hours=1) if frozen else clock.now() + timedelta(hours=1)):
        member.post(ASK, {"about": "recharge"})

    assert "You have asked within the last hour. The owners have your message." in text(again)
    assert "Asked." in text(other)
    assert first == ["/payments/recharge/", "/payments/methods/add/"]
    assert len(asked()) == 3


def test_what_is_not_offered_is_not_asked_for(member):
    answers = [member.post(ASK, {"about": about}) for about in ("the moon", "")]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert "Ask for credit, a card, Auto-Recharge or resuming campaigns." in text(answers[0])
    assert asked() == []


def test_an_agencys_people_have_no_seat_to_ask_from(client, wallet):
    sub = make_sub_account(agency=wallet.account)
    client.force_login(owner_of(wallet.account))
    client.post(reverse("accounts:switch"), {"account": str(sub.pk)})

    client.post(ASK, {"about": "recharge"})

    assert asked() == []


def test_nobody_is_asked_on_a_closed_account_or_where_nobody_could_do_it(member, wallet):
    managers = Membership.objects.filter(account=wallet.account).exclude(user=member.user)
    managers.delete()
    alone = member.post(ASK, {"about": "recharge"}, follow=True)
    close(wallet.account)
    member.post(ASK, {"about": "recharge"}, follow=True)

    assert "its owner has not joined" in text(alone)
    assert asked() == []


def test_a_member_finds_the_button_where_owners_find_theirs(member):
    shown = text(member.get("/payments/"))

    assert '<input type="hidden" name="about" value="recharge">' in shown
    assert 'id="add-credit"' not in shown
