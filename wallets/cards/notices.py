"""What people hear of their cards: added, removed, expiring."""

from accounts.models import Account, Notification
from accounts.telling.notifications import notify
from wallets import links
from wallets.cards.payment_methods import Card


def tell_added(account: Account, card: Card) -> None:
    notify(
        account=account,
        kind="payment_method_added",
        text=f"{card.label} was added.",
        dedupe_key=f"card-added:{card.id}",
        link=links.payments(),
    )


def tell_removed(account: Account, card_id: str) -> None:
    notify(
        account=account,
        kind="payment_method_removed",
        text="A card was removed.",
        dedupe_key=f"card-removed:{card_id}",
        link=links.payments(),
    )


def tell_expiring(account: Account, card: Card) -> Notification | None:
    """Once a card and month; None when it was told before."""
    return notify(
        account=account,
        kind="card_expiring",
        text=(
            f"{card.label} expires on {card.last_day:%-d %b %Y}. "
            "Add another card so that automatic charges go on."
        ),
        level="warning",
        dedupe_key=f"card-expiring:{card.id}:{card.last_day}",
        link=links.add_card(),
    )
