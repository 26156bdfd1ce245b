"""Seeds of the simulation: every promise holds after each. `make simulate` plays thousands."""

import pytest

from tests.simulation.run import run_seed

pytestmark = pytest.mark.django_db

# Seeds that once broke a promise, and what it was.
FOUND = {
    1910: "a refund of an allocation whose minutes were all used was a server error",
}


@pytest.mark.journey
@pytest.mark.parametrize("first", range(1, 21, 10))
def test_the_first_seeds_keep_every_promise(world, first):
    for seed in range(first, first + 10):
        run_seed(world, seed)


@pytest.mark.faults
@pytest.mark.parametrize("first", range(21, 201, 20))
def test_two_hundred_seeds_keep_every_promise(world, first):
    for seed in range(first, first + 20):
        run_seed(world, seed)


@pytest.mark.journey
@pytest.mark.parametrize("seed", FOUND)
def test_a_seed_that_once_failed_keeps_every_promise(world, seed):
    run_seed(world, seed)


@pytest.mark.journey
def test_the_same_seed_tells_the_same_story(world):
    run_seed(world, 7)
    first = [line.split(" ", 2)[-1] for line in world.log if "works on" not in line]
    run_seed(world, 7)
    assert [line.split(" ", 2)[-1] for line in world.log if "works on" not in line] == first


def test_a_broken_promise_is_found(world, monkeypatch):
    """The control: money that is credited twice does not get past the oracle."""
    from decimal import Decimal

    from tests.simulation.run import SeedFailed
    from wallets.charging import rows

    credited = rows._bought

    def twice(purchase, wallet):
        movements = credited(purchase, wallet)
        return [
            type(one)(**{**one.__dict__, "amount": one.amount * Decimal(2)}) for one in movements
        ]

    monkeypatch.setattr(rows, "_bought", twice)
    with pytest.raises(SeedFailed, match=r"seed \d+:\n"):
        for seed in range(1, 11):
            run_seed(world, seed)
