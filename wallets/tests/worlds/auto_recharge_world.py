"""A wallet that recharges itself: its decisions, its declines and what was told, for its tests."""

from decimal import Decimal

from accounts.models import Notification
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.models import AutoRecharge, LoggedDecision, Wallet
from wallets.recharges import auto_recharge
from wallets.recharges.configure import Settings
from wallets.tests.worlds.builders import add_card, set_auto_recharge

TEN_FIFTY = Settings(enabled=True, threshold=Decimal(10), amount=Decimal(50))


def run(wallet: Wallet) -> str:
    """Look at the wallet once, as the worker does; the code of what was decided."""
    return auto_recharge.run(wallet_id=wallet.pk).code


def credit(wallet: Wallet) -> Decimal:
    return Wallet.objects.get(pk=wallet.pk).credit.amount


def settings_of(wallet: Wallet) -> AutoRecharge:
    return AutoRecharge.objects.get(wallet=wallet)


def decline(stripe: StripeSandbox, wallet: Wallet, code: str = "insufficient_funds") -> None:
    """From now on the bank answers the wallet's default card with this code."""
    stripe.set_card(wallet.default_payment_method, behaviour={"decline_code": code})


def told(wallet: Wallet, kind: str) -> list[str]:
    notes = Notification.objects.filter(account=wallet.account, kind=kind).order_by("pk")
    return list(notes.values_list("text", flat=True))


def tried(wallet: Wallet) -> list[tuple[str, str]]:
    """The card and what became of it, of each charge, oldest first."""
    rows = wallet.purchases.order_by("created_at", "instead_of")
    return list(rows.values_list("card", "state"))


def logged(wallet: Wallet) -> list[str]:
    """The codes of the decision log, oldest first."""
    rows = LoggedDecision.objects.filter(wallet=wallet).order_by("first_at", "pk")
    return list(rows.values_list("code", flat=True))


def figures(wallet: Wallet, code: str) -> dict[str, str]:
    """What the decision log says the latest decision with this code was made on."""
    return LoggedDecision.objects.filter(wallet=wallet, code=code).latest("first_at").figures


def suspend_by_declining(stripe: StripeSandbox, wallet: Wallet) -> None:
    add_card(stripe, wallet)
    decline(stripe, wallet, "lost_card")
    set_auto_recharge(wallet)
    run(wallet)
