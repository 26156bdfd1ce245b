"""What webhooks say of campaigns: their rows as triggers wrote them down, as the API shows them."""

from datetime import datetime

from accounts.webhooks.catalogue import EventType, Facts, offer


def campaign(facts: Facts) -> Facts:
    moments = {
        name: datetime.fromisoformat(str(facts[name])) if facts[name] else None
        for name in ("paused_at", "updated_at")
    }
    return facts | moments


def _paused(one: Facts) -> str:
    why = ": the balance is low" if one["pause_reason"] == "low_balance" else ""
    return f"The campaign {one['name']} is paused{why}."


offer(
    EventType(
        name="campaign.paused",
        meaning="A campaign was paused, by a person or for a low balance: `pause_reason` says "
        "which.",
        shown=campaign,
        sentence=_paused,
        route="campaigns",
    ),
    EventType(
        name="campaign.resumed",
        meaning="A paused campaign runs again.",
        shown=campaign,
        sentence=lambda one: f"The campaign {one['name']} runs again.",
        route="campaigns",
    ),
)
