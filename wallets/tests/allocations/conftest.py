"""An agency's allocation in its first month: not set yet, paid, or declined once."""

import pytest

from accounts import clock
from wallets.tests.worlds.allocation_world import World, make_world, moment


@pytest.fixture
def world(stripe, db) -> World:  # noqa: ARG001
    return make_world(stripe)


@pytest.fixture
def running(world) -> World:
    """500 Basic and 1,000 Premium minutes on the 14th, the first month paid."""
    with clock.at(moment("2026-11-14 10:00")):
        world.save()
    assert world.run_at("2026-11-14 10:01") == ["charge"]
    return world


@pytest.fixture
def failing(world) -> World:
    """The first month was declined once, at 10:00 on 14 November, and waits."""
    world.decline_with()
    with clock.at(moment("2026-11-14 10:00")):
        world.save()
    assert world.run_at("2026-11-14 10:00") == ["charge"]
    return world
