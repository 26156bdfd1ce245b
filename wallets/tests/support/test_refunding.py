"""Refunds by support: up to a limit by one person, by two above it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import StaffAlert
from accounts.tests.builders import make_staff
from wallets.errors import FormReused, InvalidAmount, Refused
from wallets.models import AdjustmentRequest, LedgerEntry, Purchase, Reversal
from wallets.support import adjusting, approving, refunding
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


@pytest.fixture
def paid() -> Purchase:
    return buy(make_wallet(), cents=60_000)


def refund(purchase, cents, *, actor, form_key="f", reason="Asked for it back"):
    return refunding.refund(
        purchase_id=purchase.pk,
        amount_cents=cents,
        actor=actor,
        reason=reason,
        form_key=form_key,
    )


def taken():
    return LedgerEntry.objects.filter(kind="refund").count()


def test_up_to_the_limit_one_person_refunds(paid):
    actor = make_staff()

    made = refund(paid, 50_000, actor=actor)

    assert (made.amount_cents, made.actor, made.reason) == (50_000, actor, "Asked for it back")
    assert AdjustmentRequest.objects.get().state == "alone"


def test_a_cent_above_the_limit_waits_and_takes_nothing(paid):
    asked = refund(paid, 50_001, actor=make_staff())

    assert (asked.kind, asked.state, asked.worth) == ("refund", "asked", Decimal("500.01"))
    assert not Reversal.objects.exists()
    assert taken() == 0
    assert "Refund $500.01 of $600.00" in StaffAlert.objects.get().text


def test_refunds_of_a_day_are_counted_over_all_wallets_and_a_day_later_anew():
    actor = make_staff()
    purchases = [buy(make_wallet(), cents=30_000) for _ in range(3)]

    first = refund(purchases[0], 30_000, actor=actor, form_key="a")
    second = refund(purchases[1], 20_001, actor=actor, form_key="b")
    with clock.at(clock.now() + timedelta(days=1, seconds=5)):
        third = refund(purchases[2], 20_001, actor=actor, form_key="c")

    assert [type(one) for one in (first, second, third)] == [Reversal, AdjustmentRequest, Reversal]


def test_refunds_of_all_people_in_one_wallet_are_counted_together():
    wallet = make_wallet()

    made = [
        refund(buy(wallet, cents=50_000), 50_000, actor=make_staff(), form_key=key) for key in "abc"
    ]

    assert [type(one) for one in made] == [Reversal, Reversal, AdjustmentRequest]


def test_a_refund_does_not_use_up_what_may_be_given_away(paid):
    actor = make_staff()
    refund(paid, 50_000, actor=actor)

    made = adjusting.adjust(
        wallet_id=paid.wallet_id,
        pot="credit",
        amount=Decimal(100),
        note="Goodwill",
        actor=actor,
        form_key="g",
    )

    assert isinstance(made, LedgerEntry)


def test_another_person_approves_exactly_what_was_asked_once(paid):
    asker, approver = make_staff(), make_staff()
    asked = refund(paid, 55_000, actor=asker)

    said = approving.approve(request_id=asked.pk, actor=approver)

    reversal = Reversal.objects.get()
    asked.refresh_from_db()
    assert said == "$550.00 goes back to Visa •••• 4242."
    assert (reversal.amount_cents, reversal.actor, reversal.reason) == (
        55_000,
        asker,
        "Asked for it back",
    )
    assert (asked.state, asked.decided_by) == ("approved", approver)
    with pytest.raises(Refused, match="decided already"):
        approving.approve(request_id=asked.pk, actor=approver)
    assert Reversal.objects.count() == 1


def test_nobody_approves_their_own_refund(paid):
    asker = make_staff()
    asked = refund(paid, 55_000, actor=asker)

    with pytest.raises(Refused, match="Another person"):
        approving.approve(request_id=asked.pk, actor=asker)

    assert not Reversal.objects.exists()


def test_what_was_refunded_meanwhile_is_not_refunded_again_and_the_request_waits(paid):
    asked = refund(paid, 55_000, actor=make_staff(), form_key="a")
    refund(paid, 10_000, actor=make_staff(), form_key="b")

    with pytest.raises(Refused, match="on its way"):
        approving.approve(request_id=asked.pk, actor=make_staff())

    asked.refresh_from_db()
    assert asked.state == "asked"
    assert Reversal.objects.count() == 1


@pytest.mark.parametrize("cents", [100, 55_000])
def test_the_same_form_again_answers_with_what_it_made(paid, cents):
    actor = make_staff()

    first, again = (refund(paid, cents, actor=actor) for _ in range(2))

    assert first == again
    assert AdjustmentRequest.objects.count() == 1
    with pytest.raises(FormReused):
        refund(paid, cents + 1, actor=actor)


@pytest.mark.parametrize(
    ("cents", "reason"), [(0, "x"), (60_001, "x"), (100, " "), (100, "x" * 201)]
)
def test_what_cannot_be_refunded_is_not_asked_for_either(paid, cents, reason):
    with pytest.raises(InvalidAmount):
        refund(paid, cents, actor=make_staff(), reason=reason)

    assert not AdjustmentRequest.objects.exists()
    assert not Reversal.objects.exists()
