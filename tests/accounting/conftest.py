"""One long life for all tests of a file, and its exports as files that programs read."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction

from accounts import clock
from tests.accounting.life import BEGINNING, DAYS, Life
from thinkrr_billing.celery import app as celery_app
from thinkrr_billing.sandbox.stripe.process import StripeSandbox

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Half a year takes a while to play."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="module")
def life(stripe_of_file: StripeSandbox, django_db_blocker: object) -> Iterator[Life]:
    """Played once; it is the evening of its last day for as long as it is looked at."""
    sent, celery_app.send_task = celery_app.send_task, lambda *args, **options: None
    with django_db_blocker.unblock():
        played = transaction.atomic()
        # What insists on being outermost may be inside of it, as in every test.
        played._from_testcase = True
        played.__enter__()
        found = Life(stripe_of_file)
        found.play()
        with clock.at(BEGINNING + timedelta(days=DAYS)):
            yield found
        transaction.set_rollback(True)
        played.__exit__(None, None, None)
    celery_app.send_task = sent
