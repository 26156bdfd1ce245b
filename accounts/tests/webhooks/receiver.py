"""A customer's server over real HTTP: it notes what it was sent, and answers as a test says."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from accounts import clock, limits
from accounts.models import Account, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import endpoints, sending
from accounts.webhooks.endpoints import Terms


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        return msgspec.json.decode(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """`answers[path]` is a status, or a function that answers by itself."""

    base: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: dict[str, int | Callable] = field(default_factory=dict)
    # A slow answer waits for this, and ends with its test.
    over: threading.Event = field(default_factory=threading.Event)

    def to(self, path: str) -> list[Request]:
        return [one for one in self.requests if one.path == path]

    def types(self, path: str = "/") -> list[str]:
        return [one.json["type"] for one in self.to(path)]


def serve() -> tuple[Receiver, ThreadingHTTPServer]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Request(self.path, headers, body))
            answer = receiver.answers.get(self.path, 200)
            if callable(answer):
                answer(self)
                return
            self.send_response(answer)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

        def handle_error(self, *args: object) -> None:
            """Whoever asked has gone: nothing to tell."""

    server = Server(("127.0.0.1", 0), Handler)
    receiver.base = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return receiver, server


def endpoint(receiver: Receiver, account: Account, path: str = "/", **facts) -> WebhookEndpoint:
    terms = Terms(url=receiver.base + path, **facts)
    return endpoints.add(account=account, terms=terms, actor=None)


def send() -> int:
    """One sender's turn, which ends as soon as nothing is due."""
    return sending.send()


def states(one: WebhookEndpoint) -> list[str]:
    rows = WebhookDelivery.objects.filter(endpoint=one).order_by("sequence")
    return list(rows.values_list("state", flat=True))


def after_each_wait(tries: int) -> None:
    """Send at each moment of the schedule, `tries` times in all."""
    moment = clock.now()
    for wait in (limits.WEBHOOKS_LINGER * 0, *limits.WEBHOOK_WAITS[: tries - 1]):
        moment += wait + limits.WEBHOOK_WAITS[0] / 5
        with clock.at(moment):
            send()


def hang(receiver: Receiver) -> Callable:
    """Takes the request, and never answers while the test lasts."""
    return lambda _handler: receiver.over.wait(30)


def slowly(seconds: float, status: int = 200) -> Callable:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        handler.send_response(status)
        handler.end_headers()

    return answer
