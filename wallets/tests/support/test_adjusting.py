"""Adjustments and grants: one person up to a limit, two above it."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts import clock
from accounts.models import StaffAlert
from accounts.tests.builders import make_agency, make_staff, make_sub_account
from wallets.balances import ledger
from wallets.errors import FormReused, InvalidAmount, Refused
from wallets.models import AdjustmentRequest, LedgerEntry
from wallets.statements import statements
from wallets.support import adjusting, approving, policy
from wallets.tests.worlds.at_once import at_once
from wallets.tests.worlds.builders import make_wallet

pytestmark = pytest.mark.django_db


def adjust(
    wallet, amount, *, actor, pot="credit", form_key="f1", note="Goodwill", customer_note=""
):
    return adjusting.adjust(
        wallet_id=wallet.pk,
        pot=pot,
        amount=Decimal(amount),
        note=note,
        actor=actor,
        form_key=form_key,
        customer_note=customer_note,
    )


def test_up_to_the_limit_one_person_is_enough():
    wallet, actor = make_wallet(), make_staff()

    entry = adjust(wallet, "100", actor=actor)

    wallet.refresh_from_db()
    assert (entry.kind, entry.amount, entry.actor, entry.note) == (
        "adjustment",
        Decimal(100),
        actor,
        "Goodwill",
    )
    assert wallet.credit.amount == Decimal(100)


def test_a_cent_above_the_limit_waits_for_a_second_person_and_support_is_told():
    wallet, actor = make_wallet(), make_staff()

    asked = adjust(wallet, "-100.01", actor=actor)

    wallet.refresh_from_db()
    assert (asked.state, asked.amount, asked.asked_by) == ("asked", Decimal("-100.01"), actor)
    assert wallet.credit.amount == 0
    assert StaffAlert.objects.get().kind == "adjustment_asked"


def test_support_is_told_of_each_request():
    wallet, actor = make_wallet(), make_staff()

    first, second = (adjust(wallet, "500", actor=actor, form_key=key) for key in "ab")

    told = StaffAlert.objects.order_by("pk").values_list("data", flat=True)
    assert list(told) == [{"request": first.pk}, {"request": second.pk}]


def test_splitting_within_a_day_helps_nobody():
    wallet, actor = make_wallet(), make_staff()
    adjust(wallet, "60", actor=actor, form_key="a")

    second = adjust(wallet, "60", actor=actor, form_key="b")

    assert isinstance(second, AdjustmentRequest)


def test_splitting_over_wallets_helps_nobody_either():
    actor = make_staff()
    adjust(make_wallet(), "60", actor=actor, form_key="a")
    other = make_wallet()

    second = adjust(other, "40.01", actor=actor, form_key="b")

    other.refresh_from_db()
    assert isinstance(second, AdjustmentRequest)
    assert other.credit.amount == 0
    assert isinstance(adjust(other, "40", actor=actor, form_key="c"), LedgerEntry)


@pytest.mark.parametrize("name", ["request:1", "request:", "adjustment:request:7"])
def test_what_a_form_is_called_leaves_nothing_out_of_the_sum(name):
    wallet, actor = make_wallet(), make_staff()
    adjust(wallet, "100", actor=actor, form_key=name)

    second = adjust(wallet, "0.01", actor=actor, form_key="request:2")

    wallet.refresh_from_db()
    assert isinstance(second, AdjustmentRequest)
    assert wallet.credit.amount == Decimal(100)


def test_a_third_person_cannot_add_their_hundred_to_a_wallet_that_got_two_already():
    wallet = make_wallet()
    for key in "ab":
        adjust(wallet, "-100", actor=make_staff(), form_key=key)

    third = adjust(wallet, "0.01", actor=make_staff(), form_key="c")

    assert isinstance(third, AdjustmentRequest)
    assert isinstance(adjust(make_wallet(), "100", actor=make_staff(), form_key="d"), LedgerEntry)


def test_grants_and_adjustments_of_a_person_are_counted_together():
    account, actor = make_agency(), make_staff()
    # 600 Included minutes at $0.16 are $96.
    adjusting.grant_included(account=account, minutes=600, note="Outage", actor=actor, form_key="a")

    assert isinstance(adjust(make_wallet(), "4.01", actor=actor, form_key="b"), AdjustmentRequest)
    assert isinstance(adjust(make_wallet(), "4", actor=actor, form_key="c"), LedgerEntry)


@pytest.mark.django_db(transaction=True)
def test_two_deeds_of_a_person_at_once_in_two_wallets_are_counted_one_after_the_other():
    actor = make_staff()
    wallets = [make_wallet() for _ in range(4)]

    made = at_once(lambda one: type(adjust(one, "60", actor=actor, form_key=f"w{one.pk}")), wallets)

    assert sorted(kind.__name__ for kind in made) == ["AdjustmentRequest"] * 3 + ["LedgerEntry"]


def test_a_day_later_and_for_another_person_the_count_is_anew():
    wallet, actor = make_wallet(), make_staff()
    adjust(wallet, "60", actor=actor, form_key="a")
    made = AdjustmentRequest.objects.get().asked_at

    assert isinstance(adjust(wallet, "60", actor=make_staff(), form_key="b"), LedgerEntry)
    with clock.at(made + timedelta(days=1)):
        assert isinstance(adjust(wallet, "60", actor=actor, form_key="c"), AdjustmentRequest)
    with clock.at(made + timedelta(days=1, seconds=1)):
        assert isinstance(adjust(wallet, "60", actor=actor, form_key="d"), LedgerEntry)


def test_what_a_second_person_approved_does_not_count_against_who_asked():
    wallet, actor = make_wallet(), make_staff()
    asked = adjust(wallet, "500", actor=actor, form_key="a")
    approving.approve(request_id=asked.pk, actor=make_staff())

    assert isinstance(adjust(wallet, "100", actor=actor, form_key="b"), LedgerEntry)


def test_what_a_person_bought_does_not_count_as_adjusted():
    wallet, actor = make_wallet(), make_staff()
    bought = ledger.Movement(
        wallet_id=wallet.pk,
        pot="credit",
        amount=Decimal(60),
        kind="recharge",
        key="purchase:1",
        actor_id=actor.pk,
    )
    ledger.post(movements=[bought])

    assert isinstance(adjust(wallet, "100", actor=actor), LedgerEntry)


def test_minutes_are_worth_what_they_cost_today():
    # 625 Premium minutes at $0.16 are $100; a second more is not.
    assert policy.worth_of(pot="premium", amount=Decimal(625 * 60)) == Decimal(100)
    assert policy.worth_of(pot="basic", amount=Decimal(-600)) == Decimal("0.9")
    assert isinstance(
        adjust(make_wallet(), 625 * 60 + 1, pot="premium", actor=make_staff()), AdjustmentRequest
    )


def test_the_same_form_again_answers_with_what_it_made():
    wallet, actor = make_wallet(), make_staff()

    first, again = (adjust(wallet, "70", actor=actor) for _ in range(2))
    asked, asked_again = (adjust(wallet, "700", actor=actor, form_key="g") for _ in range(2))

    wallet.refresh_from_db()
    assert (first, asked) == (again, asked_again)
    assert wallet.credit.amount == Decimal(70)
    with pytest.raises(FormReused):
        adjust(wallet, "701", actor=actor, form_key="g")


@pytest.mark.parametrize(
    "another", [{"pot": "premium"}, {"amount": "6"}, {"amount": "500"}, {"actor": "another"}]
)
def test_a_form_that_was_used_does_nothing_else(another):
    wallet, actor = make_wallet(), make_staff()
    adjust(wallet, "5", actor=actor)
    facts = {"amount": "5", "actor": actor} | another
    if facts["actor"] == "another":
        facts["actor"] = make_staff()

    with pytest.raises(FormReused):
        adjust(wallet, facts.pop("amount"), **facts)

    wallet.refresh_from_db()
    assert (wallet.credit.amount, wallet.premium_seconds) == (Decimal(5), 0)
    assert AdjustmentRequest.objects.count() == 1


def test_taking_the_last_minutes_twice_with_one_form_answers_with_what_it_did():
    wallet, actor = make_wallet(basic=60), make_staff()

    first, again = (adjust(wallet, "-60", pot="basic", actor=actor) for _ in range(2))

    wallet.refresh_from_db()
    assert first == again
    assert wallet.basic_seconds == 0


def test_another_person_approves_and_the_entry_names_who_asked():
    wallet, asker, approver = make_wallet(), make_staff(), make_staff()
    asked = adjust(wallet, "500", actor=asker)

    said = approving.approve(request_id=asked.pk, actor=approver)

    entry = LedgerEntry.objects.get()

    asked.refresh_from_db()
    wallet.refresh_from_db()
    assert (asked.state, asked.decided_by) == ("approved", approver)
    assert said == "Posted: +$500.00 of Credit."
    assert (entry.actor, entry.amount) == (asker, Decimal(500))
    assert wallet.credit.amount == Decimal(500)


def test_two_requests_of_the_same_amount_are_approved_one_by_one():
    wallet, asker, approver = make_wallet(), make_staff(), make_staff()
    first, second = (adjust(wallet, "500", actor=asker, form_key=key) for key in "ab")

    approving.approve(request_id=first.pk, actor=approver)
    wallet.refresh_from_db()
    second.refresh_from_db()
    assert (wallet.credit.amount, second.state) == (Decimal(500), "asked")

    approving.approve(request_id=second.pk, actor=approver)
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal(1000)


def test_a_rejected_request_posts_nothing_and_another_still_waits():
    wallet, asker, other = make_wallet(), make_staff(), make_staff()
    first, second = (adjust(wallet, "500", actor=asker, form_key=key) for key in "ab")

    rejected = approving.reject(request_id=second.pk, actor=other)

    first.refresh_from_db()
    assert (rejected.pk, rejected.state, rejected.decided_by) == (second.pk, "rejected", other)
    assert (first.state, first.decided_by) == ("asked", None)
    assert not LedgerEntry.objects.exists()


def test_nobody_approves_what_they_asked_for():
    wallet, asker = make_wallet(), make_staff()
    asked = adjust(wallet, "500", actor=asker)

    with pytest.raises(Refused, match="Another person"):
        approving.approve(request_id=asked.pk, actor=asker)

    asked.refresh_from_db()
    assert asked.state == "asked"
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize("decide", [approving.approve, approving.reject])
def test_what_was_decided_is_not_decided_again(decide):
    wallet = make_wallet()
    asked = adjust(wallet, "500", actor=make_staff())
    approving.reject(request_id=asked.pk, actor=make_staff())

    with pytest.raises(Refused, match="decided already"):
        decide(request_id=asked.pk, actor=make_staff())

    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(
    ("pot", "amount", "note"),
    [
        ("credit", "0", "Goodwill"),
        ("credit", "NaN", "Goodwill"),
        ("credit", "Infinity", "Goodwill"),
        ("credit", "1E+30", "Goodwill"),
        ("credit", "0.0000001", "Goodwill"),
        ("credit", "5", "  "),
        ("credit", "5", "x" * 201),
        ("premium", "0.5", "Goodwill"),
        ("premium", "-1", "Goodwill"),
    ],
)
def test_what_cannot_be_posted_is_refused_with_nothing_changed(pot, amount, note):
    with pytest.raises(InvalidAmount):
        adjust(make_wallet(), amount, pot=pot, note=note, actor=make_staff())

    assert not LedgerEntry.objects.exists()
    assert not AdjustmentRequest.objects.exists()


@pytest.mark.parametrize(
    ("minutes", "is_allowed"),
    [(-1, False), (0, False), (1, True), (10_000, True), (10_001, False)],
)
def test_one_to_ten_thousand_minutes_are_granted_at_once(minutes, is_allowed):
    facts = {"account": make_agency(), "note": "Outage", "actor": make_staff(), "form_key": "g"}

    if is_allowed:
        assert adjusting.grant_included(minutes=minutes, **facts).amount == minutes * 60
    else:
        with pytest.raises(InvalidAmount, match="Grant 1 to 10,000 minutes."):
            adjusting.grant_included(minutes=minutes, **facts)
        assert not LedgerEntry.objects.exists()
        assert not AdjustmentRequest.objects.exists()


@time_machine.travel("2026-05-05T12:00Z")
def test_included_minutes_are_granted_but_never_to_sub_accounts():
    account = make_agency()
    facts = {"minutes": 30, "note": "Outage", "actor": make_staff(), "form_key": "g"}

    entry = adjusting.grant_included(account=account, **facts)

    assert (entry.pot, entry.amount) == ("included", Decimal(1800))
    with pytest.raises(Refused):
        adjusting.grant_included(account=make_sub_account(agency=account), **facts)


def test_the_reason_is_ours_and_the_note_is_the_customers():
    wallet, actor = make_wallet(), make_staff()
    adjust(
        wallet, "10", actor=actor, form_key="a", note="Angry call", customer_note=" For the outage "
    )

    [row] = statements.transactions(account=wallet.account).rows
    entry = LedgerEntry.objects.get()

    assert (entry.note, entry.customer_note) == ("Angry call", "For the outage")
    assert row.note == "For the outage"
    assert "Angry" not in repr(row)


def test_what_a_second_person_approves_tells_the_customer_the_same():
    wallet = make_wallet()
    asked = adjust(
        wallet,
        "500",
        actor=make_staff(),
        form_key="a",
        note="Angry call",
        customer_note="For the outage",
    )

    approving.approve(request_id=asked.pk, actor=make_staff())

    entry = LedgerEntry.objects.get()
    assert (entry.note, entry.customer_note) == ("Angry call", "For the outage")


def test_without_a_note_for_them_the_customer_reads_none_of_ours():
    wallet = make_wallet()
    adjust(wallet, "10", actor=make_staff(), form_key="a", note="Angry call")

    [row] = statements.transactions(account=wallet.account).rows

    assert (row.description, row.note) == ("Adjustment by support", "")
