"""In which cell an object of Stripe's means something, where there are cells."""

from typing import Any
from uuid import UUID

from accounts.cells import directory


def cells_of(found: dict[str, Any]) -> list[str]:
    """Where to look for what it is about, one after the other: the cell of its customer or of the
    account that we noted on it, or else all of them. Without cells the one place there is."""
    cell = directory.of_customer(_customer(found)) or _noted(found)
    return [cell] if cell else directory.with_accounts()


def _customer(found: dict[str, Any]) -> str:
    if found.get("object") == "customer":
        return found["id"]
    customer = found.get("customer") or ""
    return customer if isinstance(customer, str) else customer["id"]


def _noted(found: dict[str, Any]) -> str:
    try:
        return directory.of_account(UUID((found.get("metadata") or {}).get("account") or ""))
    except ValueError:
        return ""
