from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from accounts import clock
from accounts.errors import Conflict, Forbidden, Invalid, NotFound
from accounts.models import Account, Invitation, Membership, Role, User
from accounts.people import members, opening
from accounts.telling import mails
from accounts.tests.builders import (
    PASSWORD,
    add_member,
    close,
    make_agency,
    make_individual,
    make_sub_account,
    make_user,
    owner_of,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def token_of(invitation: Invitation) -> str:
    return invitation.path.split("/")[-2]


def role_of(user: User, account: Account) -> str | None:
    return Membership.objects.filter(user=user, account=account).values_list("role").first()


@pytest.fixture
def account():
    return make_individual()


@pytest.fixture
def invitation(account):
    return members.invite(
        account=account, email="New@Example.com", role=Role.ADMIN, invited_by=owner_of(account)
    )


class TestInviting:
    def test_the_invited_person_joins_with_the_link_of_the_mail(self, account, mailoutbox):
        invitation = members.invite(
            account=account, email="new@example.com", role=Role.ADMIN, invited_by=owner_of(account)
        )
        mails.mail_due()

        [mail] = mailoutbox
        assert mail.to == ["new@example.com"]
        token = mail.body.split("/invitations/")[1].split("/")[0]
        user = members.accept_as_new_user(token=token, name="New", password=PASSWORD)

        assert (user.email, user.check_password(PASSWORD)) == ("new@example.com", True)
        assert role_of(user, account) == ("admin",)
        invitation.refresh_from_db()
        assert invitation.accepted_at is not None

    def test_a_link_works_once(self, invitation):
        token = token_of(invitation)
        user = members.accept_as_new_user(token=token, name="New", password=PASSWORD)

        with pytest.raises(NotFound, match="no longer valid"):
            members.accept(token=token, user=user)

    def test_a_link_works_for_seven_days(self, account):
        with clock.at(NOON):
            invitation = members.invite(
                account=account,
                email="new@example.com",
                role=Role.MEMBER,
                invited_by=owner_of(account),
            )
        token = token_of(invitation)

        with clock.at(NOON + timedelta(days=7, microseconds=-1)):
            assert members.find_invitation(token=token) == invitation
        with clock.at(NOON + timedelta(days=7)), pytest.raises(NotFound):
            members.find_invitation(token=token)

    def test_inviting_again_sends_a_new_link_and_ends_the_old(self, account, invitation):
        old = token_of(invitation)
        again = members.invite(
            account=account, email="new@example.com", role=Role.MEMBER, invited_by=owner_of(account)
        )

        assert again.pk == invitation.pk
        assert members.find_invitation(token=token_of(again)).role == Role.MEMBER
        with pytest.raises(NotFound):
            members.find_invitation(token=old)

    def test_a_withdrawn_invitation_is_gone(self, account, invitation):
        token = token_of(invitation)
        members.withdraw(account=make_agency(), invitation_id=invitation.pk)
        assert members.find_invitation(token=token) == invitation

        members.withdraw(account=account, invitation_id=invitation.pk)
        with pytest.raises(NotFound):
            members.find_invitation(token=token)

    @pytest.mark.parametrize("token", ["", "x", "a:b:c", "\x00", "é" * 50])
    def test_a_made_up_link_opens_nothing(self, token):
        with pytest.raises(NotFound, match="Ask for a new one"):
            members.find_invitation(token=token)

    def test_somebody_else_cannot_take_the_seat(self, account, invitation):
        stranger = make_user("stranger@example.com")

        with pytest.raises(Forbidden, match="for new@example.com"):
            members.accept(token=token_of(invitation), user=stranger)
        assert role_of(stranger, account) is None
        assert members.find_invitation(token=token_of(invitation)) == invitation

    def test_a_known_person_joins_with_the_log_in_they_have(self, account, invitation):
        user = make_user("new@example.com")

        with pytest.raises(Conflict, match="already has a log-in"):
            members.accept_as_new_user(
                token=token_of(invitation), name="Thief", password="another-good-password"
            )
        assert members.accept(token=token_of(invitation), user=user) == account
        user.refresh_from_db()
        assert user.check_password(PASSWORD)

    def test_whoever_is_here_already_is_not_invited(self, account):
        user = add_member(account)

        with pytest.raises(Conflict, match="is already in Ada Lovelace"):
            members.invite(
                account=account, email=user.email, role=Role.ADMIN, invited_by=owner_of(account)
            )
        assert not Invitation.objects.exists()

    def test_only_owners_invite_owners(self, account):
        admin = add_member(account, Role.ADMIN)

        with pytest.raises(Forbidden, match="Only owners of Ada Lovelace"):
            members.invite(account=account, email="x@example.com", role="owner", invited_by=admin)
        assert not Invitation.objects.exists()


class TestRoles:
    def test_an_admin_changes_members_and_admins(self, account):
        admin, member = add_member(account, Role.ADMIN), add_member(account)

        members.change_role(account=account, user_id=member.pk, role=Role.ADMIN, actor=admin)

        assert role_of(member, account) == ("admin",)

    @pytest.mark.parametrize("role", [Role.MEMBER, Role.ADMIN])
    def test_the_last_owner_stays_owner(self, account, role):
        owner = owner_of(account)

        with pytest.raises(Conflict, match="Make somebody else an owner first"):
            members.change_role(account=account, user_id=owner.pk, role=role, actor=owner)
        with pytest.raises(Conflict, match="needs an owner"):
            members.remove(account=account, user_id=owner.pk, actor=owner)
        assert role_of(owner, account) == ("owner",)

    def test_one_of_two_owners_may_leave(self, account):
        owner = owner_of(account)
        second = add_member(account, Role.OWNER)

        members.remove(account=account, user_id=owner.pk, actor=owner)

        assert role_of(owner, account) is None
        assert role_of(second, account) == ("owner",)

    @pytest.mark.django_db(transaction=True)
    def test_two_owners_who_remove_each_other_at_once_leave_one(self):
        account = make_individual()
        first, second = owner_of(account), add_member(account, Role.OWNER)
        start, refused = Barrier(2), []

        def work(actor, other):
            start.wait()
            try:
                members.remove(account=account, user_id=other.pk, actor=actor)
            except (Conflict, Forbidden) as error:
                refused.append(error)
            finally:
                connection.close()

        threads = [Thread(target=work, args=pair) for pair in [(first, second), (second, first)]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(refused) == 1
        assert Membership.objects.filter(account=account, role=Role.OWNER).count() == 1

    def test_only_owners_make_and_unmake_owners(self, account):
        owner, admin = owner_of(account), add_member(account, Role.ADMIN)
        add_member(account, Role.OWNER)

        for user, role in [(admin, Role.OWNER), (owner, Role.MEMBER)]:
            with pytest.raises(Forbidden, match="Only owners of Ada Lovelace"):
                members.change_role(account=account, user_id=user.pk, role=role, actor=admin)
        with pytest.raises(Forbidden):
            members.remove(account=account, user_id=owner.pk, actor=admin)
        assert role_of(owner, account) == ("owner",)
        assert role_of(admin, account) == ("admin",)

    def test_nobody_is_changed_in_an_account_they_are_not_in(self, account):
        stranger = make_user()

        with pytest.raises(NotFound):
            members.change_role(
                account=account, user_id=stranger.pk, role=Role.ADMIN, actor=owner_of(account)
            )
        with pytest.raises(NotFound):
            members.remove(account=account, user_id=stranger.pk, actor=stranger)


class TestOpening:
    def test_a_sub_account_belongs_to_its_agency_and_waits_for_its_owner(self, mailoutbox):
        agency = make_agency(timezone="America/Chicago")
        account = opening.add_sub_account(
            agency=agency,
            name="  Northside   Dental ",
            owner_email="Dentist@Example.com",
            invited_by=owner_of(agency),
        )
        mails.mail_due()

        assert (account.kind, account.agency) == ("sub_account", agency)
        assert (account.name, account.timezone) == ("Northside Dental", "America/Chicago")
        invitation = Invitation.objects.get()
        assert (invitation.email, invitation.role) == ("dentist@example.com", "owner")
        assert [mail.to for mail in mailoutbox] == [["dentist@example.com"]]

    def test_once_it_has_people_the_agency_invites_no_more_owners(self):
        account = make_sub_account()

        with pytest.raises(Forbidden):
            members.invite(
                account=account,
                email="x@example.com",
                role=Role.OWNER,
                invited_by=owner_of(account.agency),
            )

    @pytest.mark.parametrize(
        ("error", "field", "change"),
        [
            (Invalid, "name", {"name": "  "}),
            (Invalid, "name", {"name": "x" * 121}),
            (Invalid, "owner_email", {"owner_email": "nobody"}),
        ],
    )
    def test_facts_that_cannot_be_used_open_nothing(self, error, field, change):
        facts = {"agency": make_agency(), "name": "A", "owner_email": "a@example.com", **change}

        with pytest.raises(error) as refusal:
            opening.add_sub_account(**facts)
        assert set(refusal.value.fields) == {field}
        assert Account.objects.count() == 1
        assert not Invitation.objects.exists()

    @pytest.mark.parametrize("make", [make_individual, make_sub_account])
    def test_only_agencies_have_sub_accounts(self, make):
        with pytest.raises(NotFound):
            opening.add_sub_account(agency=make(), name="A", owner_email="a@example.com")

    def test_a_closed_agency_adds_none(self):
        with pytest.raises(Conflict, match="is closed"):
            opening.add_sub_account(
                agency=close(make_agency()), name="A", owner_email="a@example.com"
            )
