"""Included minutes that come with a plan: one person up to a limit."""

import pytest

from accounts.models import Account
from accounts.tests.builders import make_agency, make_individual, make_staff, make_sub_account
from wallets.errors import FormReused, InvalidAmount, Refused
from wallets.models import AdjustmentRequest
from wallets.support import approving, plans

pytestmark = pytest.mark.django_db


def change(account, minutes, day=1, *, actor=None, form_key="p", note="As agreed"):
    return plans.set_included(
        account=account,
        minutes=minutes,
        anchor_day=day,
        note=note,
        actor=actor or make_staff(),
        form_key=form_key,
    )


def plan(account):
    return Account.objects.values_list("included_minutes", "included_anchor_day").get(pk=account.pk)


# A minute a month is $0.16 × 12 = $1.92 a year: 52 of them are worth $99.84.
@pytest.mark.parametrize(
    ("before", "after", "state"),
    [(0, 52, "alone"), (0, 53, "asked"), (53, 0, "asked"), (100, 152, "alone")],
)
def test_a_year_of_what_changes_is_what_it_is_worth(before, after, state):
    account = make_agency(included_minutes=before)

    change(account, after)

    assert AdjustmentRequest.objects.get().state == state
    assert plan(account) == (after if state == "alone" else before, 1)


# Moving the day sets one month apart: 625 minutes are $100.
@pytest.mark.parametrize(("minutes", "state"), [(625, "alone"), (626, "asked")])
def test_a_day_that_moves_is_worth_a_month(minutes, state):
    account = make_individual(included_minutes=minutes)

    change(account, minutes, day=15)

    assert AdjustmentRequest.objects.get().state == state
    assert plan(account) == (minutes, 15 if state == "alone" else 1)


# 49 minutes a month are worth $94.08 a year, and $7.84 the month that comes apart.
@pytest.mark.parametrize(("day", "state"), [(1, "alone"), (15, "asked")])
def test_a_plan_that_ends_on_another_day_is_worth_the_month_it_had(day, state):
    account = make_individual(included_minutes=49)

    change(account, 0, day=day)

    assert AdjustmentRequest.objects.get().state == state


def test_another_person_approves_exactly_what_was_asked_once():
    account, asker, approver = make_agency(), make_staff(), make_staff()
    asked = change(account, 5000, day=31, actor=asker)

    with pytest.raises(Refused, match="Another person"):
        approving.approve(request_id=asked.pk, actor=asker)
    before = plan(account)
    said = approving.approve(request_id=asked.pk, actor=approver)

    assert (before, plan(account)) == ((0, 1), (5000, 31))
    assert said == "5,000 minutes a month, on day 31."
    with pytest.raises(Refused, match="decided already"):
        approving.approve(request_id=asked.pk, actor=approver)


def test_the_same_form_again_answers_with_what_it_made():
    account, actor = make_agency(), make_staff()

    for _ in range(2):
        change(account, 10, actor=actor)

    assert AdjustmentRequest.objects.count() == 1
    with pytest.raises(FormReused):
        change(account, 11, actor=actor)
    assert plan(account) == (10, 1)


@pytest.mark.parametrize(
    ("minutes", "day", "note", "refusal"),
    [
        (-1, 1, "x", InvalidAmount),
        (1_000_001, 1, "x", InvalidAmount),
        (10, 0, "x", InvalidAmount),
        (10, 32, "x", InvalidAmount),
        (10, 1, " ", InvalidAmount),
        (0, 1, "x", Refused),
    ],
)
def test_what_cannot_be_a_plan_is_refused(minutes, day, note, refusal):
    account = make_agency()

    with pytest.raises(refusal):
        change(account, minutes, day, note=note)

    assert plan(account) == (0, 1)
    assert not AdjustmentRequest.objects.exists()


def test_sub_accounts_have_no_plan():
    with pytest.raises(Refused, match="Sub-accounts"):
        change(make_sub_account(), 10)
