"""An agency archives a sub-account while somebody else sets its monthly allocation."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from django.db import connection, transaction

from accounts import clock
from accounts.models import Account
from accounts.people import archiving
from wallets.errors import Refused
from wallets.tests.worlds.allocation_world import moment

pytestmark = pytest.mark.django_db


def archive(world):
    account = Account.objects.select_related("agency").get(pk=world.sub.pk)
    with clock.at(moment("2026-11-20")):
        archiving.archive(account=account, actor=None)


def test_what_is_saved_while_it_is_being_archived_ends_with_it(running, monkeypatch):
    """Ending what came before may ask Stripe for seconds."""
    saved = []

    def save_once(**_):
        if not saved:
            saved.append(running.save(basic=100, premium=0))

    monkeypatch.setattr(archiving, "end_before", [*archiving.end_before, save_once])

    archive(running)

    assert saved
    assert not running.allocation.active
    assert running.run_at("2026-12-14 01:00") == []


def test_a_form_that_was_shown_before_it_was_archived_sets_nothing(running):
    """`running.sub` is as it was read then."""
    archive(running)

    with pytest.raises(Refused, match="is archived. Bring it back first"):
        running.save(basic=100, premium=0)

    assert not running.allocation.active
    assert running.run_at("2026-12-14 01:00") == []


@pytest.mark.django_db(transaction=True)
def test_what_is_just_being_saved_is_waited_for_and_ended(running):
    def archive_it():
        try:
            archive(running)
        finally:
            connection.close()

    running.stop()
    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            running.save(basic=100, premium=0)
            archiving_it = pool.submit(archive_it)
            assert not wait([archiving_it], timeout=1).done
        archiving_it.result(timeout=20)

    assert not running.allocation.active
