"""Starts the sandbox: `python -m thinkrr_billing.sandbox.stripe --port N --state FILE`."""

import argparse
import os
import signal
import sys
import threading
import time

from thinkrr_billing.sandbox.stripe.http.server import Server
from thinkrr_billing.sandbox.stripe.state.machine import Sandbox
from thinkrr_billing.sandbox.stripe.state.store import StateInUse

PARENT_CHECK_SECONDS = 0.5
# Not an argument: other users of the machine can list those.
SECRET_VARIABLE = "STRIPE_WEBHOOK_SECRET"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    secret = os.environ.get(SECRET_VARIABLE, "")
    if options.webhook_url and not secret:
        print(f"--webhook-url needs {SECRET_VARIABLE}=whsec_...", file=sys.stderr)
        return 2
    try:
        sandbox = Sandbox(state=options.state)
    except StateInUse as error:
        print(
            f"The state file {options.state} cannot be used ({error}). Is another sandbox "
            "running on it?",
            file=sys.stderr,
        )
        return 1
    try:
        server = Server(sandbox, port=options.port)
    except OSError as error:
        print(f"Port {options.port} cannot be opened: {error}", file=sys.stderr)
        return 1
    if options.webhook_url:
        main_target = sandbox.store.meta("webhook", {})
        main_target |= {"url": options.webhook_url, "secret": secret}
        sandbox.store.set_meta("webhook", main_target)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    sandbox.start()
    if options.with_parent:
        threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    if not options.quiet:
        print(
            f"Stripe sandbox listening on http://127.0.0.1:{server.server_address[1]} "
            f"(state: {options.state})",
            flush=True,
        )
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    sandbox.stop()
    return 0


def _end_with_parent(server: Server) -> None:
    """A test run that is killed must not leave a sandbox behind."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    server.shutdown()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stripe-sandbox", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 chooses a free one")
    parser.add_argument("--state", required=True, help="the SQLite file that keeps everything")
    told = f"where events go, signed with {SECRET_VARIABLE} of the environment"
    parser.add_argument("--webhook-url", help=told)
    parser.add_argument("--with-parent", action="store_true", help="end when the starter ends")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
