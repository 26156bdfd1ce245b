"""A row of calls opens to its calls, and they add up to the row."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts import clock
from accounts.tests.builders import make_individual, owner_of
from campaigns import calls, history
from campaigns.tests.builders import fill, make_campaign, make_report
from wallets.balances.opening import open_wallet
from wallets.tests.worlds.histories import post
from wallets.tests.worlds.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


@pytest.fixture
def wallet():
    wallet = open_wallet(account=make_individual())
    fill(wallet, credit="10", premium=90)
    return wallet


@pytest.fixture
def own(client, wallet):
    client.force_login(owner_of(wallet.account))
    return client


def report(wallet, *seconds: int, **more):
    campaign = make_campaign(wallet.account, name="Spring offers")
    now = clock.now()
    reports = [
        make_report(
            wallet.account,
            campaign=campaign,
            seconds=length,
            ended_at=now - timedelta(minutes=number),
            **more,
        )
        for number, length in enumerate(seconds)
    ]
    calls.record(reports=reports, reporter=None)
    return wallet.entries.filter(kind="calls").order_by("pk").first()


def page_of(entry) -> str:
    return reverse("campaigns:entry_calls", args=[entry.pk])


def test_the_row_leads_to_its_calls_with_campaign_length_pot_rate_and_cost(own, wallet):
    entry = report(wallet, 60, 60)

    listed = own.get(reverse("wallets:transactions")).content.decode()
    text = text_of(own.get(page_of(entry)))

    assert page_of(entry) in listed
    assert "Credit −$0.08, balance $9.92" in text
    assert "Premium minutes −1 min 30 s, balance 0 min" in text
    assert text.count("Spring offers") == 2
    assert "1 min 00 s Premium minutes" in text
    assert "30 s Premium minutes $0.16/min $0.08" in text


def test_the_calls_of_a_row_add_up_to_it(wallet):
    entry = report(wallet, 61, 240, 7, 33)
    batch = wallet.entries.get(pot="credit", kind="calls").key.removeprefix("calls:")

    rows = history.of_batch(account_id=wallet.account_id, batch=batch).rows

    taken = {one.pot: one.amount for one in wallet.entries.filter(kind="calls")}
    assert sum(one.call.cost for one in rows) == -taken["credit"]
    assert sum(seconds for one in rows for _, seconds in one.minutes) == -taken["premium"] == 90
    assert sum(one.credit_seconds for one in rows) == 61 + 240 + 7 + 33 - 90
    assert {one.rate for one in rows if one.credit_seconds} == {Decimal("0.16")}
    assert entry is not None


def test_long_rows_are_read_page_by_page(own, wallet):
    entry = report(wallet, *[10] * 55)

    first = own.get(page_of(entry))
    rest = own.get(page_of(entry), {"cursor": first.context["page"].next_cursor})

    assert len(first.context["page"].rows) == 50
    assert len(rest.context["page"].rows) == 5
    assert "Load older" in text_of(first)
    assert "Load older" not in text_of(rest)


def test_what_is_no_row_of_calls_or_anothers_is_not_found(client, own, wallet):
    entry = report(wallet, 60)
    other = open_wallet(account=make_individual("Grace Hopper"))
    post(wallet, "credit", "1")
    adjustment = wallet.entries.get(kind="adjustment", note="", amount=1)

    assert own.get(page_of(entry)).status_code == 200
    assert own.get(page_of(adjustment)).status_code == 404
    assert own.get(f"/payments/transactions/{2**70}/calls/").status_code == 404
    client.force_login(owner_of(other.account))
    assert client.get(page_of(entry)).status_code == 404


def test_a_cursor_of_elsewhere_is_refused_in_a_sentence(own, wallet):
    entry = report(wallet, 60)

    answer = own.get(page_of(entry), {"cursor": "forged"})

    assert answer.status_code == 400
    assert "This cursor is not one of ours." in text_of(answer)


def test_a_row_whose_calls_are_not_kept_says_so(own, wallet):
    post(wallet, "credit", "-1", kind="calls", key=f"calls:{uuid4()}")

    text = text_of(own.get(page_of(wallet.entries.get(kind="calls"))))

    assert "No calls are kept of this row." in text
