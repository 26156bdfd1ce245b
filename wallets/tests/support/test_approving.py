"""Two people at once: what was asked is done once, whoever comes second."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Account
from accounts.tests.builders import make_agency, make_staff
from wallets.models import AdjustmentRequest, LedgerEntry, MinuteRate, Reversal
from wallets.support import adjusting, approving, plans, refunding, repricing
from wallets.tests.worlds.at_once import at_once
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nudges")]


def an_adjustment(asker):
    return adjusting.adjust(
        wallet_id=make_wallet().pk,
        pot="credit",
        amount=Decimal(500),
        note="Goodwill",
        actor=asker,
        form_key="f",
    )


def a_refund(asker):
    return refunding.refund(
        purchase_id=buy(make_wallet(), cents=200_000).pk,
        amount_cents=60_000,
        actor=asker,
        reason="Asked",
        form_key="f",
    )


def a_rate(asker):
    return repricing.set_rate(
        minute_type="basic",
        price=Decimal(1),
        effective_from=clock.now() + timedelta(days=2),
        actor=asker,
        note="As agreed",
        form_key="f",
    )


def a_plan(asker):
    return plans.set_included(
        account=make_agency(),
        minutes=9_000,
        anchor_day=9,
        note="As agreed",
        actor=asker,
        form_key="f",
    )


def deeds():
    """How much of each kind has been done."""
    return {
        "adjustment": LedgerEntry.objects.filter(kind="adjustment").count(),
        "refund": Reversal.objects.count(),
        "rate": MinuteRate.objects.count() - 2,
        "included": Account.objects.filter(included_minutes=9_000).count(),
    }


ASKED = [an_adjustment, a_refund, a_rate, a_plan]


@pytest.mark.parametrize("ask", ASKED)
def test_three_people_who_approve_at_once_do_it_once(ask):
    asked = ask(make_staff())
    before = deeds()

    answers = at_once(
        lambda actor: approving.approve(request_id=asked.pk, actor=actor),
        [make_staff() for _ in range(3)],
    )

    done = {kind: count - before[kind] for kind, count in deeds().items() if count != before[kind]}
    assert sorted(answer == "refused" for answer in answers) == [False, True, True]
    assert done == {asked.kind: 1}


@pytest.mark.parametrize("ask", ASKED)
def test_who_approves_and_who_rejects_at_once_leave_one_decision(ask):
    asked = ask(make_staff())
    before = deeds()

    def decide(what):
        what(request_id=asked.pk, actor=make_staff())
        return "done"

    answers = at_once(decide, [approving.approve, approving.reject])

    state = AdjustmentRequest.objects.get().state
    assert sorted(answers) == ["done", "refused"]
    assert (deeds() != before) == (state == "approved")


@pytest.mark.parametrize("ask", ASKED)
def test_what_was_rejected_is_not_done_and_whoever_asked_may_take_it_back(ask):
    asker = make_staff()
    asked = ask(asker)
    before = deeds()

    rejected = approving.reject(request_id=asked.pk, actor=asker)

    assert (rejected.state, rejected.decided_by) == ("rejected", asker)
    assert deeds() == before
