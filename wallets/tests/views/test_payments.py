"""The Payments page, Auto-Recharge, payment methods and transactions, as people use them."""

import csv
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts import clock
from accounts.people import closing
from accounts.tests.builders import (
    add_member,
    close,
    make_agency,
    make_individual,
    make_sub_account,
    make_user,
    owner_of,
)
from wallets.balances import adjustments, ledger
from wallets.balances.ledger import Movement
from wallets.cards import backup, keeping
from wallets.models import AutoRecharge, LedgerEntry, Purchase
from wallets.recharges import auto_recharge
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    place_hold,
    set_auto_recharge,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

PAYMENTS = reverse("wallets:payments")
CONFIGURE = reverse("wallets:auto_recharge")
PREVIEW = reverse("wallets:auto_recharge_preview")
TRANSACTIONS = reverse("wallets:transactions")
HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}


@pytest.fixture
def wallet():
    return make_wallet(credit="50")


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split()).replace("&#x27;", "'")


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def use_for_days(wallet, dollars, *, days):
    """Calls took this from credit on each of the days before noon."""
    for back in range(days, 0, -1):
        with clock.at(NOON - timedelta(days=back)):
            movement = Movement(
                wallet_id=wallet.pk,
                pot="credit",
                amount=Decimal(dollars),
                kind="calls",
                key=f"calls:{back}",
            )
            ledger.post(movements=[movement])


def settings(**changes) -> dict[str, str]:
    """The form as the page would send it, with Auto-Recharge turned on."""
    facts = {"enabled": "on", "threshold": "10.00", "amount": "50.00", "quoted_charge": "0"}
    return facts | changes


# --- the page


def test_the_home_page_is_payments(browser):
    assert browser.get("/", follow=True).redirect_chain == [(PAYMENTS, 302)]


def test_the_balance_is_shown_with_what_it_is_worth(browser):
    text = text_of(browser.get(PAYMENTS))

    assert "$50.00" in text
    assert "Healthy" in text
    assert "≈ 312 min" in text
    assert "≈ 555 min" in text
    assert "Show as table" in text


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ([("a", 60)], "1 min Premium of it is reserved for 1 running call."),
        (
            [("a", 60), ("b", 90), ("c", 600)],
            "$1.73 and 1 min 40 s Premium of it are reserved for 3 running calls.",
        ),
        ([], ""),
    ],
)
def test_what_running_calls_hold_is_said_beside_the_balance(browser, wallet, held, sentence):
    fill(wallet, premium=100)
    for call, seconds in held:
        place_hold(wallet, call=call, seconds=seconds)

    shown = text_of(browser.get(PAYMENTS))

    assert ("reserved for" in shown, sentence in shown) == (bool(held), True)


def test_minutes_that_were_bought_count_with_those_that_credit_pays(browser, wallet):
    fill(wallet, basic=6000)

    text = text_of(browser.get(PAYMENTS))

    assert "≈ 655 min" in text
    assert "your minutes, and all credit at $0.09/min" in text
    assert "≈ 312 min" in text
    assert "if all used at $0.16/min" in text
    assert "0 Premium, 100 Basic" in text


@pytest.mark.parametrize(
    ("credit", "badge", "shown"),
    [("-41.80", "Low balance", "$8.20"), ("-51.92", "Negative", "−$1.92")],
)
def test_a_low_and_a_negative_balance_say_so(browser, wallet, credit, badge, shown):
    fill(wallet, credit=credit)

    text = text_of(browser.get(PAYMENTS))

    assert badge in text
    assert shown in text


@pytest.fixture
def aged():
    """The wallet with $30 left of $50 that it had a month ago; $5 went on each of four days."""
    with clock.at(NOON - timedelta(days=30)):
        old = make_wallet(credit="50")
    use_for_days(old, "-5", days=4)
    return old


@pytest.fixture
def its_owner(client, aged):
    client.force_login(owner_of(aged.account))
    return client


def test_the_runway_is_the_first_thing_said_with_what_happens_at_the_threshold(
    stripe, its_owner, aged
):
    add_card(stripe, aged)
    set_auto_recharge(aged, threshold=10, amount=25, monthly_limit=300)

    with clock.at(NOON):
        page = its_owner.get(PAYMENTS)
    text, chart = text_of(page), page.context["chart"]

    # $30 at $5 a day, measured since the first call four days ago.
    assert "Lasts until Saturday, about 12:00" in text
    assert "Thursday, about 12:00 it falls below $10.00." in text
    assert "Auto-Recharge then charges <strong>$25.00</strong>" in text
    assert "$0.00 of $500.00" in text
    assert "$0.00 of $300.00" in text
    assert [day.text for day in chart.days][-10] == (
        "23 Nov 2026: about $25.00 expected, between $25.00 and $25.00"
    )
    assert [day.text for day in chart.days if day.is_today] == ["22 Nov 2026: $30.00"]


def test_what_comes_is_in_the_table_for_who_cannot_see_the_chart(its_owner):
    with clock.at(NOON):
        text = text_of(its_owner.get(PAYMENTS))

    assert 'datetime="2026-11-23"' in text
    assert "about $25.00" in text
    assert 'role="img" tabindex="0" aria-label="22 Nov 2026: $30.00"' in text


def test_with_nothing_yet_the_page_says_what_to_do_next(client):
    user = make_user()
    make_individual(owner=user)
    client.force_login(user)

    text = text_of(client.get(PAYMENTS))

    assert "No payment method yet. Add one to recharge your wallet." in text
    assert "No transactions yet. Add credit to start calling." in text
    assert "No recharge yet" in text


def test_a_member_sees_the_page_without_money_buttons(client, wallet):
    client.force_login(add_member(wallet.account))

    text = text_of(client.get(PAYMENTS))

    assert "$50.00" in text
    assert "Ask an owner" in text
    for absent in ('id="add-credit"', "Configure", "Add payment method"):
        assert absent not in text


def test_an_agency_sees_its_sub_accounts_auto_recharge_but_cannot_change_it(client):
    agency = make_agency()
    wallet = make_wallet(account=make_sub_account(agency=agency))
    client.force_login(owner_of(agency))
    client.post(reverse("accounts:switch"), {"account": str(wallet.account.pk)})

    page = client.get(PAYMENTS)
    answer = client.post(CONFIGURE, settings())

    assert "Set by the sub-account" in text_of(page)
    assert answer.status_code == 403
    assert not AutoRecharge.objects.get(wallet=wallet).enabled


def test_a_closed_account_is_read_only(stripe, browser, wallet):
    add_card(stripe, wallet)
    close(wallet.account)

    assert browser.get(PAYMENTS).status_code == 200
    assert browser.post(CONFIGURE, settings()).status_code == 403


# --- Auto-Recharge


def test_the_dialog_shows_the_saved_settings(browser, wallet):
    set_auto_recharge(wallet, enabled=False, threshold="12.5", amount=75)

    for answer in (browser.get(CONFIGURE), browser.get(CONFIGURE, headers=HTMX)):
        assert 'value="12.50"' in text_of(answer)
        assert 'value="75.00"' in text_of(answer)
        assert "Auto-Recharge is off. Nothing is charged." in text_of(answer)


def test_the_preview_of_a_fine_balance_charges_nothing(stripe, browser, wallet):
    add_card(stripe, wallet)

    text = text_of(browser.get(PREVIEW, settings()))

    assert "Each recharge buys up to 312 Premium or 555 Basic minutes." in text
    assert 'name="quoted_charge" value="0"' in text


def test_the_preview_below_the_threshold_names_the_charge(stripe, browser, wallet):
    add_card(stripe, wallet)

    text = text_of(browser.get(PREVIEW, settings(threshold="100", amount="30")))

    assert "Your balance ($50.00) is already below $100.00." in text
    assert "Visa •••• 4242 will be charged $60.00 now (2 × $30.00)." in text
    assert "Save and charge $60.00" in text
    assert "One recharge of $30.00 may not be enough" in text


def test_the_preview_of_a_charge_cut_by_a_limit_does_not_promise_the_threshold(
    stripe, browser, wallet
):
    add_card(stripe, wallet)

    asked = settings(threshold="100", amount="30", monthly_limit="50")
    text = text_of(browser.get(PREVIEW, asked))

    assert "Visa •••• 4242 will be charged $30.00 now." in text
    assert "Save and charge $30.00" in text
    assert "The balance then stays below the threshold" in text
    assert "until the balance is above the threshold" not in text


def test_saving_above_the_threshold_charges_nothing_and_closes_the_dialog(stripe, browser, wallet):
    add_card(stripe, wallet)

    asked = settings(monthly_limit="500", daily_ceiling="700")
    answer = browser.post(CONFIGURE, asked, headers=HTMX)

    assert answer.status_code == 204
    assert "dialog-close" in answer["HX-Trigger"]
    assert "Auto-Recharge saved." in answer["HX-Trigger"]
    automatic = AutoRecharge.objects.get(wallet=wallet)
    assert automatic.enabled
    assert automatic.monthly_limit.amount == 500
    assert automatic.daily_ceiling.amount == 700
    assert not Purchase.objects.exists()


def test_a_day_that_reached_its_ceiling_says_so_beside_the_button_that_raises_it(browser, wallet):
    set_auto_recharge(
        wallet,
        daily_ceiling=60,
        hold_reason="daily_ceiling",
        not_before=clock.now() + timedelta(hours=3),
    )

    page = text_of(browser.get("/payments/"))
    dialog = text_of(browser.get(CONFIGURE))

    assert "Today's automatic charges reached your daily ceiling." in page
    assert "Raise the ceiling" in page
    assert re.search(r"<details\s+class=\"more\"\s+open", dialog)


def test_without_javascript_saving_leads_back_to_the_page(stripe, browser, wallet):
    add_card(stripe, wallet)

    answer = browser.post(CONFIGURE, settings(), follow=True)

    assert answer.redirect_chain == [(PAYMENTS, 302)]
    assert "Auto-Recharge saved." in text_of(answer)


def test_saving_below_the_threshold_charges_what_the_dialog_named(stripe, browser, wallet):
    add_card(stripe, wallet)

    answer = browser.post(
        CONFIGURE, settings(threshold="100", quoted_charge="100.00"), headers=HTMX
    )

    assert "Payment received: $100.00." in text_of(answer)
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal(150)


def test_a_charge_the_page_did_not_name_is_shown_first(stripe, browser, wallet):
    add_card(stripe, wallet)

    answer = browser.post(CONFIGURE, settings(threshold="100"))

    text = text_of(answer)
    assert answer.status_code == 422
    assert "The charge is now $100.00. Check and save again." in text
    assert "Save and charge $100.00" in text
    assert not Purchase.objects.exists()
    assert not AutoRecharge.objects.get(wallet=wallet).enabled


def test_a_declined_first_charge_keeps_the_settings_and_offers_another_try(stripe, browser, wallet):
    add_card(stripe, wallet, DECLINED_CARD)

    answer = browser.post(CONFIGURE, settings(threshold="100", quoted_charge="100"), headers=HTMX)
    page = text_of(browser.get(PAYMENTS))

    assert "Settings saved, but" in text_of(answer)
    assert "You were not charged." in text_of(answer)
    assert AutoRecharge.objects.get(wallet=wallet).enabled
    assert "Retrying" in page
    assert "Try again" in page


def test_trying_again_charges_once_more(stripe, browser, wallet):
    add_card(stripe, wallet, DECLINED_CARD)
    browser.post(CONFIGURE, settings(threshold="100", quoted_charge="100"))

    browser.post(reverse("wallets:auto_recharge_retry"), {"quoted_charge": "100"})

    assert Purchase.objects.filter(state="declined").count() == 2


def test_trying_again_with_nothing_to_charge_says_so(stripe, browser, wallet):
    add_card(stripe, wallet)
    set_auto_recharge(wallet)

    answer = browser.post(reverse("wallets:auto_recharge_retry"), follow=True)

    assert "Your balance ($50.00) is not below $10.00." in text_of(answer)
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": ""}, "Enter an amount in dollars and cents, like 10.00"),
        ({"threshold": "0.50"}, "Minimum Threshold must be between $1.00 and $10,000.00"),
        ({"amount": "4"}, "Auto-Recharge Amount must be between $5.00 and $2,500.00"),
        ({"monthly_limit": "20"}, "Monthly limit must be at least the Auto-Recharge Amount"),
    ],
)
def test_settings_that_cannot_be_are_said_beside_the_field(
    stripe, browser, wallet, changes, message
):
    add_card(stripe, wallet)

    answer = browser.post(CONFIGURE, settings(**changes), headers=HTMX)

    assert answer.status_code == 422
    assert message in text_of(answer)
    assert 'aria-invalid="true"' in text_of(answer)
    assert not AutoRecharge.objects.get(wallet=wallet).enabled


def test_turning_it_on_without_a_card_is_refused(browser, wallet):
    answer = browser.post(CONFIGURE, settings())

    assert answer.status_code == 422
    assert "Add a payment method before turning this on." in text_of(answer)
    assert not AutoRecharge.objects.get(wallet=wallet).enabled


# --- payment methods


def test_adding_a_card_goes_to_stripes_page_and_comes_back_with_the_card(stripe, browser):
    away = browser.post(reverse("wallets:methods_add"))

    assert away.status_code == 302
    assert away["Location"].startswith(stripe.base_url)


@pytest.mark.usefixtures("stripe")
def test_returning_without_a_card_says_so(browser):
    answer = browser.get(
        reverse("wallets:methods_added"), {"session_id": "cs_test_nothing"}, follow=True
    )

    assert "No payment method was added." in text_of(answer)


def test_the_way_back_from_stripes_page_names_the_account_one_left(browser, wallet, monkeypatch):
    kept = {}
    monkeypatch.setattr(keeping, "start_adding", lambda **facts: kept.update(facts) or "/away/")

    browser.post(reverse("wallets:methods_add"))

    assert f"account={wallet.account_id}&session_id=" in kept["success_url"]


def test_returning_to_another_account_than_one_left_adds_nothing_there(browser):
    """Without asking Stripe: nobody answers in this test."""
    form = {"session_id": "cs_test_nothing", "account": "00000000-0000-0000-0000-000000000000"}

    answer = browser.get(reverse("wallets:methods_added"), form, follow=True)

    assert "What was saved is in the account you added it to." in text_of(answer)
    assert answer.redirect_chain == [(PAYMENTS, 302)]


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example", "payments"])
def test_the_way_back_is_one_of_our_pages(browser, next_page):
    text = text_of(browser.get(reverse("wallets:methods_add"), {"next": next_page}))

    assert "evil.example" not in text
    assert f'name="next" value="{PAYMENTS}"' in text


def test_another_card_becomes_the_default(stripe, browser, wallet):
    add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)

    browser.post(reverse("wallets:methods_default", args=[other.id]))

    wallet.refresh_from_db()
    assert wallet.default_payment_method == other.id


def test_a_backup_card_is_chosen_shown_and_given_up(stripe, browser, wallet):
    add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    set_auto_recharge(wallet)

    answer = browser.post(reverse("wallets:methods_backup", args=[other.id]), follow=True)

    wallet.refresh_from_db()
    assert wallet.backup_payment_method == other.id
    shown = text_of(answer)
    assert "Mastercard •••• 4444 is your backup card now." in shown
    assert '<span class="badge">Backup</span>' in shown
    configure = text_of(browser.get(reverse("wallets:auto_recharge")))
    assert "It is charged once when this card is declined." in configure
    assert "or your backup card once when it is declined," in configure

    browser.post(reverse("wallets:methods_backup", args=[other.id]), {"off": "1"})
    wallet.refresh_from_db()
    assert wallet.backup_payment_method == ""


def test_no_longer_backup_ends_the_card_it_was_pressed_for_and_no_other(stripe, browser, wallet):
    add_card(stripe, wallet)
    shown = add_card(stripe, wallet, OTHER_GOOD_CARD)
    backup.choose(account=wallet.account, card_id=shown.id)
    # In another tab.
    chosen = add_card(stripe, wallet, BANK_ASKS_CARD)
    backup.choose(account=wallet.account, card_id=chosen.id)

    off = reverse("wallets:methods_backup", args=[shown.id])
    answer = text_of(browser.post(off, {"off": "1"}, follow=True))

    wallet.refresh_from_db()
    assert wallet.backup_payment_method == chosen.id
    assert f"{chosen.label} is your backup card now, and stays." in answer


def test_the_default_card_is_refused_as_backup(stripe, browser, wallet):
    card = add_card(stripe, wallet)

    answer = browser.post(reverse("wallets:methods_backup", args=[card.id]), follow=True)

    assert "Visa •••• 4242 is your default card. Choose another one as backup." in text_of(answer)
    wallet.refresh_from_db()
    assert wallet.backup_payment_method == ""


def test_what_saving_charges_names_the_backup_card_first(stripe, browser, wallet):
    fill(wallet, credit="-42")
    add_card(stripe, wallet)
    backup.choose(account=wallet.account, card_id=add_card(stripe, wallet, OTHER_GOOD_CARD).id)

    shown = text_of(
        browser.get(
            reverse("wallets:auto_recharge_preview"),
            {"enabled": "on", "threshold": "10", "amount": "50"},
        )
    )

    assert "Visa •••• 4242 will be charged $50.00 now." in shown
    assert "If it is declined, your backup card Mastercard •••• 4444 is tried once." in shown


def test_while_the_backup_card_stands_in_payments_says_so_and_until_when(stripe, browser, wallet):
    fill(wallet, credit="-42")
    card = add_card(stripe, wallet)
    backup.choose(account=wallet.account, card_id=add_card(stripe, wallet, OTHER_GOOD_CARD).id)
    set_auto_recharge(wallet)
    stripe.set_card(card.id, behaviour={"decline_code": "insufficient_funds"})
    auto_recharge.run(wallet_id=wallet.pk)

    shown = text_of(browser.get(PAYMENTS))

    assert "Visa •••• 4242 was declined. Your backup card Mastercard •••• 4444 is charged" in shown
    assert "until Visa •••• 4242 is tried again" in shown


def test_a_card_in_use_is_not_removed_and_its_uses_are_named(stripe, browser, wallet):
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)

    answer = browser.post(reverse("wallets:methods_remove", args=[card.id]), headers=HTMX)

    assert answer.status_code == 409
    assert "Auto-Recharge uses it." in text_of(answer)
    assert "Visa •••• 4242" in text_of(browser.get(PAYMENTS))


def test_a_card_in_use_is_removed_once_its_uses_were_agreed_to(stripe, browser, wallet):
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    url = reverse("wallets:methods_remove", args=[card.id])

    asked = browser.get(url, headers=HTMX)
    answer = browser.post(url, {"agreed": "1"}, headers=HTMX)

    assert "It will be switched off, and calls stop when the balance runs out." in text_of(asked)
    assert answer.status_code == 204
    assert "No payment method yet." in text_of(browser.get(PAYMENTS))


def test_on_a_closed_account_a_card_can_go_and_auto_recharge_be_switched_off(
    stripe, browser, wallet
):
    card = add_card(stripe, wallet)
    closing.close(account=wallet.account)
    # As a worker of an older version may have left it.
    set_auto_recharge(wallet)

    page = browser.get(PAYMENTS)
    off = browser.post(reverse("wallets:auto_recharge_off"))
    gone = browser.post(reverse("wallets:methods_remove", args=[card.id]))

    assert "Switch off" in text_of(page)
    assert "Add payment method" not in text_of(page)
    assert (off.status_code, gone.status_code) == (302, 302)
    assert not AutoRecharge.objects.get(wallet=wallet).enabled
    assert "No payment method yet." in text_of(browser.get(PAYMENTS))
    assert browser.post(reverse("wallets:methods_add")).status_code == 403


def test_the_level_at_which_minutes_run_out_is_the_accounts_own(browser, wallet):
    url = reverse("wallets:low_minutes")

    browser.post(url, {"minutes": "200"})
    kept = AutoRecharge.objects.get(wallet=wallet).minutes_level
    page = text_of(browser.get(PAYMENTS))
    browser.post(url, {"minutes": "lots"})
    browser.post(url, {"minutes": "-1"})
    unchanged = AutoRecharge.objects.get(wallet=wallet).minutes_level
    browser.post(url, {"minutes": ""})

    assert (kept, unchanged) == (200, 200)
    assert 'value="200"' in page
    assert AutoRecharge.objects.get(wallet=wallet).minutes_level is None


def test_an_unused_card_is_removed(stripe, browser, wallet):
    card = add_card(stripe, wallet)

    asked = browser.get(reverse("wallets:methods_remove", args=[card.id]), headers=HTMX)
    answer = browser.post(reverse("wallets:methods_remove", args=[card.id]), headers=HTMX)

    assert "Past payments and receipts stay." in text_of(asked)
    assert answer.status_code == 204
    assert "No payment method yet." in text_of(browser.get(PAYMENTS))


def test_somebody_elses_card_is_not_found(stripe, browser):
    card = add_card(stripe, make_wallet())

    assert browser.post(reverse("wallets:methods_remove", args=[card.id])).status_code == 404


# --- transactions


def take(wallet, amount: str, key: str) -> None:
    ledger.post(
        movements=[
            Movement(
                wallet_id=wallet.pk,
                pot="credit",
                amount=Decimal(amount),
                kind=LedgerEntry.Kind.CALLS,
                key=key,
            )
        ]
    )


def test_transactions_show_what_moved_and_can_be_filtered(browser, wallet):
    take(wallet, "-4.32", "calls:1")

    everything = text_of(browser.get(TRANSACTIONS))
    calls = text_of(browser.get(TRANSACTIONS, {"type": "calls"}))

    assert "−$4.32" in everything
    assert "+$50.00" in everything
    assert "$45.68" in everything
    assert "−$4.32" in calls
    assert "+$50.00" not in calls


def test_a_filter_without_matches_says_so(browser):
    text = text_of(browser.get(TRANSACTIONS, {"type": "refunds"}))

    assert "No transactions match these filters." in text


SENSELESS = [
    ({"since": "yesterday"}, "“yesterday” is no day. Write it like 2026-11-22."),
    ({"since": "2026-13-01"}, "“2026-13-01” is no day."),
    ({"until": "2026-02-31"}, "“2026-02-31” is no day."),
    ({"since": "11/22/2026"}, "“11/22/2026” is no day."),
    ({"since": "20261122"}, "“20261122” is no day."),
    (
        {"since": "2026-11-02", "until": "2026-11-01"},
        "1 Nov 2026 is before 2 Nov 2026. Turn the days round.",
    ),
    ({"since": "2999-01-01"}, "1 Jan 2999 is still to come."),
    ({"type": "x"}, "Choose a type of the list."),
    ({"status": "'"}, "Choose a status of the list."),
]


@pytest.mark.parametrize(("query", "sentence"), SENSELESS)
def test_a_senseless_filter_is_refused_in_a_sentence_and_nothing_is_shown(browser, query, sentence):
    answer = browser.get(TRANSACTIONS, query)

    assert answer.status_code == 400
    assert sentence in text_of(answer)
    assert "+$50.00" not in text_of(answer)


def test_the_chart_is_of_days_it_knows(browser):
    answer = browser.get(PAYMENTS, {"days": "31"})

    assert answer.status_code == 400
    assert "The chart shows 7, 30 or 90 days." in text_of(answer)


def test_older_transactions_are_a_page_away(browser, wallet):
    for number in range(30):
        take(wallet, "-0.10", f"calls:{number}")

    first = browser.get(TRANSACTIONS)
    cursor = first.context["statement"].next_cursor
    older = browser.get(TRANSACTIONS, {"cursor": cursor})

    assert "Load older" in text_of(first)
    assert "+$50.00" not in text_of(first)
    assert "+$50.00" in text_of(older)
    assert "Load older" not in text_of(older)


def test_a_forged_cursor_is_told_and_filters_are_not_dropped_without_a_word(browser):
    answer = browser.get(TRANSACTIONS, {"cursor": "forged", "since": "2026-11-01"})

    assert answer.status_code == 400
    assert "This cursor is not one of ours." in text_of(answer)


@pytest.mark.parametrize(
    ("address", "query"),
    [
        (TRANSACTIONS, {"since": ["2026-11-01", "2026-11-10"]}),
        (PAYMENTS, {"days": ["7", "30"]}),
    ],
)
def test_what_is_asked_twice_is_refused(browser, address, query):
    answer = browser.get(address, query)

    assert answer.status_code == 400
    assert "is there 2 times. Send it once." in text_of(answer)


def test_the_export_has_the_same_rows_as_plain_figures(browser, wallet):
    take(wallet, "-4.32", "calls:1")

    answer = browser.get(reverse("wallets:transactions_csv"), {"type": "calls"})

    rows = list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))
    assert [(row["description"], Decimal(row["amount"]), row["unit"]) for row in rows] == [
        ("Calls", Decimal("-4.32"), "USD")
    ]
    assert answer["Content-Disposition"].startswith('attachment; filename="transactions-ada-')


def test_the_export_disarms_formulas_in_words(browser, wallet):
    adjustments.post(
        wallet_id=wallet.pk,
        pot="credit",
        amount=Decimal(1),
        note="Asked for",
        customer_note="=cmd()",
        actor=None,
        form_key="formula",
    )

    answer = browser.get(reverse("wallets:transactions_csv"))

    rows = list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))
    assert rows[0]["note"] == "'=cmd()"
