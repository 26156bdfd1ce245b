"""Seeds of the liveness mode: everything due happens in time. `make liveness` plays thousands."""

import re

import pytest

from tests.simulation.liveness import run_seed

pytestmark = pytest.mark.django_db


def test_the_first_seed_finds_everything_done_in_time(lively):
    run_seed(lively, 1)


def test_the_same_seed_of_liveness_tells_the_same_story(lively):
    stories = []
    for _ in range(2):
        run_seed(lively, 2)
        # Ids of rows go on from one seed to the next.
        stories.append([re.sub(r"\(\d+,\)|\b\d+, ", "", line) for line in lively.world.log])

    assert stories[0] == stories[1]


@pytest.mark.faults
@pytest.mark.parametrize("first", range(2, 22, 10))
def test_twenty_seeds_find_everything_done_in_time(lively, first):
    for seed in range(first, first + 10):
        run_seed(lively, seed)


@pytest.mark.faults
def test_thousands_in_front_of_real_batches_hold_up_nobody(lively):
    run_seed(lively, 100)
