"""The control API under `/_sandbox/`: JSON, loopback only. What Stripe does not let anyone do."""

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from thinkrr_billing.sandbox.stripe.control import faults, importing
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.state.machine import Sandbox
from thinkrr_billing.sandbox.stripe.wire import errors
from thinkrr_billing.sandbox.stripe.wire.messages import Answer, Request, json_answer

_ROUTES: list[tuple[str, re.Pattern, Callable]] = []


class BadCall(ValueError):
    """A control call that cannot be understood; the text says how to mend it."""


class Call:
    """One control request."""

    def __init__(self, sandbox: Sandbox, ctx: Context, body: dict, query: dict) -> None:
        self.sandbox, self.ctx, self.body, self.query = sandbox, ctx, body, query
        self.store, self.clock = sandbox.store, sandbox.clock


def answer(sandbox: Sandbox, request: Request) -> Answer:
    status, body = _dispatch(sandbox, request)
    return json_answer(status, body)


def _dispatch(sandbox: Sandbox, request: Request) -> tuple[int, dict]:
    if "origin" in request.headers:
        return 403, {"error": "The control API is not for web pages."}
    try:
        body = json.loads(request.body) if request.body else {}
        query = dict(parse_qsl(request.query))
    except ValueError as error:
        return 400, {"error": f"The body is not JSON: {error}"}
    if not isinstance(body, dict):
        return 400, {"error": "The body must be a JSON object."}
    for method, pattern, function in _ROUTES:
        match = pattern.fullmatch(request.path)
        if match and method == request.method:
            call = Call(sandbox, sandbox.context(base_url=request.base_url), body, query)
            return _run(sandbox, function, call, match.groupdict())
    return 404, {"error": f"No control call {request.method} {request.path}."}


def _run(sandbox: Sandbox, function: Callable, call: Call, names: dict) -> tuple[int, dict]:
    try:
        with sandbox.store.transaction():
            return 200, function(call, **names)
    except errors.ApiError as error:
        return error.status, {"error": error.message, "code": error.code}
    except (BadCall, faults.BadFault, importing.BadImport) as error:
        return 400, {"error": str(error)}
    except (KeyError, TypeError, ValueError) as error:
        return 400, {"error": f"The call cannot be understood: {type(error).__name__}: {error}"}


def on(method: str, path: str) -> Callable:
    pattern = re.compile("/_sandbox/" + re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_]+)", path))

    def register(function: Callable) -> Callable:
        _ROUTES.append((method, pattern, function))
        return function

    return register
