"""Look whether key, permissions, version, webhook and clock are right between Stripe and us."""

from django.conf import settings
from django.core.management.base import BaseCommand

from wallets.stripe import checking, probes


class Command(BaseCommand):
    help = (
        "Say in a table whether the key, its permissions, the API version, the webhook endpoint, "
        "its secret and the clock are right. Changes nothing at Stripe. Exit 1 when one is wrong."
    )

    def handle(self, *args: object, **options: object) -> None:
        mode = "live" if settings.STRIPE_LIVE_MODE else "test"
        self.stdout.write(f"{settings.STRIPE_API_BASE}, {mode} mode")
        found = checking.lines()
        width = max(len(line.subject) for line in found)
        for line in found:
            verdict, subject = line.verdict.ljust(11), line.subject.ljust(width)
            self.stdout.write(f"{verdict}  {subject}  {line.sentence}")
        if any(line.verdict == probes.WRONG for line in found):
            raise SystemExit(1)
