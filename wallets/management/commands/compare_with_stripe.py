"""Compare everything since the first account with Stripe, in steps that may be interrupted."""

from django.core.management.base import BaseCommand, CommandError

from wallets.books import comparing
from wallets.stripe import answers


class Command(BaseCommand):
    help = (
        "Compare all payments since the first account with Stripe. What differs is frozen and told "
        "as in the night. Interrupted, it goes on where it was when it is run again. Exit 1 when "
        "something differs."
    )

    def handle(self, *args: object, **options: object) -> None:
        row = comparing.begin(full=True)
        try:
            while row.finished_at is None:
                row = comparing.go_on(comparison_id=row.pk)
                self.stdout.write(f"Compared up to {row.at:%-d %b %Y, %H:%M} UTC.")
        except answers.GatewayError as error:
            raise CommandError(
                f"Stripe did not answer: {error}. Run it again to go on.", returncode=2
            ) from error
        self.stdout.write(f"{row.found} differences.")
        if left_out := comparing.left_out():
            raise CommandError(
                f"Not compared, because they were away: {', '.join(left_out)}. Workers do it as "
                "soon as they are back, and tell support what differs.",
                returncode=2,
            )
        if row.found:
            raise SystemExit(1)
