"""Recharge by hand: the dialog, one charge however often one clicks, and every outcome."""

import time
from decimal import Decimal

import pytest

from accounts.tests.builders import owner_of
from tests.browser.people import PHONE
from wallets.models import Purchase
from wallets.tests.worlds.builders import BANK_ASKS_CARD, DECLINED_CARD, add_card

CONFIRM = r"^/v1/payment_intents/[^/]+/confirm$"


def open_recharge(person) -> None:
    person.visit("/payments/").opens("#add-credit", "#id_amount")


def fill(person, amount: str, buys: str = "credit") -> None:
    person.page.fill("#id_amount", amount)
    person.page.check(f"input[name=buys][value={buys}]")
    person.sees(f"Pay ${amount}.00", "#recharge-pay")


def paid(wallet) -> list[int]:
    rows = Purchase.objects.filter(wallet=wallet, state="succeeded")
    return list(rows.values_list("amount_cents", flat=True))


def test_the_dialog_is_modal_named_and_gives_the_focus_back(owner, stripe, wallet):
    add_card(stripe, wallet)
    open_recharge(owner)
    owner.focuses("#id_amount")
    modal = owner.page.evaluate("document.querySelector('dialog').matches(':modal')")
    name = owner.text("#" + owner.page.get_attribute("dialog", "aria-labelledby"))

    owner.page.keyboard.press("Escape")
    owner.dialog_closes()

    assert (modal, name) == (True, "Recharge")
    owner.focuses("#add-credit")


def test_the_figures_follow_what_is_typed_and_chips_type_too(owner, stripe, wallet):
    add_card(stripe, wallet)
    open_recharge(owner)

    owner.page.check("input[name=buys][value=basic]")
    owner.page.click("text=$100")

    owner.sees("Pay $100.00", "#recharge-pay")
    assert "1,111 Basic minutes" in owner.dialog()
    assert "≈ 625 min" in owner.dialog()


def test_three_clicks_charge_once_and_the_page_behind_is_up_to_date(owner, stripe, wallet):
    add_card(stripe, wallet)
    open_recharge(owner)
    fill(owner, "50")

    owner.page.evaluate(
        "for (let i = 0; i < 3; i++) document.getElementById('recharge-pay').click()"
    )
    owner.sees("Payment received: $50.00.", "dialog")
    owner.page.keyboard.press("Escape")
    owner.sees("$58.20", ".amount")

    assert paid(wallet) == [5000]


def test_a_double_click_on_the_page_without_a_dialog_charges_once(owner, stripe, wallet):
    add_card(stripe, wallet)
    owner.visit("/payments/recharge/")
    fill(owner, "50")

    owner.page.dblclick("#recharge-pay")
    owner.sees("Payment received: $50.00.")

    assert paid(wallet) == [5000]


def test_two_tabs_with_different_amounts_charge_once(owner, enter, stripe, wallet):
    add_card(stripe, wallet)
    other_tab = enter(owner_of(wallet.account))
    for tab, amount in ((owner, "50"), (other_tab, "75")):
        open_recharge(tab)
        fill(tab, amount)
    stripe.fault(kind="slow", path=CONFIRM, seconds=1.5)

    owner.page.click("#recharge-pay")
    until(lambda: Purchase.objects.filter(wallet=wallet).exists())
    other_tab.page.click("#recharge-pay")
    other_tab.sees("A $50.00 recharge is being confirmed", "dialog")
    owner.sees("Payment received: $50.00.", "dialog")

    assert paid(wallet) == [5000]


def test_while_the_card_is_charged_the_button_turns_and_the_form_is_busy(owner, stripe, wallet):
    add_card(stripe, wallet)
    open_recharge(owner)
    fill(owner, "50")
    width = owner.page.locator("#recharge-pay").bounding_box()["width"]
    stripe.fault(kind="slow", path=CONFIRM, seconds=1)

    owner.page.click("#recharge-pay")
    owner.page.wait_for_selector("form[aria-busy=true] #recharge-pay.is-busy")
    busy_width = owner.page.locator("#recharge-pay").bounding_box()["width"]
    owner.sees("Payment received: $50.00.", "dialog")

    assert busy_width == width


def test_a_decline_is_told_in_the_dialog_and_another_card_pays(owner, stripe, wallet):
    add_card(stripe, wallet, DECLINED_CARD)
    good = add_card(stripe, wallet)
    open_recharge(owner)
    fill(owner, "50")

    owner.page.click("#recharge-pay")
    owner.page.wait_for_selector("dialog [role=alert] >> text=was declined")
    owner.focuses("dialog [role=alert]")
    kept = owner.page.input_value("#id_amount")
    owner.page.select_option("#id_payment_method", good.id)
    owner.page.click("#recharge-pay")
    owner.sees("Payment received: $50.00.", "dialog")

    assert kept == "50"
    assert paid(wallet) == [5000]


def hold(person, address: str, held: list) -> None:
    person.page.route(address, lambda one: held.append(one))


@pytest.mark.parametrize("session", ["goes on", "ended"])
def test_a_quote_that_is_answered_while_one_pays_neither_ends_the_wait_nor_leads_away(
    owner, stripe, wallet, session
):
    add_card(stripe, wallet)
    open_recharge(owner)
    fill(owner, "50")
    quotes, payments = [], []
    hold(owner, "**/recharge/quote/?*", quotes)
    hold(owner, "**/payments/recharge/", payments)

    with owner.page.expect_request("**/recharge/quote/?*"):
        owner.page.fill("#id_amount", "75")
    owner.page.click("#recharge-pay")
    owner.page.wait_for_selector("form[aria-busy=true] #recharge-pay.is-busy")
    cookies = owner.context.cookies()
    if session == "ended":
        owner.context.clear_cookies()
    with owner.page.expect_response("**/recharge/quote/?*"):
        quotes.pop().continue_()
    owner.page.wait_for_selector(".htmx-request:not(form)", state="detached")

    assert owner.count("form[aria-busy=true] #recharge-pay.is-busy") == 1
    assert owner.page.url.endswith("/payments/")
    owner.context.add_cookies(cookies)
    payments.pop().continue_()
    owner.page.wait_for_selector("form[aria-busy=true]", state="detached")


def test_an_answer_that_gets_lost_is_found_again(owner, stripe, wallet):
    add_card(stripe, wallet)
    open_recharge(owner)
    fill(owner, "50")
    owner.page.route("**/payments/recharge/", lose_the_answer)

    owner.page.click("#recharge-pay")

    owner.sees("We couldn't confirm this payment yet. Don't pay again.", "dialog")
    owner.sees("Payment received: $50.00.", "dialog")
    assert paid(wallet) == [5000]


def test_an_unknown_outcome_is_called_so_until_stripe_knows(owner, stripe, wallet):
    add_card(stripe, wallet)
    stripe.fault(kind="processing", path=CONFIRM)
    open_recharge(owner)
    fill(owner, "50")

    owner.page.click("#recharge-pay")
    owner.sees("Confirming your payment with the bank", "dialog")
    before = paid(wallet)
    purchase = Purchase.objects.get(wallet=wallet)
    stripe.finish(purchase.payment_intent, "succeeded")
    owner.sees("Payment received: $50.00.", "dialog")

    assert before == []
    assert paid(wallet) == [5000]


def test_a_payment_the_bank_asks_about_is_confirmed_there_and_comes_back_paid(
    owner, stripe, wallet
):
    add_card(stripe, wallet, BANK_ASKS_CARD)
    open_recharge(owner)
    fill(owner, "50")

    owner.page.click("#recharge-pay")
    owner.sees("You have not been charged yet.", "dialog")
    owner.page.click("dialog >> text=Continue to your bank")
    owner.page.click("text=Approve")
    owner.sees("Payment received: $50.00.")

    assert paid(wallet) == [5000]
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("58.20")


def test_what_the_bank_refuses_is_not_charged_and_the_page_says_so(owner, stripe, wallet):
    add_card(stripe, wallet, BANK_ASKS_CARD)
    open_recharge(owner)
    fill(owner, "50")
    owner.page.click("#recharge-pay")
    owner.page.click("dialog >> text=Continue to your bank")

    owner.page.click("text=Fail")

    owner.sees("Payment not made")
    said = owner.text("main")
    assert "the payment was not confirmed with your bank. You were not charged." in said
    assert "declined" not in said
    assert paid(wallet) == []


def test_on_a_phone_the_dialog_is_a_sheet_with_the_main_button_on_top(enter, stripe, wallet):
    add_card(stripe, wallet)
    person = enter(owner_of(wallet.account), width=PHONE)
    open_recharge(person)
    fill(person, "50", "premium")

    sheet = person.page.locator("dialog").bounding_box()
    pay = person.page.locator("#recharge-pay").bounding_box()
    cancel = person.page.locator("dialog >> text=Cancel").bounding_box()
    person.page.click("#recharge-pay")
    person.sees("Payment received: $50.00.", "dialog")

    assert sheet["width"] == PHONE
    assert round(sheet["y"] + sheet["height"]) == 844
    assert pay["y"] < cancel["y"]
    assert pay["width"] > PHONE * 0.8


def until(condition) -> None:
    """Waits for something the server does; Playwright's own waits see only the page."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in 10 seconds."
        time.sleep(0.02)


def lose_the_answer(route) -> None:
    if route.request.method == "POST":
        route.fetch()
        route.abort()
    else:
        route.continue_()
