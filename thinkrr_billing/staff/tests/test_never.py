"""What nobody can do, below the pages either: the database refuses it to bulk updates and SQL."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.tests.builders import make_individual, make_staff, make_user
from campaigns import calls
from campaigns.models import Call
from campaigns.tests.builders import make_report
from wallets.models import (
    AdjustmentRequest,
    LedgerEntry,
    MinuteRate,
    Purchase,
    Reversal,
    StripeEvent,
    Wallet,
)
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import buy

# Triggers keep the owner of the tables, too, who has every right.
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("owner")]

FACTS = [
    (LedgerEntry, {"note": "another"}),
    (LedgerEntry, {"amount": 1}),
    (Purchase, {"amount_cents": 51}),
    (Purchase, {"wallet_id": F("wallet_id") + 1}),
    (Purchase, {"buys": "premium"}),
    (Purchase, {"card": "Visa •••• 0000"}),
    (Purchase, {"card_fingerprint": "another"}),
    (Purchase, {"payment_method": "pm_another"}),
    (Purchase, {"payment_intent": "pi_another"}),
    (Purchase, {"requested_by_id": None}),
    (Purchase, {"state": "declined"}),
    (Purchase, {"receipt_number": None}),
    (Purchase, {"created_at": Now()}),
    (Reversal, {"amount_cents": 1}),
    (Reversal, {"reason": "another"}),
    (Reversal, {"stripe_id": "re_another"}),
    (StripeEvent, {"type": "payment_intent.succeeded"}),
    (StripeEvent, {"payload": {"another": 1}}),
    (Call, {"seconds": 1}),
    (Call, {"cost": 0}),
    (MinuteRate, {"price": 1}),
    (AdjustmentRequest, {"amount": 501}),
    (AdjustmentRequest, {"worth": 1}),
    (AdjustmentRequest, {"kind": "rate"}),
    (AdjustmentRequest, {"facts": {"cents": "1"}}),
    (AdjustmentRequest, {"note": "another"}),
    (AdjustmentRequest, {"form_key": "another"}),
    (AdjustmentRequest, {"wallet_id": None}),
    (AdjustmentRequest, {"asked_by_id": None}),
    (AdjustmentRequest, {"asked_at": Now()}),
    (Wallet, {"credit": 1_000}),
    (Wallet, {"credit": F("credit") + 1}),
    (Wallet, {"premium_seconds": F("premium_seconds") + 1}),
    (Wallet, {"basic_seconds": F("basic_seconds") + 1}),
    (Wallet, {"included_seconds": F("included_seconds") + 1}),
]
REFUSALS = "append-only|calls are facts|are frozen|is final|has its one|moved by entries only"
KEPT = [LedgerEntry, Purchase, Reversal, StripeEvent, Call, MinuteRate, Wallet, AdjustmentRequest]


@pytest.fixture(autouse=True)
def _world():
    wallet = make_wallet(credit="20")
    Reversal.objects.create(
        purchase=buy(wallet, requested_by=make_user(), receipt_number=7),
        kind="refund",
        amount_cents=500,
        stripe_id="re_1",
        reason="Asked",
    )
    calls.record(reports=[make_report(wallet.account)], reporter=None)
    StripeEvent.objects.create(event_id="evt_1", type="refund.updated", payload={})
    AdjustmentRequest.objects.create(
        wallet=wallet, pot="credit", amount=500, note="x", form_key="a", asked_by=make_staff()
    )
    # Foreign keys still to be checked would refuse TRUNCATE before our triggers do.
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(("model", "another"), FACTS)
def test_facts_are_not_changed(model, another):
    before = list(model.objects.order_by("pk").values())

    with pytest.raises(DatabaseError, match=REFUSALS), transaction.atomic():
        model.objects.update(**another)

    assert list(model.objects.order_by("pk").values()) == before != []


@pytest.mark.parametrize("model", KEPT)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_facts_are_not_deleted(model, statement):
    before = model.objects.count()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(model._meta.db_table))

    assert model.objects.count() == before > 0


@pytest.mark.parametrize("pot", ["credit", "premium_seconds", "basic_seconds", "included_seconds"])
def test_no_wallet_starts_with_a_balance(pot):
    account = make_individual()

    with pytest.raises(DatabaseError, match="moved by entries only"), transaction.atomic():
        Wallet.objects.create(account=account, **{pot: 1})

    assert not Wallet.objects.filter(account=account).exists()


def test_an_event_is_still_marked_as_applied():
    assert StripeEvent.objects.update(attempts=1, error="later") == 1


@pytest.mark.parametrize("state", ["asked", "approved", "rejected"])
def test_what_was_decided_stays_decided(state):
    decided = {"decided_at": Now(), "decided_by": make_staff()}
    AdjustmentRequest.objects.update(state="rejected", **decided)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AdjustmentRequest.objects.update(state=state)

    assert AdjustmentRequest.objects.get().state == "rejected"
