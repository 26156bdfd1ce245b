"""What an allocation's payment adds to the state machine: a month's, or minutes given once."""

from collections.abc import Callable
from dataclasses import fields

from wallets.allocations import gifts, runs
from wallets.charging.policies import Policy
from wallets.models import Purchase, Wallet


def _either(name: str) -> Callable[[Purchase, Wallet], object]:
    def step(purchase: Purchase, wallet: Wallet) -> object:
        policy = gifts.POLICY if purchase.is_gift else runs.POLICY
        return getattr(policy, name)(purchase, wallet)

    return step


POLICY = Policy(**{field.name: _either(field.name) for field in fields(Policy)})
