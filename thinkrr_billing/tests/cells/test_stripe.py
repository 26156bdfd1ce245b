"""What Stripe tells reaches the cell of its customer, or whichever knows it."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from accounts import clock
from accounts.cells import directory
from accounts.cells.place import inside
from accounts.models import JobRun, StaffAlert
from tests.two_cells import FIRST, SECOND
from wallets import inbox, tasks
from wallets.charging import switch
from wallets.charging.cells import cells_of
from wallets.models import Reversal, StripeComparison, StripeEvent, Wallet
from wallets.reversals import catching_up, refunds
from wallets.tests.books.test_recovering import lost
from wallets.tests.test_inbox import event, receive
from wallets.tests.worlds.builders import add_card, make_wallet, pay, stranger_pays
from wallets.tests.worlds.purchases import taken_and_not_stored
from wallets.tests.worlds.reversal_world import buy, make_wallet_with_card, refunded_outside

pytestmark = pytest.mark.usefixtures("two_cells")


def credit(cell):
    with inside(cell):
        return [wallet.credit.amount for wallet in Wallet.objects.all()]


def test_a_customer_is_noted_in_its_cell(stripe):
    with inside(SECOND):
        wallet = make_wallet()
        add_card(stripe, wallet)
        customer = wallet.account.stripe_customer

    assert directory.of_customer(customer) == SECOND
    for found in (
        {"object": "payment_intent", "customer": customer},
        {"object": "setup_intent", "customer": {"id": customer}},
        {"object": "customer", "id": customer},
        {"object": "payment_intent", "metadata": {"account": str(wallet.account_id)}},
    ):
        assert cells_of(found) == [SECOND]
    for found in ({}, {"customer": "cus_of_others"}, {"metadata": {"account": "nobody"}}):
        assert cells_of(found) == [FIRST, SECOND]


@pytest.mark.parametrize("says_whose", [True, False])
def test_a_payment_is_credited_in_its_cell(stripe, says_whose):
    with inside(FIRST):
        make_wallet()
    with inside(SECOND):
        _, intent = taken_and_not_stored(stripe)
        customer = Wallet.objects.get().account.stripe_customer
    found = {"id": intent, "object": "payment_intent"}
    stored = receive(event(found=found | ({"customer": customer} if says_whose else {})))

    assert inbox.apply(event_pk=stored.pk) is True

    assert credit(SECOND) == [Decimal(58)]
    assert credit(FIRST) == [0]
    assert StripeEvent.objects.get().not_ours is False


def test_what_no_cell_knows_is_none_of_ours(stripe):
    stored = receive(event(found={"id": stranger_pays(stripe), "object": "payment_intent"}))

    assert inbox.apply(event_pk=stored.pk) is True

    assert StripeEvent.objects.get().not_ours is True


def test_a_refund_that_no_event_told_is_found_in_its_cell(stripe):
    with inside(SECOND):
        refunded_outside(buy(make_wallet_with_card(stripe)), 2000)

    known = catching_up.catch_up(since=clock.now() - timedelta(hours=1))

    assert known == 1
    assert credit(SECOND) == [Decimal(30)]


def blocked(cell):
    with inside(cell):
        return [wallet.blocked_reason for wallet in Wallet.objects.order_by("pk")]


def alerts(cell):
    with inside(cell):
        return StaffAlert.objects.filter(kind="books").count()


def test_what_a_cell_and_stripe_disagree_on_is_frozen_there_and_stripe_asked_once(stripe):
    for cell in (FIRST, SECOND):
        with inside(cell):
            buy(make_wallet_with_card(stripe))
    with inside(SECOND):
        wrong = make_wallet_with_card(stripe)
        pay(stripe, wrong.account.stripe_customer, cents=700)
    stranger_pays(stripe)
    stripe.clear_requests()

    for cell in (FIRST, "", SECOND):
        with inside(cell):
            tasks.compare()

    assert StripeComparison.objects.get().found == 1
    assert len(stripe.requests(path="/v1/payment_intents", method="GET")) == 1
    assert blocked(FIRST) == [""]
    assert blocked(SECOND) == ["", "books"]
    assert (alerts(FIRST), alerts(SECOND), alerts("")) == (0, 1, 0)
    assert JobRun.objects.get(pk="wallets.compare").text == "1 differences"


def test_what_a_restored_cell_has_lost_is_made_up_for_there(stripe):
    with inside(FIRST):
        buy(make_wallet_with_card(stripe))
    with inside(SECOND):
        wallet = make_wallet(credit="5")
        intent = lost(wallet, add_card(stripe, wallet)).payment_intent
    switch.stop(reason="Restored", actor=None)

    told = recovered("--apply")

    assert told == [f"cell second: recover: payment {intent} of $50.00"]
    assert credit(SECOND) == [Decimal(55)]
    assert credit(FIRST) == [Decimal(50)]
    assert recovered("--apply") == ["Nothing is missing."]


def recovered(*arguments):
    out = StringIO()
    call_command("recover_from_stripe", *arguments, stdout=out)
    return out.getvalue().splitlines()
def test_numbers_of_credit_notes_are_never_given_twice_and_none_is_left_out(stripe):
    given = {}
    for cell in (FIRST, SECOND):
        with inside(cell):
            paid = buy(make_wallet_with_card(stripe))
            for _ in range(2):
                refunds.settle_refund_from(found=refunded_outside(paid, 500))
            numbers = Reversal.objects.order_by("credit_note_number")
            given[cell] = list(numbers.values_list("credit_note_number", flat=True))

    assert given == {FIRST: [1001, 1002], SECOND: [1_000_001_001, 1_000_001_002]}
