"""What was sent outside before an account moved, and is answered when it is in another cell."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock, limits, tasks
from accounts.cells import directory, place
from accounts.cells.directory import NoCell
from accounts.cells.place import inside
from accounts.models import Account, WebhookDelivery, WebhookSender
from accounts.people import closing
from accounts.tests.builders import make_individual
from accounts.tests.webhooks.conftest import receiver  # noqa: F401
from accounts.tests.webhooks.receiver import endpoint
from accounts.webhooks import outbox
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.cells import moving
from thinkrr_billing.cells.beginning import Refused
from thinkrr_billing.tests.cells.moving_world import books_are_in_order, elsewhere
from thinkrr_billing.tests.cells.worlds import wallet_in
from wallets import inbox
from wallets.cards import customers, keeping
from wallets.charging import purchases
from wallets.models import Purchase, StripeEvent
from wallets.prices import rates
from wallets.tests.test_inbox import event, receive
from wallets.tests.worlds.builders import add_card, make_wallet
from wallets.tests.worlds.purchases import during, taken
from wallets.tests.worlds.reversal_world import buy, make_wallet_with_card, refunded_outside

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("_at_once", "nudges")]


def goes(account_id):
    with inside(""):
        moving.move(account_id=account_id, name=SECOND)


@pytest.mark.usefixtures("kept_cells")
@pytest.mark.parametrize("step", ["create_intent", "confirm_intent"])
def test_a_payment_that_stripe_is_asked_for_while_its_payer_moves_is_taken_once(
    stripe, monkeypatch, step
):
    with inside(FIRST):
        wallet = make_wallet_with_card(stripe)
        before = len(taken(stripe))
        during(monkeypatch, step, lambda _: goes(wallet.account_id))
        with pytest.raises(NoCell):
            buy(wallet)

    with inside(SECOND):
        [purchase] = Purchase.objects.filter(payer=wallet.account_id)
        assert purchase.is_open
        for _ in range(2):
            assert purchases.drive(purchase_id=purchase.pk).state == "succeeded"
        wallet.refresh_from_db()
        assert wallet.credit.amount == Decimal(50)
    assert len(taken(stripe)) == before + 1
    books_are_in_order()


@pytest.mark.usefixtures("two_cells", "stripe")
def test_a_customer_that_is_made_while_its_account_moves_is_noted_where_the_account_is(
    monkeypatch,
):
    account_id = wallet_in(FIRST).account_id
    with inside(FIRST):
        account = Account.objects.get(pk=account_id)
        during(monkeypatch, "create_customer", lambda _: goes(account_id))
        with pytest.raises(NoCell):
            customers.ensure(account=account)

    with inside(SECOND):
        customer = customers.ensure(account=Account.objects.get(pk=account_id))

    assert directory.of_customer(customer) == SECOND


@pytest.mark.usefixtures("kept_cells")
def test_what_an_endpoint_is_told_while_its_account_moves_is_sent_again_and_holds_up_nobody(
    receiver,  # noqa: F811
):
    accounts = {}
    for cell in (FIRST, SECOND):
        with inside(cell):
            accounts[cell] = make_individual()
            endpoint(receiver, accounts[cell], path=f"/{cell}")
            closing.close(account=accounts[cell])

    def moves(handler):
        if len(receiver.to("/first")) == 1:
            elsewhere(lambda: goes(accounts[FIRST].pk))
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answers["/first"] = moves
    tasks.send_webhooks()
    assert directory.of_account(accounts[FIRST].pk) == SECOND
    assert receiver.types("/second") == ["account.closed"]

    with clock.at(clock.now() + limits.WEBHOOK_CLAIM + timedelta(seconds=1)):
        tasks.send_webhooks()

    first, again = receiver.to("/first")
    assert first.id == again.id
    with inside(SECOND):
        assert not WebhookDelivery.objects.exclude(state="sent").exists()


@pytest.mark.usefixtures("kept_cells")
def test_what_all_are_told_just_then_reaches_an_endpoint_that_moves_once(receiver):  # noqa: F811
    accounts = {}
    for cell in (FIRST, SECOND):
        with inside(cell):
            accounts[cell] = make_individual()
            endpoint(receiver, accounts[cell], path=f"/rates/{cell}")
            WebhookSender.objects.get_or_create(pk=1, defaults={"until": clock.now()})
    later = clock.now() + timedelta(days=1)
    rates.set_rate(minute_type="basic", price=Decimal("0.3"), effective_from=later, actor=None)
    # A sender is at work, and has come to one of both.
    with inside(SECOND):
        outbox.accept()

    with pytest.raises(Refused, match="is being told to all"):
        moving.move(account_id=accounts[FIRST].pk, name=SECOND)
    with inside(FIRST):
        outbox.accept()
    moving.move(account_id=accounts[FIRST].pk, name=SECOND)
    tasks.send_webhooks()

    for cell in (FIRST, SECOND):
        assert receiver.types(f"/rates/{cell}") == ["rate.announced"]


@pytest.mark.usefixtures("kept_cells")
def test_a_refund_whose_payment_comes_to_a_cell_that_was_asked_already_is_booked(
    stripe, monkeypatch
):
    with inside(SECOND):
        wallet = make_wallet_with_card(stripe)
        refund = refunded_outside(buy(wallet), 2000)
    stored = receive(event("refund.created", {"id": refund["id"], "object": "refund"}))
    asked = []

    def act(found):
        if asked == [FIRST]:
            with inside(""):
                moving.move(account_id=wallet.account_id, name=FIRST)
        asked.append(place.current())
        return inbox._refund_changed(found)

    monkeypatch.setattr(inbox, "_ACTIONS", (("refund.", act),))

    assert inbox.apply(event_pk=stored.pk) is True

    assert asked == [FIRST, SECOND, FIRST]
    assert StripeEvent.objects.get(pk=stored.pk).not_ours is False
    with inside(FIRST):
        wallet.refresh_from_db()
        assert wallet.credit.amount == Decimal(30)
    books_are_in_order()


@pytest.mark.usefixtures("kept_cells")
def test_a_card_that_is_read_while_its_account_moves_is_not_kept_where_it_was(stripe, monkeypatch):
    with inside(FIRST):
        wallet = make_wallet()
        card = add_card(stripe, wallet)
        account = wallet.account
        during(monkeypatch, "retrieve_card", lambda _: goes(account.pk))
        with pytest.raises(NoCell):
            keeping.adopt(account=account, card_id=card.id)

    with inside(SECOND):
        assert keeping.adopt(account=account, card_id=card.id).id == card.id
    # Nothing of it is in the way there.
    moving.move(account_id=account.pk, name=FIRST)
    assert directory.of_account(account.pk) == FIRST
