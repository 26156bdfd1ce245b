"""An agency that moves from the first of two cells to the second, and what both have kept."""

from datetime import timedelta
from decimal import Decimal

from django.db import connection, connections, transaction

from accounts import clock
from accounts.cells import directory
from accounts.cells.place import inside, schema_of
from accounts.models import WebhookEndpoint, WebhookSender
from accounts.webhooks import outbox
from campaigns import batches
from campaigns.tests.builders import make_campaign, make_report
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.cells import belonging, moving
from wallets.books import checking
from wallets.models import Wallet
from wallets.prices import rates
from wallets.reversals import refunds
from wallets.tests.worlds.reversal_world import buy, make_allocated, refunded_outside


def make_mover(stripe):
    """An agency in the first cell with a sub-account, and something of everything."""
    with inside(FIRST):
        world = make_allocated(stripe)
        paid = buy(Wallet.objects.get(account=world.agency))
        refunds.settle_refund_from(found=refunded_outside(paid, 500))
        campaign = make_campaign(world.sub)
        facts = {"url": "https://example.com", "secret": "none", "events": ["rate.announced"]}
        WebhookEndpoint.objects.create(account=world.agency, **facts)
    assert charge(world.sub, campaign=campaign.external_id) == "charged"
    later = clock.now() + timedelta(days=1)
    rates.set_rate(minute_type="premium", price=Decimal("0.2"), effective_from=later, actor=None)
    with inside(FIRST):
        WebhookSender.objects.get_or_create(pk=1, defaults={"until": later})
    # The other one has endpoints of those who moved before.
    directory.in_every(lambda _: outbox.accept())
    return world


def away(world):
    return moving.move(account_id=world.agency.pk, name=SECOND)


def kept(cell):
    """The rows of the tables that move: how many, and the sum of what they say."""
    with transaction.atomic(), connection.cursor() as cursor:
        found = {}
        for table in belonging.tables():
            cursor.execute(
                "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric)"
                f" FROM {schema_of(cell)}.{table} t"
            )
            found[table] = cursor.fetchone()
        return found


def of(model, cell, **named):
    with inside(cell):
        return list(model.objects.filter(**named).order_by("pk"))


def charge(account, **facts):
    [told] = batches.record(reports=[make_report(account, **facts)], reporter=None)
    return told.status if not told.error else told.error.code


def elsewhere(do):
    """What another thread does, with a connection of its own."""
    try:
        return do()
    finally:
        connections.close_all()


def books_are_in_order():
    assert directory.in_every(lambda _: checking.check_all()) == [[], []]
