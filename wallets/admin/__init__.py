"""Support's view of money. Rows are looked at here; only code moves money."""

from wallets.admin import (  # noqa: F401
    adjustments,
    allocations,
    charges,
    ledger,
    purchases,
    rates,
    stripe_events,
    wallets,
)
