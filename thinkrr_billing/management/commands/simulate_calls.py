"""Report invented calls for the demo accounts through the HTTP API, until Ctrl-C."""

import signal
import time
from argparse import ArgumentParser
from datetime import datetime, timedelta
from itertools import chain

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import clock
from accounts.cells import directory
from accounts.models import Account, ApiKey, Scope
from accounts.people import api_keys
from accounts.runtime import reachable
from wallets.models import Purchase

FASTEST = 200.0
SAY_EVERY_SECONDS = 10.0
# Somebody who forgets the simulator leaves no key that lives for ever.
KEY_LIVES = timedelta(days=2)


class Command(BaseCommand):
    help = "Report invented calls for the demo accounts through the HTTP API. Ctrl-C ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rate", type=float, default=20, help="calls a second; default: 20")
        parser.add_argument("--minutes", type=float, help="how long; default: until Ctrl-C")
        parser.add_argument("--seed", type=int, default=1, help="another number, other calls")
        parser.add_argument("--url", default="", help="where the API is; default: this PORT")

    def handle(self, *args: object, **options: object) -> None:
        _check(options)
        accounts = self._demo_accounts()
        key, token = api_keys.create(
            account=None,
            name="Call simulator",
            scopes=[Scope.CALLS, Scope.READ],
            expires_at=clock.now() + KEY_LIVES,
        )
        try:
            self._simulate(token, accounts, options)
        finally:
            ApiKey.objects.filter(pk=key.pk).update(revoked_at=clock.now())

    def _demo_accounts(self) -> list[Account]:
        found, away = reachable.ask_each(_cells(), lambda _: _demo_accounts())
        for cell in away:
            self.stderr.write(f"The cell {cell} is away: its accounts get no calls.")
        accounts = list(chain.from_iterable(found.values()))
        if not accounts:
            raise CommandError("The demo accounts are not there: load them with seed_demo first.")
        return accounts

    def _simulate(self, token: str, accounts: list[Account], options: dict) -> None:
        # Imported here: production never loads what stands in for the outside world.
        from thinkrr_billing.sandbox.dialer import Dialer
        from thinkrr_billing.sandbox.http_api import Api

        base = options["url"] or settings.SITE_URL
        dialer = Dialer(
            api=Api(base=base, token=token),
            accounts=[str(account.pk) for account in accounts],
            rate=options["rate"],
            seed=options["seed"],
            complain=self.stderr.write,
        )
        self.stdout.write(
            f"{options['rate']:g} calls a second for {len(accounts)} accounts at {base}. "
            "Ctrl-C ends it."
        )
        self._dial(dialer, seconds=(options["minutes"] or float("inf")) * 60)

    def _dial(self, dialer: object, *, seconds: float) -> None:
        """Go on until Ctrl-C, SIGTERM or the end; then hang up, so that no call is lost."""
        stopped: list[int] = []
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda number, *_: stopped.append(number))
        began, began_at = time.monotonic(), clock.now()
        said = before = began
        while not stopped and (now := time.monotonic()) < began + seconds:
            dialer.second(elapsed=now - before)
            before = now
            if now - said >= SAY_EVERY_SECONDS:
                said = now
                self._say(dialer, now - began, began_at)
            time.sleep(max(0.0, now + 1 - time.monotonic()))
        dialer.hang_up()
        self._say(dialer, time.monotonic() - began, began_at)

    def _say(self, dialer: object, elapsed: float, since: datetime) -> None:
        totals = dialer.totals
        automatic = Purchase.objects.filter(
            purpose=Purchase.Purpose.AUTO_RECHARGE, state="succeeded", closed_at__gte=since
        )
        counted, _ = reachable.ask_each(_cells(), lambda _: automatic.count())
        self.stdout.write(
            f"{timedelta(seconds=int(elapsed))}  calls {totals['reported']:,}  "
            f"charged {totals['charged']:,} (${dialer.cost:,.2f})  "
            f"rejected {totals['rejected']}  held back {totals['held']:,}  "
            f"recharges {sum(counted.values())}  paused {dialer.paused_for_low_balance}"
        )
        self.stdout.flush()


def _cells() -> list[str]:
    return directory.with_accounts()


def _check(options: dict) -> None:
    if not settings.DEBUG:
        raise CommandError("Invented calls are for developers' machines: DEBUG is False here.")
    if not 0 < options["rate"] <= FASTEST:
        raise CommandError(f"--rate must be more than 0 and at most {FASTEST:g} calls a second.")
    if options["minutes"] is not None and not 0 < options["minutes"] <= 24 * 60:
        raise CommandError("--minutes must be more than 0 and at most 1440.")


def _demo_accounts() -> list[Account]:
    from thinkrr_billing.sandbox.demo.cast import ACTORS

    names, owners = zip(*((actor.name, actor.owner.email) for actor in ACTORS), strict=True)
    found = Account.objects.active().filter(
        name__in=names, memberships__user__email__in=owners, memberships__role="owner"
    )
    return list(found.distinct().order_by("created_at", "name"))
