"""The world of the tables, built once for all requests of a file: each of them is undone."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from tests.matrix.world import World
from thinkrr_billing.sandbox.stripe.process import StripeSandbox


@pytest.fixture(scope="module")
def world(stripe_of_file: StripeSandbox, django_db_blocker: object) -> Iterator[World]:
    with django_db_blocker.unblock():
        built = transaction.atomic()
        # What insists on being outermost may be inside of it, as in every test.
        built._from_testcase = True
        built.__enter__()
        yield World(stripe_of_file)
        transaction.set_rollback(True)
        built.__exit__(None, None, None)
