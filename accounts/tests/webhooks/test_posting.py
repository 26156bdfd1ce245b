"""One POST over real sockets: to the address that was checked, within bounds of time and size."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from accounts import limits
from accounts.tests.webhooks.certificates import certificate_for
from accounts.tests.webhooks.receiver import hang, slowly
from accounts.webhooks import addresses, posting
from accounts.webhooks.addresses import Target
from accounts.webhooks.posting import Answer, Parcel, Post


def parcel(target, **headers):
    return Parcel(key=1, target=target, headers=headers, body=b'{"a":1}')


def awaited(sending: Coroutine) -> object:
    """Run it beside this thread, in which a browser of other tests may keep a loop running."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, sending).result()


def post(url, **headers) -> Answer:
    return awaited(posting.post(parcel(addresses.read(url), **headers)))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(limits, "WEBHOOK_TOTAL_SECONDS", 0.5)
    monkeypatch.setattr(limits, "WEBHOOK_BODY_SECONDS", 0.1)
    monkeypatch.setattr(limits, "WEBHOOK_CONNECT_SECONDS", 0.3)


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def raw_server(answer: bytes, *, then_wait: float = 0.0, context: ssl.SSLContext | None = None):
    """Accepts one connection after the other, answers these bytes, and notes what it was sent."""
    server = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                seen.append(connection.recv(65536))
                connection.sendall(answer)
                time.sleep(then_wait)
            except OSError:
                pass
            finally:
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1], seen
    finally:
        server.close()


def test_the_request_is_one_post_with_a_length_and_no_more(receiver):
    answer = post(f"{receiver.base}/hooks?a=b", **{"webhook-id": "msg_1"})

    (got,) = receiver.requests
    assert (answer.status, answer.text, answer.error) == (200, "ok", "")
    assert (got.path, got.body) == ("/hooks?a=b", b'{"a":1}')
    assert got.headers == {
        "host": receiver.base.removeprefix("http://"),
        "user-agent": "thinkrr-webhooks/1",
        "content-type": "application/json",
        "content-length": "7",
        "connection": "close",
        "webhook-id": "msg_1",
    }


def test_no_proxy_of_the_environment_is_asked(receiver, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")

    assert post(receiver.base).status == 200


def test_a_closed_port_is_an_answer_in_words(receiver):  # noqa: ARG001
    answer = post(f"http://127.0.0.1:{closed_port()}/")

    assert (answer.status, answer.error) == (None, "The connection was refused.")


def test_a_server_that_never_answers_costs_no_more_than_its_time(receiver, quick):  # noqa: ARG001
    receiver.answers["/"] = hang(receiver)
    began = time.monotonic()

    answer = post(receiver.base + "/")

    assert answer.status is None
    assert answer.error.startswith("No answer within")
    assert time.monotonic() - began < 2


def test_a_name_that_hangs_costs_no_more_than_a_connection_may(receiver, quick, monkeypatch):  # noqa: ARG001
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(5) and [])
    target = Target("slow.example.com", 443, "/", is_secure=True)

    async def measured():
        began = time.monotonic()
        answer = await posting.post(parcel(target))
        took = time.monotonic() - began
        # The end of a loop waits for its threads.
        over.set()
        return answer, took

    answer, took = awaited(measured())

    assert answer.error.startswith("No connection within")
    assert took < 2


def test_a_body_without_end_is_read_for_its_first_bytes_alone(receiver, quick):  # noqa: ARG001
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100_000):
            handler.wfile.write(b"x" * 10_000)

    receiver.answers["/"] = endless

    answer = post(receiver.base + "/")

    assert answer.status == 200
    assert answer.text == "x" * limits.WEBHOOK_ANSWER_BYTES


def test_a_body_that_trickles_is_a_success_once_its_head_is_there(receiver, quick):  # noqa: ARG001
    def trickle(handler):
        handler.send_response(204)
        handler.end_headers()
        handler.wfile.write(b"x")
        handler.wfile.flush()
        receiver.over.wait(5)

    receiver.answers["/"] = trickle

    assert post(receiver.base + "/").status == 204


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "What was answered is no HTTP."),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "What was answered is no HTTP."),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9, "What was answered is no HTTP."),
        (b"", "The connection ended without an answer."),
        (b"HTTP/1.1 200", "The connection ended without an answer."),
    ],
)
def test_what_is_no_answer_of_http_is_none(receiver, sent, error):  # noqa: ARG001
    with raw_server(sent) as (port, _):
        answer = post(f"http://127.0.0.1:{port}/")

    assert answer.status is None
    assert answer.error in (error, "The connection broke.")


@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nfine", 200, "fine"),
        (b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 202 A\r\nContent-Length: 2\r\n\r\nokmore", 202, "ok"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            200,
            "abcde",
        ),
        (b"HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\n\xff\x00a", 500, "\ufffd\ufffda"),
    ],
)
def test_answers_of_every_kind_are_read(receiver, sent, status, text):  # noqa: ARG001
    with raw_server(sent) as (port, _):
        answer = post(f"http://127.0.0.1:{port}/")

    assert (answer.status, answer.text) == (status, text)


@pytest.fixture
def secure(receiver, tmp_path, monkeypatch):  # noqa: ARG001
    """A server with a certificate for example.com, which we trust, on this machine."""
    authority, server = certificate_for("example.com", tmp_path)
    trusting = ssl.create_default_context(cafile=str(authority))
    monkeypatch.setattr(posting, "_tls", lambda: trusting)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with raw_server(b"HTTP/1.1 200 OK\r\n\r\n", context=context) as (port, seen):
        yield port, seen, names


def leads_to(monkeypatch, *found):
    asked = []

    def answer(host, port, **kwargs):
        asked.append(host)
        return [(0, 0, 0, "", (found[min(len(asked), len(found)) - 1], port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def test_the_connection_is_made_to_the_address_that_was_checked_and_no_name_is_asked_twice(
    secure, monkeypatch
):
    port, seen, names = secure
    asked = leads_to(monkeypatch, "127.0.0.1", "10.0.0.1")
    target = Target("example.com", port, "/", is_secure=True)

    answer = awaited(posting.post(parcel(target)))

    assert answer.status == 200
    assert asked == ["example.com"]
    assert names == ["example.com"]
    assert f"Host: example.com:{port}\r\n".encode() in seen[0]


def test_a_name_that_leads_inside_at_the_next_try_is_not_followed(secure, monkeypatch):
    port, seen, _ = secure
    leads_to(monkeypatch, "127.0.0.1", "10.0.0.1")
    target = Target("example.com", port, "/", is_secure=True)

    first, second = (awaited(posting.post(parcel(target))) for _ in range(2))

    assert (first.status, second.status) == (200, None)
    assert second.error == "The address leads into a network that is not public."
    assert len(seen) == 1


def test_a_certificate_of_another_name_is_no_connection(secure, monkeypatch):
    port, seen, _ = secure
    leads_to(monkeypatch, "127.0.0.1")

    answer = awaited(posting.post(parcel(Target("other.example", port, "/", is_secure=True))))

    assert answer.status is None
    assert answer.error.startswith("The certificate is not valid:")
    assert seen == []


def test_a_slow_one_holds_up_nobody(receiver):
    receiver.answers["/slow"] = slowly(1.0)
    slow, fast = (addresses.read(receiver.base + path) for path in ("/slow", "/fast"))

    with Post() as office:
        parcels = [
            Parcel(key=number, target=slow if number < 20 else fast, headers={}, body=b"{}")
            for number in range(40)
        ]
        began = time.monotonic()
        office.send(parcels)
        found = []
        while len(found) < 20:
            found += office.answers(seconds=1)
        took = time.monotonic() - began
        while len(found) < 40:
            found += office.answers(seconds=1)

    assert {answer.key for answer in found[:20]} == set(range(20, 40))
    assert took < 1
    assert {answer.status for answer in found} == {200}
