"""Accounts with money, campaigns and reports, as the tests of this app need them."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

from accounts import clock
from accounts.cells import directory
from accounts.models import Account
from campaigns.models import Campaign
from campaigns.reports import Report
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.models import AutoRecharge, Wallet

_numbers = count(1)


def make_account(*, name: str = "", **fields: object) -> Account:
    number = next(_numbers)
    fields.setdefault("kind", Account.Kind.INDIVIDUAL)
    account = Account.objects.create(name=name or f"Account {number}", **fields)
    directory.note_account(account.pk)
    return account


def make_wallet(
    *,
    account: Account | None = None,
    credit: str = "0",
    premium: int = 0,
    basic: int = 0,
    included: int = 0,
) -> Wallet:
    """A wallet with credit in dollars and whole seconds in the pots, through the ledger."""
    wallet = open_wallet(account=account or make_account())
    fill(wallet, credit=credit, premium=premium, basic=basic, included=included)
    return wallet


def fill(wallet: Wallet, **pots: str | int) -> None:
    """Add to the pots, as support would."""
    key = f"adjustment:{next(_numbers)}:{wallet.pk}"
    ledger.post(
        movements=[
            ledger.Movement(
                wallet_id=wallet.pk, pot=pot, amount=Decimal(amount), kind="adjustment", key=key
            )
            for pot, amount in pots.items()
        ]
    )
    wallet.refresh_from_db()


def make_campaign(
    account: Account, *, minute_type: str = "premium", status: str = "started", **fields: object
) -> Campaign:
    number = next(_numbers)
    fields.setdefault("external_id", f"camp-{number}")
    fields.setdefault("name", f"Campaign {number}")
    if status in ("manual", "low_balance"):
        fields.setdefault("paused_at", clock.now())
        fields |= {"pause_reason": status}
        status = "paused"
    return Campaign.objects.create(
        account=account, minute_type=minute_type, status=status, **fields
    )


def make_report(
    account: Account | UUID | str,
    *,
    seconds: int = 60,
    campaign: Campaign | str | None = None,
    minute_type: str | None = None,
    ended_at: datetime | None = None,
    outcome: str = "completed",
    id: str = "",
) -> Report:
    """A report of a Premium call of a minute, just ended, unless told otherwise."""
    if campaign is None and minute_type is None:
        minute_type = "premium"
    return Report(
        id=id or f"call-{next(_numbers)}",
        account=str(account.pk if isinstance(account, Account) else account),
        seconds=seconds,
        campaign=campaign.external_id if isinstance(campaign, Campaign) else campaign,
        minute_type=minute_type,
        ended_at=ended_at or clock.now() - timedelta(seconds=1),
        outcome=outcome,
    )


def turn_on_auto_recharge(wallet: Wallet, **fields: object) -> AutoRecharge:
    """Auto-Recharge with a card, on, as it stands after somebody saved it."""
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method="pm_visa")
    AutoRecharge.objects.filter(wallet=wallet).update(enabled=True, **fields)
    automatic = AutoRecharge.objects.get(wallet=wallet)
    AutoRecharge.objects.watch(wallet_ids=[wallet.pk], now=clock.now())
    return automatic
