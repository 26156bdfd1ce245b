"""What each role may and may not do: by page, by button, and by hand-made POST."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import clock
from accounts.models import FailedLogin, JobRun, StaffAction, User
from accounts.telling.notifications import alert_staff, notify
from accounts.tests.authenticator import turn_on
from accounts.tests.builders import add_member, make_agency, make_key, make_staff, make_sub_account
from campaigns.tests.builders import make_campaign
from thinkrr_billing.staff import groups
from thinkrr_billing.staff.groups import BILLING, READ_ONLY, SUPPORT
from thinkrr_billing.staff.tests.phone import ROLES, press, staff_client, url
from wallets.models import (
    AdjustmentRequest,
    AllocationRun,
    BillingAddress,
    MinuteRate,
    PaperMail,
    Reversal,
    StripeEvent,
    Wallet,
)
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import allocate, buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

EVERYBODY = set(ROLES)
SUPPORT_AND_BILLING = {SUPPORT, BILLING}
# Every button there is, and who may press it. A button that is not here fails a test below.
BUTTONS = {
    ("accounts.account", "adjust"): {BILLING},
    ("accounts.account", "grant_included"): {BILLING},
    ("accounts.account", "set_included"): {BILLING},
    ("accounts.account", "run_allocation"): SUPPORT_AND_BILLING,
    ("accounts.account", "unblock"): {BILLING},
    ("accounts.account", "retry"): SUPPORT_AND_BILLING,
    ("accounts.account", "suspend"): SUPPORT_AND_BILLING,
    ("accounts.account", "lift"): {BILLING},
    ("accounts.account", "pause_campaigns"): SUPPORT_AND_BILLING,
    ("accounts.account", "resume_campaigns"): SUPPORT_AND_BILLING,
    ("accounts.account", "renew_customer"): SUPPORT_AND_BILLING,
    ("accounts.account", "revoke_keys"): SUPPORT_AND_BILLING,
    ("accounts.account", "close"): {BILLING},
    ("accounts.account", "reopen"): {BILLING},
    ("accounts.apikey", "revoke"): SUPPORT_AND_BILLING,
    ("accounts.notification", "mail_again"): SUPPORT_AND_BILLING,
    ("accounts.user", "remove_second_factor"): SUPPORT_AND_BILLING,
    ("accounts.staffalert", "close"): SUPPORT_AND_BILLING,
    ("campaigns.campaign", "pause"): SUPPORT_AND_BILLING,
    ("campaigns.campaign", "resume"): SUPPORT_AND_BILLING,
    ("wallets.adjustmentrequest", "approve"): {BILLING},
    ("wallets.adjustmentrequest", "reject"): {BILLING},
    ("wallets.allocationrun", "run"): SUPPORT_AND_BILLING,
    ("wallets.billingaddress", "stop_papers"): SUPPORT_AND_BILLING,
    # Superusers only.
    ("wallets.chargeswitch", "stop_charges"): set(),
    ("wallets.chargeswitch", "start_charges"): set(),
    ("wallets.minuterate", "set_rate"): {BILLING},
    ("wallets.purchase", "refund"): {BILLING},
    ("wallets.purchase", "retry"): SUPPORT_AND_BILLING,
    ("wallets.purchase", "resolve"): SUPPORT_AND_BILLING,
    ("wallets.purchase", "give_up"): {BILLING},
    ("wallets.reversal", "ask"): SUPPORT_AND_BILLING,
    ("wallets.seller", "set_seller"): {BILLING},
    ("wallets.stripeevent", "apply_again"): SUPPORT_AND_BILLING,
}
# Memberships are shown on other pages only.
PAGES = [
    f"{app}.{model}"
    for app, models in groups.SEEN.items()
    for model in models
    if model != "membership"
]
MAY_CHANGE = {("accounts.account", BILLING)}


@pytest.fixture
def world() -> Wallet:
    """At least one row of every page."""
    agency = make_wallet(credit="50", account=make_agency("Brightline Agency"))
    wallet = make_wallet(account=make_sub_account(agency=agency.account))
    Reversal.objects.create(purchase=buy(agency), kind="refund", amount_cents=100)
    allocate(wallet)
    make_campaign(wallet.account)
    make_key(wallet.account)
    notify(account=wallet.account, kind="calls", text="Hello", mail=False)
    alert_staff(kind="books", text="Look")
    FailedLogin.objects.create(email="a@example.com", ip="10.0.0.1")
    address = BillingAddress.objects.create(account=wallet.account, email="books@example.com")
    PaperMail.objects.create(address=address, kind="confirmation")
    JobRun.objects.create(name="wallets.tick", started_at=clock.now())
    StripeEvent.objects.create(event_id="evt_1", type="refund.updated", payload={})
    AdjustmentRequest.objects.create(
        wallet=wallet, pot="credit", amount=500, note="x", form_key="a", asked_by=make_staff()
    )
    for person in User.objects.filter(is_staff=False):
        turn_on(person)
    return wallet


def row_of(page: str) -> list:
    """The key of a row of this page; nothing where a button belongs to the list."""
    if page in ("wallets.minuterate", "wallets.seller", "wallets.chargeswitch"):
        return []
    registered = next(one for one in admin.site._registry if one._meta.label_lower == page)
    return list(registered.objects.values_list("pk", flat=True)[:1])


def state() -> list:
    """What buttons would change."""
    return [
        list(Wallet.objects.order_by("pk").values()),
        list(MinuteRate.objects.order_by("pk").values()),
        list(AllocationRun.objects.order_by("pk").values()),
        list(AdjustmentRequest.objects.order_by("pk").values()),
        list(TOTPDevice.objects.order_by("pk").values()),
        StaffAction.objects.count(),
    ]


def test_migrating_makes_the_groups_with_exactly_their_rights():
    for name, wanted in groups.GROUPS.items():
        found = Permission.objects.filter(group__name=name).select_related("content_type")
        assert {f"{one.content_type.app_label}.{one.codename}" for one in found} == set(wanted)


@pytest.mark.usefixtures("owner")
def test_a_group_that_was_changed_by_hand_is_put_right_by_the_next_migrate():
    Group.objects.get(name=READ_ONLY).permissions.add(
        Permission.objects.get(codename="adjust_wallet")
    )

    groups.ensure()

    assert "adjust_wallet" not in Group.objects.get(name=READ_ONLY).permissions.values_list(
        "codename", flat=True
    )


def test_every_button_stands_in_the_matrix():
    found = {
        (model._meta.label_lower, name)
        for model, page in admin.site._registry.items()
        for name in (
            *page._extract_action_names(page.actions_detail),
            *page._extract_action_names(page.actions_list),
        )
    }

    assert found == set(BUTTONS)


def test_no_page_has_bulk_actions():
    assert [page for page in admin.site._registry.values() if page.actions] == []
    assert dict(admin.site.actions) == {}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("role", ROLES)
def test_every_role_sees_every_page_and_its_export(role):
    client = staff_client(role)

    for page in PAGES:
        assert client.get(url(page, "changelist")).status_code == 200, page
        assert client.get(url(page, "export")).status_code == 200, page


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("role", ROLES)
def test_no_page_is_written_by_hand(role):
    client = staff_client(role)
    before = state()

    for page in PAGES:
        assert client.post(url(page, "add"), {}).status_code == 403, page
        for pk in row_of(page):
            assert client.post(url(page, "delete", pk), {"post": "yes"}).status_code == 403, page
            # An empty form is refused where somebody may change something at all.
            answer = client.post(url(page, "change", pk), {})
            assert answer.status_code == (200 if (page, role) in MAY_CHANGE else 403), page
    assert state() == before


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("role", ROLES)
def test_a_button_opens_for_those_who_may_press_it_and_for_nobody_else(role):
    client = staff_client(role)
    Wallet.objects.update(blocked_at=clock.now(), blocked_reason="disputed")

    for (page, button), may in BUTTONS.items():
        answer = client.get(url(page, button, *row_of(page)))
        assert answer.status_code == (200 if role in may else 403), (page, button)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("role", ROLES)
def test_a_hand_made_post_does_nothing_for_those_who_may_not(role):
    client = staff_client(role)
    before = state()
    filled = {"amount": "1", "pot": "credit", "direction": "add", "minutes": "1"}

    for (page, button), may in BUTTONS.items():
        if role not in may:
            answer = press(client, page, button, *row_of(page), **filled)
            assert answer.status_code == 403, (page, button)
    assert state() == before


@pytest.mark.parametrize("role", ROLES)
def test_a_page_shows_only_the_buttons_its_reader_may_press(world, role):
    shown = staff_client(role).get(url("accounts.account", "change", world.account_id))

    assert ("Adjust a balance" in shown.content.decode()) == (role == BILLING)
    assert ("Suspend Auto-Recharge" in shown.content.decode()) == (role != READ_ONLY)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_but_a_superuser_changes_people_or_roles(world, role):
    client = staff_client(role)
    person = add_member(world.account)

    sent = {"email": person.email, "is_superuser": "on", "is_staff": "on"}
    answer = client.post(url("accounts.user", "change", person.pk), sent)

    person.refresh_from_db()
    assert answer.status_code == 403
    assert (person.is_staff, person.is_superuser) == (False, False)


@pytest.mark.usefixtures("world")
def test_staff_without_a_role_see_no_page():
    client = staff_client("No such group")

    for page in PAGES:
        assert client.get(url(page, "changelist"), follow=True).status_code == 403
        assert client.get(url(page, "export"), follow=True).status_code == 403
    assert client.get(reverse("admin:index"), follow=True).status_code == 403


@pytest.mark.outside_of_cells("each place is migrated on a connection of its own")
@pytest.mark.usefixtures("owner")
def test_a_fresh_migrate_makes_the_three_roles_with_their_rights():
    Group.objects.all().delete()
    call_command("migrate", "staff", "zero", verbosity=0)

    call_command("migrate", verbosity=0)

    assert {group.name: group.permissions.count() for group in Group.objects.order_by("name")} == {
        name: len(wanted) for name, wanted in groups.GROUPS.items()
    }
