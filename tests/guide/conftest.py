"""Every test of the guide plays in its world, with the Stripe sandbox behind it."""

import pytest

from tests.guide.world import World
from thinkrr_billing.sandbox.stripe.process import StripeSandbox


@pytest.fixture
def world(db: None, stripe: StripeSandbox, nudges: list) -> World:  # noqa: ARG001
    return World(stripe)
