"""Support's view of money. Rows are looked at here; only code moves money."""

from wallets.admin import ledger, purchases, rates, stripe_events, wallets  # noqa: F401
