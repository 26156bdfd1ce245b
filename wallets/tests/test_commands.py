from io import StringIO

import pytest
from celery import current_app
from django.core.management import call_command

from accounts import clock
from wallets.tests.worlds.allocation_world import make_world, moment

pytestmark = pytest.mark.django_db


def said(*command):
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.outside_of_cells("the command notes its sweep in the first cell, too")
def test_run_allocations_charges_what_is_due(stripe):
    world = make_world(stripe)
    with clock.at(moment("2026-11-14")):
        world.save()
        assert said("run_allocations", "--dry-run") == [
            "Northside Dental, 14 Nov 2026: charge $205.00, attempt 1"
        ]
        assert world.taken() == []

        assert said("run_allocations") == ["2026-11-14: charge $205.00"]
        assert said("run_allocations") == ["Nothing is due."]
        assert said("run_allocations", "--dry-run") == ["Nothing is due."]

    assert world.taken() == [20500]


@pytest.mark.outside_of_cells("the command notes its beat in the first cell, too")
def test_tick_does_one_beat_of_every_app_by_hand(stripe, nudges):
    world = make_world(stripe)
    with clock.at(moment("2026-11-14")):
        world.save(start_date=moment("2026-11-20").date())
    nudges.clear()

    with clock.at(moment("2026-11-20 00:01")):
        names = said("tick")

    assert names == sorted(name for name in current_app.tasks if name.endswith(".tick"))
    assert "wallets.tick" in names
    assert ("wallets.run_allocation", (world.run("2026-11-20").pk,)) in nudges
