"""One sender tells the endpoints of all cells."""

import pytest
from django.db import OperationalError

from accounts import tasks
from accounts.cells import place
from accounts.cells.place import inside
from accounts.models import WebhookDelivery, WebhookSender
from accounts.people import closing
from accounts.tests.builders import make_individual
from accounts.tests.webhooks.conftest import receiver  # noqa: F401
from accounts.tests.webhooks.receiver import endpoint
from accounts.webhooks import outbox, sending
from tests.two_cells import FIRST, SECOND

pytestmark = pytest.mark.usefixtures("two_cells", "nudges")


def close_one_in(cell, receiver):  # noqa: F811
    with inside(cell):
        account = make_individual()
        endpoint(receiver, account, path=f"/{cell}")
        closing.close(account=account)


def waiting(cell):
    with inside(cell):
        return WebhookDelivery.objects.exclude(state="sent").count()


def test_a_sender_that_one_cell_woke_sends_what_waits_in_all(receiver):  # noqa: F811
    for cell in (FIRST, SECOND):
        close_one_in(cell, receiver)

    with inside(SECOND):
        tasks.send_webhooks()
        assert place.current() == SECOND

    assert receiver.types("/first") == receiver.types("/second") == ["account.closed"]
    assert (waiting(FIRST), waiting(SECOND)) == (0, 0)
    assert WebhookSender.objects.get().token is None


def test_what_a_cell_that_is_away_would_tell_waits_and_the_others_is_sent(
    receiver,  # noqa: F811
    monkeypatch,
):
    for cell in (FIRST, SECOND):
        close_one_in(cell, receiver)

    def away(do):
        def asked():
            if place.current() == FIRST:
                raise OperationalError("the server closed the connection")
            return do()

        return asked

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "accept", away(outbox.accept))
        patch.setattr(sending, "sweep", away(sending.sweep))
        tasks.send_webhooks()
    assert (receiver.types("/first"), receiver.types("/second")) == ([], ["account.closed"])

    tasks.send_webhooks()
    assert receiver.types("/first") == ["account.closed"]
