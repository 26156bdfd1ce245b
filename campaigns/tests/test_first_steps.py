"""The first steps of a new account."""

import pytest
from django.db import connection

from accounts.tests.builders import add_member, close, make_individual, owner_of
from campaigns import calls
from campaigns.first_steps import first_steps
from campaigns.tests.builders import make_campaign, make_report
from tests.databases import as_owner
from tests.plans import rows_read_by
from wallets.balances.opening import open_wallet
from wallets.tests.worlds.builders import add_card, fill, set_auto_recharge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

STEPS = ["Add a card", "Add credit", "Turn on Auto-Recharge", "Start your first campaign"]


@pytest.fixture
def account():
    return make_individual()


def text(answer):
    return " ".join(answer.content.decode().split())


def done(account):
    return [step.done for step in first_steps(account=account)]


def test_a_new_account_sees_its_steps_and_no_empty_chart_or_warning(client, account):
    client.force_login(owner_of(account))

    shown = text(client.get("/payments/"))

    assert [step.title for step in first_steps(account=account)] == STEPS
    assert "0 of 4 done" in shown
    assert 'id="hero"' not in shown
    assert "Low balance" not in shown
    assert 'id="first-steps"' in text(client.get("/campaigns/"))


def test_each_is_ticked_when_it_is_done_and_all_vanish_together(account, stripe):
    wallet = open_wallet(account=account)
    found = [done(account)]
    add_card(stripe, wallet)
    found.append(done(account))
    fill(wallet, credit="50")
    found.append(done(account))
    set_auto_recharge(wallet)
    found.append(done(account))
    make_campaign(account)

    assert found == [
        [False, False, False, False],
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
    ]
    assert first_steps(account=account) == []


def test_whoever_makes_calls_is_not_new_whatever_is_left_undone(account):
    fill(open_wallet(account=account), credit="50")
    report = make_report(account, campaign=make_campaign(account), seconds=60)
    calls.record(reports=[report], reporter=None)

    assert first_steps(account=account) == []


def test_a_member_asks_an_owner_for_what_costs_money(client, account):
    client.force_login(add_member(account))

    shown = text(client.get("/payments/"))

    for about in ("card", "recharge", "auto_recharge"):
        assert f'<input type="hidden" name="about" value="{about}">' in shown
    assert "See campaigns" in shown
    assert "Add payment method</a>" not in shown


def test_a_closed_account_begins_nothing(account):
    assert first_steps(account=close(account)) == []


MANY_CALLS = """
INSERT INTO campaigns_call
    (account_id, reporter, external_id, minute_type_sent, minute_type, seconds, ended_at, outcome,
     included_seconds, premium_seconds, basic_seconds, cost, batch, created_at)
SELECT %s, gen_random_uuid(), g, '', 'basic', 60, now(), 'failed', 0, 0, 0, 0, gen_random_uuid(),
       now()
FROM generate_series(1, 4000) g
"""


def test_of_an_account_that_has_half_of_all_calls_since_lately_one_is_read(account):
    with as_owner(), connection.cursor() as cursor:
        for one in (make_individual(), account):
            cursor.execute(MANY_CALLS, [one.pk])
        cursor.execute("ANALYZE campaigns_call")

    read = rows_read_by(lambda: first_steps(account=account), of="campaigns_call")

    assert read == 1
