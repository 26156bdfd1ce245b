"""HTTP servers of a test's own, in a thread: what stands in for somebody else's."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Quiet(BaseHTTPRequestHandler):
    """Writes no line for each request."""

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(handler: type[Quiet]) -> Iterator[ThreadingHTTPServer]:
    """Answers until the block ends. `told` of the server is a list for what the handler notes."""
    # A browser opens connections on which it may never ask.
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.told = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
