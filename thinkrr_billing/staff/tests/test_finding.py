"""Search, the timeline, the dashboard and the export: what staff see while the phone is ringing."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import clock
from accounts.models import JobRun, StaffAlert
from accounts.telling.notifications import alert_staff, notify
from accounts.tests.builders import (
    add_member,
    make_agency,
    make_individual,
    make_staff,
    make_sub_account,
)
from campaigns import calls
from campaigns.tests.builders import make_campaign, make_report
from tests.databases import as_owner
from thinkrr_billing.staff import dashboard, find, timeline
from thinkrr_billing.staff.groups import READ_ONLY
from thinkrr_billing.staff.tests.phone import press, staff_client, url
from wallets.models import (
    AdjustmentRequest,
    AutoAllocation,
    LedgerEntry,
    Purchase,
    Reversal,
    StripeEvent,
    Wallet,
)
from wallets.tests.worlds.builders import fill, make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import allocate, buy
from wallets.why import decisions
from wallets.why.codes import Autopause

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

FIND = reverse("admin:find")


@pytest.fixture
def wallet() -> Wallet:
    account = make_individual("Harbor Yoga Studio")
    account.stripe_customer = "cus_harbor"
    account.save()
    return make_wallet(credit="20", account=account)


def break_balance(wallet: Wallet) -> None:
    """With the triggers off: the database refuses it otherwise."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE wallets_wallet SET credit = credit + 1 WHERE id = %s", [wallet.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")


def titles(text: str) -> dict[str, list[str]]:
    found = find.find(text, user=make_staff(READ_ONLY))
    return {section.title: [hit.title for hit in section.hits] for section in found}


@pytest.mark.usefixtures("wallet")
@pytest.mark.parametrize("text", ["harbor", "yoga harb", "HARBOR YOGA STUDIO", "cus_harbor"])
def test_an_account_is_found_by_words_of_its_name_and_its_customer(text):
    assert titles(text) == {"Accounts": ["Harbor Yoga Studio"]}


@pytest.mark.usefixtures("wallet")
@pytest.mark.parametrize("text", ["garden", "arbor", "!!!", "' OR 1=1 --", "%", "\\"])
def test_what_nobody_is_called_finds_nothing(text):
    assert titles(text) == {}


def test_an_account_is_found_by_its_id_and_by_its_peoples_addresses(wallet):
    person = add_member(wallet.account)

    assert titles(str(wallet.account_id)) == {"Accounts": ["Harbor Yoga Studio"]}
    assert titles(person.email.upper()) == {"Accounts": ["Harbor Yoga Studio"]}


def test_the_last_four_digits_find_purchases(wallet):
    purchase = buy(wallet)
    digits = purchase.card[-4:]

    assert len(digits) == 4
    assert "Purchases with this card" in titles(digits)
    assert titles("0001") == {}


def test_stripes_ids_find_what_they_name(wallet):
    purchase = buy(wallet)
    Reversal.objects.create(
        purchase=purchase, kind="refund", amount_cents=100, reason="x", stripe_id="re_1"
    )
    StripeEvent.objects.create(event_id="evt_1", type="refund.updated", payload={})

    assert "Purchases" in titles(purchase.payment_intent)
    assert "Refunds and disputes" in titles("re_1")
    assert titles("evt_1") == {"Events": ["evt_1"]}
    assert "Purchases" in titles(str(purchase.pk))


def test_campaigns_are_found_by_name_and_id_and_calls_by_id(wallet):
    campaign = make_campaign(wallet.account, name="Class reminders", external_id="camp-77")
    calls.record(reports=[make_report(wallet.account, id="call-77")], reporter=None)

    assert titles("reminders") == {"Campaigns": [campaign.name]}
    assert titles("camp-77") == {"Campaigns": [campaign.name]}
    assert titles("call-77") == {"Calls": ["call-77"]}


def test_one_account_found_opens_at_once(wallet):
    answer = staff_client().get(FIND, {"q": "harbor"})

    assert answer.url == url("accounts.account", "change", wallet.account_id)


@pytest.mark.usefixtures("wallet")
@pytest.mark.parametrize("text", ["", "zebra", "4242", "%", "x" * 5000])
def test_the_search_page_answers_whatever_is_typed(text):
    assert staff_client().get(FIND, {"q": text}).status_code == 200


def test_the_timeline_tells_everything_newest_first(wallet):
    notify(account=wallet.account, kind="calls", text="Hello", mail=False)
    make_campaign(wallet.account)
    press(
        staff_client(),
        "accounts.account",
        "adjust",
        wallet.account_id,
        pot="credit",
        direction="add",
        amount="5",
    )
    buy(wallet)

    events = timeline.of(wallet.account).events

    assert [event.at for event in events] == sorted([e.at for e in events], reverse=True)
    assert {"ledger", "purchase", "notification", "change", "staff"} <= {e.kind for e in events}


def test_the_timeline_loses_nothing_between_its_pages(wallet):
    start = clock.now()
    for number in range(100):
        with clock.at(start + timedelta(seconds=number // 2)):
            fill(wallet, credit="1")

    seen, before = [], None
    while True:
        page = timeline.of(wallet.account, before=before, kind="ledger")
        seen += page.events
        before = page.older
        if before is None:
            break

    assert len(seen) == LedgerEntry.objects.filter(wallet=wallet).count() == 101


def test_the_timeline_shows_all_that_happened_at_one_moment(wallet):
    """More than a page of it: campaigns that were paused together."""
    earlier = clock.now() - timedelta(hours=1)
    with clock.at(earlier):
        decide(wallet, "before")
    decide(wallet, *map(str, range(3 * timeline.PAGE_SIZE)))

    page = timeline.of(wallet.account, kind="decision")
    older = timeline.of(wallet.account, before=page.older, kind="decision")

    assert len(page.events) == 3 * timeline.PAGE_SIZE
    assert [event.at for event in older.events] == [earlier]
    assert older.older is None


def decide(wallet, *campaigns: str) -> None:
    decisions.record_new(
        decisions.Entry(wallet_id=wallet.pk, code=Autopause.PAUSED, figures={}, about=campaign)
        for campaign in campaigns
    )


def test_the_account_page_proves_its_balances(wallet):
    page = url("accounts.account", "change", wallet.account_id)
    fine = staff_client().get(page).content.decode()
    break_balance(wallet)

    broken = " ".join(staff_client().get(page).content.decode().split())

    assert fine.count("as its entries add up") == 4
    assert "its entries add up to $20.00" in broken


def test_the_balance_of_very_many_entries_is_proven_by_its_newest(wallet, monkeypatch):
    monkeypatch.setattr("wallets.books.proof.SUMMED", 3)
    fill(wallet, premium=60)
    for _ in range(4):
        fill(wallet, credit="1")
    page = url("accounts.account", "change", wallet.account_id)
    fine = staff_client().get(page).content.decode()
    break_balance(wallet)

    broken = " ".join(staff_client().get(page).content.decode().split())

    assert (fine.count("as its newest entry leaves it"), fine.count("add up")) == (1, 3)
    assert "its newest entry leaves $24.00" in broken


def test_a_pot_of_many_entries_that_rests_says_who_proves_it(wallet, monkeypatch):
    monkeypatch.setattr("wallets.books.proof.SUMMED", 3)
    for _ in range(4):
        fill(wallet, premium=60)
    for _ in range(3):
        fill(wallet, credit="1")

    shown = staff_client().get(url("accounts.account", "change", wallet.account_id))

    assert "not moved lately; the books prove it every hour" in shown.content.decode()


@pytest.fixture
def troubles(wallet) -> dict[str, int]:
    """One of each that is wrong, or two, beside one that is not; how many the figures must say."""
    now = clock.now()
    fill(wallet, credit="-30")
    fine = make_wallet(credit="1")
    for ago in (timedelta(minutes=5), timedelta(minutes=1)):
        buy(make_wallet(), state="submitted", created_at=now - ago)
    for ago in (timedelta(hours=1), timedelta(hours=23), timedelta(hours=25)):
        buy(fine, state="declined", created_at=now - ago)
    buy(fine, quarantined_at=now, quarantine_reason="Another amount")
    Wallet.objects.filter(pk=fine.pk).update(blocked_at=now, blocked_reason="disputed")
    set_auto_recharge(fine, suspended_at=now, suspended_reason="payment_failed")
    set_auto_recharge(wallet)
    make_campaign(wallet.account, status="low_balance")
    make_campaign(wallet.account, external_id="by-hand", status="manual")
    make_campaign(wallet.account, external_id="runs")
    agency = make_wallet(account=make_agency())
    for number in range(3):
        sub = make_wallet(account=make_sub_account(f"Sub {number}", agency=agency.account))
        allocate(sub)
        facts = {"failed_at": now if number else None, "active": number != 2}
        AutoAllocation.objects.filter(account=sub.account).update(**facts)
    for number, marks in enumerate(({}, {"applied_at": now}, {"given_up_at": now})):
        StripeEvent.objects.create(event_id=f"evt_{number}", type="x", payload={}, **marks)
    asked = {
        "wallet": wallet,
        "pot": "credit",
        "amount": 500,
        "note": "x",
        "asked_by": make_staff(),
    }
    AdjustmentRequest.objects.create(form_key="a", **asked)
    AdjustmentRequest.objects.create(
        form_key="b", state="rejected", decided_at=now, decided_by=make_staff(), **asked
    )
    with as_owner():
        StaffAlert.objects.all().delete()
    alert_staff(kind="books", text="Look")
    alert_staff(kind="books", text="Looked at")
    StaffAlert.objects.filter(text="Looked at").update(closed_at=now)
    return {
        "Failed purchases, 24 h": 2,
        "Unknown outcome": 1,
        "In quarantine": 1,
        "Deeds to approve": 1,
        "Wallets below zero": 1,
        "Blocked wallets": 1,
        "Auto-Recharge suspended": 1,
        "Campaigns out of balance": 1,
        "Allocations failed": 1,
        "Events waiting": 1,
        "Events given up": 1,
        "Open alerts": 1,
    }


@pytest.mark.outside_of_cells("what is of no cell is a figure besides, in another place")
def test_each_figure_of_the_dashboard_leads_to_a_list_of_exactly_as_many_rows(troubles):
    client = staff_client()

    figures = {figure.title: figure for figure in dashboard.figures(now=clock.now())}

    counted = {title: int(figures[title].value) for title in figures if title != "Books"}
    listed = {
        title: client.get(figures[title].link).context["cl"].result_count for title in counted
    }
    assert counted == listed == troubles
    assert client.get(figures["Books"].link).status_code == 200


def test_the_dashboard_says_which_job_is_overdue_and_what_the_books_say():
    now = clock.now()
    JobRun.objects.create(name="wallets.tick", started_at=now, ended_at=now, ok=True)
    JobRun.objects.create(
        name="wallets.compare", started_at=now - timedelta(days=2), ended_at=now, ok=True
    )
    JobRun.objects.create(
        name="wallets.check_books", started_at=now, ended_at=now, ok=True, text="I1: wallet 3"
    )

    states = {job["name"]: job["state"] for job in dashboard.jobs(now=now)}
    books = next(figure for figure in dashboard.figures(now=now) if figure.title == "Books")

    assert states["Payments, every minute"] == "Done"
    assert states["Books with Stripe, every night"] == "Overdue"
    assert states["Campaigns, every minute"] == "Has not run"
    assert (books.value, books.bad) == ("Broken", True)


def test_days_without_a_purchase_are_shown_as_well(wallet):
    buy(wallet)

    days = dashboard.by_day(now=clock.now())

    assert len(days) == dashboard.DAYS
    assert sum(day.paid for day in days) == Purchase.objects.filter(state="succeeded").count() == 1


def test_a_list_is_exported_as_filtered_and_no_text_becomes_a_formula():
    make_wallet(account=make_individual("=HYPERLINK(1)"))
    make_wallet(account=make_individual("Plain"))

    everything = b"".join(
        staff_client().get(url("accounts.account", "export")).streaming_content
    ).decode()
    some = b"".join(
        staff_client().get(url("accounts.account", "export"), {"q": "plain"}).streaming_content
    ).decode()

    assert "'=HYPERLINK(1)" in everything
    assert everything.startswith("name,kind,agency,status,time zone,created at")
    assert "Plain" in some
    assert "HYPERLINK" not in some


def test_negative_amounts_are_exported_as_numbers(wallet):
    fill(wallet, credit="-3.5")

    rows = b"".join(
        staff_client()
        .get(url("wallets.ledgerentry", "export"), {"wallet__id__exact": wallet.pk})
        .streaming_content
    ).decode()

    assert ",-3.500000," in rows


def test_lists_show_their_rows_when_nothing_is_searched_for(wallet):
    make_campaign(wallet.account)
    calls.record(reports=[make_report(wallet.account)], reporter=None)
    client = staff_client()

    for page in ("accounts.account", "campaigns.campaign", "campaigns.call", "wallets.wallet"):
        assert client.get(url(page, "changelist")).context["cl"].result_count == 1, page


@pytest.mark.usefixtures("wallet")
@pytest.mark.parametrize("page", ["accounts.account", "wallets.purchase", "campaigns.campaign"])
def test_a_list_never_counts_the_whole_table(page):
    client = staff_client()

    with CaptureQueriesContext(connection) as asked:
        client.get(url(page, "changelist"))

    counts = [one["sql"] for one in asked.captured_queries if "COUNT(" in one["sql"]]
    assert counts
    assert all("LIMIT 1001" in one for one in counts)


@pytest.mark.parametrize(
    ("page", "query", "found"),
    [
        ("wallets.wallet", {"credit_from": "20", "credit_to": "20"}, [20]),
        ("wallets.wallet", {"credit_from": "1", "credit_to": "4.99"}, [2]),
        ("wallets.wallet", {"credit_to": "-0.01"}, [-3]),
        ("wallets.purchase", {"amount_cents_from": "10.00", "amount_cents_to": "10.00"}, [1000]),
        ("wallets.purchase", {"amount_cents_from": "10.01"}, [2500]),
        ("wallets.purchase", {"created_at_from": "2026-11-20"}, [2500]),
        ("wallets.purchase", {"created_at_to": "2026-11-19"}, [1000]),
        ("wallets.ledgerentry", {"amount_from": "9", "amount_to": "11"}, [10]),
        ("wallets.ledgerentry", {"amount_to": "-1"}, [-3]),
        ("wallets.ledgerentry", {"created_at_to": "2026-11-19"}, [10]),
    ],
)
def test_lists_are_filtered_by_balance_amount_and_days_on_the_page_and_as_csv(page, query, found):
    with clock.at(datetime(2026, 11, 19, 23, 59, tzinfo=UTC)):
        buy(make_wallet(), cents=1000)
    with clock.at(datetime(2026, 11, 20, tzinfo=UTC)):
        buy(make_wallet(), cents=2500)
    with clock.at(datetime(2026, 11, 21, tzinfo=UTC)):
        make_wallet(credit="20")
        make_wallet(credit="2")
        make_wallet(credit="-3")
    named = {"wallets.wallet": "credit", "wallets.purchase": "amount_cents"}.get(page, "amount")

    rows = staff_client().get(url(page, "changelist"), query).context["cl"].result_list
    lines = staff_client().get(url(page, "export"), query).streaming_content

    amounts = [getattr(row, named) for row in rows]
    assert [float(getattr(one, "amount", one)) for one in amounts] == found
    assert b"".join(lines).count(b"\r\n") == 1 + len(found)


@pytest.mark.parametrize(
    ("page", "query", "sentence"),
    [
        ("wallets.wallet", {"credit_from": "nan"}, "“nan” is no amount."),
        ("wallets.wallet", {"credit_from": "x"}, "“x” is no amount."),
        ("wallets.wallet", {"credit_from": "5", "credit_to": "4"}, "Turn them round."),
        ("wallets.purchase", {"created_at_from": "x"}, "“x” is no day."),
        ("wallets.purchase", {"created_at_from": "2026-13-01"}, "“2026-13-01” is no day."),
        (
            "wallets.purchase",
            {"created_at_from": "2026-11-02", "created_at_to": "2026-11-01"},
            "The last day is before the first.",
        ),
    ],
)
@pytest.mark.parametrize("name", ["changelist", "export"])
def test_a_range_that_makes_no_sense_is_refused_on_the_page_and_as_csv(page, query, sentence, name):
    answer = staff_client().get(url(page, name), query)

    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert "Content-Disposition" not in answer


def test_what_is_no_moment_of_the_timeline_is_refused(wallet):
    answer = staff_client().get(
        url("accounts.account", "change", wallet.account_id), {"before": "2026-13-01"}
    )

    assert answer.status_code == 400
    assert "This is no moment of the timeline." in answer.content.decode()


def test_the_amounts_of_calls_are_not_looked_for(wallet):
    calls.record(reports=[make_report(wallet.account, seconds=60)], reporter=None)

    shown = staff_client().get(url("wallets.ledgerentry", "changelist"), {"amount_to": "0"})

    assert list(shown.context["cl"].result_list) == []


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("wallets.purchase", "payment_intent"),
        ("wallets.purchase", "pk"),
        ("wallets.purchase", "receipt_number"),
    ],
)
def test_a_purchase_is_found_in_its_list_by_intent_id_and_receipt(wallet, page, text):
    wanted = buy(wallet, receipt_number=4711)
    buy(wallet)

    shown = staff_client().get(url(page, "changelist"), {"q": f" {getattr(wanted, text)} "})

    assert list(shown.context["cl"].result_list) == [wanted]


def test_a_refund_is_found_in_its_list_by_account_id_stripe_and_purchase(wallet):
    refund = Reversal.objects.create(
        purchase=buy(wallet), kind="refund", amount_cents=100, reason="x", stripe_id="re_1"
    )
    client, page = staff_client(), url("wallets.reversal", "changelist")

    for text in ("harbor", "re_1", str(refund.pk), str(refund.purchase_id)):
        shown = client.get(page, {"q": text}).context["cl"].result_list
        assert list(shown) == [refund], text
    for text in ("garden", "re_2", "9" * 30):
        assert list(client.get(page, {"q": text}).context["cl"].result_list) == [], text


@pytest.mark.outside_of_cells("search asks in each cell")
@pytest.mark.django_db
def test_the_digits_of_cards_are_looked_up_by_their_index():
    reader = make_staff(READ_ONLY)
    with CaptureQueriesContext(connection) as asked:
        find.find("4242", user=reader)

    [by_digits] = [one["sql"] for one in asked.captured_queries if "last4" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {by_digits}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "wallets_cards_by_last_four" in plan


@pytest.mark.outside_of_cells("the names of cells are asked for besides")
def test_the_account_page_asks_the_database_as_often_however_much_happened(wallet):
    client, page = staff_client(), url("accounts.account", "change", wallet.account_id)
    client.get(page)
    asked = []
    for turn in range(2):
        with CaptureQueriesContext(connection) as statements:
            client.get(page)
        asked.append(len(statements))
        for number in range(5):
            buy(wallet)
            make_campaign(wallet.account, external_id=f"camp-{turn}-{number}")

    # With all that is asked in the first minute of a call.
    assert asked[0] == asked[1] <= 45


def test_no_list_offers_counts_of_its_filters_or_makes_them_when_asked():
    client = staff_client()
    page = url("wallets.purchase", "changelist")

    shown = client.get(page).content.decode()
    with CaptureQueriesContext(connection) as asked:
        client.get(page, {"_facets": "True"})

    assert "Show counts" not in shown
    assert all(
        registered.show_facets.name == "NEVER" for registered in admin.site._registry.values()
    )
    counts = [one["sql"] for one in asked.captured_queries if "COUNT(" in one["sql"]]
    assert all("LIMIT 1001" in one for one in counts)


def test_the_dashboard_does_without_a_cache_that_is_down(no_cache):
    answer = staff_client().get(reverse("admin:index"))

    assert answer.status_code == 200
    assert "not read from the cache error=ConnectionError" in no_cache.text


def test_a_receipt_and_a_credit_note_are_found_by_their_numbers(wallet):
    purchase = buy(wallet, receipt_number=77_001)
    reversal = Reversal.objects.create(
        purchase=purchase, kind="refund", amount_cents=100, reason="x", state="succeeded"
    )
    reversal.refresh_from_db()
    note = reversal.credit_note_number

    for text in ("77001", "#77001", "No. 77001", "77,001", "77 001", "(77001)"):
        assert list(titles(text)) == ["Receipts"], text
    for text in ("receipt 77001", "RECEIPT no.\u00a077001", "R–77001", "receipt-77001.pdf"):
        assert list(titles(text)) == ["Receipts"], text
    for text in (f"CN-{note}", f"cn {note}", f"CN–{note}", f"CN\u2011{note}", f"cn# {note}"):
        assert list(titles(text)) == ["Credit notes"], text
    for text in (
        f"credit note {note}",
        f"Credit note number CN-{note}",
        f"credit-note-CN-{note}.pdf",
    ):
        assert list(titles(text)) == ["Credit notes"], text
    assert titles("77002") == {}


@pytest.mark.parametrize("name", ["24 Fitness", "555 1234", "5 2026", "1 Stop. Shop"])
def test_a_name_that_begins_with_a_number_is_no_payment(name):
    """The search said that Fitness is no day."""
    make_individual(name)

    assert list(titles(name)) == ["Accounts"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$37.50 2026-11-20", True),
        ("37.50 on 20 Nov 2026", True),
        ("$37.50 November 20, 2026", True),
        ("$37.50", True),
        ("USD 37.50, Fri 20 Nov 2026", True),
        ("37,50 USD 20.11.2026", True),
        ("37.5 11/20/2026", True),
        ("37.5 20/11/2026", True),
        ("$37.50 2026-11-21", False),
        ("$37.51 2026-11-20", False),
    ],
)
def test_a_payment_is_found_by_amount_and_the_customers_day(text, found):
    account = make_individual("Harbor Yoga Studio", timezone="America/New_York")
    # Still the 20th in New York.
    with clock.at(datetime(2026, 11, 21, 3, 30, tzinfo=UTC)):
        buy(make_wallet(account=account), cents=3750)

    hits = find.find(text, user=make_staff())

    assert [hit.title for section in hits for hit in section.hits] == ["Recharge $37.50"] * found
    if found:
        assert "20 Nov 2026, 22:30 EST (21 Nov 2026, 03:30 UTC)" in hits[0].hits[0].text


def test_a_day_that_is_none_is_told():
    staff = staff_client()

    answer = staff.get(FIND, {"q": "$37.50 2026-13-01"})

    assert answer.status_code == 400
    assert "“2026-13-01” is no day. Write it like 2026-11-22" in answer.content.decode()


def test_a_charge_is_read_as_one_line_that_a_button_copies(wallet):
    staff = staff_client()
    with clock.at(datetime(2026, 11, 20, 15, 0, tzinfo=UTC)):
        purchase = buy(wallet, receipt_number=77_001)

    page = staff.get(url("wallets.purchase", "change", purchase.pk)).content.decode()

    assert "Charged $50.00 to Visa •••• 4242 because somebody of the account recharged" in page
    assert 'data-copy="Charged $50.00 to Visa' in page
    assert "ui/copy" in page
