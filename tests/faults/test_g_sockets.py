"""F47, F92: requests no client library would send, over bare sockets to the real server."""

import json
import socket
import urllib.request

import pytest

from accounts.models import Scope
from accounts.tests.builders import make_key
from campaigns.models import Call
from tests.faults.harness import come_to_rest
from tests.faults.people import low_balance
from tests.faults.test_b_killed_workers import post_calls

pytestmark = [pytest.mark.faults, pytest.mark.redis]

PATIENCE = 20
CALLS = b'{"calls": []}'


def head(token: str, *headers: str) -> bytes:
    lines = [
        "POST /api/v1/calls HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        *headers,
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def sized(token: str, body: bytes) -> bytes:
    return head(token, f"Content-Length: {len(body)}") + body


# What is sent, and which answers will do; None is a connection that is closed without one.
# A body that ends early and is whole JSON all the same is taken for what it is.
REQUESTS = {
    "five megabytes": (lambda token: sized(token, b'{"calls": "' + b"x" * 5_000_000), (413, None)),
    "a hundred thousand levels": (lambda token: sized(token, b"[" * 100_000), (400,)),
    "levels of objects": (lambda token: sized(token, b'{"a":' * 50_000 + b"1"), (400,)),
    "no UTF-8": (lambda token: sized(token, b"\xff\xfe\x00"), (400,)),
    "less than announced": (
        lambda token: head(token, "Content-Length: 4000") + CALLS,
        (200, 400, 408),
    ),
    "ten gigabytes announced": (
        lambda token: head(token, "Content-Length: 10000000000") + CALLS,
        (200, 400, 413),
    ),
    "a negative length": (lambda token: head(token, "Content-Length: -5") + CALLS, (400,)),
    "two lengths": (
        lambda token: head(token, "Content-Length: 13", "Content-Length: 5") + CALLS,
        (400,),
    ),
    "a length and chunks": (
        lambda token: (
            head(token, "Content-Length: 13", "Transfer-Encoding: chunked") + b"0\r\n\r\n"
        ),
        (400,),
    ),
    "chunks that are none": (
        lambda token: head(token, "Transfer-Encoding: chunked") + b"zz\r\nhello\r\n",
        (400, None),
    ),
    "a header of a hundred kilobytes": (
        lambda token: head(token, f"X-Long: {'x' * 100_000}"),
        (400, 431, None),
    ),
    "a thousand headers": (
        lambda token: head(token, *(f"X-{number}: 1" for number in range(1000))),
        (400, 431, None),
    ),
    "addresses that are none": (
        lambda token: head(token, "Content-Length: 2", "X-Forwarded-For: \xff'\"<>, , ;;") + b"{}",
        (400,),
    ),
    "no request at all": (lambda token: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", (400, None)),
}


def ask(port: int, request: bytes) -> int | None:
    """The status of the answer; our side is closed after the last byte."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as conversation:
        try:
            conversation.sendall(request)
            conversation.shutdown(socket.SHUT_WR)
            answer = conversation.recv(100)
        except (ConnectionResetError, BrokenPipeError):
            return None
    return int(answer.split()[1]) if answer.startswith(b"HTTP/") else None


def test_f47_f92_what_is_no_request_is_refused_and_the_server_goes_on(plant, stripe):
    wallet = low_balance(stripe, credit="20")
    _, token = make_key(None, Scope.CALLS)
    web = plant.web()
    web.start()

    answers = {what: ask(web.port, make(token)) for what, (make, _) in REQUESTS.items()}

    wrong = {what: status for what, status in answers.items() if status not in REQUESTS[what][1]}
    assert wrong == {}
    assert not Call.objects.exists()
    # Connections somebody opened and forgot hold every thread, for five seconds each.
    forgotten = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(8)]
    with urllib.request.urlopen(f"{web.url}/healthz", timeout=PATIENCE) as answer:
        assert json.load(answer) == {"status": "ok"}
    result = post_calls(web.url, token, wallet.account_id, seconds=60)
    assert result["results"][0]["status"] == "charged"
    for one in forgotten:
        one.close()
    come_to_rest(stripe)
