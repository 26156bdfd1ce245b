"""Account Manager and monthly allocation, as an agency's people use them."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from accounts import clock
from accounts.models import Account, Role
from accounts.tests.builders import (
    add_member,
    close,
    make_agency,
    make_individual,
    make_sub_account,
    make_user,
    owner_of,
)
from campaigns.tests.builders import make_campaign
from wallets.allocations import asks, configure, runs
from wallets.balances.opening import open_wallet
from wallets.cards import keeping
from wallets.charging import rows
from wallets.models import AllocationRun, AutoAllocation, MinuteRate, Purchase
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    add_card,
    make_wallet,
    set_auto_recharge,
)
from wallets.tests.worlds.forms import HTMX, allocating, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

MANAGER = reverse("wallets:account_manager")
ADD = reverse("wallets:add_sub_account")
NOON = datetime(2026, 11, 14, 12, tzinfo=UTC)


@pytest.fixture
def agency() -> Account:
    return make_agency()


@pytest.fixture
def dental(agency) -> Account:
    account = make_sub_account("Northside Dental", agency=agency)
    make_wallet(account=account, credit="8.20")
    return account


@pytest.fixture
def browser(client: Client, agency) -> Client:
    client.force_login(owner_of(agency))
    return client


def url(name: str, account: Account) -> str:
    return reverse(f"wallets:{name}", args=[account.pk])


def pay_card(stripe, agency: Account, number: str = "4242424242424242"):
    return add_card(stripe, open_wallet(account=agency), number)


def decline_at(
    moment: datetime,
    stripe,
    browser: Client,
    agency: Account,
    account: Account,
    number: str = DECLINED_CARD,
) -> None:
    """A monthly allocation whose first charge was just not paid."""
    card = pay_card(stripe, agency, number)
    with clock.at(moment):
        browser.post(url("auto_allocation", account), allocating(card))


def row_of(text: str, name: str) -> str:
    """The words of the list's row about one sub-account."""
    row = next(row for row in text.split("<tr>") if f">{name}</a>" in row)
    return " ".join(strip_tags(row).split())


# --- the list


def test_the_list_shows_each_sub_account_with_what_matters(browser, agency, dental):
    set_auto_recharge(dental.wallet)
    make_sub_account("Westside Law", agency=agency)

    text = text_of(browser.get(MANAGER))

    for expected in ("2 sub-accounts", "Northside Dental", "$8.20", "Westside Law", "Not set"):
        assert expected in text
    assert "Actions for Northside Dental" in text
    assert "Manage auto allocation" in text


def test_the_list_can_be_searched_and_filtered(browser, agency, dental):
    make_sub_account("Westside Law", agency=agency)
    set_auto_recharge(dental.wallet, suspended_at=NOON, suspended_reason="payment_failed")

    found = browser.get(MANAGER, {"search": "dental"})
    suspended = browser.get(MANAGER, {"status": "suspended"})
    nothing = browser.get(MANAGER, {"search": "zzz"})

    assert [account.name for account in found.context["page"]] == ["Northside Dental"]
    assert [account.name for account in suspended.context["page"]] == ["Northside Dental"]
    assert "No sub-account matches." in text_of(nothing)


def test_a_row_says_that_its_payment_failed_and_when_it_is_tried_again(
    stripe, browser, agency, dental
):
    make_sub_account("Westside Law", agency=agency)
    decline_at(NOON, stripe, browser, agency, dental)

    with clock.at(NOON):
        text = text_of(browser.get(MANAGER))
        names = {
            status: [
                account.name for account in browser.get(MANAGER, {"status": status}).context["page"]
            ]
            for status in ("active", "payment_failed")
        }

    assert "Payment failed" in row_of(text, "Northside Dental")
    assert "Trying again" in row_of(text, "Northside Dental")
    assert "14 Nov, 13:00" in row_of(text, "Northside Dental")
    assert "Active" in row_of(text, "Westside Law")
    assert "1 with a failed payment" in text
    assert names == {"active": ["Westside Law"], "payment_failed": ["Northside Dental"]}


def test_a_row_says_that_the_bank_waits(stripe, browser, agency, dental):
    decline_at(NOON, stripe, browser, agency, dental, BANK_ASKS_CARD)

    with clock.at(NOON):
        listed = text_of(browser.get(MANAGER))
        found = browser.get(MANAGER, {"status": "payment_failed"}).context["page"]
        page = text_of(browser.get(url("account_manager_account", dental)))

    purchase = Purchase.objects.get(state="requires_action")
    assert "Waiting for your bank" in row_of(listed, "Northside Dental")
    assert [account.name for account in found] == ["Northside Dental"]
    assert reverse("wallets:purchase", args=[purchase.pk]) in page
    assert "Retry now" not in page


def test_a_month_support_looks_at_asks_nobody_to_confirm(stripe, browser, agency, dental):
    decline_at(NOON, stripe, browser, agency, dental, BANK_ASKS_CARD)
    rows.quarantine(Purchase.objects.get(state="requires_action").pk, "The facts differ.")

    with clock.at(NOON):
        listed = text_of(browser.get(MANAGER))
        page = text_of(browser.get(url("account_manager_account", dental)))

    assert "Payment processing" in row_of(listed, "Northside Dental")
    assert "We couldn't confirm this month's payment yet." in page
    assert "Confirm the payment" not in listed + page


def test_a_closed_sub_account_is_closed_and_nothing_else(stripe, browser, agency, dental):
    decline_at(NOON, stripe, browser, agency, dental)
    close(dental)

    answer = browser.get(MANAGER, {"status": "payment_failed"})

    assert list(answer.context["page"]) == []
    assert answer.context["counts"]["payment_failed"] == 0
    assert "Closed" in row_of(text_of(browser.get(MANAGER)), "Northside Dental")


def test_the_list_is_cut_into_pages_and_asks_the_same_number_of_questions(
    browser, agency, django_assert_max_num_queries
):
    for number in range(30):
        make_wallet(account=make_sub_account(f"Shop {number:02d}", agency=agency))

    # However many there are: what calls, campaigns, cards, seats and payments say of all at once.
    with django_assert_max_num_queries(22):
        first = browser.get(MANAGER)
    second = browser.get(MANAGER, {"page": 2})

    assert "1 to 20 of 30" in text_of(first)
    assert "21 to 30 of 30" in text_of(second)
    assert "Shop 29" in text_of(second)


def test_the_next_charge_is_the_next_due_date_in_the_agencys_time_zone(
    stripe, browser, agency, dental
):
    card = pay_card(stripe, agency)
    with clock.at(NOON):
        configure.save(
            account=dental,
            agency=agency,
            actor=None,
            basic_minutes=500,
            premium_minutes=0,
            payment_method=card.id,
        )
        text = text_of(browser.get(MANAGER))

    assert "500 Basic, 0 Premium" in text
    assert "14 Dec 2026" in text


def test_the_list_the_account_and_the_api_name_one_next_charge(stripe, browser, agency, dental):
    card = pay_card(stripe, agency)
    with clock.at(NOON):
        configure.save(
            account=dental,
            agency=agency,
            actor=None,
            basic_minutes=500,
            premium_minutes=0,
            payment_method=card.id,
        )
    # On a due date whose run the clock has not made yet, the charge of today is the next one.
    with clock.at(NOON + timedelta(days=30)):
        listed = text_of(browser.get(MANAGER))
        shown = text_of(browser.get(url("account_manager_account", dental)))
        upcoming = configure.upcoming(AutoAllocation.objects.get(account=dental), 1)

    assert [day.isoformat() for day in upcoming] == ["2026-12-14"]
    assert 'datetime="2026-12-14"' in listed
    assert 'Next charge <time datetime="2026-12-14"' in shown


def test_only_agencies_have_an_account_manager(client):
    user = make_user()
    make_individual(owner=user)
    client.force_login(user)

    assert client.get(MANAGER).status_code == 404


def test_a_member_of_the_agency_sees_but_may_not_change(client, agency, dental):
    client.force_login(add_member(agency, Role.MEMBER))

    text = text_of(client.get(MANAGER))
    refused = [client.get(url("auto_allocation", dental)), client.post(ADD, {"name": "X"})]

    assert "Northside Dental" in text
    assert "Manage auto allocation" not in text
    assert "Add sub-account" not in text
    assert [answer.status_code for answer in refused] == [403, 403]


def test_another_agencys_sub_account_is_not_found(browser):
    stranger = make_sub_account(agency=make_agency("Other Agency"))

    for name in ("account_manager_account", "auto_allocation", "auto_allocation_estimate"):
        assert browser.get(url(name, stranger)).status_code == 404


# --- one sub-account


def test_the_page_of_a_sub_account_shows_auto_recharge_read_only(browser, dental):
    set_auto_recharge(dental.wallet, threshold=15)

    text = text_of(browser.get(url("account_manager_account", dental)))

    assert "$8.20" in text
    assert "$15.00" in text
    assert "Set by the sub-account." in text
    assert "Configure" not in text


def test_adding_a_sub_account_invites_its_owner(browser, agency):
    form = {"name": "Westside Law", "owner_email": "law@example.com"}

    answer = browser.post(ADD, form, headers=HTMX)

    account = Account.objects.get(name="Westside Law")
    assert answer.status_code == 204
    assert "Westside Law added. law@example.com was invited." in answer["HX-Trigger"]
    assert account.agency == agency
    assert account.invitations.count() == 1
    assert account.wallet.credit.amount == 0


def test_a_sub_account_without_a_name_is_not_added(browser):
    answer = browser.post(ADD, {"name": "", "owner_email": "nobody"}, headers=HTMX)

    assert answer.status_code == 422
    assert "Enter the sub-account's name" in text_of(answer)
    assert not Account.objects.filter(kind="sub_account").exists()


def test_the_page_names_the_card_and_what_a_month_costs(stripe, browser, agency, dental):
    card = pay_card(stripe, agency)
    browser.post(url("auto_allocation", dental), allocating(card))

    text = text_of(browser.get(url("account_manager_account", dental)))

    assert "about $205.00 with Visa •••• 4242" in text


def test_a_card_that_is_gone_is_said_before_the_month_fails(stripe, browser, agency, dental):
    card = pay_card(stripe, agency)
    browser.post(url("auto_allocation", dental), allocating(card))
    keeping.forget(account=agency, card_id=card.id)
    pay_card(stripe, agency)

    page = text_of(browser.get(url("account_manager_account", dental)))
    panel = text_of(browser.get(url("auto_allocation", dental)))

    for text in (page, panel):
        assert "The card of this allocation was removed." in text


def test_while_an_account_is_closed_no_charge_is_announced(stripe, browser, agency, dental):
    card = pay_card(stripe, agency)
    browser.post(url("auto_allocation", dental), allocating(card))
    close(dental)

    listed = row_of(text_of(browser.get(MANAGER)), "Northside Dental")
    page = text_of(browser.get(url("account_manager_account", dental)))

    assert "Next charge" not in listed
    assert "Nothing is charged while Northside Dental is closed." in page
    assert "Northside Dental was closed by support" in page


def test_a_failed_month_can_be_retried_from_the_panel(stripe, browser, agency, dental):
    decline_at(NOON, stripe, browser, agency, dental)

    with clock.at(NOON):
        panel = text_of(browser.get(url("auto_allocation", dental)))

    assert "was declined" in panel
    assert "Trying again 14 Nov, 13:00" in strip_tags(panel)
    assert f'action="{url("auto_allocation_retry", dental)}"' in panel


def test_stopping_is_asked_before_it_is_done(stripe, browser, agency, dental):
    card = pay_card(stripe, agency)
    browser.post(url("auto_allocation", dental), allocating(card))

    text = text_of(browser.get(url("auto_allocation", dental), {"stop": "1"}))

    assert "No more monthly charges for Northside Dental." in text
    assert "Stop allocation" in text
    assert AutoAllocation.objects.get(account=dental).active


# --- monthly allocation


def test_the_panel_asks_for_a_card_first(browser, dental):
    text = text_of(browser.get(url("auto_allocation", dental)))

    assert "Add a payment method before saving." in text
    assert 'id="allocation-save"' not in text


def test_the_estimate_names_each_line_the_total_and_the_first_charge(
    stripe, browser, agency, dental
):
    card = pay_card(stripe, agency)

    with clock.at(NOON):
        answer = browser.get(url("auto_allocation_estimate", dental), allocating(card))

    text = text_of(answer)
    for expected in ("$45.00", "$160.00", "$205.00", "then monthly on the 14th"):
        assert expected in text
    assert "Final billing occurs at runtime." in text
    assert "Save and charge $205.00" in text


def test_saving_sets_the_allocation_and_shows_what_became_of_its_first_charge(
    stripe, browser, agency, dental
):
    card = pay_card(stripe, agency)

    answer = browser.post(url("auto_allocation", dental), allocating(card), headers=HTMX)

    allocation = AutoAllocation.objects.get(account=dental)
    run = AllocationRun.objects.get()
    assert answer.status_code == 200
    assert "Monthly allocation paid" in text_of(answer)
    assert "Payment received: $205.00." in text_of(answer)
    assert (allocation.basic_minutes, allocation.premium_minutes) == (500, 1000)
    assert (run.state, run.amount_cents) == ("paid", 20_500)
    assert [row["amount"] for row in stripe.truth()["payment_intents"]] == [20_500]


def test_a_charge_today_the_page_did_not_name_is_shown_first(stripe, browser, agency, dental):
    card = pay_card(stripe, agency)

    answer = browser.post(url("auto_allocation", dental), allocating(card, quoted_charge="0"))

    assert answer.status_code == 422
    assert "$205.00 will be charged today. Check and save." in text_of(answer)
    assert not AutoAllocation.objects.exists()


def test_a_rate_that_begins_between_the_look_and_the_saving_is_shown_first(
    stripe, browser, agency, dental, monkeypatch
):
    card = pay_card(stripe, agency)
    save = configure.save

    def save_at_another_rate(**facts):
        MinuteRate.objects.create(minute_type="basic", price="0.10", effective_from=clock.now())
        return save(**facts)

    monkeypatch.setattr(configure, "save", save_at_another_rate)

    answer = text_of(browser.post(url("auto_allocation", dental), allocating(card), headers=HTMX))

    assert "The charge today is $210.00 now. Check and save again." in answer
    assert 'name="quoted_charge" value="210' in answer
    assert not AutoAllocation.objects.exists()
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"basic_minutes": "1.5"}, "Enter a whole number of minutes, 0 or more"),
        ({"basic_minutes": "1000001"}, "Enter at most 1,000,000 minutes."),
        ({"basic_minutes": "0", "premium_minutes": "0"}, "Enter minutes for at least one type"),
        ({"basic_minutes": "1", "premium_minutes": "0"}, "must be at least $0.50"),
        ({"payment_method": "pm_foreign"}, "Choose one of your saved cards"),
        ({"start_date": "2020-01-01"}, "Choose a start date"),
    ],
)
def test_an_allocation_that_cannot_be_is_said_beside_the_field(
    stripe, browser, agency, dental, changes, message
):
    card = pay_card(stripe, agency)

    answer = browser.post(url("auto_allocation", dental), allocating(card, **changes), headers=HTMX)

    assert answer.status_code == 422
    assert message in text_of(answer)
    assert not AutoAllocation.objects.exists()


def test_two_zeros_stop_it_and_the_button_says_so(stripe, browser, agency, dental):
    card = pay_card(stripe, agency, DECLINED_CARD)
    browser.post(url("auto_allocation", dental), allocating(card))
    zeros = allocating(card, basic_minutes="0", premium_minutes="0")

    shown = text_of(browser.get(url("auto_allocation_estimate", dental), zeros))
    browser.post(url("auto_allocation", dental), zeros)

    assert "Stop allocation" in shown
    assert "No more monthly charges for Northside Dental." in shown
    assert not AutoAllocation.objects.get(account=dental).active
    assert AllocationRun.objects.get().state == "canceled"


def test_a_missed_month_is_made_up_for_by_its_button_while_it_lasts(
    stripe, browser, agency, dental
):
    configure.save(
        account=dental,
        agency=agency,
        actor=None,
        basic_minutes=500,
        premium_minutes=1000,
        payment_method=pay_card(stripe, agency).id,
    )
    AllocationRun.objects.update(state="missed", closed_at=clock.now())

    page = text_of(browser.get(url("account_manager_account", dental)))
    browser.post(url("auto_allocation_retry", dental), {"quoted_charge": "205.00"})

    assert "This month was missed" in page
    assert "Retry now and charge $205.00" in page
    assert Purchase.objects.get(payer=agency).state == "succeeded"


def test_a_failed_month_can_be_retried_and_its_payment_seen(stripe, browser, agency, dental):
    card = pay_card(stripe, agency, DECLINED_CARD)
    browser.post(url("auto_allocation", dental), allocating(card))

    page = text_of(browser.get(url("account_manager_account", dental)))
    answer = browser.post(
        url("auto_allocation_retry", dental), {"quoted_charge": "205.00"}, follow=True
    )

    assert "was declined" in page
    assert "Retry now and charge $205.00" in page
    assert 'name="quoted_charge" value="205' in page
    assert "Payment not made" in text_of(answer)
    assert f'href="{url("auto_allocation", dental)}"' in text_of(answer)
    assert f'href="{url("account_manager_account", dental)}"' in text_of(answer)
    assert Purchase.objects.filter(payer=agency, state="declined").count() == 2


def test_the_button_names_the_unpaid_months_charge_not_the_new_minutes(
    stripe, browser, agency, dental
):
    """A month that was decided keeps its minutes and its price; only the next ones change."""
    decline_at(NOON, stripe, browser, agency, dental)
    other = pay_card(stripe, agency)
    fewer = allocating(other, basic_minutes="100", premium_minutes="0")

    with clock.at(NOON):
        shown = text_of(browser.get(url("auto_allocation_estimate", dental), fewer))
        answer = browser.post(url("auto_allocation", dental), fewer, headers=HTMX)

    assert "Save and charge $205.00" in shown
    assert "The unpaid $205.00 of 14 Nov is charged today with this card" in shown
    assert "then $9.00 monthly on the 14th" in shown
    assert answer.status_code == 200
    assert Purchase.objects.get(state="succeeded").amount_cents == 20_500


def test_the_next_month_can_be_skipped_and_taken_back(stripe, browser, agency, dental):
    card = pay_card(stripe, agency)
    browser.post(url("auto_allocation", dental), allocating(card))
    allocation = AutoAllocation.objects.get(account=dental)

    browser.post(url("auto_allocation_skip", dental))
    allocation.refresh_from_db()
    skipped = allocation.skip_period
    browser.post(url("auto_allocation_skip", dental), {"undo": "1"})
    allocation.refresh_from_db()

    assert skipped is not None
    assert allocation.skip_period is None


def test_a_page_that_stood_open_skips_no_other_month_than_it_showed(
    stripe, browser, agency, dental
):
    with clock.at(NOON):
        browser.post(url("auto_allocation", dental), allocating(pay_card(stripe, agency)))
        runs.charge_due(now=NOON)
        december = skip_form(browser, dental)
        browser.post(url("auto_allocation_skip", dental), december)
        taken_back = skip_form(browser, dental) | {"undo": "1"}
        browser.post(url("auto_allocation_skip", dental), taken_back)
    later = NOON + timedelta(days=31)
    with clock.at(later):
        runs.charge_due(now=later)
        stale = browser.post(url("auto_allocation_skip", dental), december, follow=True)
        untouched = AutoAllocation.objects.get(account=dental).skip_period
        browser.post(url("auto_allocation_skip", dental), skip_form(browser, dental))
        back = browser.post(url("auto_allocation_skip", dental), taken_back, follow=True)

    assert december == {"shown": "2026-12-14"} == {"shown": taken_back["shown"]}
    assert "The next month is that of 14 Jan 2027 now. Nothing was changed." in text_of(stale)
    assert untouched is None
    assert "14 Jan 2027 is skipped now. Nothing was changed." in text_of(back)
    assert f"{AutoAllocation.objects.get(account=dental).skip_period}" == "2027-01-14"


def skip_form(browser: Client, account: Account) -> dict[str, str]:
    """What the button about the next month sends from the page, and from the dialog alike."""
    pages = [
        text_of(browser.get(url(name, account)))
        for name in ("account_manager_account", "auto_allocation")
    ]
    (shown,) = {re.search(r'name="shown" value="([^"]*)"', page)[1] for page in pages}
    return {"shown": shown}


def give_with_a_card_whose_bank_asks(stripe, browser, agency, account) -> None:
    """100 Basic minutes, once."""
    gift = {
        "basic_minutes": "100",
        "premium_minutes": "0",
        "payment_method": pay_card(stripe, agency, BANK_ASKS_CARD).id,
        "form_key": str(uuid4()),
        "quoted_charge": "9.00",
    }
    browser.post(url("give_minutes", account), gift)


def test_minutes_given_that_wait_for_the_bank_are_no_month(stripe, browser, agency, dental):
    """The payment is told with its own sum, and the month that was paid stays paid."""
    browser.post(url("auto_allocation", dental), allocating(pay_card(stripe, agency)))
    runs.charge_run(run_id=AllocationRun.objects.get().pk)
    give_with_a_card_whose_bank_asks(stripe, browser, agency, dental)

    text = text_of(browser.get(url("account_manager_account", dental)))
    card = text[text.index('id="allocation-title"') :]
    assert Purchase.objects.get(state="requires_action").amount_cents == 900
    assert "Your bank asks you to confirm the payment of $9.00." in card
    assert '<span class="badge success">On</span>' in card
    assert " Paid </span>" in card
    assert "Waiting for your bank" not in card


def test_minutes_given_that_wait_for_the_bank_hide_no_month_that_failed(
    stripe, browser, agency, dental
):
    decline_at(NOON, stripe, browser, agency, dental)
    with clock.at(NOON):
        give_with_a_card_whose_bank_asks(stripe, browser, agency, dental)
        text = text_of(browser.get(url("account_manager_account", dental)))

    assert "Your bank asks you to confirm the payment of $9.00." in text
    assert "Retry now and charge $205.00" in text
    assert '<span class="badge danger">Payment failed</span>' in text


def test_the_sub_account_never_sees_the_agencys_payment(stripe, client, browser, agency, dental):
    card = pay_card(stripe, agency)
    browser.post(url("auto_allocation", dental), allocating(card))
    runs.charge_run(run_id=AllocationRun.objects.get().pk)
    purchase = Purchase.objects.get()
    receipt = text_of(browser.get(reverse("wallets:receipt", args=[purchase.pk])))
    client.force_login(owner_of(dental))

    page = text_of(client.get(reverse("wallets:transactions")))

    assert "Basic, 500 min × $0.09" in receipt
    assert "$205.00" in receipt
    assert "Visa •••• 4242" in receipt
    assert "from Brightline Agency" in page
    assert "$205.00" not in page
    assert "Visa" not in page
    assert "•••• 4242" not in page
    for name in ("wallets:receipt", "wallets:purchase"):
        assert client.get(reverse(name, args=[purchase.pk])).status_code == 404


# --- who needs the agency today


def test_the_row_that_needs_the_agency_comes_first_and_says_why(browser, agency, dental):
    make_wallet(account=make_sub_account("Aardvark Spa", agency=agency), credit="100")
    make_campaign(dental, status="low_balance")
    make_campaign(dental, status="low_balance")

    answer = browser.get(MANAGER)

    assert [one.name for one in answer.context["page"]] == ["Northside Dental", "Aardvark Spa"]
    assert "2 campaigns paused" in row_of(text_of(answer), "Northside Dental")
    assert "Need you now" in text_of(answer)
    only = browser.get(MANAGER, {"status": "at_risk"}).context["page"]
    assert [one.name for one in only] == ["Northside Dental"]


def test_nobody_who_needs_the_agency_is_said_so(browser, dental):
    make_wallet(account=dental, credit="100")

    assert "Nobody needs you now." in text_of(browser.get(MANAGER, {"status": "at_risk"}))


@pytest.mark.usefixtures("dental")
def test_the_csv_has_the_rows_of_the_filter_and_no_formula(browser, agency):
    make_wallet(account=make_sub_account('=HYPERLINK("x")', agency=agency), credit="1")
    url_of_file = reverse("wallets:account_manager_csv")

    whole = b"".join(browser.get(url_of_file).streaming_content).decode()
    some = b"".join(browser.get(url_of_file, {"search": "dental"}).streaming_content).decode()

    assert whole.count("\r\n") == 3
    assert "\"'=HYPERLINK(" in whole
    assert some.splitlines()[0].startswith("account,name,status,needs,balance_usd")
    assert [line.split(",")[1] for line in some.splitlines()[1:]] == ["Northside Dental"]


def test_an_ask_is_answered_from_its_row(browser, dental):
    asked = asks.ask(account=dental, actor=owner_of(dental), basic_minutes=0, premium_minutes=500)

    answer = browser.get(MANAGER)

    assert f"{url('give_minutes', dental)}?ask={asked.pk}" in answer.content.decode()
    assert "Asks for 500 Premium minutes" in row_of(text_of(answer), "Northside Dental")
