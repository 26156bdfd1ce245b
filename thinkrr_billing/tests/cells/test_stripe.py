"""What Stripe tells reaches the cell of its customer, or whichever knows it."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from djstripe.models import PaymentMethod

from accounts import clock
from accounts.cells import directory, place
from accounts.cells.place import inside
from accounts.models import Account, JobRun, StaffAlert
from tests.two_cells import FIRST, SECOND
from wallets import inbox, limits, sweeps, tasks, waiting
from wallets.books import against_stripe, comparing
from wallets.cards import payment_methods
from wallets.charging import switch
from wallets.charging.cells import cells_of
from wallets.models import Reversal, StripeComparison, StripeEvent, Wallet
from wallets.reversals import catching_up, refunds
from wallets.stripe import gateway
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


def test_a_card_that_names_no_customer_is_looked_for_in_every_cell(stripe):
    with inside(FIRST):
        make_wallet()
    with inside(SECOND):
        wallet = make_wallet()
        stays, goes = add_card(stripe, wallet), add_card(stripe, wallet)
        gateway.detach_card(card_id=goes.id)
    stripe.set_card(stays.id, exp_year=2044)
    told = {"payment_method.detached": goes, "payment_method.updated": stays}

    for kind, card in told.items():
        stored = receive(event(kind, {"id": card.id, "customer": None}, event_id=kind))
        assert inbox.apply(event_pk=stored.pk) is True

    with inside(SECOND):
        assert [card.exp_year for card in payment_methods.cards(wallet.account)] == [2044]
    with inside(FIRST):
        assert not PaymentMethod.objects.exists()


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


@pytest.fixture
def away(monkeypatch):
    """Cells whose books cannot be read; and what was compared, by cell."""
    told, compare = SimpleNamespace(cells=set(), compared=[]), against_stripe.compare

    def reached(**span):
        if place.current() in told.cells:
            raise OperationalError("the server closed the connection")
        told.compared.append((place.current(), span["since"]))
        return compare(**span)

    monkeypatch.setattr(against_stripe, "compare", reached)
    return told


def test_a_cell_that_is_away_is_compared_by_itself_when_it_is_back(stripe, away):
    with inside(FIRST):
        wrong = make_wallet_with_card(stripe)
        pay(stripe, wrong.account.stripe_customer, cents=700)
    with inside(SECOND):
        make_wallet_with_card(stripe)
        Account.objects.update(created_at=clock.now() - timedelta(days=1))
    away.cells.add(FIRST)

    tasks.compare()

    of_all = StripeComparison.objects.get(cell="")
    alone = StripeComparison.objects.get(cell=FIRST)
    assert of_all.finished_at
    assert (alone.since, alone.until, alone.finished_at) == (of_all.since, of_all.until, None)
    assert {cell for cell, _ in away.compared} == {SECOND}
    assert blocked(FIRST) == [""]
    told = JobRun.objects.get(pk="wallets.compare").text
    assert told == "cell first was away, and is compared when it is back"
    piece = ("wallets.compare_stripe", (alone.pk,))
    with clock.at(clock.now() + limits.COMPARE_IDLE + timedelta(minutes=1)):
        assert piece in sweeps.find_work()

        with pytest.raises(OperationalError):
            tasks.compare_stripe(alone.pk)
        away.cells.clear()
        away.compared.clear()
        tasks.compare_stripe(alone.pk)

    alone.refresh_from_db()
    assert alone.finished_at
    assert alone.found == 1
    assert {cell for cell, _ in away.compared} == {FIRST}
    assert blocked(FIRST) == ["books"]
    assert comparing.left_out() == []


def test_what_is_left_of_a_cell_grows_until_it_is_back(stripe, away):
    for cell in (FIRST, SECOND):
        with inside(cell):
            make_wallet_with_card(stripe)
            Account.objects.update(created_at=clock.now() - timedelta(days=2))
    away.cells.add(SECOND)
    tasks.compare()
    before = StripeComparison.objects.get(cell=SECOND)

    with clock.at(clock.now() + timedelta(days=1)):
        tasks.compare()

    after = StripeComparison.objects.get(cell=SECOND)
    of_all = StripeComparison.objects.filter(cell="").order_by("-until").first()
    assert (after.pk, after.since) == (before.pk, before.since)
    assert after.until == of_all.until
    # The books call that overdue, however far the others have come.
    assert waiting._compared() == before.started_at


def test_what_is_left_of_a_cell_may_grow_while_it_is_compared(stripe, away, monkeypatch):
    with inside(SECOND):
        make_wallet_with_card(stripe)
    away.cells.add(SECOND)
    tasks.compare()
    left = StripeComparison.objects.get(cell=SECOND)
    read, until = against_stripe.read, left.until + timedelta(days=1)

    def grows(**span):
        monkeypatch.setattr(against_stripe, "read", read)
        comparing._leave([SECOND], left.until, until)
        away.cells.clear()
        return read(**span)

    monkeypatch.setattr(against_stripe, "read", grows)
    with clock.at(until + limits.COMPARE_SLICE):
        tasks.compare_stripe(left.pk)

    left.refresh_from_db()
    assert (left.at, left.until) == (until, until)
    assert left.finished_at


def test_the_command_says_what_it_did_not_compare(stripe, away):
    with inside(SECOND):
        make_wallet_with_card(stripe)
    away.cells.add(SECOND)

    with pytest.raises(CommandError, match="because they were away: second") as refused:
        call_command("compare_with_stripe", stdout=StringIO())

    assert refused.value.returncode == 2
    assert comparing.left_out() == [SECOND]


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
