"""The HTTP side: a threaded server on the loopback interface."""

import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from thinkrr_billing.sandbox.stripe.http import app
from thinkrr_billing.sandbox.stripe.state.machine import Sandbox
from thinkrr_billing.sandbox.stripe.wire.messages import Answer, Request

MAX_BODY_BYTES = 64 * 1024 * 1024  # A bulk import of demo data is a few megabytes.
IDLE_SECONDS = 120
TRICKLED_PARTS = 20  # A slow body arrives in so many parts.
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    block_on_close = False

    def __init__(self, sandbox: Sandbox, *, port: int) -> None:
        self.sandbox = sandbox
        self.cut: set[int] = set()
        self.cut_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def shutdown_request(self, request: socket.socket) -> None:
        """Close; when the answer is to be a reset, without saying goodbye."""
        with self.cut_lock:
            reset = request.fileno() in self.cut
            self.cut.discard(request.fileno())
        if reset:
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is everyday life here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "thinkrr-stripe-sandbox"
    sys_version = ""
    wbufsize = -1  # Unbuffered writes cost 44 ms a request on a kept-alive connection.
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: Server

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET

    def _serve(self) -> None:
        host = self.headers.get("Host", "")
        if urlsplit(f"//{host}").hostname not in ("127.0.0.1", "localhost", "::1"):
            # A web page elsewhere must not reach the control API through a made-up name.
            self._send(Answer(status=421, body=b"This server answers on loopback only.\n"))
            return
        body = self._body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        answer = app.handle(
            self.server.sandbox,
            Request(
                method=self.command,
                path=path,
                query=query,
                body=body,
                base_url=f"http://{host}",
                headers={name.lower(): value for name, value in self.headers.items()},
            ),
        )
        if answer.reset:
            with self.server.cut_lock:
                self.server.cut.add(self.connection.fileno())
            self.close_connection = True
        else:
            self._send(answer)

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        chunked = "Transfer-Encoding" in self.headers
        if chunked or not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(Answer(status=413, body=b"The body is too large or has no length.\n"))
            return None
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "content-length" not in {name.lower() for name in answer.headers}:
            self.send_header("Content-Length", str(len(answer.body)))
        if answer.scripted:  # Its length may be a lie, which the end of the connection tells.
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self._write(answer)
        self.wfile.flush()

    def _write(self, answer: Answer) -> None:
        if not answer.trickle_seconds:
            self.wfile.write(answer.body)
            return
        size = max(1, len(answer.body) // TRICKLED_PARTS)
        for start in range(0, len(answer.body), size):
            self.wfile.write(answer.body[start : start + size])
            self.wfile.flush()
            self.server.sandbox.stopping.wait(answer.trickle_seconds / TRICKLED_PARTS)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are in the log of the control API, not on the terminal."""
