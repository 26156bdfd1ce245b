"""Hypothesis draws the actions instead of the dice, and shrinks what breaks to the shortest story.

Rules are the simulation's own actions; the invariants are the books, after every step.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests import oracle
from tests.simulation.actions import ACTIONS
from tests.simulation.run import act, come_to_rest
from tests.simulation.world import World, rolled_back
from wallets.books import checking

pytestmark = [pytest.mark.faults, pytest.mark.django_db]

# Broken by time alone until the sweeps have run; they are checked at rest.
AT_REST = {"I8", "I12"}


def machine(world: World) -> type[RuleBasedStateMachine]:
    class Money(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.block = rolled_back()
            self.block.__enter__()
            world.begin("state machine")
            world.interleave = lambda: None

        @rule(name=st.sampled_from(sorted(ACTIONS)), dice=st.integers(0, 50))
        def somebody_acts(self, name: str, dice: int) -> None:
            world.rng.seed(dice)
            act(world, name)

        @invariant()
        def the_books_are_right(self) -> None:
            broken = [row for row in checking.check_all() if row.rule not in AT_REST]
            assert not broken, "\n".join(map(str, broken))

        def teardown(self) -> None:
            try:
                come_to_rest(world)
                oracle.check(world.stripe)
            finally:
                self.block.__exit__(None, None, None)

    return Money


def test_no_order_of_actions_breaks_a_promise(world):
    run_state_machine_as_test(
        machine(world),
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
