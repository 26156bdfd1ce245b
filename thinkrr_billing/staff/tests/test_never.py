"""What nobody can do, below the pages either: the database refuses it to bulk updates and SQL."""

import pytest
from django.db import DatabaseError, connection, transaction

from campaigns import calls
from campaigns.models import Call
from campaigns.tests.builders import make_report
from wallets.models import LedgerEntry, MinuteRate, Purchase, StripeEvent
from wallets.tests.builders import make_wallet
from wallets.tests.histories import buy

pytestmark = pytest.mark.django_db

FACTS = {
    LedgerEntry: {"note": "another"},
    Purchase: {"amount_cents": 1},
    StripeEvent: {"type": "payment_intent.succeeded"},
    Call: {"seconds": 1},
    MinuteRate: {"price": 1},
}


@pytest.fixture(autouse=True)
def _world():
    wallet = make_wallet(credit="20")
    buy(wallet)
    calls.record(reports=[make_report(wallet.account)], reporter=None)
    StripeEvent.objects.create(event_id="evt_1", type="refund.updated", payload={})
    # Foreign keys still to be checked would refuse TRUNCATE before our triggers do.
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("model", FACTS)
def test_facts_are_not_changed(model):
    before = list(model.objects.order_by("pk").values())

    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.update(**FACTS[model])

    assert list(model.objects.order_by("pk").values()) == before != []


@pytest.mark.parametrize("model", FACTS)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_facts_are_not_deleted(model, statement):
    before = model.objects.count()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(model._meta.db_table))

    assert model.objects.count() == before > 0


def test_an_event_is_still_marked_as_applied():
    assert StripeEvent.objects.update(attempts=1, error="later") == 1
