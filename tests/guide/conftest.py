"""Every test of the guide plays in its world, with the Stripe sandbox behind it."""

from pathlib import Path

import pytest

from tests.guide.world import World
from thinkrr_billing.sandbox.stripe.process import StripeSandbox

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each walks through the whole house, from a page or a call to Stripe and back."""
    for item in items:
        if item.path.parent == HERE and "world" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.journey)


@pytest.fixture
def world(db: None, stripe: StripeSandbox, nudges: list) -> World:  # noqa: ARG001
    return World(stripe)
