"""Opening a wallet: every account gets one, with Auto-Recharge off."""

from django.db import transaction

from accounts.models import Account
from wallets.models import AutoRecharge, Wallet


@transaction.atomic
def open_wallet(*, account: Account) -> Wallet:
    """Return the account's wallet, made on first use. Safe to repeat and to race."""
    wallet, _ = Wallet.objects.get_or_create(account=account)
    AutoRecharge.objects.get_or_create(wallet=wallet)
    return wallet
