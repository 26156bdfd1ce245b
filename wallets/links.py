"""Paths of our own pages, for what people are told: by the names of the URLs."""

from collections.abc import Callable
from uuid import UUID

from django.urls import reverse

from accounts.models import Account

# Whether an account has campaigns that wait to be resumed. Campaigns, which knows, stands here.
to_resume: list[Callable[[Account], bool]] = []


def payments() -> str:
    return reverse("wallets:payments")


def auto_recharge() -> str:
    """Where Auto-Recharge is set, its daily ceiling among the rest."""
    return reverse("wallets:auto_recharge")


def recharge() -> str:
    return reverse("wallets:recharge")


def alerts() -> str:
    """Own alerts, in the settings."""
    return reverse("wallets:alerts")


def add_card() -> str:
    return reverse("wallets:methods_add")


def purchase(purchase_id: UUID) -> str:
    return reverse("wallets:purchase", args=[purchase_id])


def receipt(purchase_id: UUID) -> str:
    return reverse("wallets:receipt", args=[purchase_id])


def credit_note(reversal_id: UUID) -> str:
    return reverse("wallets:credit_note", args=[reversal_id])


def statement(month: str) -> str:
    return reverse("wallets:statement", args=[month])


def billing_addresses() -> str:
    """Where it is set who gets papers by mail."""
    return reverse("wallets:billing")


def sub_account(account_id: UUID) -> str:
    """A sub-account in its agency's Account Manager."""
    return reverse("wallets:account_manager_account", args=[account_id])


def allocation(account_id: UUID) -> str:
    """The monthly allocation of a sub-account, in its agency's Account Manager."""
    return reverse("wallets:auto_allocation", args=[account_id])


def give(account_id: UUID) -> str:
    """Giving a sub-account minutes once, in its agency's Account Manager."""
    return reverse("wallets:give_minutes", args=[account_id])


def answer_ask(account_id: UUID, ask_id: int) -> str:
    """The same, answering what the sub-account asked for."""
    return f"{give(account_id)}?ask={ask_id}"


def resume_campaigns(purchase_id: UUID, *, account: Account) -> str:
    """Where the campaigns are chosen that this payment lets go on; empty when none waits."""
    if not any(asked(account) for asked in to_resume):
        return ""
    return f"{resume()}?purchase={purchase_id}"


def resume() -> str:
    """Where paused campaigns are chosen that go on. Campaigns knows the page."""
    return reverse("campaigns:resume")


def recharge_tiers() -> str:
    """The fragment that says what each amount would let go on. Campaigns knows it."""
    return reverse("campaigns:recharge_tiers")
