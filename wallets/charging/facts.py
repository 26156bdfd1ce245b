"""What an intent carries of its purchase: enough to write the row again when it was lost.

A database restored from a backup knows nothing of what was bought since; Stripe then still does.
"""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID

from accounts.models import Account
from wallets.models import Purchase
from wallets.stripe.answers import Intent


class Unreadable(ValueError):
    """The intent does not say what was bought, or for whom. The text says what is missing."""


def of(purchase: Purchase) -> dict[str, str]:
    """As metadata of its intent; what the row leaves open is left out."""
    facts = {
        "purchase": purchase.pk,
        "purpose": purchase.purpose,
        "payer": purchase.payer_id,
        "account": purchase.wallet.account_id,
        "buys": purchase.buys,
        "card": purchase.card,
        "instead_of": purchase.instead_of,
        "premium_rate": purchase.premium_rate,
        "basic_rate": purchase.basic_rate,
        "premium_minutes": purchase.premium_minutes,
        "basic_minutes": purchase.basic_minutes,
        "period": purchase.allocation_run and purchase.allocation_run.period.isoformat(),
        "form": purchase.form_key,
    }
    return {name: str(value) for name, value in facts.items() if value not in (None, "", 0)}


def parties(intent: Intent) -> tuple[Account, Account]:
    """Whose card paid, and whose wallet it was for. Raises Unreadable when one is not here."""
    found = []
    for name in ("payer", "account"):
        try:
            pk = UUID(intent.metadata.get(name, ""))
        except ValueError:
            raise Unreadable(f"it does not say its {name}") from None
        account = Account.objects.filter(pk=pk).first()
        if account is None:
            raise Unreadable(f"its {name} {pk} is not here")
        found.append(account)
    return found[0], found[1]


def purchase_of(intent: Intent) -> Purchase:
    """The row as it was submitted, not saved, without wallet and run. Raises Unreadable."""
    facts = intent.metadata
    try:
        purpose, buys = Purchase.Purpose(facts["purpose"]), Purchase.Buys(facts["buys"])
        rates = {
            name: Decimal(facts[name]) for name in ("premium_rate", "basic_rate") if name in facts
        }
        minutes = {
            name: int(facts[name]) for name in ("premium_minutes", "basic_minutes") if name in facts
        }
    except (KeyError, ValueError, InvalidOperation) as error:
        raise Unreadable(f"it does not say what was bought ({error})") from None
    created = datetime.fromtimestamp(intent.created, UTC)
    return Purchase(
        id=UUID(intent.purchase_id),
        payer=parties(intent)[0],
        purpose=purpose,
        amount_cents=intent.amount,
        buys=buys,
        payment_method=intent.payment_method,
        card=facts.get("card", ""),
        instead_of=facts.get("instead_of", ""),
        form_key=facts.get("form"),
        state=Purchase.State.SUBMITTED,
        payment_intent=intent.id,
        attempts=1,
        created_at=created,
        submitted_at=created,
        **rates,
        **minutes,
    )


def period_of(intent: Intent) -> date:
    """The month of an allocation. Raises Unreadable."""
    try:
        return date.fromisoformat(intent.metadata.get("period", ""))
    except ValueError:
        raise Unreadable("it does not say its month") from None
