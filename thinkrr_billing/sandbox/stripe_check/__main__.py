"""`make stripe-check`: 0 same, 1 something differs, 2 it could not be run."""

import logging
import sys
import tempfile
from pathlib import Path

from thinkrr_billing.sandbox.stripe.process import SandboxError, start
from thinkrr_billing.sandbox.stripe_check import target

SAME, DIFFERS, NOT_RUN = 0, 1, 2


def main() -> int:
    try:
        whom = target.read()
    except target.BadTarget as refusal:
        print(refusal, file=sys.stderr)
        return NOT_RUN
    # Each decline would be a line of the gateway's.
    logging.disable(logging.WARNING)
    return _check(whom)


def _check(whom: target.Target) -> int:
    # Imported once the settings are known: they read them.
    import stripe
    from django.conf import settings

    from thinkrr_billing.sandbox.stripe_check import comparing, playing, steps, telling

    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            start(state=Path(folder) / "stripe.sqlite3") as sandbox,
        ):
            theirs = playing.play(key=whom.key, base=whom.base)
            ours = playing.play(key=whom.key, base=sandbox.base_url)
    except (playing.CannotPlay, SandboxError) as error:
        print(error, file=sys.stderr)
        return NOT_RUN
    except KeyboardInterrupt:
        print(
            "Interrupted. Nothing was compared.",
            file=sys.stderr,
        )
        return NOT_RUN
    found = comparing.differences(ours.records, theirs.records)
    print(
        telling.report(
            found=found,
            played=theirs,
            base=whom.base,
            version=settings.STRIPE_API_VERSION,
            sdk=stripe.VERSION,
            of=len(steps.ALL),
        )
    )
    return DIFFERS if found or theirs.ended_at else SAME


if __name__ == "__main__":
    sys.exit(main())
