"""What people see who may not: members, an agency in its sub-account, and after signing out."""

import pytest

from accounts import clock
from accounts.models import ApiKey, Notification, Scope
from accounts.people import api_keys
from accounts.tests.builders import (
    PASSWORD,
    add_member,
    close,
    make_individual,
    make_sub_account,
    make_user,
    owner_of,
)
from wallets.models import Purchase
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge


def test_a_member_sees_the_money_and_no_way_to_move_it(enter, stripe, wallet):
    add_card(stripe, wallet)
    person = enter(add_member(wallet.account))

    person.visit("/payments/")
    buttons = [person.count(one) for one in ("#add-credit", "#configure")]
    person.visit("/payments/recharge/")
    refused = person.text("main")

    assert buttons == [0, 0]
    assert "You can't do this" in refused
    person.visit("/payments/")
    assert "Ask an owner to recharge" in person.text("main")
    assert "$8.20" in person.text(".amount")


def test_an_agency_sees_a_sub_accounts_auto_recharge_but_cannot_set_it(enter, stripe, wallet):
    dental = make_sub_account("Northside Dental", agency=wallet.account)
    sub_wallet = make_wallet(account=dental, credit="3")
    add_card(stripe, sub_wallet)
    set_auto_recharge(sub_wallet, threshold=10, amount=50)
    person = enter(owner_of(wallet.account))

    person.visit("/account-manager/").page.click("tbody a >> text=Northside Dental")
    person.sees("Set by the sub-account")
    page = person.text("main")
    person.page.click("button:has-text('Switch account')")
    person.page.click(".menu:popover-open >> text=Northside Dental")
    person.sees("Northside Dental", ".topbar")
    switched = person.text("main")

    assert "Minimum Threshold $10.00 Auto-Recharge Amount $50.00" in page
    assert person.count("#configure") == 0
    assert person.count("#add-credit") == 0
    assert "Set by the sub-account" in switched
    person.visit("/payments/auto-recharge/")
    assert "You can't do this" in person.text("main")


def test_a_closed_account_is_read_only(enter, wallet):
    close(wallet.account)
    person = enter(owner_of(wallet.account))
    person.visit("/payments/")

    assert person.count("#add-credit") == 0
    assert "Ask an owner" not in person.text("main")
    for path in ("/payments/", "/campaigns/", "/settings/"):
        said = person.visit(path).text("main")
        assert said.count("This account is closed, so nothing in it can be changed.") == 1


def test_log_in_leads_to_the_page_that_was_asked_for(enter, wallet):
    person = enter()
    person.visit("/campaigns/")
    person.page.fill("#id_username", owner_of(wallet.account).email)
    person.page.fill("#id_password", PASSWORD)

    person.page.click("main button.btn-primary")

    person.sees("Campaigns", "h1")


def test_a_session_that_ended_sends_the_whole_page_to_log_in(owner, stripe, wallet):
    add_card(stripe, wallet)
    owner.visit("/payments/").opens("#configure", "#id_threshold")
    owner.context.clear_cookies(name="sessionid")

    owner.page.click("#auto-save")

    owner.page.wait_for_url("**/login/?next=%2Fpayments%2Fauto-recharge%2F*")
    owner.sees("Log in", "h1")
    owner.sees("Your session ended before this was sent, so nothing was charged or changed.")


def test_a_form_whose_token_is_too_old_reloads_its_page_and_charges_nothing(owner, stripe, wallet):
    add_card(stripe, wallet)
    owner.visit("/payments/").opens("#add-credit", "#id_amount")
    owner.page.check("input[name=buys][value=credit]")
    owner.sees("Pay $50.00", "#recharge-pay")
    owner.context.clear_cookies(name="csrftoken")

    with owner.page.expect_navigation():
        owner.page.click("#recharge-pay")

    owner.sees("Wallet balance")
    assert not Purchase.objects.filter(wallet=wallet).exists()


@pytest.mark.usefixtures("stripe")
def test_without_javascript_an_old_token_is_explained(enter, wallet):
    person = enter(owner_of(wallet.account), javascript=False)
    person.visit("/settings/")
    person.context.clear_cookies(name="csrftoken")

    person.page.click("main button.btn-primary")

    assert "This page was open for too long" in person.text("main")
    assert "Nothing was changed" in person.text("main")


@pytest.mark.usefixtures("stripe")
@pytest.mark.parametrize("javascript", [True, False])
def test_a_tab_of_the_account_one_switched_away_from_changes_nothing(enter, wallet, javascript):
    user = owner_of(wallet.account)
    other = make_individual(name="Other Tenant", owner=user)
    person = enter(user, javascript=javascript)
    person.visit("/settings/")
    second = person.context.new_page()
    second.goto("/accounts/switch/")
    second.click("button:has-text('Open Other Tenant')")
    second.wait_for_selector("h1:has-text('Payments')")

    person.page.fill("#id_name", "Renamed")
    person.page.click("main button.btn-primary")

    person.sees("You work in Other Tenant now, and this page is of another account.")
    assert set(user.memberships.values_list("account__name", flat=True)) == {
        wallet.account.name,
        other.name,
    }


def test_a_dialog_of_a_stale_tab_says_so_instead_of_opening_for_the_other_account(
    enter, stripe, wallet
):
    add_card(stripe, wallet)
    user = owner_of(wallet.account)
    make_individual(name="Other Tenant", owner=user)
    person = enter(user)
    person.visit("/payments/").opens("#add-credit", "#id_amount")
    person.page.check("input[name=buys][value=credit]")
    person.sees("Pay $50.00", "#recharge-pay")
    second = person.context.new_page()
    second.goto("/accounts/switch/")
    second.click("button:has-text('Open Other Tenant')")
    second.wait_for_selector("h1:has-text('Payments')")

    person.page.click("#recharge-pay")
    person.page.wait_for_selector("dialog >> text=Nothing was changed and nothing was charged.")
    person.page.click("dialog [data-close].btn-primary")
    person.dialog_closes()
    person.page.click("#add-credit")

    person.page.wait_for_selector("dialog[open] >> text=You work in Other Tenant now")
    person.settles()
    assert not Purchase.objects.filter(payer__memberships__user=user).exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_device_until_another_is_chosen(enter, wallet, scheme):
    person = enter(owner_of(wallet.account), scheme=scheme)
    person.visit("/payments/")
    device = background(person)
    other = "Light" if scheme == "dark" else "Dark"

    person.page.click("[aria-label='Your menu']")
    person.page.click(f".menu:popover-open >> text={other}")
    chosen = background(person)
    person.visit("/campaigns/")

    assert device != chosen
    assert background(person) == chosen
    assert person.page.get_attribute("html", "data-theme") == other.lower()


def test_the_bell_counts_what_is_unread_until_it_is_read(owner, wallet):
    for number in range(3):
        Notification.objects.create(
            account=wallet.account,
            kind="x",
            title=f"News {number}",
            text="t",
            created_at=clock.now(),
        )
    owner.visit("/payments/")
    before = owner.page.get_attribute(".topbar a[href='/notifications/']", "aria-label")

    owner.page.click(".topbar a[href='/notifications/']")
    owner.page.click("text=Mark all as read")
    owner.page.wait_for_selector("text=Mark all as read", state="detached")

    assert before == "Notifications, 3 unread"
    after = owner.page.get_attribute(".topbar a[href='/notifications/']", "aria-label")
    assert after == "Notifications"


def test_an_api_key_is_shown_once(owner, wallet):
    owner.visit("/settings/api-keys/")
    owner.page.fill("#id_name", "Dialer")
    owner.page.click("text=Make API key")
    owner.sees("Copy it now. It is not shown again.")
    secret = owner.text("[role=status] code")
    owner.visit("/settings/api-keys/")

    key = ApiKey.objects.get(account=wallet.account)
    assert secret.startswith(f"tb_{key.prefix}_")
    owner.sees_not(secret)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_key_is_revoked_and_a_member_removed_only_when_asked_twice(enter, wallet, javascript):
    member = add_member(wallet.account)
    api_keys.create(account=wallet.account, name="Dialer", scopes=[Scope.READ], created_by=member)
    person = enter(owner_of(wallet.account), javascript=javascript)

    person.visit("/settings/api-keys/").page.click("button:has-text('Revoke')")
    asked = person.text(".menu:popover-open")
    untouched = ApiKey.objects.get(account=wallet.account).revoked_at
    person.page.click("text=Revoke the key")
    person.sees("API key revoked. It stopped working.")
    person.visit("/settings/members/").page.focus(f"button:has-text('Remove {member}')")
    person.page.keyboard.press("Enter")
    person.page.keyboard.press("Tab")
    person.page.keyboard.press("Enter")
    person.sees("Removed.")

    assert "Programs that use this key stop working at once." in asked
    assert untouched is None
    assert ApiKey.objects.get(account=wallet.account).revoked_at
    assert not wallet.account.memberships.filter(user=member).exists()


def test_an_invited_person_joins_and_sees_the_account(enter, wallet):
    owner = enter(owner_of(wallet.account))
    owner.visit("/settings/members/")
    email = f"guest-{wallet.pk}@example.com"
    owner.page.fill("#id_email", email)
    owner.page.click("text=Send invitation")
    owner.sees(email)
    guest = enter()

    guest.visit(wallet.account.invitations.get().path)
    guest.page.fill("#id_name", "Grace")
    guest.page.fill("#id_password", PASSWORD)
    guest.page.click("main button.btn-primary")

    guest.sees("Wallet balance")
    assert "Ask an owner to recharge" in guest.text("main")


def test_somebody_without_an_account_is_told_so(enter):
    person = enter(make_user())
    person.visit("/payments/")

    assert "you do not work in any account" in person.text("main")
    assert person.count("nav") == 0


def background(person) -> str:
    return person.page.evaluate("getComputedStyle(document.body).backgroundColor")
