"""The first steps of a new account: a card, credit, Auto-Recharge, and a campaign that calls.

Read from what is there, so that they survive whatever happens between; gone once all are done, or
once calls were made."""

from dataclasses import dataclass

from django.urls import reverse

from accounts.models import Account
from accounts.runtime.of_one import has_any
from campaigns.models import Call, Campaign
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.models import AutoRecharge, LedgerEntry


@dataclass(frozen=True)
class Step:
    """`about` is what somebody who may not pay asks an owner for; empty where there is nothing to
    ask."""

    title: str
    text: str
    done: bool
    action: str
    url: str
    about: str = ""
    # Opens over the page.
    dialog: bool = False


def first_steps(*, account: Account) -> list[Step]:
    """All of them with what is done, or none. Up to five queries."""
    if account.is_closed or has_any(Call.objects, "account", account.pk):
        return []
    wallet = open_wallet(account=account)
    automatic = AutoRecharge.objects.get(wallet=wallet)
    steps = [
        Step(
            title="Add a card",
            text="It pays when you add credit, and never without being asked.",
            done=bool(payment_methods.cards(account)),
            action="Add payment method",
            url=reverse("wallets:methods_add"),
            about="card",
        ),
        Step(
            title="Add credit",
            text="Credit pays calls by the minute.",
            done=has_any(LedgerEntry.objects, "wallet", wallet.pk),
            action="Add credit",
            url=reverse("wallets:recharge"),
            about="recharge",
            dialog=True,
        ),
        Step(
            title="Turn on Auto-Recharge",
            text="It adds credit before calls stop. You set when, and how much.",
            done=automatic.enabled,
            action="Configure",
            url=reverse("wallets:auto_recharge"),
            about="auto_recharge",
            dialog=True,
        ),
        Step(
            title="Start your first campaign",
            text="Build it at the voice platform. It shows up here with its minutes.",
            done=Campaign.objects.filter(account=account).exists(),
            action="See campaigns",
            url=reverse("campaigns:list"),
        ),
    ]
    return [] if all(step.done for step in steps) else steps
