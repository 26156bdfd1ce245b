"""Support's view of money. Rows are looked at here; only code moves money."""

from wallets.admin import (  # noqa: F401
    adjustments,
    alerts,
    allocations,
    billing,
    card_attempts,
    charges,
    comparisons,
    holds,
    ledger,
    purchases,
    rates,
    reversals,
    sellers,
    stripe_events,
    wallets,
)
