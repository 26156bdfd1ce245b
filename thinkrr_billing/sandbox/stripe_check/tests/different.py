"""A server that is another sandbox, but for what a test changes in its answers."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

KEY = "_".join(["sk", "test", "0" * 24])
PATIENCE_SECONDS = 10
_PASSED_ON = ("Authorization", "Content-Type", "Idempotency-Key", "Stripe-Version")


@dataclass
class Changing:
    """An answer on its way. `hang` holds it back until the server stops."""

    method: str
    path: str
    status: int
    headers: dict[str, str]
    body: dict
    hang: bool = False
    raw: bytes | None = None
    asked: dict[str, str] = field(default_factory=dict)


Change = Callable[[Changing], None]


@contextmanager
def different(base: str, change: Change) -> Iterator[str]:
    """Serve `base` through `change`, and return the address."""
    stopping = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            answer = _forwarded(self, base)
            change(answer)
            if answer.hang:
                stopping.wait(PATIENCE_SECONDS)
                self.close_connection = True
                return
            content = answer.raw if answer.raw is not None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _forwarded(request: BaseHTTPRequestHandler, base: str) -> Changing:
    body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
    asked = {name: request.headers[name] for name in _PASSED_ON if request.headers.get(name)}
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.request(request.command, request.path, body or None, asked)
        answer = connection.getresponse()
        skipped = ("content-length", "connection", "date", "server")
        headers = {
            name: value for name, value in answer.getheaders() if name.lower() not in skipped
        }
        return Changing(
            method=request.command,
            path=request.path.partition("?")[0],
            status=answer.status,
            headers=headers,
            body=json.loads(answer.read()),
            asked=asked,
        )
    finally:
        connection.close()
