"""The events of accounts themselves."""

from accounts.webhooks.catalogue import EventType, offer


def _as_written(facts: dict[str, object]) -> dict[str, object]:
    return facts


offer(
    EventType(
        name="account.closed",
        meaning="Support closed the account: nothing is charged by itself any more.",
        shown=_as_written,
        sentence=lambda account: f"{account['name']} was closed.",
        route="sub-accounts",
    ),
    EventType(
        name="account.reopened",
        meaning="A closed account is open again, with everything that charges by itself off.",
        shown=_as_written,
        sentence=lambda account: f"{account['name']} is open again.",
        route="sub-accounts",
    ),
)
