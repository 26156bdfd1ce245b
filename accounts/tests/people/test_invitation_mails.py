"""Mails that strangers get because somebody invites: so many a day, in our words."""

from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test import Client

from accounts import clock, limits
from accounts.errors import TooMany
from accounts.models import Account, Invitation, InvitationSent, Role, Scope, User
from accounts.people import invitation_mails, members, opening
from accounts.telling import mails, names
from accounts.tests.builders import (
    add_member,
    make_agency,
    make_individual,
    make_key,
    make_sub_account,
    make_user,
    owner_of,
)

pytestmark = pytest.mark.django_db

GUEST = "guest@example.net"


def invite(account: Account, email: str = GUEST, by: User | None = None) -> Invitation:
    return members.invite(
        account=account, email=email, role=Role.MEMBER, invited_by=by or owner_of(account)
    )


def sent(account: Account, count: int, *, email: str = "", person: User | None = None) -> None:
    """So many invitations were mailed today."""
    InvitationSent.objects.bulk_create(
        InvitationSent(account=account, email=email or f"{number}@example.org", person=person)
        for number in range(count)
    )


class TestBrakes:
    def test_one_address_is_mailed_three_times_a_day_by_one_account(self):
        account = make_individual()
        now = clock.now()
        with clock.at(now):
            for _ in range(3):
                kept = invite(account)
            with pytest.raises(TooMany, match=f"{GUEST} was sent as many invitations"):
                invite(account)

        # The last link that was mailed still opens.
        assert Invitation.objects.get().nonce == kept.nonce
        with clock.at(now + limits.DAY):
            assert invite(account).nonce != kept.nonce

    def test_withdrawing_first_makes_no_room(self):
        account = make_individual()
        for _ in range(3):
            members.withdraw(account=account, invitation_id=invite(account).pk)

        with pytest.raises(TooMany):
            invite(account)
        assert not Invitation.objects.exists()

    def test_one_address_is_mailed_ten_times_a_day_by_all_accounts_together(self):
        for _ in range(limits.INVITATIONS_TO_ADDRESS_A_DAY):
            invite(make_individual())
        account = make_individual()

        with pytest.raises(TooMany, match=f"{GUEST} was sent as many"):
            invite(account)
        assert not account.invitations.exists()

    def test_one_person_sends_fifty_a_day_from_whichever_account(self):
        account = make_individual()
        person = add_member(account, Role.ADMIN)
        sent(make_individual(), limits.INVITATIONS_OF_PERSON_A_DAY - 1, person=person)
        invite(account, by=person)

        with pytest.raises(TooMany, match="You sent 50 invitations in a day. Go on tomorrow."):
            invite(account, "other@example.net", by=person)
        invite(account, "other@example.net")

        assert InvitationSent.objects.filter(person=person).count() == 50

    def test_an_agency_sends_two_hundred_a_day_with_its_sub_accounts(self):
        agency = make_agency()
        account = make_sub_account(agency=agency)
        InvitationSent.objects.all().delete()
        sent(agency, limits.INVITATIONS_OF_ACCOUNT_A_DAY - 1)
        invite(account)

        for one in (agency, account):
            with pytest.raises(TooMany, match="Brightline Agency sent 200 invitations in a day"):
                invite(one, "other@example.net")
        assert InvitationSent.objects.filter(account=agency).count() == 200

    def test_a_sub_account_is_not_added_when_its_owner_cannot_be_invited(self):
        agency = make_agency()
        sent(agency, 3, email=GUEST)

        with pytest.raises(TooMany):
            opening.add_sub_account(agency=agency, name="Northside", owner_email=GUEST)
        assert not Account.objects.filter(agency=agency).exists()

    @pytest.mark.django_db(transaction=True)
    def test_many_at_once_are_counted_exactly(self):
        accounts = [make_individual() for _ in range(2)]
        sent(make_individual(), limits.INVITATIONS_TO_ADDRESS_A_DAY - 1, email=GUEST)
        start, refused = Barrier(2), []

        def work(account: Account) -> None:
            start.wait()
            try:
                invite(account)
            except TooMany as error:
                refused.append(error)
            finally:
                connection.close()

        threads = [Thread(target=work, args=[account]) for account in accounts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(refused) == 1
        assert Invitation.objects.count() == 1

    def test_what_was_sent_is_forgotten_after_a_day(self):
        now = clock.now()
        with clock.at(now):
            invite(make_individual())

        with clock.at(now + limits.DAY):
            invitation_mails.forget_old()

        assert not InvitationSent.objects.exists()


class TestDoors:
    def test_the_page_says_why_and_sends_nothing(self):
        account = make_individual()
        sent(account, 3, email=GUEST)
        client = Client()
        client.force_login(owner_of(account))

        answer = client.post("/settings/members/invite/", {"email": GUEST, "role": "member"})

        assert answer.status_code == 422
        assert f"{GUEST} was sent as many invitations as we send" in answer.content.decode()
        assert not Invitation.objects.exists()

    def test_the_api_says_why_and_adds_nothing(self):
        agency = make_agency()
        sent(agency, 3, email=GUEST)
        _, token = make_key(agency, Scope.READ, Scope.WRITE)

        answer = Client().post(
            "/api/v1/sub-accounts",
            {"name": "Northside", "owner_email": GUEST},
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )

        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "too_many_attempts"
        assert not Account.objects.filter(agency=agency).exists()


class TestWords:
    @pytest.fixture
    def mail(self, mailoutbox):
        advert = (
            "Win at https://evil.example/now! Call www.evil.example "
            + "or mail x@evil.example " * 3
        )
        person = make_user(name="Dr. Spam evil.example")
        account = make_individual(name=advert[:120], owner=person)
        invite(account)
        mails.mail_due()
        [mail] = mailoutbox
        return mail

    def test_the_subject_is_ours(self, mail):
        assert mail.subject == "You are invited to thinkrr billing"

    def test_the_only_link_is_ours_and_names_are_clipped(self, mail):
        html = mail.alternatives[0].content
        for text in (mail.body, html):
            assert text.count("http") - text.count("“Win at http") == 1
            assert "evil.example" not in text
            assert "“Dr. Spam evil example” invites you to the account “Win at http" in " ".join(
                text.split()
            )
        [quoted] = [part.split("”")[0] for part in mail.body.split("account “")[1:]]
        assert len(quoted) == 60
        assert quoted.endswith("…")

    def test_somebody_without_a_name_is_not_named_by_their_address(self, mailoutbox):
        person = User.objects.create_user("mallory@evil.example", "x" * 12)
        invite(make_individual(owner=person))
        mails.mail_due()

        [mail] = mailoutbox
        assert mail.body.startswith("You are invited to the account “Ada Lovelace” on thinkrr")
        assert "evil.example" not in mail.body

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("Northside Dental, Inc.", "Northside Dental, Inc."),
            ("St. Mary's & Sons", "St. Mary's & Sons"),
            ("evil．example", "evil example"),
            ("evil。example", "evil example"),
            ("two\nlines\r\nBcc: x", "two lines Bcc: x"),
            ("back\u202ewards", "back wards"),
            ("a\\\\b//c@d", "a b c d"),
            ("x" * 60, "x" * 60),
            ("x" * 61, "x" * 59 + "…"),
        ],
    )
    def test_a_name_is_one_short_line_without_links(self, name, shown):
        assert names.in_mail(name) == shown


def test_a_link_that_was_renewed_while_the_old_one_was_sent_is_mailed_too(monkeypatch, mailoutbox):
    account = make_individual()
    invitation, send = invite(account), mails.EmailMultiAlternatives.send

    def renewed(message: mails.EmailMultiAlternatives) -> int:
        monkeypatch.setattr(mails.EmailMultiAlternatives, "send", send)
        invite(account)
        return message.send()

    monkeypatch.setattr(mails.EmailMultiAlternatives, "send", renewed)

    assert mails.mail_invitation(invitation.pk) is True
    assert mails.mail_invitation(invitation.pk) is True

    invitation.refresh_from_db()
    assert [invitation.path in mail.body for mail in mailoutbox] == [False, True]
    assert (invitation.mail_due_at, invitation.mailed_at is None) == (None, False)
