"""The sandbox process of the tests: it checks all that it sends against the official types.

`python -m thinkrr_billing.sandbox.stripe.tests.official.witness` takes the sandbox's arguments.
What is not as Stripe's would be stands in a file beside the state; `told` takes it from there.
"""

import json
import os
import re
import sys
import threading
from pathlib import Path

from thinkrr_billing.sandbox.stripe.__main__ import main
from thinkrr_billing.sandbox.stripe.http import app
from thinkrr_billing.sandbox.stripe.routes.router import resolve
from thinkrr_billing.sandbox.stripe.state import webhooks
from thinkrr_billing.sandbox.stripe.state.machine import Sandbox
from thinkrr_billing.sandbox.stripe.tests.official import words
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError
from thinkrr_billing.sandbox.stripe.wire.messages import Answer, Request

_OURS = ("/_sandbox/", "/c/pay/", "/bank/", "/favicon.ico")
_handle, _post = app.handle, webhooks.post


def file_of(state: str | os.PathLike) -> Path:
    return Path(f"{os.fspath(state)}.differences")


def told(state: str | os.PathLike) -> list[str]:
    """The differences seen since the last look, which are forgotten with it."""
    file = file_of(state)
    if not file.exists():
        return []
    lines = file.read_text().splitlines()
    file.unlink()
    return lines


def of_request(request: Request, answer: Answer) -> list[str]:
    """What is wrong with an answer of the API; of pages, control calls and scripts nothing."""
    if request.path.startswith(_OURS) or answer.reset or answer.scripted:
        return []
    return words.answer(answer, method=request.method, route=route_of(request))


def route_of(request: Request) -> str:
    """The route as the SDK writes it: `/v1/refunds/{}`."""
    try:
        route, _ = resolve(method=request.method, path=request.path)
    except ApiError:
        return ""
    return re.sub(r"\{\w+\}", "{}", route.path)


class Witness:
    """Writes down what is wrong with the answers and webhooks of this process."""

    def __init__(self, state: str) -> None:
        self.file, self.lock = file_of(state), threading.Lock()

    def handle(self, sandbox: Sandbox, request: Request) -> Answer:
        answer = _handle(sandbox, request)
        self.note(of_request(request, answer))
        return answer

    def post(self, *, url: str, body: bytes, signature: str | None) -> tuple:
        event = json.loads(body)
        self.note([f"webhook {one}" for one in words.event(event)])
        return _post(url=url, body=body, signature=signature)

    def note(self, differences: list[str]) -> None:
        if differences:
            with self.lock, self.file.open("a") as file:
                file.writelines(f"{one}\n" for one in differences)


if __name__ == "__main__":
    witness = Witness(sys.argv[sys.argv.index("--state") + 1])
    app.handle, webhooks.post = witness.handle, witness.post
    sys.exit(main())
