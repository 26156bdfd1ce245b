"""What we signed for one purpose opens nothing else."""

import pytest
from django.core import signing

from accounts.models import Invitation, Role
from accounts.people import members
from accounts.tests.builders import make_individual, owner_of
from wallets import cursors
from wallets.balances.opening import open_wallet
from wallets.statements import statements

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


@pytest.fixture
def account():
    account = make_individual()
    open_wallet(account=account)
    return account


def test_an_invitation_is_no_cursor(account):
    facts = [1, "2026-01-01T00:00:00+00:00", None, None]
    ours = signing.dumps(facts, salt=cursors._SALT)
    theirs = signing.dumps(facts, salt=Invitation.LINK_SALT)

    assert statements.transactions(account=account, cursor=ours, limit=1).rows == []
    with pytest.raises(cursors.BadCursor):
        statements.transactions(account=account, cursor=theirs, limit=1)


def test_a_cursor_is_no_invitation(account, client):
    invitation = members.invite(
        account=account, email="new@example.com", role=Role.MEMBER, invited_by=owner_of(account)
    )
    facts = [invitation.pk, invitation.nonce]

    assert client.get(invitation.path).status_code == 200
    for salt, status in ((Invitation.LINK_SALT, 200), (cursors._SALT, 404)):
        token = signing.dumps(facts, salt=salt)
        assert client.get(f"/invitations/{token}/").status_code == status


def test_an_invitation_is_no_link_for_a_password(account, client):
    invitation = members.invite(
        account=account, email="new@example.com", role=Role.MEMBER, invited_by=owner_of(account)
    )
    token = invitation.path.rstrip("/").rpartition("/")[2]

    page = client.get(f"/password-reset/MQ/{token}/", follow=True)

    assert "new_password1" not in page.content.decode()
