"""What Stripe holds of a stretch of time, and what of it is the business of one cell."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.cells import directory, place
from wallets.reversals.disputes import funds_are_withdrawn
from wallets.reversals.refunds import has_failed
from wallets.stripe import gateway
from wallets.stripe.answers import Intent


@dataclass(frozen=True)
class Held:
    """Payment intents, and the refunds and disputes that stand, each by its id at Stripe."""

    intents: dict[str, Intent]
    standing: dict[str, dict[str, Any]]


def read(*, since: datetime, until: datetime | None) -> Held:
    """Ask Stripe for all of it. Raises GatewayError when it does not answer."""
    span = {"since": since, "until": until}
    intents = {intent.id: intent for intent in gateway.intents_since(**span)}
    refunds = [found for found in gateway.refunds_since(**span) if not has_failed(found)]
    disputes = [found for found in gateway.disputes_since(**span) if funds_are_withdrawn(found)]
    return Held(intents, {found["id"]: found for found in refunds + disputes})


def here(held: Held) -> Held:
    """Without what is of customers of another cell. What says nothing of its cell is looked for in
    each, and found in one at most."""
    if not place.current():
        return held
    cells = directory.of_customers({one.customer for one in held.intents.values()})
    elsewhere = {
        pk
        for pk, one in held.intents.items()
        if cells.get(one.customer, place.current()) != place.current()
    }
    return Held(
        _without(held.intents, lambda intent: intent.id in elsewhere),
        _without(held.standing, lambda found: found.get("payment_intent") in elsewhere),
    )


def _without(rows: dict[str, Any], leaves: Callable[[Any], bool]) -> dict[str, Any]:
    return {pk: row for pk, row in rows.items() if not leaves(row)}
