"""A database with two cells for the tests of this folder that ask for it."""

from collections.abc import Iterator

import pytest

from accounts.runtime import threads
from accounts.runtime.threads import Threads
from tests.two_cells import divided
from thinkrr_billing.cells import moving
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from thinkrr_billing.tests.cells.moving_world import make_mover
from thinkrr_billing.tests.cells.worlds import PATIENCE
from thinkrr_billing.tests.processes import wait_until
from wallets.tests.worlds.allocation_world import World


@pytest.fixture(scope="module")
def _divided(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:  # noqa: ARG001
    with django_db_blocker.unblock(), divided("cells"):
        yield


@pytest.fixture
def two_cells(_divided: None, db: None) -> None:
    """Cells named as in `tests.two_cells`, without a row, in a transaction that is rolled back."""


@pytest.fixture
def kept_cells(_divided: None, django_db_blocker: object) -> Iterator[None]:
    """The same with real transactions: rows stay until the file's last test."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is at work on what moves."""
    monkeypatch.setattr(moving, "DRAIN_SECONDS", 0)


@pytest.fixture
def world(kept_cells: None, stripe: StripeSandbox) -> World:  # noqa: ARG001
    return make_mover(stripe)


@pytest.fixture
def _threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Of the test's own; they end with it, and their connections."""
    monkeypatch.setattr(threads, "_of_process", mine := Threads(idle=0.2))
    yield
    wait_until(lambda: not mine._count, seconds=PATIENCE, what="the threads end")
