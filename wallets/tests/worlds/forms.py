"""What the pages' forms send, as a browser would, and what a page says."""

from uuid import uuid4

HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split()).replace("&#x27;", "'")


def recharging(wallet, **changes) -> dict[str, str]:
    """The form as the page would send it for $50 of Premium minutes."""
    facts = {
        "amount": "50.00",
        "buys": "premium",
        "payment_method": wallet.default_payment_method,
        "form_key": str(uuid4()),
        "quoted_amount": "50.00",
        "quoted_rate": "0.16",
        "quoted_debt": "0",
    }
    return facts | changes


def allocating(card, **changes) -> dict[str, str]:
    """500 Basic and 1,000 Premium minutes, with the charge the page named for today."""
    facts = {
        "basic_minutes": "500",
        "premium_minutes": "1,000",
        "payment_method": card.id,
        "start_date": "",
        "quoted_charge": "205",
    }
    return facts | changes
