"""Every way of paying behaves alike: recharge, Configure, allocation, retry, the bank."""

import re
from decimal import Decimal
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from accounts.tests.builders import make_agency, make_sub_account, owner_of
from thinkrr_billing.sandbox.stripe.tests.browsing import press
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.models import AllocationRun, AutoAllocation, AutoRecharge, Purchase
from wallets.tests.worlds.builders import (
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)
from wallets.tests.worlds.forms import HTMX, allocating, recharging, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

RECHARGE = reverse("wallets:recharge")
CONFIGURE = reverse("wallets:auto_recharge")


@pytest.fixture
def wallet():
    return make_wallet(credit="8.20")


@pytest.fixture
def agency() -> Account:
    return make_agency()


@pytest.fixture
def dental(agency) -> Account:
    account = make_sub_account("Northside Dental", agency=agency)
    make_wallet(account=account)
    return account


@pytest.fixture
def agency_browser(agency) -> Client:
    client = Client()
    client.force_login(owner_of(agency))
    return client


def card_of(wallet, number: str) -> str:
    """The id of the wallet's saved card with this number."""
    cards = payment_methods.cards(Account.objects.get(wallet=wallet))
    [found] = [card.id for card in cards if card.last4 == number[-4:]]
    return found


def configuring(**changes) -> dict[str, str]:
    """Auto-Recharge on, $10 and $50; the page named the charge of $50."""
    facts = {"enabled": "on", "threshold": "10", "amount": "50", "quoted_charge": "50"}
    return facts | changes


# --- a figure that cannot be charged ---------------------------------------------------------


@pytest.mark.parametrize("amount", ["0", "4", "4.99", "10,000.01", "999999999999"])
@pytest.mark.parametrize("quoted", ["", "50.00"])
def test_an_amount_that_cannot_be_recharged_names_the_limits(
    stripe, browser, wallet, amount, quoted
):
    add_card(stripe, wallet)
    form = recharging(wallet, amount=amount, quoted_amount=quoted)
    limits = "Amount must be between $5.00 and $10,000.00"

    typed = browser.get(
        reverse("wallets:recharge_quote"), {"amount": amount, "buys": form["buys"]}, headers=HTMX
    )
    undecided = browser.get(reverse("wallets:recharge_quote"), {"amount": amount}, headers=HTMX)
    paid = browser.post(RECHARGE, form, headers=HTMX)
    again = browser.post(RECHARGE, form)

    for answer in (typed, undecided, paid, again):
        assert limits in text_of(answer)
        assert "will be charged now" not in text_of(answer)
    assert paid.status_code == again.status_code == 422
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("amount", ["ten", "5.005", "1e3", "$"])
def test_an_amount_that_is_none_says_how_to_write_one(stripe, browser, wallet, amount):
    add_card(stripe, wallet)
    form = recharging(wallet, amount=amount)

    typed = browser.get(reverse("wallets:recharge_quote"), form, headers=HTMX)
    paid = browser.post(RECHARGE, form, headers=HTMX)

    for answer in (typed, paid):
        assert "Enter an amount in dollars and cents, like 50.00" in text_of(answer)
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threshold": "0"}, "Minimum Threshold must be between $1.00"),
        ({"amount": "1"}, "Auto-Recharge Amount must be between $"),
        ({"amount": "ten"}, "Enter an amount in dollars and cents, like 50.00"),
        ({"monthly_limit": "1"}, "Monthly limit"),
        ({"daily_ceiling": "x"}, "Enter an amount in dollars and cents, like 500.00"),
    ],
)
def test_settings_that_cannot_be_saved_say_why_while_they_are_typed(
    stripe, browser, wallet, changes, said
):
    add_card(stripe, wallet)
    form = configuring(**changes)

    typed = browser.get(reverse("wallets:auto_recharge_preview"), form, headers=HTMX)
    saved = browser.post(CONFIGURE, form, headers=HTMX)

    assert said in text_of(typed)
    assert said in text_of(saved)
    assert saved.status_code == 422
    assert not AutoRecharge.objects.get(wallet=wallet).enabled
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"basic_minutes": "1.5"}, "Enter a whole number of minutes, 0 or more"),
        ({"premium_minutes": "1000001"}, "Enter at most 1,000,000 minutes."),
        ({"basic_minutes": "1", "premium_minutes": "0"}, "must be at least $0.50"),
        ({"start_date": "soon"}, "Enter a date, like 2026-12-01"),
    ],
)
def test_an_allocation_that_cannot_be_says_why_while_it_is_typed(
    stripe, agency_browser, agency, dental, changes, said
):
    form = allocating(add_card(stripe, open_wallet(account=agency)), **changes)

    typed = agency_browser.get(
        reverse("wallets:auto_allocation_estimate", args=[dental.pk]), form, headers=HTMX
    )
    saved = agency_browser.post(
        reverse("wallets:auto_allocation", args=[dental.pk]), form, headers=HTMX
    )

    assert said in text_of(typed)
    assert said in text_of(saved)
    assert "Save and charge" not in text_of(typed)
    assert not AutoAllocation.objects.exists()


# --- a card added in the middle ---------------------------------------------------------------


def add_on_the_way(client: Client, left, number: str = OTHER_GOOD_CARD) -> str:
    """Through the page that explains and Stripe's own, and where the person is then."""
    back = client.get(left.url).context["next"]
    stripes = client.post(reverse("wallets:methods_add"), {"next": back}).url
    ours = press(stripes, number=number)
    return client.get(ours).url


@pytest.mark.parametrize(("amount", "shown"), [("75", "75.00"), ("$1,234.5", "1234.50")])
def test_a_card_added_in_the_middle_of_a_recharge_is_chosen_in_the_form_as_it_was_left(
    stripe, browser, wallet, amount, shown
):
    first = add_card(stripe, wallet)

    left = browser.post(RECHARGE, recharging(wallet, amount=amount, buys="basic", add_card="1"))
    form = browser.get(add_on_the_way(browser, left)).context["form"].initial

    new = card_of(wallet, OTHER_GOOD_CARD)
    assert (form["amount"], form["buys"]) == (shown, "basic")
    assert form["payment_method"] == new != first.id
    assert not Purchase.objects.exists()


@pytest.mark.usefixtures("stripe")
def test_the_first_card_is_added_on_the_way_to_the_recharge_a_link_asked_for(browser, wallet):
    page = browser.get(RECHARGE, {"amount": "75", "buys": "basic"})
    back = re.search(r'name="next" value="([^"]*)"', page.content.decode())[1]

    stripes = browser.post(reverse("wallets:methods_add"), {"next": unescape(back)}).url
    there = browser.get(press(stripes, number=OTHER_GOOD_CARD)).url

    assert there == f"{RECHARGE}?amount=75&buys=basic&card={card_of(wallet, OTHER_GOOD_CARD)}"
    assert "Pay $75.00" in text_of(browser.get(there))


@pytest.mark.usefixtures("stripe")
def test_the_first_card_is_chosen_in_the_recharge_that_was_asked_for(browser, wallet):
    left = browser.post(RECHARGE, recharging(wallet, add_card="1"))

    page = browser.get(add_on_the_way(browser, left))

    assert page.context["form"].initial["payment_method"] == card_of(wallet, OTHER_GOOD_CARD)
    assert "Pay $50.00" in text_of(page)


@pytest.mark.parametrize("enabled", ["on", ""])
def test_a_card_added_in_the_middle_of_configure_is_chosen_with_all_that_was_typed(
    stripe, browser, wallet, enabled
):
    add_card(stripe, wallet)
    set_auto_recharge(wallet, monthly_limit=900, resume_campaigns=True)
    typed = {"threshold": "33", "amount": "44.50", "daily_ceiling": "600", "left": "1"}

    left = browser.post(CONFIGURE, typed | {"enabled": enabled, "add_card": "1"})
    form = browser.get(add_on_the_way(browser, left)).context["form"].initial

    assert form["threshold"] == "33"
    assert form["amount"] == "44.50"
    assert form["daily_ceiling"] == "600"
    assert (form["enabled"], form["monthly_limit"], form["resume_campaigns"]) == (enabled, "", "")
    assert form["payment_method"] == card_of(wallet, OTHER_GOOD_CARD)
    saved = AutoRecharge.objects.get(wallet=wallet)
    assert (saved.threshold.amount, saved.monthly_limit.amount) == (10, 900)


def test_a_card_added_in_the_middle_of_an_allocation_is_chosen_with_its_minutes(
    stripe, agency_browser, agency, dental
):
    paying = open_wallet(account=agency)
    form = allocating(add_card(stripe, paying), basic_minutes="70", start_date="2026-12-24")

    left = agency_browser.post(
        reverse("wallets:auto_allocation", args=[dental.pk]), form | {"add_card": "1"}
    )
    shown = agency_browser.get(add_on_the_way(agency_browser, left)).context["form"].initial

    assert (shown["basic_minutes"], shown["premium_minutes"]) == ("70", "1,000")
    assert shown["start_date"] == "2026-12-24"
    assert shown["payment_method"] == card_of(paying, OTHER_GOOD_CARD)
    assert not AutoAllocation.objects.exists()


def test_in_a_dialog_the_way_to_a_new_card_is_its_next_step(stripe, browser, wallet):
    add_card(stripe, wallet)

    answer = browser.post(RECHARGE, recharging(wallet, amount="75", add_card="1"), headers=HTMX)

    assert answer.status_code == 200
    assert answer.context["next"] == f"{RECHARGE}?amount=75&buys=premium"
    assert "Continue to Stripe" in text_of(answer)


def test_leaving_stripes_page_without_a_card_keeps_what_was_typed(stripe, browser, wallet):
    add_card(stripe, wallet)

    left = browser.post(RECHARGE, recharging(wallet, amount="75", add_card="1"))
    back = browser.get(left.url).context["next"]
    stripes = browser.post(reverse("wallets:methods_add"), {"next": back}).url

    ours = press(stripes, action="cancel")

    assert browser.get(ours).url == f"{RECHARGE}?amount=75&buys=premium"


@pytest.mark.parametrize("foreign", ["pm_foreign", "", "x" * 500])
def test_a_card_in_the_address_that_is_not_theirs_chooses_none(stripe, browser, wallet, foreign):
    first = add_card(stripe, wallet)

    form = browser.get(RECHARGE, {"amount": "75", "card": foreign}).context["form"].initial

    assert form["payment_method"] == first.id


def test_after_a_decline_the_card_just_added_is_offered_for_auto_recharge(stripe, browser, wallet):
    add_card(stripe, wallet, DECLINED_CARD)
    browser.post(CONFIGURE, configuring(left="1"))
    assert Purchase.objects.get().state == "declined"

    stripes = browser.post(reverse("wallets:methods_add")).url
    there = browser.get(press(stripes, number=OTHER_GOOD_CARD)).url
    page = browser.get(there)

    assert there.startswith(f"{CONFIGURE}?card=")
    assert page.context["form"].initial["payment_method"] == card_of(wallet, OTHER_GOOD_CARD)
    assert "Save and charge $50.00" in text_of(page)


def test_a_card_that_nothing_waits_for_is_only_added(stripe, browser, wallet):
    add_card(stripe, wallet)

    stripes = browser.post(reverse("wallets:methods_add")).url
    there = browser.get(press(stripes, number=OTHER_GOOD_CARD)).url

    assert there == reverse("wallets:payments")


# --- the sum is in the button, and what becomes of it is told where it began ---------------------


@pytest.mark.parametrize("place", ["dialog", "page"])
def test_the_first_charge_of_an_allocation_is_told_where_it_began(
    stripe, agency_browser, agency, dental, place
):
    card = add_card(stripe, open_wallet(account=agency))

    answer = agency_browser.post(
        reverse("wallets:auto_allocation", args=[dental.pk]),
        allocating(card),
        headers=HTMX if place == "dialog" else {},
        follow=True,
    )

    assert "Payment received: $205.00." in text_of(answer)
    assert "Northside Dental got its minutes." in text_of(answer)
    assert Purchase.objects.get().state == "succeeded"


def test_a_declined_first_charge_of_an_allocation_says_what_was_saved_and_one_next_step(
    stripe, agency_browser, agency, dental
):
    card = add_card(stripe, open_wallet(account=agency), DECLINED_CARD)

    answer = agency_browser.post(
        reverse("wallets:auto_allocation", args=[dental.pk]), allocating(card), headers=HTMX
    )

    text = text_of(answer)
    assert "Settings saved, but Visa •••• 0341 was declined." in text
    assert text.count("btn-primary") == 1
    assert "Use another card" in text
    assert AutoAllocation.objects.get().active


def test_an_answer_that_gets_lost_leaves_the_first_charge_processing(
    stripe, agency_browser, agency, dental
):
    card = add_card(stripe, open_wallet(account=agency))
    stripe.fault(kind="reset_after", path=r"/v1/payment_intents/[^/]+/confirm", times=3)

    answer = agency_browser.post(
        reverse("wallets:auto_allocation", args=[dental.pk]), allocating(card), headers=HTMX
    )

    assert "Confirming your payment with the bank…" in text_of(answer)
    assert Purchase.objects.get().state == "submitted"


def quoted(answer) -> Decimal:
    return Decimal(re.search(r'name="quoted_charge" value="([^"]*)"', text_of(answer))[1])


@pytest.fixture
def declined(stripe, wallet, browser):
    """Auto-Recharge whose first $50 were declined just now; it is tried again in an hour."""
    add_card(stripe, wallet, DECLINED_CARD)
    browser.post(CONFIGURE, configuring(left="1"))
    return AutoRecharge.objects.get(wallet=wallet)


def test_trying_again_names_its_sum_on_the_page_and_in_the_dialog(browser, declined):
    page = browser.get(reverse("wallets:payments"))
    payment = browser.get(reverse("wallets:purchase", args=[Purchase.objects.get().pk]))

    for answer in (page, payment):
        assert "Try again and charge $50.00" in text_of(answer)
        assert quoted(answer) == 50
    assert declined.hold_reason == "declined"


@pytest.mark.parametrize("quoted", ["", "49.99", "50.01", "-50", "NaN", "x", None])
def test_a_try_that_names_another_sum_charges_nothing(browser, declined, quoted):
    sent = {} if quoted is None else {"quoted_charge": quoted}

    answer = browser.post(reverse("wallets:auto_recharge_retry"), sent, headers=HTMX)

    assert "The charge is now $50.00. Check and try again." in text_of(answer)
    assert answer.status_code == 422
    assert Purchase.objects.count() == 1
    kept = AutoRecharge.objects.get(pk=declined.pk)
    assert (kept.hold_reason, kept.not_before) == (declined.hold_reason, declined.not_before)


def test_a_try_in_between_is_told_in_place_and_does_not_move_the_promised_one(browser, declined):
    answer = browser.post(
        reverse("wallets:auto_recharge_retry"), {"quoted_charge": "50"}, headers=HTMX
    )

    assert "Payment not made" in text_of(answer)
    assert Purchase.objects.filter(state="declined").count() == 2
    kept = AutoRecharge.objects.get(pk=declined.pk)
    assert (kept.hold_reason, kept.not_before) == ("declined", declined.not_before)
    assert kept.consecutive_declines == 1


def test_a_retry_of_a_month_does_not_move_the_promised_one_and_needs_its_sum(
    stripe, agency_browser, agency, dental
):
    card = add_card(stripe, open_wallet(account=agency), DECLINED_CARD)
    agency_browser.post(
        reverse("wallets:auto_allocation", args=[dental.pk]), allocating(card), headers=HTMX
    )
    promised = AllocationRun.objects.get()
    retry = reverse("wallets:auto_allocation_retry", args=[dental.pk])

    other = agency_browser.post(retry, {"quoted_charge": "204"}, headers=HTMX)
    assert "This month's charge is $205.00 now." in text_of(other)
    assert Purchase.objects.count() == 1
    answer = agency_browser.post(retry, {"quoted_charge": "205"}, headers=HTMX)

    assert "Payment not made" in text_of(answer)
    assert Purchase.objects.filter(state="declined").count() == 2
    kept = AllocationRun.objects.get()
    assert (kept.state, kept.attempts, kept.next_attempt_at) == ("due", 1, promised.next_attempt_at)


@pytest.mark.usefixtures("declined")
def test_what_trying_again_would_not_charge_offers_no_try(browser, wallet):
    fill(wallet, credit="91.80")

    page = browser.get(reverse("wallets:payments"))

    assert "Try again and charge" not in text_of(page)
    assert "Use another card" in text_of(page)
