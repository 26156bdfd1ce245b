"""A sub-account as its agency looks after it: its invitation, its name and its archive."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts import clock
from accounts.models import Account, AuditEntry, Invitation, Notification, Role
from accounts.people import opening
from accounts.tests.builders import add_member, make_agency, make_user, owner_of
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign
from wallets.allocations import asks
from wallets.errors import Refused
from wallets.models import Wallet
from wallets.tests.worlds.allocation_world import World, make_world
from wallets.tests.worlds.builders import fill, set_auto_recharge
from wallets.tests.worlds.forms import HTMX, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

MANAGER = reverse("wallets:account_manager")


@pytest.fixture
def world(stripe, db) -> World:  # noqa: ARG001
    return make_world(stripe)


@pytest.fixture
def browser(client: Client, world) -> Client:
    client.force_login(owner_of(world.agency))
    return client


@pytest.fixture
def lone(world) -> Account:
    """Added, and its owner invited."""
    return opening.add_sub_account(
        agency=world.agency,
        name="Lone Pine",
        owner_email="owner@lone.example",
        invited_by=owner_of(world.agency),
    )


def url(name: str, account: Account) -> str:
    return reverse(f"wallets:{name}", args=[account.pk])


def page(browser, account) -> str:
    return text_of(browser.get(url("account_manager_account", account)))


def told(account) -> list[str]:
    rows = Notification.objects.filter(account=account, kind="account_status").order_by("pk")
    return list(rows.values_list("text", flat=True))


# --- the invitation


def test_the_page_says_what_became_of_the_invitation(browser, lone):
    invited = Invitation.objects.filter(account=lone)
    sent = clock.now()

    assert "The mail to owner@lone.example is on its way." in page(browser, lone)
    invited.update(mailed_at=sent, mail_due_at=None)
    assert "Mailed to owner@lone.example" in page(browser, lone)
    invited.update(opened_at=sent)
    assert "owner@lone.example opened it" in page(browser, lone)
    invited.update(expires_at=sent)
    assert "The link to owner@lone.example ended" in page(browser, lone)
    invited.update(mailed_at=None, opened_at=None, expires_at=sent + timedelta(days=1))
    assert "could not be delivered" in page(browser, lone)
    invited.delete()
    assert "nobody is invited" in page(browser, lone)
    add_member(lone, Role.OWNER)
    assert "Invitation of its owner" not in page(browser, lone)


def test_opening_is_noted_by_the_page_and_not_by_whoever_fetches_it(lone):
    invitation = Invitation.objects.get(account=lone)
    # The link is signed with the second in which it is asked for.
    path, visitor = invitation.path, Client()
    shown = visitor.get(path)
    invitation.refresh_from_db()
    assert invitation.opened_at is None

    answer = visitor.post(f"{path}opened/")

    invitation.refresh_from_db()
    assert f"{path}opened/" in shown.content.decode()
    assert answer.status_code == 204
    assert invitation.opened_at is not None
    first = invitation.opened_at
    visitor.post(f"{path}opened/")
    invitation.refresh_from_db()
    assert invitation.opened_at == first


def test_a_link_that_is_none_opens_nothing():
    assert Client().post("/invitations/made-up/opened/").status_code == 404


def test_sending_again_ends_the_link_of_before(browser, lone):
    before = Invitation.objects.get(account=lone)

    browser.post(url("invite_owner", lone), {"email": "owner@lone.example"})

    after = Invitation.objects.get(account=lone)
    assert after.path != before.path
    assert after.opened_at is None
    assert Client().get(before.path).status_code == 404


def test_correcting_the_address_leaves_one_invitation(browser, lone):
    browser.post(url("invite_owner", lone), {"email": "right@lone.example"})

    assert [one.email for one in Invitation.objects.filter(account=lone)] == ["right@lone.example"]


def test_withdrawing_takes_it_back(browser, lone):
    path = Invitation.objects.get(account=lone).path

    browser.post(url("withdraw_owner", lone))

    assert not Invitation.objects.filter(account=lone).exists()
    assert Client().get(path).status_code == 404
    assert "nobody is invited" in page(browser, lone)


def test_withdrawing_takes_back_the_invitation_that_was_shown_and_no_other(browser, lone):
    shown = browser.get(url("account_manager_account", lone)).context["seat"].seen
    # In another tab.
    browser.post(url("invite_owner", lone), {"email": "right@lone.example"})

    answer = browser.post(url("withdraw_owner", lone), {"seen": shown}, follow=True)

    assert [one.email for one in Invitation.objects.filter(account=lone)] == ["right@lone.example"]
    assert "Nothing was changed. Look at it again first." in text_of(answer)
    browser.post(url("withdraw_owner", lone), {"seen": answer.context["seat"].seen})
    assert not Invitation.objects.filter(account=lone).exists()


def test_once_somebody_joined_the_agency_invites_and_withdraws_nobody(browser, world):
    own = Invitation.objects.create(
        account=world.sub,
        email="colleague@example.com",
        role=Role.MEMBER,
        invited_by=owner_of(world.sub),
        expires_at=clock.now() + timedelta(days=1),
    )

    refused = browser.post(url("invite_owner", world.sub), {"email": "x@example.com"})
    browser.post(url("withdraw_owner", world.sub))

    assert refused.status_code == 422
    assert [one.pk for one in Invitation.objects.filter(account=world.sub)] == [own.pk]


# --- the name


def test_a_new_name_is_told_and_audited(browser, world):
    browser.post(url("rename_sub_account", world.sub), {"name": "  North  Side "})

    world.sub.refresh_from_db()
    assert world.sub.name == "North Side"
    assert told(world.sub) == [
        f"Northside Dental is called North Side now. Renamed by {owner_of(world.agency)}, of your "
        "agency."
    ]
    assert AuditEntry.objects.filter(table="accounts_account", row=str(world.sub.pk)).exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "bell\a"])
def test_a_name_that_is_none_is_refused(browser, world, name):
    answer = browser.post(url("rename_sub_account", world.sub), {"name": name}, headers=HTMX)

    assert answer.status_code == 422
    world.sub.refresh_from_db()
    assert world.sub.name == "Northside Dental"


# --- the archive


def test_what_is_left_is_said_before_anything_is_archived(browser, world):
    fill(Wallet.objects.get(account=world.sub), credit="8.20", premium=600)

    shown = text_of(browser.get(url("archive_sub_account", world.sub)))

    assert "No money is lost:</strong> $8.20 and 10 Premium minutes stay in its wallet." in shown
    assert Account.objects.filter(archived_at=None, pk=world.sub.pk).exists()


def test_archiving_pauses_ends_and_hides_and_takes_no_money(browser, world):
    world.save(basic=500, premium=0)
    world.run_at(f"{clock.now():%Y-%m-%d %H:%M}")
    wallet = Wallet.objects.get(account=world.sub)
    fill(wallet, credit="8.20")
    set_auto_recharge(wallet)
    make_campaign(world.sub, minute_type="basic")
    asks.ask(account=world.sub, actor=owner_of(world.sub), basic_minutes=1, premium_minutes=0)

    browser.post(url("archive_sub_account", world.sub))

    campaign = Campaign.objects.get(account=world.sub)
    assert (campaign.status, campaign.pause_reason) == ("paused", "manual")
    assert not world.allocation.active
    assert asks.latest(account=world.sub).state == "declined"
    wallet.refresh_from_db()
    assert (wallet.credit.amount, wallet.basic_seconds) == (Decimal("8.20"), 30_000)
    assert wallet.auto_recharge.enabled
    listed = browser.get(MANAGER)
    assert [one.name for one in listed.context["page"]] == []
    archived = browser.get(MANAGER, {"status": "archived"})
    assert [one.name for one in archived.context["page"]] == ["Northside Dental"]
    assert "Credit and minutes stay yours" in told(world.sub)[-1]
    assert world.taken() == [4500]


def test_an_archived_one_gets_nothing_until_it_is_brought_back(browser, world):
    browser.post(url("archive_sub_account", world.sub))
    world.sub.refresh_from_db()
    with pytest.raises(Refused, match="is archived. Bring it back first."):
        world.save()
    assert "is archived since" in page(browser, world.sub)

    browser.post(url("archive_sub_account", world.sub), {"bring_back": "1"})

    assert [one.name for one in browser.get(MANAGER).context["page"]] == ["Northside Dental"]
    assert len(told(world.sub)) == 2
    world.sub.refresh_from_db()
    world.save()


def test_archiving_twice_tells_once(browser, world):
    browser.post(url("archive_sub_account", world.sub))
    browser.post(url("archive_sub_account", world.sub))

    assert len(told(world.sub)) == 1


def test_only_owners_and_admins_of_its_agency_may(world, lone):
    member, stranger = Client(), Client()
    member.force_login(add_member(world.agency, Role.MEMBER))
    rival = make_user()
    make_agency("Rival", owner=rival)
    stranger.force_login(rival)

    for name in ("rename_sub_account", "archive_sub_account", "invite_owner", "withdraw_owner"):
        assert member.post(url(name, lone)).status_code == 403
        assert stranger.post(url(name, lone)).status_code == 404
    lone.refresh_from_db()
    assert (lone.name, lone.archived_at) == ("Lone Pine", None)
    assert Invitation.objects.filter(account=lone).count() == 1
