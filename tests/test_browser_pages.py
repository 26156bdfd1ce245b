"""The pages in a real browser: dialogs, focus, one charge per click, lost answers, no script."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client

from accounts.tests.builders import make_agency, make_sub_account, owner_of
from wallets.models import Purchase, Wallet
from wallets.tests.builders import DECLINED_CARD, add_card, make_wallet

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# A refusal, and an answer that a test loses on purpose; the browser notes them itself.
EXPECTED_NOTES = ("status of 422", "ERR_FAILED", "htmx:afterRequest", "htmx:sendError")
PAGES = (
    "/payments/",
    "/payments/recharge/",
    "/payments/auto-recharge/",
    "/payments/transactions/",
    "/account-manager/",
    "/campaigns/",
    "/notifications/",
    "/settings/",
)


@pytest.fixture
def wallet(stripe, nudges) -> Wallet:
    agency = make_agency()
    make_wallet(account=make_sub_account(agency=agency), credit="5")
    return make_wallet(account=agency, credit="8.20")


@pytest.fixture
def session(wallet, live_server) -> dict[str, str]:
    """The cookie of the signed-in owner."""
    client = Client()
    client.force_login(owner_of(wallet.account))
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}


def open_context(chromium, session, live_server, **options):
    context = chromium.new_context(base_url=live_server.url, **options)
    context.add_cookies([session])
    context.set_default_timeout(10_000)
    return context


@pytest.fixture
def page(chromium, session, live_server) -> Iterator[object]:
    """A page whose console must stay silent: the strict policy is never violated."""
    context = open_context(chromium, session, live_server)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda note: complaints.append(note.text) if note.type == "error" else None)
    yield page
    context.close()
    assert [text for text in complaints if not any(part in text for part in EXPECTED_NOTES)] == []


def focused(page) -> str:
    return page.evaluate("document.activeElement.id")


def open_recharge(page):
    page.goto("/payments/")
    page.click("#add-credit")
    page.wait_for_selector("dialog[open] #id_amount")


def fill_recharge(page, amount: str):
    page.fill("#id_amount", amount)
    page.check("input[name=buys][value=credit]")
    page.wait_for_selector(f"#recharge-pay:has-text('Pay ${amount}.00')")


def test_a_dialog_is_modal_named_and_gives_the_focus_back(page, stripe, wallet):
    add_card(stripe, wallet)

    open_recharge(page)
    inside = focused(page)
    modal = page.evaluate("document.querySelector('dialog').matches(':modal')")
    name = page.inner_text("#" + page.get_attribute("dialog", "aria-labelledby"))
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="hidden")

    assert (inside, modal, name) == ("id_amount", True, "Recharge")
    assert focused(page) == "add-credit"


def test_three_clicks_charge_once_and_the_page_behind_is_up_to_date(page, stripe, wallet):
    add_card(stripe, wallet)
    open_recharge(page)
    fill_recharge(page, "50")

    page.evaluate("for (let i = 0; i < 3; i++) document.getElementById('recharge-pay').click()")
    page.wait_for_selector("dialog >> text=Payment received: $50.00.")
    page.keyboard.press("Escape")
    page.wait_for_selector(".amount:has-text('$58.20')")

    assert Purchase.objects.filter(state="succeeded").count() == 1


def test_an_error_keeps_what_was_typed_and_takes_the_focus(page, stripe, wallet):
    add_card(stripe, wallet)
    page.goto("/payments/")
    page.click("#configure")
    page.wait_for_selector("dialog[open] #id_threshold")

    page.fill("#id_threshold", "0.10")
    page.click("#auto-save")
    page.wait_for_selector("#id_threshold_error")

    assert focused(page) == "id_threshold"
    assert page.input_value("#id_threshold") == "0.10"


def test_saving_settings_closes_the_dialog_and_says_so(page, stripe, wallet):
    add_card(stripe, wallet)
    page.goto("/payments/")
    page.click("#configure")
    page.wait_for_selector("dialog[open] #id_enabled")
    page.check("#id_enabled")
    page.wait_for_selector("#auto-save:has-text('Save and charge $50.00')")
    page.fill("#id_threshold", "5")
    page.wait_for_selector("#auto-preview >> text=Nothing is charged now.")

    page.click("#auto-save")

    page.wait_for_selector("#toasts >> text=Auto-Recharge saved.")
    page.wait_for_selector("dialog", state="hidden")
    page.wait_for_selector("text=When the balance drops below $5.00")
    assert not Purchase.objects.exists()


def test_a_decline_is_told_in_the_dialog(page, stripe, wallet):
    add_card(stripe, wallet, DECLINED_CARD)
    open_recharge(page)
    fill_recharge(page, "50")

    page.click("#recharge-pay")
    page.wait_for_selector("dialog [role=alert] >> text=was declined")

    assert page.input_value("#id_amount") == "50"
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"


def test_an_answer_that_gets_lost_is_found_again(page, stripe, wallet):
    add_card(stripe, wallet)
    open_recharge(page)
    fill_recharge(page, "50")

    def lose_the_answer(route):
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/payments/recharge/", lose_the_answer)
    page.click("#recharge-pay")

    page.wait_for_selector("#toasts >> text=We couldn't confirm this payment yet.")
    page.wait_for_selector("dialog >> text=Payment received: $50.00.")
    assert Purchase.objects.filter(state="succeeded").count() == 1


def test_the_three_dot_menu_leads_to_auto_allocation(page, stripe, wallet):
    add_card(stripe, wallet)
    page.goto("/account-manager/")

    page.click("[aria-label='Actions for Northside Dental']")
    page.click("text=Manage auto allocation")
    page.wait_for_selector("dialog[open] #id_basic_minutes")
    page.fill("#id_basic_minutes", "500")

    page.wait_for_selector("#allocation-save:has-text('Save and charge $45.00')")


def test_everything_works_without_javascript(chromium, session, live_server, stripe, wallet):
    add_card(stripe, wallet)
    context = open_context(chromium, session, live_server, java_script_enabled=False)
    page = context.new_page()
    page.goto("/payments/")

    page.click("#add-credit")
    page.fill("#id_amount", "75")
    page.check("input[name=buys][value=credit]")
    page.click("#recharge-pay")
    reviewed = page.inner_text("main")
    page.click("#recharge-pay")
    paid = page.inner_text("main")
    context.close()

    assert "$75.00 will be charged now. Check and pay." in reviewed
    assert "Payment received: $75.00." in paid
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("83.20")


@pytest.mark.parametrize("width", [320, 390])
def test_no_page_scrolls_sideways_on_a_phone(chromium, session, live_server, stripe, wallet, width):
    add_card(stripe, wallet)
    context = open_context(chromium, session, live_server, viewport={"width": width, "height": 700})
    page = context.new_page()
    too_wide = {}
    for path in PAGES:
        page.goto(path)
        actual = page.evaluate("document.documentElement.scrollWidth")
        if actual > width:
            too_wide[path] = actual
    context.close()

    assert too_wide == {}
