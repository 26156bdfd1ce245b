"""`python -m thinkrr_billing.sandbox.story`: what `make demo` runs."""

import signal
import sys

from thinkrr_billing.sandbox.http_api import Unreachable
from thinkrr_billing.sandbox.story.plot import play
from thinkrr_billing.sandbox.story.roles import enter
from thinkrr_billing.sandbox.story.stage import NoStage, Stage
from thinkrr_billing.sandbox.story.teller import Teller, WentWrong


def main() -> int:
    # Told to end, it cleans up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tell = Teller()
    tell.say("Starting throw-away parts: PostgreSQL, Stripe sandbox, web, worker, beat ...")
    try:
        with Stage() as stage:
            tell.say(f"Ready at {stage.site}.")
            play(stage, enter(stage), tell)
    except (NoStage, WentWrong, LookupError, Unreachable) as failure:
        sys.stderr.write(f"\nWRONG: {failure}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped before the end.\n")
        return 130
    tell.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
