"""Opening a wallet: every account gets one, with Auto-Recharge off."""

from django.db import transaction

from accounts.models import Account
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
def _made(account: Account) -> Wallet:
    wallet, _ = Wallet.objects.get_or_create(account=account)
    wallet.auto_recharge, _ = AutoRecharge.objects.get_or_create(wallet=wallet)
    return wallet
