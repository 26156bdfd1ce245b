"""What saving settings of Auto-Recharge would do now, in the sentences of dialog and API."""

from wallets.prices.amounts import minutes_for
from wallets.prices.rates import rates_now
from wallets.recharges.configure import Preview, Settings
from wallets.texts import usd
from wallets.why import sentences
from wallets.why.codes import Recharge


def sentence(found: Preview, settings: Settings) -> str:
    figures = found.decision.figures
    if found.charge:
        count = found.charge // settings.amount
        times = f" ({count} × {usd(settings.amount)})" if count > 1 else ""
        return (
            f"Your balance ({usd(figures['credit'])}) is already below "
            f"{usd(settings.threshold)}. {found.card.label} will be charged "
            f"{usd(found.charge)} now{times}.{_then_backup(found)}"
        )
    if found.decision.code != Recharge.BALANCE_FINE:
        return sentences.preview(found.decision)
    rates = rates_now()
    premium = minutes_for(amount=settings.amount, rate=rates["premium"])
    basic = minutes_for(amount=settings.amount, rate=rates["basic"])
    return (
        f"Each recharge buys up to {premium:,} Premium or {basic:,} Basic minutes. "
        "Nothing is charged now."
    )


def _then_backup(found: Preview) -> str:
    if found.backup is None:
        return ""
    return f" If it is declined, your backup card {found.backup.label} is tried once."


def warning(found: Preview, settings: Settings) -> str:
    """Why these settings may not do what is wanted; empty otherwise."""
    if found.charge and found.decision.figures["credit"] + found.charge < settings.threshold:
        return (
            "The balance then stays below the threshold: the monthly limit, the daily ceiling or "
            "the limit of one charge leaves no room for more."
        )
    if not settings.enabled or settings.amount > settings.threshold:
        return ""
    return (
        f"One recharge of {usd(settings.amount)} may not be enough: we charge whole multiples in "
        "one payment until the balance is above the threshold."
    )
