"""The network goes, the session ends, a card is missing: in the middle of paying."""

from decimal import Decimal

import pytest
from django.contrib.sessions.models import Session

from accounts.tests.builders import make_sub_account, owner_of
from wallets.allocations import asks
from wallets.models import AutoAllocation, AutoRecharge, MinuteAsk, Purchase
from wallets.tests.worlds.builders import add_card, make_wallet

CONFIRM = r"^/v1/payment_intents/[^/]+/confirm$"
PASSWORD = "correct horse battery staple 9"


@pytest.fixture
def card(stripe, wallet):
    return add_card(stripe, wallet)


@pytest.fixture
def known(wallet):
    """The owner, who has a password. Before they come in: a new one ends their sessions."""
    user = owner_of(wallet.account)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def dental(wallet):
    account = make_sub_account("Northside Dental", agency=wallet.account)
    make_wallet(account=account)
    return account


def recharging(person) -> str:
    """The dialog with $75 of credit in it. Returns its button."""
    person.visit("/payments/").opens("#add-credit", "#id_amount")
    person.page.fill("#id_amount", "75")
    person.page.check("input[name=buys][value=credit]")
    person.sees("Pay $75.00", "#recharge-pay")
    return "#recharge-pay"


def configuring(person) -> str:
    person.visit("/payments/").opens("#configure", "#id_threshold")
    person.page.check("#id_enabled")
    person.page.fill("#id_threshold", "33")
    person.sees("Save and charge $50.00", "#auto-save")
    return "#auto-save"


def allocating(person, account) -> str:
    person.visit(f"/account-manager/{account.pk}/")
    person.opens("#manage-allocation", "#id_basic_minutes")
    person.page.fill("#id_basic_minutes", "100")
    person.sees("Save and charge $9.00", "#allocation-save")
    return "#allocation-save"


def fill_dialog(person, kind: str, account) -> str:
    if kind == "allocation":
        return allocating(person, account)
    return recharging(person) if kind == "recharge" else configuring(person)


def log_in_again(person, user) -> None:
    person.sees("nothing was charged or changed", "main")
    person.page.fill("#id_username", user.email)
    person.page.fill("#id_password", PASSWORD)
    person.page.click("text=Log in >> nth=-1")


KINDS = pytest.mark.parametrize("kind", ["recharge", "configure", "allocation"])


def payments(wallet) -> list[str]:
    return list(Purchase.objects.filter(payer=wallet.account).values_list("state", flat=True))


def notices(person) -> list[str]:
    """What the page says of the trouble: in the dialog and beside it."""
    found = person.page.locator("dialog .note.warn[role=alert], .toasts .toast")
    return found.all_inner_texts()


@KINDS
@pytest.mark.usefixtures("card")
def test_without_a_network_nothing_is_charged_one_notice_says_so_and_paying_goes_on_after_it(
    owner, wallet, dental, kind
):
    button = fill_dialog(owner, kind, dental)
    owner.context.set_offline(True)

    owner.page.click(button)
    owner.sees("We couldn't confirm this payment yet. Don't pay again.", "dialog")
    said = notices(owner)
    busy = owner.page.get_attribute("dialog form", "aria-busy")
    owner.context.set_offline(False)
    owner.sees("The payment was not started, so nothing was charged. Try again.", "dialog")
    again = notices(owner)
    before = payments(wallet)
    owner.page.click(button)
    owner.sees("Payment received", "dialog")

    assert (len(said), busy) == (1, "true")
    assert len(again) == 1
    assert before == []
    assert payments(wallet) == ["succeeded"]


@KINDS
@pytest.mark.usefixtures("card")
def test_an_answer_lost_with_the_network_is_shown_once_it_is_back(owner, wallet, dental, kind):
    button = fill_dialog(owner, kind, dental)

    def lose(route) -> None:
        if route.request.method == "POST":
            route.fetch()
            owner.context.set_offline(True)
            route.abort()
        else:
            route.continue_()

    owner.page.route("**/payments/recharge/", lose)
    owner.page.route("**/auto-recharge/", lose)
    owner.page.route("**/auto-allocation/", lose)

    owner.page.click(button)
    owner.sees("We couldn't confirm this payment yet. Don't pay again.", "dialog")
    owner.context.set_offline(False)
    owner.sees("Payment received", "dialog")

    assert payments(wallet) == ["succeeded"]


@pytest.mark.usefixtures("card")
def test_a_payment_that_is_being_confirmed_is_asked_about_again_after_the_network_was_away(
    owner, wallet, stripe
):
    stripe.fault(kind="processing", path=CONFIRM)
    owner.page.click(recharging(owner))
    owner.sees("Confirming your payment with the bank", "dialog")

    owner.context.set_offline(True)
    owner.page.wait_for_timeout(2500)
    stripe.finish(Purchase.objects.get(payer=wallet.account).payment_intent, "succeeded")
    owner.context.set_offline(False)

    owner.sees("Payment received: $75.00.", "dialog")


@KINDS
def test_a_session_that_ended_in_a_dialog_charged_nothing_and_comes_back_to_it_as_it_was(
    known, owner, wallet, dental, card, kind
):
    button = fill_dialog(owner, kind, dental)
    Session.objects.all().delete()

    owner.page.click(button)
    log_in_again(owner, known)
    owner.page.wait_for_selector(button)

    typed = {"recharge": ("#id_amount", "75"), "configure": ("#id_threshold", "33")}
    field, value = typed.get(kind, ("#id_basic_minutes", "100"))
    assert Decimal(owner.page.input_value(field)) == Decimal(value)
    assert owner.page.input_value("#id_payment_method") in (card.id, "")
    assert payments(wallet) == []
    assert not AutoAllocation.objects.filter(account=dental).exists()
    assert not AutoRecharge.objects.get(wallet=wallet).enabled


@pytest.mark.usefixtures("card")
def test_minutes_given_after_a_session_ended_still_answer_the_ask(known, owner, wallet, dental):
    asked = asks.ask(
        account=dental, actor=owner_of(dental), basic_minutes=100, premium_minutes=0, words=""
    )
    owner.visit(f"/account-manager/{dental.pk}/give-minutes/?ask={asked.pk}")
    owner.sees("Give and charge $9.00", "#gift-pay")
    Session.objects.all().delete()

    owner.page.click("#gift-pay")
    log_in_again(owner, known)
    owner.sees("Give and charge $9.00", "#gift-pay")
    owner.page.click("#gift-pay")
    owner.sees("Payment received: $9.00.")

    assert payments(wallet) == ["succeeded"]
    assert MinuteAsk.objects.get(pk=asked.pk).state == "given"


def test_an_ask_for_minutes_comes_back_after_log_in_as_it_was_typed(enter, dental):
    user = owner_of(dental)
    user.set_password(PASSWORD)
    user.save()
    asker = enter(user)
    words = "Two weeks of appointment reminders for the new branch"
    asker.visit("/payments/").opens("#ask-for-minutes", "#id_basic_minutes")
    asker.page.fill("#id_basic_minutes", "250")
    asker.page.fill("#id_words", words)
    Session.objects.all().delete()

    asker.page.click("dialog .btn-primary")
    log_in_again(asker, user)

    asker.page.wait_for_selector("#id_words")
    assert asker.page.input_value("#id_basic_minutes") == "250"
    assert asker.page.input_value("#id_words") == words
    assert not MinuteAsk.objects.filter(account=dental).exists()


@pytest.mark.usefixtures("stripe")
def test_after_a_first_card_the_answer_takes_the_place_of_the_form(owner, wallet):
    owner.visit("/payments/").opens("#add-credit", ".empty")
    owner.page.click("dialog >> text=Add payment method")
    owner.page.fill("#number", "4242 4242 4242 4242")
    owner.page.click("text=Save card")
    owner.page.wait_for_selector("#recharge-pay")
    owner.page.check("input[name=buys][value=credit]")
    owner.sees("Pay $50.00", "#recharge-pay")

    owner.page.click("#recharge-pay")
    owner.sees("Payment received: $50.00.")

    assert owner.count("#recharge-form") == 0
    assert owner.count("dialog") == 0
    assert Purchase.objects.get(wallet=wallet).state == "succeeded"


@pytest.mark.usefixtures("card")
def test_settings_saved_on_the_dialogs_own_page_lead_back_to_payments(owner):
    owner.visit("/payments/auto-recharge/")
    owner.page.fill("#id_threshold", "5")

    owner.page.press("#id_threshold", "Enter")

    owner.sees("Auto-Recharge saved.", "main")
    assert owner.page.url.endswith("/payments/")


@pytest.mark.usefixtures("card")
def test_a_card_added_in_the_middle_leads_back_to_the_form_as_it_was(owner):
    recharging(owner)

    owner.page.click("dialog >> text=Add payment method")
    owner.page.click("dialog >> text=Continue to Stripe")
    owner.page.fill("#number", "5555 5555 5555 4444")
    owner.page.click("text=Save card")
    owner.sees("Mastercard •••• 4444 added.")

    assert owner.page.input_value("#id_amount") == "75.00"
    chosen = owner.page.locator("#id_payment_method option:checked").inner_text()
    assert chosen == "Mastercard •••• 4444"
    owner.sees("Pay $75.00", "#recharge-pay")
