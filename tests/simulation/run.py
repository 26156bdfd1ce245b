"""Runs seeds: each a few dozen actions, then rest, then the oracle."""

import traceback
from collections.abc import Callable

from accounts.errors import AccountError
from accounts.runtime import crash_points
from tests import oracle
from tests.simulation.actions import ACTIONS
from tests.simulation.world import World, rolled_back

FEWEST_ACTIONS, MOST_ACTIONS = 8, 30

NAMES = list(ACTIONS)
WEIGHTS = [weight for weight, _ in ACTIONS.values()]


class SeedFailed(AssertionError):
    """A seed broke a promise. The text is the story that led there."""


def run_seed(world: World, seed: object) -> None:
    """Play one seed and assert that all promises hold. Nothing of it is kept."""
    with rolled_back():
        world.begin(seed)
        world.interleave = lambda: act(world, _draw(world))
        try:
            for _ in range(world.rng.randint(FEWEST_ACTIONS, MOST_ACTIONS)):
                act(world, _draw(world))
            come_to_rest(world)
            oracle.check(world.stripe)
        except Exception as error:
            story = "\n".join(world.log)
            raise SeedFailed(f"seed {seed}:\n{story}\n{traceback.format_exc()}") from error


def _draw(world: World) -> str:
    return world.rng.choices(NAMES, WEIGHTS)[0]


def act(world: World, name: str) -> None:
    """One actor does one thing."""
    do(world, ACTIONS[name][1])


def do(world: World, action: Callable[[World], object]) -> None:
    """It may be refused, or die on the way."""
    world.depth += 1
    try:
        world.note(action.__name__)
        world.note(f"  -> {action(world)}")
    except AccountError as error:
        world.note(f"  refused: {error}")
    except crash_points.Crash:
        world.note("  died")
    finally:
        world.depth -= 1
    world.publish()


def come_to_rest(world: World) -> None:
    """The trouble ends; whatever was lost or left behind is found by the sweeps."""
    world.trouble = False
    world.stripe.clear_faults()
    world.note("rest")
    oracle.run_until_quiet(stripe=world.stripe, move=world.move)
    world.publish()
