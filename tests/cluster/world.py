"""`python -m tests.cluster.world`, on a web host: the accounts, cards and keys that the load uses,
told as JSON."""

import json
import os
import sys

import django

CALLERS = 6
PAYERS = 6
SWITCHERS = 4


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
    django.setup()
    from django.conf import settings

    from accounts.models import Scope
    from accounts.tests.builders import make_individual, make_key
    from accounts.webhooks import endpoints
    from campaigns.tests.builders import make_campaign
    from tests.cluster.plan import HOOK
    from thinkrr_billing.sandbox.stripe.process import StripeSandbox
    from wallets.balances.opening import open_wallet
    from wallets.tests.worlds.builders import add_card, make_wallet

    stripe = StripeSandbox(base_url=settings.STRIPE_API_BASE)
    callers = [str(make_wallet(credit="100000").account_id) for _ in range(CALLERS)]
    terms = endpoints.Terms(url=f"https://{HOOK}/")
    payers, switchers = [], []
    for _ in range(PAYERS):
        wallet = open_wallet(account=make_individual())
        add_card(stripe, wallet)
        endpoints.add(account=wallet.account, terms=terms, actor=None)
        payers.append(make_key(wallet.account, Scope.READ, Scope.WRITE)[1])
    for _ in range(SWITCHERS):
        account = make_wallet(credit="100").account
        endpoints.add(account=account, terms=terms, actor=None)
        campaign = make_campaign(account).external_id
        token = make_key(account, Scope.READ, Scope.WRITE)[1]
        switchers.append({"account": str(account.pk), "campaign": campaign, "token": token})
    platform = make_key(None, Scope.CALLS)[1]
    world = {"platform": platform, "callers": callers, "payers": payers, "switchers": switchers}
    json.dump(world, sys.stdout)


if __name__ == "__main__":
    main()
