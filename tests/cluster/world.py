"""`python -m tests.cluster.world`, on a web host: the accounts, cards and keys that the load uses,
told as JSON."""

import json
import os
import sys

import django

CALLERS = 6
PAYERS = 6


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
    django.setup()
    from django.conf import settings

    from accounts.models import Scope
    from accounts.tests.builders import make_individual, make_key
    from thinkrr_billing.sandbox.stripe.process import StripeSandbox
    from wallets.balances.opening import open_wallet
    from wallets.tests.worlds.builders import add_card, make_wallet

    stripe = StripeSandbox(base_url=settings.STRIPE_API_BASE)
    callers = [str(make_wallet(credit="100000").account_id) for _ in range(CALLERS)]
    payers = []
    for _ in range(PAYERS):
        wallet = open_wallet(account=make_individual())
        add_card(stripe, wallet)
        payers.append(make_key(wallet.account, Scope.READ, Scope.WRITE)[1])
    platform = make_key(None, Scope.CALLS)[1]
    json.dump({"platform": platform, "callers": callers, "payers": payers}, sys.stdout)


if __name__ == "__main__":
    main()
