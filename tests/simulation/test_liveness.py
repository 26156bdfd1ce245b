"""Seeds of the liveness mode: everything due happens in time. `make liveness` plays thousands."""

import pytest

from tests.simulation.liveness import living, run_seed

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def lively(django_db_setup, django_db_blocker):  # noqa: ARG001
    with django_db_blocker.unblock(), living() as world:
        yield world


@pytest.mark.journey
def test_the_first_seed_finds_everything_done_in_time(lively):
    run_seed(lively, 1)


@pytest.mark.faults
@pytest.mark.parametrize("first", range(2, 22, 10))
def test_twenty_seeds_find_everything_done_in_time(lively, first):
    for seed in range(first, first + 10):
        run_seed(lively, seed)
