"""Which part answers a request: the control API, a hosted page, or the API itself."""

import sys
import traceback

from thinkrr_billing.sandbox.stripe import routes
from thinkrr_billing.sandbox.stripe.control import calls, machine_calls, money_calls
from thinkrr_billing.sandbox.stripe.http import pages
from thinkrr_billing.sandbox.stripe.http.api_call import ApiCall
from thinkrr_billing.sandbox.stripe.state.machine import Sandbox
from thinkrr_billing.sandbox.stripe.wire import errors
from thinkrr_billing.sandbox.stripe.wire.messages import Answer, Request, json_answer

_REGISTERING = (routes, machine_calls, money_calls)  # Importing them adds their routes.


def handle(sandbox: Sandbox, request: Request) -> Answer:
    """Answer any request. Never raises: what breaks becomes a 500, or a cut while stopping."""
    try:
        if request.path.startswith("/_sandbox/"):
            return calls.answer(sandbox, request)
        if request.path.startswith(("/c/pay/", "/bank/")):
            return pages.answer(sandbox, request)
        if request.path == "/favicon.ico":  # Every browser asks; nobody misses it.
            return Answer(status=204, body=b"")
        return ApiCall(sandbox, request).answer()
    except Exception:
        if sandbox.stopping.is_set():
            return Answer(status=0, body=b"", reset=True)
        # The top of the process: one broken request must not end it, and no caller
        # ever sees a traceback.
        traceback.print_exc(file=sys.stderr)
        return json_answer(500, errors.internal_error().body(request_log_url=""))
