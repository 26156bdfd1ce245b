"""All sub-accounts of an agency at once: their facts, filters, sorting and sums."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.models import Account, Invitation
from accounts.people import opening
from accounts.tests.builders import close, make_agency, make_sub_account, owner_of
from campaigns import calls
from campaigns.tests.builders import make_campaign, make_report
from wallets.agencies import listing as of_agencies
from wallets.agencies.listing import Asked
from wallets.allocations import asks, configure
from wallets.balances.opening import open_wallet
from wallets.forecasts import runway
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.prices.rates import rates_now, set_rate
from wallets.tests.worlds.builders import DECLINED_CARD, add_card, make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import allocate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock():
    with clock.at(NOW):
        yield


@pytest.fixture
def agency() -> Account:
    return make_agency()


def sub(agency, name, **pots) -> Wallet:
    return make_wallet(account=make_sub_account(name, agency=agency), **pots)


def call(wallet, *, seconds, ago=timedelta(hours=1), minute_type="premium"):
    with clock.at(NOW - ago):
        campaign = make_campaign(wallet.account, minute_type=minute_type)
        report = make_report(wallet.account, campaign=campaign, seconds=seconds)
        calls.record(reports=[report], reporter=None)


def show(agency, **asked):
    return of_agencies.listing(agency=agency, asked=Asked(**asked))


def names(agency, **asked) -> list[str]:
    return [row.client.name for row in show(agency, **asked).rows]


def only(agency):
    [row] = show(agency).rows
    return row


def test_a_row_says_what_is_left_used_and_paused(agency):
    wallet = sub(agency, "Northside Dental", credit="50", premium=3600, basic=600)
    call(wallet, seconds=1200)
    call(wallet, seconds=60, ago=timedelta(days=30))
    make_campaign(wallet.account, status="low_balance")
    make_campaign(wallet.account, status="manual")

    row = only(agency)

    one = row.client
    assert (one.credit.amount, one.premium_seconds, one.basic_seconds) == (50, 2340, 600)
    assert one.used_seconds == 1200
    assert one.paused == 1
    assert row.need.text == "1 campaign paused"


def test_the_runway_is_the_one_that_payments_shows(agency):
    wallet = sub(agency, "Northside Dental", credit="5", premium=600)
    call(wallet, seconds=540, ago=timedelta(days=2))
    call(wallet, seconds=300, ago=timedelta(days=1), minute_type="basic")
    wallet.refresh_from_db()

    row = only(agency)

    shown = runway.runway(
        wallet=wallet, automatic=AutoRecharge.objects.get(wallet=wallet), rates=rates_now()
    )
    assert row.client.days == min(one.days for one in shown.types if one.days is not None)
    assert row.client.days > 0


def test_the_runway_follows_at_once_a_campaign_that_stops_and_goes_on(agency):
    wallet = sub(agency, "Northside Dental", credit="50")
    call(wallet, seconds=540, ago=timedelta(days=2))
    days = only(agency).client.days

    campaigns = wallet.account.campaigns.all()
    campaigns.update(status="paused", pause_reason="low_balance", paused_at=NOW)
    stopped = only(agency).client.days
    campaigns.update(status="started", pause_reason="", paused_at=None)

    assert stopped is None
    assert only(agency).client.days == days > 0


def test_spending_of_this_month_and_the_charges_of_the_next_are_the_agencys(stripe, agency):
    card = add_card(stripe, open_wallet(account=agency))
    agency.refresh_from_db()
    dental = sub(agency, "Northside Dental")
    allocate(dental, basic=500, cents=4500)
    with clock.at(NOW - timedelta(days=30)):
        Purchase.objects.create(
            payer=agency,
            wallet=dental,
            purpose="allocation",
            buys="allocation",
            amount_cents=9900,
            basic_rate="0.09",
            premium_rate="0.16",
            form_key="before",
            state="succeeded",
            payment_intent="pi_before",
            receipt_number=99,
            closed_at=NOW - timedelta(days=30),
        )
    configure.save(
        account=sub(agency, "Westside Law").account,
        agency=agency,
        actor=None,
        basic_minutes=0,
        premium_minutes=100,
        payment_method=card.id,
        start_date=NOW.date() + timedelta(days=3),
    )
    set_rate(
        minute_type="premium",
        price=Decimal("0.20"),
        effective_from=datetime(2026, 12, 20, tzinfo=UTC),
        actor=None,
    )

    found = {row.client.name: row.client for row in show(agency).rows}

    assert found["Northside Dental"].spent == Decimal("45.00")
    assert found["Westside Law"].next_month == Decimal("20.00")
    assert show(agency).totals.spent == Decimal("45.00")
    assert show(agency).totals.next_month == Decimal("65.00")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "Auto-Recharge has no card"),
        (
            {"suspended_at": NOW, "suspended_reason": "payment_failed"},
            "Auto-Recharge stopped: Payment failed",
        ),
        (
            {"hold_reason": "declined", "not_before": NOW + timedelta(hours=1)},
            "Auto-Recharge was declined, and is tried again",
        ),
    ],
)
def test_trouble_of_its_own_card_is_told_without_the_card(agency, change, text):
    set_auto_recharge(sub(agency, "Northside Dental", credit="50"), **change)

    assert only(agency).need.text == text


def test_a_card_that_has_expired_is_told_and_a_good_one_is_not(stripe, agency):
    good, old = (sub(agency, name, credit="50") for name in ("Good", "Old"))
    for wallet, facts in ((good, {}), (old, {"exp_month": 10, "exp_year": 2026})):
        add_card(stripe, wallet, **facts)
        set_auto_recharge(wallet)

    assert names(agency, status="card_trouble") == ["Old"]
    assert show(agency).rows[0].need.text == "The card of Auto-Recharge has expired"


def test_a_failed_month_is_card_trouble_of_the_agency(stripe, agency):
    card = add_card(stripe, open_wallet(account=agency), DECLINED_CARD)
    agency.refresh_from_db()
    account = sub(agency, "Northside Dental").account
    allocation = configure.save(
        account=account,
        agency=agency,
        actor=None,
        basic_minutes=100,
        premium_minutes=0,
        payment_method=card.id,
    )
    configure.charge_now(allocation=allocation, actor=None)

    assert names(agency, status="card_trouble") == ["Northside Dental"]
    assert only(agency).need.text == "monthly allocation was declined, and is tried again"


def test_the_filters_of_the_address_choose_and_the_counts_tell_how_many(agency):
    paused = sub(agency, "Paused")
    make_campaign(paused.account, status="low_balance")
    sub(agency, "Calm", credit="100")
    close(sub(agency, "Closed").account)
    Account.objects.filter(pk=sub(agency, "Archived").account_id).update(archived_at=NOW)
    asks.ask(
        account=sub(agency, "Asks").account,
        actor=owner_of(Account.objects.get(name="Asks")),
        basic_minutes=1,
        premium_minutes=0,
    )

    assert names(agency) == ["Paused", "Asks", "Calm", "Closed"]
    assert names(agency, status="at_risk") == ["Paused", "Asks"]
    assert names(agency, status="paused") == ["Paused"]
    assert names(agency, status="asks") == ["Asks"]
    assert names(agency, status="closed") == ["Closed"]
    assert names(agency, status="archived") == ["Archived"]
    assert names(agency, status="no such filter") == names(agency)
    assert names(agency, search="CAL") == ["Calm"]
    counts = show(agency).counts
    assert {name: counts[name] for name in ("all", "at_risk", "closed", "archived")} == {
        "all": 4,
        "at_risk": 2,
        "closed": 1,
        "archived": 1,
    }


def test_the_address_sorts(agency):
    for name, credit in (("b", "5"), ("A", "50"), ("c", "1")):
        sub(agency, name, credit=credit)
    call(Wallet.objects.get(account__name="A"), seconds=3000)

    assert names(agency, sort="name") == ["A", "b", "c"]
    assert names(agency, sort="balance") == ["c", "b", "A"]
    assert names(agency, sort="-balance") == ["A", "b", "c"]
    assert names(agency, sort="-used") == ["A", "b", "c"]
    assert names(agency, sort="runway") == ["A", "b", "c"]


def test_an_invitation_that_expired_or_is_missing_needs_the_agency(agency):
    for name in ("Invited", "Expired", "Nobody"):
        opening.add_sub_account(agency=agency, name=name, owner_email=f"{name}@example.com")
    Invitation.objects.filter(account__name="Expired").update(expires_at=NOW)
    Invitation.objects.filter(account__name="Nobody").delete()

    found = {row.client.name: row.need.text for row in show(agency).rows}

    assert found == {
        "Invited": "",
        "Expired": "its invitation expired",
        "Nobody": "nobody works in it, and nobody is invited",
    }


def test_another_agencys_accounts_are_not_there(agency):
    sub(make_agency("Rival"), "Theirs")
    sub(agency, "Ours")

    assert names(agency) == ["Ours"]


def test_five_times_as_many_sub_accounts_cost_no_statement_more():
    def asked_for(many):
        agency = make_agency()
        for number in range(many):
            wallet = sub(agency, f"Shop {number}", credit="20")
            call(wallet, seconds=60)
            set_auto_recharge(wallet)
            make_campaign(wallet.account, status="low_balance")
        with CaptureQueriesContext(connection) as asked:
            show(agency)
        return len(asked)

    few, many = asked_for(2), asked_for(10)

    assert many == few
    assert few <= 15


def test_the_file_has_the_same_rows(agency):
    sub(agency, "Northside Dental", credit="8.20", premium=601)

    head, row = of_agencies.table(show(agency).rows)

    told = dict(zip(head, row, strict=True))
    assert told["name"] == "Northside Dental"
    assert (told["balance_usd"], told["premium_minutes_left"]) == (Decimal("8.20"), 10)
    assert (told["status"], told["lasts_days"]) == ("ok", "")
