"""The wallets that may not pay a minute, found without looking at every balance.

What is looked at changes when credit crosses the threshold or a call is held: no debit between
touches it.
"""

from decimal import Decimal

from wallets import limits

# Settings are armed only while credit is at or above their threshold (`AutoRecharge.watch`), which
# is never below `THRESHOLD_LEAST`. Where calls are held, less may be free than there is.
_LOW_OR_HELD = """
SELECT wallet_id FROM wallets_autorecharge WHERE NOT low_armed
UNION
SELECT wallet_id FROM wallets_callhold
"""


def may_be_short(rates: dict[str, Decimal]) -> str:
    """SQL of their ids: every wallet that cannot pay a minute at these rates is among them."""
    if max(rates.values()) > limits.THRESHOLD_LEAST:
        return "SELECT id AS wallet_id FROM wallets_wallet"
    return _LOW_OR_HELD
