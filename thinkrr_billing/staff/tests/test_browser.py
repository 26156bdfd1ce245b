"""The admin in Chromium, as each role works in it. No page may break its security policy."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.conf import settings
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Page, expect

from accounts import clock
from accounts.models import Notification, StaffAction
from accounts.tests.authenticator import code_of_device
from accounts.tests.builders import PASSWORD, make_individual, make_staff, owner_of
from campaigns.tests.builders import make_campaign
from thinkrr_billing.staff.groups import BILLING, READ_ONLY, SUPPORT
from thinkrr_billing.staff.tests.phone import ROLES, staff_client, url
from wallets.models import AutoRecharge, MinuteRate, Wallet
from wallets.tests.worlds.builders import make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import buy

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nudges", "wallet"),
]


@pytest.fixture
def wallet() -> Wallet:
    wallet = make_wallet(credit="20", account=make_individual("Harbor Yoga Studio"))
    set_auto_recharge(wallet)
    make_campaign(wallet.account)
    return wallet


@pytest.fixture
def page(chromium, live_server) -> Iterator[Page]:
    """A window whose every complaint fails the test: scripts, styles and the policy."""
    context = chromium.new_context(base_url=live_server.url)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    # A refused button is answered 403, which the browser logs as an error of its own.
    assert [text for text in complaints if "403" not in text] == []


def work_as(page: Page, *roles: str) -> None:
    """Give the window the session of somebody in these groups."""
    session = staff_client(*roles).session.session_key
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": page.url_base}
    page.context.add_cookies([cookie])


@pytest.fixture(autouse=True)
def _address(page, live_server) -> None:
    page.url_base = live_server.url


def test_a_charge_is_copied_with_the_keyboard_and_the_page_says_so(page, wallet):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    purchase = buy(wallet, receipt_number=77_001)
    work_as(page, SUPPORT)
    page.goto(url("wallets.purchase", "change", purchase.pk))
    button = page.get_by_role("button", name="Copy")

    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")

    said = page.locator("[data-copied]")
    expect(said).to_have_text("Copied.")
    expect(said).to_have_attribute("role", "status")
    expect(button).to_have_text("Copy")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("Charged $50.00 to Visa •••• 4242 because somebody of the account")
    expect(said).to_have_text("")


def open_account(page: Page) -> None:
    page.goto("/admin/")
    page.get_by_role("textbox", name="Search", exact=True).fill("harbor")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("heading", name="Harbor Yoga Studio", exact=True)).to_be_visible()


def choose(page: Page, menu: str, button: str) -> None:
    page.locator("li > a", has_text=menu).filter(has=page.get_by_text("chevron_right")).click()
    page.get_by_text(button, exact=True).click()
    expect(page.locator("#dialog-form #id_reason")).to_be_visible()


def test_the_first_log_in_sets_up_the_second_factor(page):
    user = make_staff(SUPPORT, email="sam@example.com")

    page.goto("/admin/")
    page.get_by_label("E-mail").fill("sam@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/second-factor/set-up/")
    page.get_by_label("Code").fill(code_of_device(TOTPDevice.objects.get(user=user)))
    page.get_by_role("button", name="Turn on").click()
    expect(page.locator("li code")).to_have_count(10)
    page.get_by_role("link", name="Go to the dashboard").click()

    expect(page.get_by_text("Wallets below zero")).to_be_visible()


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_every_page_of_the_navigation(page, role):
    work_as(page, role)
    page.goto("/admin/")
    links = page.locator("#nav-sidebar-apps a, aside a, nav a").evaluate_all(
        "all => [...new Set(all.map(a => a.getAttribute('href')))]"
    )
    pages = [link for link in links if link and link.startswith("/admin/") and link != "/admin/"]

    assert len(pages) > 20
    for link in pages:
        if "logout" not in link and "password" not in link:
            assert page.goto(link).status == 200, link


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_a_persons_page_gives_roles_by_boxes_and_fits_the_window(page, width):
    work_as(page)
    person = make_staff(email="sam@example.com")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(url("accounts.user", "change", person.pk))
    too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")

    page.get_by_label("Support", exact=True).check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()

    assert too_wide == 0
    assert [group.name for group in person.groups.all()] == [SUPPORT]


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_the_first_minute_fits_the_window_and_its_button_opens_the_dialog(page, wallet, width):
    set_auto_recharge(wallet, suspended_at=clock.now(), suspended_reason="support")
    work_as(page, BILLING)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(url("accounts.account", "change", wallet.account_id))
    too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")

    panel = page.locator("#first-minute")
    panel.get_by_role("link", name="Lift the suspension").click()
    page.locator("#dialog-form [name=customer_note]").fill("It works again.")
    page.locator("#dialog-form [name=reason]").fill("Talked to their bank")
    page.get_by_role("button", name="Lift the suspension").click()
    expect(page.get_by_text("The suspension is lifted.", exact=True)).to_be_visible()

    assert too_wide == 0
    told = Notification.objects.get(account=wallet.account, kind="support_note")
    assert told.text == "It works again."


def test_read_only_finds_the_account_and_sees_no_button(page):
    work_as(page, READ_ONLY)

    open_account(page)

    expect(page.get_by_text("✓ as its entries add up")).to_have_count(4)
    expect(page.get_by_text("Adjust a balance")).to_have_count(0)
    expect(page.get_by_text("Look as this person")).to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


def test_billing_operations_adjust_a_balance_in_a_dialog(page, wallet):
    work_as(page, BILLING)
    open_account(page)

    choose(page, "Money", "Adjust a balance")
    page.locator("[name=amount]").fill("5")
    page.locator("[name=reason]").fill("Dropped calls")
    page.get_by_role("button", name="Adjust").click()

    expect(page.get_by_text("Posted: +$5.00 of Credit.", exact=True)).to_be_visible()
    expect(page.get_by_text("“Dropped calls”").first).to_be_visible()
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal(25)


def test_a_double_click_posts_once(page, wallet):
    work_as(page, BILLING)
    open_account(page)

    choose(page, "Money", "Adjust a balance")
    page.locator("[name=amount]").fill("5")
    page.locator("[name=reason]").fill("Dropped calls")
    page.get_by_role("button", name="Adjust").dblclick()

    expect(page.get_by_text("Posted: +$5.00 of Credit.").first).to_be_visible()
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal(25)
    assert StaffAction.objects.count() == 1


def test_a_dialog_says_what_is_missing_and_keeps_what_was_typed(page):
    work_as(page, BILLING)
    open_account(page)

    choose(page, "Money", "Adjust a balance")
    page.locator("[name=amount]").fill("5")
    page.get_by_role("button", name="Adjust").click()

    expect(page.get_by_text("This field is required")).to_be_visible()
    expect(page.locator("[name=amount]")).to_have_value("5")
    assert not StaffAction.objects.exists()


def test_support_suspends_auto_recharge_but_cannot_adjust(page, wallet):
    work_as(page, SUPPORT)
    open_account(page)
    expect(page.get_by_text("Adjust a balance")).to_have_count(0)

    choose(page, "Auto-Recharge", "Suspend Auto-Recharge")
    page.locator("[name=reason]").fill("The customer asked")
    page.get_by_role("button", name="Suspend", exact=True).click()

    expect(page.get_by_text("Auto-Recharge suspended: Suspended by support")).to_be_visible()
    assert AutoRecharge.objects.get(wallet=wallet).suspended_reason == "support"
    refused = page.request.post(url("accounts.account", "adjust", wallet.account_id))
    assert refused.status == 403


def test_a_new_rate_shows_its_effect_before_it_is_set(page):
    work_as(page, BILLING)
    page.goto("/admin/wallets/minuterate/")
    page.get_by_text("Set a new rate").click()
    page.locator("[name=price]").fill("0.18")
    page.locator("[name=reason]").fill("The contract changed")

    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("312 → 277 minutes")).to_be_visible()
    assert MinuteRate.objects.count() == 2
    page.get_by_role("button", name="Go on").click()

    expect(page.get_by_text("Premium $0.18/min from")).to_be_visible()
    assert MinuteRate.objects.count() == 3


def test_support_looks_as_the_customer_and_comes_back(page, wallet):
    work_as(page, SUPPORT)
    open_account(page)

    page.get_by_role("button", name="Look as this person").click()
    strip = page.get_by_role("status", name="Looking as a customer")
    expect(strip).to_contain_text(owner_of(wallet.account).email)
    page.get_by_role("button", name="Stop looking").click()

    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
