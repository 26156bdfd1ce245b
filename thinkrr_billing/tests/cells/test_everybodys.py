"""What is everybody's reaches every cell, and is written down where it was done."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group

from accounts import clock
from accounts.cells.place import inside
from accounts.models import AuditEntry, Cell, CellOfPerson, WebhookEndpoint, WebhookEvent
from accounts.tests.builders import make_individual
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.deploy_checks import cells_are_as_the_environment_says
from wallets.prices import rates

pytestmark = pytest.mark.usefixtures("two_cells")


def listen(*kinds):
    WebhookEndpoint.objects.create(
        account=make_individual(), url="https://example.com", secret="none", events=list(kinds)
    )


def told():
    return [(event.kind, event.facts["price"]) for event in WebhookEvent.objects.all()]


def test_a_rate_is_told_in_each_cell_where_somebody_listens():
    with inside(FIRST):
        listen("rate.announced")
    with inside(SECOND):
        listen("account.closed")

    rates.set_rate(
        minute_type="premium",
        price=Decimal("0.2"),
        effective_from=clock.now() + timedelta(days=1),
        actor=None,
    )

    with inside(FIRST):
        assert told() == [("rate.announced", "0.200000")]
        assert Decimal("0.2") in [rate.price.amount for rate in rates.MinuteRate.objects.all()]
    with inside(SECOND):
        assert told() == []


def test_the_audit_is_kept_where_it_was_done():
    with inside(FIRST):
        make_individual()
        first = set(AuditEntry.objects.values_list("table", flat=True))
    with inside(SECOND):
        assert not AuditEntry.objects.exists()
    Group.objects.create(name="readers")

    assert "accounts_account" in first
    assert [entry.table for entry in AuditEntry.objects.all()] == ["auth_group"]


def test_a_process_that_looks_in_the_wrong_place_is_warned_of(settings):
    def told():
        warnings = cells_are_as_the_environment_says(databases=["default"])
        return [(warning.id, warning.msg.split(",")[0]) for warning in warnings]

    assert told() == []
    assert cells_are_as_the_environment_says(databases=[]) == []

    settings.CELLS = False
    assert told() == [("thinkrr_billing.W005", "All accounts are in cells")]

    CellOfPerson.objects.all().delete()
    Cell.objects.all().delete()
    assert told() == []
    settings.CELLS = True
    assert told() == [("thinkrr_billing.W005", "CELLS is True")]
