"""Opening a wallet: every account gets one, with Auto-Recharge off."""

from django.db import transaction

from accounts.models import Account, User
from accounts.people import opening
from wallets.models import AutoRecharge, Wallet


def open_wallet(*, account: Account) -> Wallet:
    """Return the account's wallet with its Auto-Recharge, made on first use.

    Safe to repeat and to race. One query once it is there.
    """
    found = Wallet.objects.select_related("auto_recharge").filter(account=account).first()
    wallet = found if hasattr(found, "auto_recharge") else _made(account)
    wallet.account = account
    return wallet


@transaction.atomic
def add_sub_account(
    *, agency: Account, name: str, owner_email: str, invited_by: User | None = None
) -> Account:
    """Open a sub-account with its wallet, and invite its owner by mail.

    Raises what `accounts.people.opening.add_sub_account` raises; nothing is opened then.
    """
    account = opening.add_sub_account(
        agency=agency, name=name, owner_email=owner_email, invited_by=invited_by
    )
    open_wallet(account=account)
    return account


@transaction.atomic
def _made(account: Account) -> Wallet:
    # Whoever races with us makes the same row; ours is left out then.
    Wallet.objects.bulk_create([Wallet(account=account)], ignore_conflicts=True)
    wallet = Wallet.objects.get(account=account)
    AutoRecharge.objects.bulk_create([AutoRecharge(wallet=wallet)], ignore_conflicts=True)
    wallet.auto_recharge = AutoRecharge.objects.get(wallet=wallet)
    return wallet
