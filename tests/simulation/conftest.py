"""The world of the simulation, built once a module; nothing of it is ever committed."""

from collections.abc import Iterator

import pytest

from tests.simulation.world import World, simulated


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: object) -> Iterator[World]:
    with django_db_blocker.unblock(), simulated() as found:
        yield found
