"""Who owns a sub-account is decided by its first owner, and invitations die with their maker."""

import pytest

from accounts.errors import Forbidden, Invalid, NotFound
from accounts.models import Account, Invitation, Membership, Notification, Role, User
from accounts.people import closing, members, opening
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

CLIENT, AGENCYS_OWN = "dentist@example.com", "second@brightline.example"


@pytest.fixture
def agency() -> Account:
    return make_agency()


@pytest.fixture
def awaiting(agency) -> Account:
    """A sub-account whose owner was invited by the agency, and has not joined."""
    return opening.add_sub_account(
        agency=agency, name="Northside Dental", owner_email=CLIENT, invited_by=owner_of(agency)
    )


def token_of(invitation: Invitation) -> str:
    return invitation.path.split("/")[-2]


def link_to(account: Account, email: str) -> str:
    return token_of(account.invitations.get(email=email))


def invite(account: Account, email: str, role: str = Role.OWNER, *, by: User | None) -> Invitation:
    return members.invite(account=account, email=email, role=role, invited_by=by)


def join(token: str, name: str = "New") -> User:
    return members.accept_as_new_user(token=token, name=name, password=PASSWORD)


def people_of(account: Account) -> list[str]:
    seats = Membership.objects.filter(account=account).order_by("pk")
    return [f"{seat.user.email} {seat.role}" for seat in seats.select_related("user")]


def open_invitations() -> list[str]:
    return list(Invitation.objects.filter(accepted_at=None).values_list("email", flat=True))


class TestTheFirstOwner:
    def test_another_address_takes_the_place_of_the_first_and_its_link_stops(
        self, agency, awaiting
    ):
        old = link_to(awaiting, CLIENT)

        invite(awaiting, "right@example.com", by=owner_of(agency))

        assert open_invitations() == ["right@example.com"]
        with pytest.raises(NotFound, match="no longer valid"):
            join(old)
        assert people_of(awaiting) == []

    def test_an_agency_cannot_keep_a_second_owners_link_for_later(self, agency, awaiting):
        kept = token_of(invite(awaiting, AGENCYS_OWN, by=owner_of(agency)))
        invite(awaiting, CLIENT, by=owner_of(agency))
        join(link_to(awaiting, CLIENT))

        with pytest.raises(NotFound, match="no longer valid"):
            join(kept)
        assert people_of(awaiting) == [f"{CLIENT} owner"]

    def test_a_second_link_of_before_this_rule_opens_nothing_once_the_owner_has_joined(
        self, agency, awaiting
    ):
        first = awaiting.invitations.get()
        second = Invitation.objects.create(
            account=awaiting,
            email=AGENCYS_OWN,
            role=Role.OWNER,
            invited_by=owner_of(agency),
            expires_at=first.expires_at,
        )
        join(token_of(first))

        with pytest.raises(NotFound, match="no longer valid"):
            join(token_of(second))
        assert people_of(awaiting) == [f"{CLIENT} owner"]

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
    def test_nobody_but_an_owner_is_invited_first(self, agency, awaiting, role):
        with pytest.raises(Invalid, match="The first to join Northside Dental is its owner"):
            invite(awaiting, AGENCYS_OWN, role, by=owner_of(agency))
        assert open_invitations() == [CLIENT]

    @pytest.mark.parametrize("role", list(Role))
    @pytest.mark.parametrize("by_key", [False, True])
    def test_after_the_first_the_agency_invites_nobody(self, agency, awaiting, role, by_key):
        join(link_to(awaiting, CLIENT))

        with pytest.raises(Forbidden, match="Only owners and admins of Northside Dental"):
            invite(awaiting, AGENCYS_OWN, role, by=None if by_key else owner_of(agency))
        assert open_invitations() == []
        assert people_of(awaiting) == [f"{CLIENT} owner"]

    def test_the_first_owner_invites_the_second(self, awaiting):
        first = join(link_to(awaiting, CLIENT))

        join(token_of(invite(awaiting, "partner@example.com", by=first)))

        assert people_of(awaiting) == [f"{CLIENT} owner", "partner@example.com owner"]

    def test_one_added_by_an_api_key_is_joined_by_its_link(self, agency):
        account = opening.add_sub_account(agency=agency, name="By key", owner_email=CLIENT)

        join(link_to(account, CLIENT))

        assert people_of(account) == [f"{CLIENT} owner"]

    def test_without_an_agency_nobody_is_invited_by_nobody(self):
        with pytest.raises(Forbidden, match="Only owners and admins of Ada Lovelace"):
            invite(make_individual(), "x@example.com", by=None)
        assert open_invitations() == []

    def test_a_closed_agency_invites_no_first_owner(self, agency, awaiting):
        close(agency)

        for by in (owner_of(agency), None):
            with pytest.raises(Forbidden, match="Only owners and admins of Northside Dental"):
                invite(awaiting, AGENCYS_OWN, by=by)
        assert open_invitations() == [CLIENT]

    def test_to_a_closed_account_nobody_is_invited(self):
        account = make_individual()
        owner = owner_of(account)
        close(account)

        with pytest.raises(Forbidden, match="Ada Lovelace is closed, so nobody can be invited."):
            invite(account, "x@example.com", Role.MEMBER, by=owner)
        assert open_invitations() == []

    def test_members_of_the_agency_invite_nobody(self, agency, awaiting):
        with pytest.raises(Forbidden):
            invite(awaiting, AGENCYS_OWN, by=add_member(agency))
        assert open_invitations() == [CLIENT]


class TestTelling:
    def test_everybody_who_runs_the_account_hears_of_a_new_owner_and_who_invited_them(
        self, mailoutbox
    ):
        account = make_sub_account(owner=make_user("first@example.com", name="Ada"))
        owner = owner_of(account)
        # Mails about members can be switched off; this one cannot.
        User.objects.filter(pk=owner.pk).update(muted=["people"])
        add_member(account, Role.ADMIN, user=make_user("admin@example.com"))
        token = token_of(invite(account, "second@example.com", by=owner))
        Invitation.objects.update(mail_due_at=None)

        join(token, name="Bob")
        mails.mail_due()

        told = Notification.objects.get(account=account)
        assert (told.kind, told.level, told.title) == ("new_owner", "warning", "New owner")
        assert told.text.startswith(
            "Bob joined as Owner. Invited by Ada (first@example.com). "
            "second@example.com may pay with the account's cards"
        )
        assert [mail.to for mail in mailoutbox] == [
            ["admin@example.com", "first@example.com", "second@example.com"]
        ]

    def test_a_raised_role_is_told_as_a_new_owner_too(self):
        account = make_individual()
        admin = add_member(account, Role.ADMIN, user=make_user("b@example.com", name="Bob"))

        members.change_role(
            account=account, user_id=admin.pk, role=Role.OWNER, actor=owner_of(account)
        )

        told = Notification.objects.get(account=account)
        assert told.kind == "new_owner"
        assert "made Bob Owner. b@example.com may pay" in told.text

    def test_a_seat_knows_by_which_invitation_it_was_taken(self, agency, awaiting):
        invitation = awaiting.invitations.get()

        join(token_of(invitation))

        assert Membership.objects.get(account=awaiting).invitation == invitation
        owner = owner_of(agency)
        assert invitation.made_by == f"{owner.name} ({owner.email})"

    def test_one_made_by_a_key_names_the_agency(self, agency):
        account = opening.add_sub_account(agency=agency, name="By key", owner_email=CLIENT)

        assert account.invitations.get().made_by == "Brightline Agency"


def removed(account: Account, person: User) -> None:
    members.remove(account=account, user_id=person.pk, actor=owner_of(account))


def lowered(account: Account, person: User) -> None:
    members.change_role(
        account=account, user_id=person.pk, role=Role.MEMBER, actor=owner_of(account)
    )


def closed(account: Account, _: User) -> None:
    closing.close(account=account)


def switched_off(_: Account, person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


ENDS = [removed, lowered, closed, switched_off]


class TestAnInvitationDiesWithTheSeatOfItsMaker:
    @pytest.mark.parametrize("end", ENDS)
    def test_in_the_account_itself(self, end):
        account = make_individual()
        admin = add_member(account, Role.ADMIN)
        token = token_of(invite(account, "x@example.com", Role.ADMIN, by=admin))

        end(account, admin)

        with pytest.raises(NotFound, match="no longer valid"):
            join(token)
        assert not User.objects.filter(email="x@example.com").exists()

    @pytest.mark.parametrize("end", ENDS)
    def test_in_the_agency_of_a_sub_account_that_awaits_its_owner(self, agency, end):
        admin = add_member(agency, Role.ADMIN)
        account = opening.add_sub_account(
            agency=agency, name="Northside", owner_email=CLIENT, invited_by=admin
        )
        token = link_to(account, CLIENT)

        end(agency, admin)

        with pytest.raises(NotFound, match="no longer valid"):
            join(token)
        assert people_of(account) == []

    def test_a_closed_agency_ends_what_its_key_offered(self, agency):
        account = opening.add_sub_account(agency=agency, name="By key", owner_email=CLIENT)
        token = link_to(account, CLIENT)

        closing.close(account=agency)
        closing.reopen(account=agency)

        assert open_invitations() == []
        with pytest.raises(NotFound):
            join(token)

    def test_a_seat_that_is_taken_again_does_not_wake_the_old_link(self):
        account = make_individual()
        admin = add_member(account, Role.ADMIN)
        token = token_of(invite(account, "x@example.com", Role.MEMBER, by=admin))

        removed(account, admin)
        add_member(account, Role.ADMIN, user=admin)

        with pytest.raises(NotFound):
            join(token)

    def test_an_owner_made_admin_keeps_what_admins_may_offer(self):
        account = make_individual()
        second = add_member(account, Role.OWNER)
        first = User.objects.exclude(pk=second.pk).get()
        invite(account, "owner@example.com", Role.OWNER, by=second)
        invite(account, "member@example.com", Role.MEMBER, by=second)

        members.change_role(account=account, user_id=second.pk, role=Role.ADMIN, actor=first)

        assert open_invitations() == ["member@example.com"]
        told = Notification.objects.get(kind="members_changed")
        assert told.text.endswith("1 invitation of theirs ended.")

    def test_leaving_the_agency_ends_nothing_of_sub_accounts_where_one_works(self, agency):
        person = make_user()
        account = make_sub_account(agency=agency, owner=person)
        add_member(agency, Role.ADMIN, user=person)
        invite(account, "x@example.com", Role.ADMIN, by=person)

        members.remove(account=agency, user_id=person.pk, actor=person)

        assert open_invitations() == ["x@example.com"]

    def test_others_invitations_stay(self):
        account = make_individual()
        admin = add_member(account, Role.ADMIN)
        invite(account, "x@example.com", Role.ADMIN, by=owner_of(account))

        removed(account, admin)

        assert open_invitations() == ["x@example.com"]
