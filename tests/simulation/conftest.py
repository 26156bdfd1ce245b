"""The world of the simulation, built once a module; nothing of it is ever committed."""

from collections.abc import Iterator

import pytest

from tests.databases import has_test_database
from tests.simulation.liveness import Play, living
from tests.simulation.world import World, simulated


@pytest.fixture
def _django_db_helper() -> None:
    """In place of pytest-django's transaction: the world has its own, and rolls it back."""


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: object) -> Iterator[World]:  # noqa: ARG001
    assert has_test_database(), "Mark what wants a world with django_db: nothing else makes one."
    with django_db_blocker.unblock(), simulated() as found:
        yield found


@pytest.fixture(scope="module")
def lively(django_db_setup: None, django_db_blocker: object) -> Iterator[Play]:  # noqa: ARG001
    """The same among hostile rows, for seeds of the liveness mode."""
    with django_db_blocker.unblock(), living() as found:
        yield found
