"""The liveness mode can fail: each mend that is taken back is found within some seeds."""

import inspect

import pytest

from tests.simulation.breaks import BREAKS
from tests.simulation.liveness import run_seed
from tests.simulation.run import SeedFailed

# A change elsewhere gives each seed another story, and another seed finds it.
WITHIN = 40

pytestmark = [pytest.mark.django_db, pytest.mark.faults]


@pytest.mark.parametrize("name", BREAKS)
def test_a_mend_that_is_taken_back_is_found(lively, name, monkeypatch):
    put_back, first = BREAKS[name]
    given = [lively.world] if "world" in inspect.signature(put_back).parameters else []
    put_back(monkeypatch, *given)

    with pytest.raises(SeedFailed, match=r"seed \d+:\n"):
        for seed in range(first, first + WITHIN):
            run_seed(lively, seed)
