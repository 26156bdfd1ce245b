"""The decision log: what Auto-Recharge and allocation decided, in sentences, repeats collapsed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from accounts import clock
from accounts.tests.builders import make_agency, make_sub_account, owner_of
from wallets import limits
from wallets.allocations import configure, runs
from wallets.models import LoggedDecision, Wallet
from wallets.recharges import auto_recharge
from wallets.tests.worlds.builders import (
    DECLINED_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)
from wallets.why import decisions, sentences
from wallets.why.codes import Autopause, Recharge
from wallets.why.decisions import Entry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AUTO = decisions.Subject.AUTO_RECHARGE


@pytest.fixture
def wallet():
    return make_wallet(credit="8.20")


def log(wallet):
    """Codes and sentences in the order they were decided, moments in UTC."""
    rows = LoggedDecision.objects.filter(wallet=wallet).order_by("first_at", "pk")
    return [(row.code, said(row)) for row in rows]


def said(row, zone="UTC"):
    return str(sentences.sentence(decision=row, zone=ZoneInfo(zone)))


def entry(wallet, code="declined", **figures):
    return Entry(wallet_id=wallet.pk, code=Recharge.of(code), figures=figures)


def test_a_charge_is_explained_from_the_decision_to_the_payment(stripe, wallet):
    add_card(stripe, wallet)
    set_auto_recharge(wallet)

    auto_recharge.run(wallet_id=wallet.pk)

    assert log(wallet) == [
        ("charge", "Auto-Recharge charges $50.00: the balance of $8.20 is below $10.00."),
        ("paid", "Visa •••• 4242 was charged $50.00. The balance is $58.20."),
    ]


def test_a_decline_says_why_and_when_it_is_tried_again(stripe, wallet):
    add_card(stripe, wallet, DECLINED_CARD)
    set_auto_recharge(wallet)

    with clock.at(NOON):
        auto_recharge.run(wallet_id=wallet.pk)
        again = auto_recharge.run(wallet_id=wallet.pk)

    (_, failed), (_, waits) = log(wallet)[1:]
    assert again.code == "declined"
    assert failed.startswith("The charge of $50.00 failed: Visa •••• 0341 was declined.")
    at = '<time datetime="2026-11-22T13:00:00+00:00">13:00</time>'
    assert failed.endswith(f"It tries again at {at}.")
    assert waits == (
        f"Auto-Recharge did not charge: the last charge failed; it tries again at {at}. "
        "Balance $8.20, threshold $10.00."
    )


def test_a_suspension_and_what_lifts_it_are_written_down(stripe, wallet):
    add_card(stripe, wallet)
    stripe.set_card(wallet.default_payment_method, behaviour={"decline_code": "lost_card"})
    set_auto_recharge(wallet)

    auto_recharge.run(wallet_id=wallet.pk)
    auto_recharge.run(wallet_id=wallet.pk)

    codes = [code for code, _ in log(wallet)]
    assert codes == ["charge", "failed_for_good", "now_suspended", "suspended"]
    assert log(wallet)[-1][1] == (
        "Auto-Recharge did not charge: it is suspended (payment failed). "
        "Balance $8.20, threshold $10.00."
    )


def test_a_fine_balance_is_only_said_after_something_else(stripe, wallet):
    add_card(stripe, wallet, DECLINED_CARD)
    set_auto_recharge(wallet, threshold="5")
    auto_recharge.run(wallet_id=wallet.pk)
    silent = log(wallet)

    set_auto_recharge(wallet, threshold="10")
    auto_recharge.run(wallet_id=wallet.pk)
    set_auto_recharge(wallet, threshold="5")
    auto_recharge.run(wallet_id=wallet.pk)
    auto_recharge.run(wallet_id=wallet.pk)

    assert silent == []
    assert [code for code, _ in log(wallet)] == ["charge", "failed", "balance_fine"]
    assert log(wallet)[-1][1] == (
        "Auto-Recharge did not charge: the balance of $8.20 is not below $5.00."
    )


def test_repeats_are_counted_once_a_minute_and_not_written_again(wallet, django_assert_num_queries):
    until = NOON + timedelta(hours=1)
    with clock.at(NOON):
        decisions.record(entry(wallet, credit=Decimal("8.20"), until=until))
    with clock.at(NOON + timedelta(seconds=59)), django_assert_num_queries(1):
        decisions.record(entry(wallet, credit=Decimal("8.10"), until=until))
    with clock.at(NOON + timedelta(minutes=5)):
        decisions.record(entry(wallet, credit=Decimal("7.00"), until=until))

    (row,) = LoggedDecision.objects.filter(wallet=wallet)
    assert (row.times, row.first_at, row.last_at) == (2, NOON, NOON + timedelta(minutes=5))
    assert row.figures == {"credit": "7.00", "until": until.isoformat()}


def test_another_figure_that_matters_is_another_decision(wallet):
    decisions.record(entry(wallet, threshold=Decimal(10), credit=Decimal(8)))
    decisions.record(entry(wallet, threshold=Decimal(20), credit=Decimal(8)))

    assert LoggedDecision.objects.filter(wallet=wallet).count() == 2


def test_a_state_that_comes_back_is_a_new_decision(wallet):
    for code in ("declined", "purchase_pending", "declined"):
        decisions.record(entry(wallet, code))

    assert [code for code, _ in log(wallet)] == ["declined", "purchase_pending", "declined"]


def test_names_and_errors_are_escaped(wallet):
    decisions.record(entry(wallet, "failed_for_good", charge=Decimal(50), error="<b>no</b>"))

    assert "&lt;b&gt;no&lt;/b&gt;" in log(wallet)[0][1]


def test_a_figure_or_code_that_is_unknown_is_still_readable(wallet):
    decisions.record(entry(wallet, "declined"))
    LoggedDecision.objects.create(
        wallet=wallet,
        subject=AUTO,
        code="of_a_later_version",
        first_at=clock.now(),
        last_at=clock.now(),
    )

    (_, without), (_, unknown) = log(wallet)
    assert without.endswith("Balance –, threshold –.")
    assert unknown == "Decided: of_a_later_version."


def test_moments_are_the_readers(wallet):
    with clock.at(NOON):
        decisions.record(entry(wallet, "cooldown", until=NOON + timedelta(hours=14)))

    row = LoggedDecision.objects.get(wallet=wallet)
    assert "it looks again on <time" in said(row)
    assert ">23 Nov, 02:00</time>" in said(row)
    assert "at <time" in said(row, "America/New_York")
    assert ">21:00</time>" in said(row, "America/New_York")


def test_old_decisions_are_deleted_and_recent_ones_kept(wallet):
    with clock.at(NOON - limits.DECISIONS_KEPT - timedelta(seconds=1)):
        decisions.record(entry(wallet, "declined"))
    with clock.at(NOON - limits.DECISIONS_KEPT + timedelta(seconds=1)):
        decisions.record(entry(wallet, "blocked"))

    with clock.at(NOON):
        deleted = decisions.delete_old()

    assert deleted == 1
    assert [code for code, _ in log(wallet)] == ["blocked"]


# --- Monthly allocation


@pytest.fixture
def family(stripe):
    agency = make_agency(name="Brightline Agency")
    child = make_sub_account(agency=agency, name="Northside Dental")
    payer = make_wallet(account=agency)
    return payer, make_wallet(account=child), stripe


def allocate(payer, child, card):
    configure.save(
        account=child.account,
        agency=payer.account,
        actor=owner_of(payer.account),
        basic_minutes=500,
        premium_minutes=0,
        payment_method=card.id,
    )
    return runs.charge_due(now=clock.now())


def test_the_agency_reads_the_charge_and_its_sub_account_only_the_minutes(family):
    payer, child, stripe = family

    allocate(payer, child, add_card(stripe, payer))

    assert [said for _, said in log(payer)] == [
        "$45.00 for 500 Basic minutes a month became due for Northside Dental.",
        "Visa •••• 4242 was charged $45.00, and Northside Dental got 500 Basic minutes.",
    ]
    assert log(child) == [("received", "500 Basic minutes arrived from Brightline Agency.")]


def test_a_failed_month_is_only_in_the_agencys_log(family):
    payer, child, stripe = family
    card = add_card(stripe, payer, DECLINED_CARD)

    with clock.at(NOON):
        allocate(payer, child, card)

    code, sentence = log(payer)[-1]
    assert code == "failed"
    assert sentence.startswith("The $45.00 for Northside Dental, due 22 Nov 2026, was not paid: ")
    assert sentence.endswith("13:00</time>.")
    assert log(child) == []


def test_stopping_says_who_did_it(family):
    payer, child, stripe = family
    allocate(payer, child, add_card(stripe, payer))

    configure.stop(account=child.account, agency=payer.account, actor=owner_of(payer.account))

    boss = owner_of(payer.account)
    expected = f"The monthly allocation of Northside Dental was stopped by {boss}."
    assert log(payer)[-1] == ("stopped", expected)


# --- Pages


def get(client, wallet, url, **query):
    client.force_login(owner_of(wallet.account))
    return client.get(url, query).content.decode()


def test_payments_explains_the_latest_decisions(client, wallet):
    for code in ("closed", "declined", "no_card", "cooldown"):
        decisions.record(entry(wallet, code, credit=Decimal("8.20"), threshold=Decimal(10)))

    shown = get(client, wallet, reverse("wallets:payments"))

    assert "Auto-Recharge did not charge: a recharge was just paid" in shown
    # Three of them; the rest is behind See all.
    assert "Auto-Recharge did not charge: the account is closed." not in shown
    assert reverse("wallets:why") in shown


def test_all_decisions_come_in_pages_and_by_subject(client, wallet):
    for number in range(30):
        decisions.record(
            Entry(
                wallet_id=wallet.pk,
                code=Recharge.FAILED,
                figures={"error": f"#{number:02}."},
            )
        )
    decisions.record(Entry(wallet_id=wallet.pk, code=Autopause.BY_HAND, name="Recall", about="r"))
    url = reverse("wallets:why")

    first = get(client, wallet, url)
    campaigns = get(client, wallet, url, about="autopause")
    next_page = first.split('href="?about=&amp;cursor=')[1].split('"')[0]
    second = client.get(f"{url}?cursor={next_page}").content.decode()

    assert "Recall was paused by" in first
    assert "#29." in first
    assert "#05." not in first
    assert "#05." in second
    assert "#29." not in second
    assert "Recall" in campaigns
    assert "#29." not in campaigns


def test_a_foreign_cursor_leads_to_the_first_page(client, wallet):
    client.force_login(owner_of(wallet.account))

    answer = client.get(reverse("wallets:why"), {"cursor": "mine"})

    assert (answer.status_code, answer["Location"]) == (302, reverse("wallets:why"))


def test_a_log_is_only_its_own_accounts(client, wallet):
    other = make_wallet(credit="1")
    decisions.record(entry(other, "closed"))

    assert "account is closed" not in get(client, wallet, reverse("wallets:why"))


def test_the_agency_sees_what_was_decided_about_a_sub_accounts_month(client, family):
    payer, child, stripe = family
    allocate(payer, child, add_card(stripe, payer))
    set_auto_recharge(child)
    decisions.record(entry(child, "closed"))

    url = reverse("wallets:account_manager_account", args=[child.account.pk])
    agency_sees = get(client, payer, url)
    sub_account_sees = get(client, child, reverse("wallets:why"))

    assert "was charged $45.00, and Northside Dental got 500 Basic minutes." in agency_sees
    # The sub-account's own log is its own.
    assert "account is closed" not in agency_sees
    assert "500 Basic minutes arrived from Brightline Agency." in sub_account_sees
    assert "$45.00" not in sub_account_sees
    assert "Visa" not in sub_account_sees
    assert "•••• 4242" not in sub_account_sees


def test_balances_never_depend_on_the_log(stripe, wallet):
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    auto_recharge.run(wallet_id=wallet.pk)
    LoggedDecision.objects.all().delete()

    fill(wallet, credit="-55")
    with clock.at(clock.now() + timedelta(minutes=2)):
        auto_recharge.run(wallet_id=wallet.pk)

    assert Wallet.objects.get(pk=wallet.pk).credit.amount == Decimal("53.20")
