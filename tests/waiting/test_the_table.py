"""docs/waiting.md, the figures, and the tests name the same states and the same ways out."""

from importlib import import_module

import pytest

from accounts.runtime import waits
from tests.waiting import ways

for _name in (
    "purchases",
    "auto_recharge",
    "allocations",
    "people",
    "alerts",
    "webhooks",
    "calls",
):
    import_module(f"tests.waiting.test_{_name}")


def test_each_kind_that_waits_has_a_row_and_each_row_has_a_figure():
    assert sorted(ways.rows()) == sorted(waits.every())


def test_each_way_out_has_a_test_and_each_test_a_way_out():
    assert sorted(ways.told() - ways.taken) == []
    assert sorted(ways.taken - ways.told()) == []


@pytest.mark.parametrize("kind", sorted(waits.every()))
def test_nothing_waits_without_a_way_out_and_everything_has_somebody_who_moves_it(kind):
    what, mover, bound, *exits = ways.rows()[kind]

    assert what
    assert mover
    assert bound
    assert set(exits) != {"—"}


@pytest.mark.parametrize("kind", sorted(waits.every()))
def test_the_table_says_the_bound_that_the_books_hold(kind):
    held = waits.every()[kind].bound

    said = ways.bound_of(kind)

    assert said == held
