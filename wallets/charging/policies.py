"""What each purpose of a purchase adds to the state machine."""

from collections.abc import Callable
from dataclasses import dataclass

from wallets.models import Purchase, Wallet
from wallets.why.decisions import Decision


@dataclass(frozen=True)
class Policy:
    """What a purpose adds. All run under the wallet's lock, inside the settling transaction."""

    still_wanted: Callable[[Purchase, Wallet], Decision]
    succeeded: Callable[[Purchase, Wallet], None]
    declined: Callable[[Purchase, Wallet], None]
    requires_action: Callable[[Purchase, Wallet], None]
    canceled: Callable[[Purchase, Wallet], None]


# Filled by wallets.apps, so that the state machine need not know the purposes.
policies: dict[str, Policy] = {}
