"""`python -m tests.cluster.receiver FILE`: a customer's server. Each event is a line of the file
before it is answered."""

import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.cluster.plan import HOOK, RUN

_writing = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        data = event["data"]
        line = {"id": self.headers["webhook-id"], "at": time.time(), "kind": event["type"]}
        line |= {"account": data["account"], "sequence": data["sequence"]}
        line |= {"object": data["object"].get("id"), "happened": event["timestamp"]}
        with _writing, Path(sys.argv[1]).open("a") as file:
            file.write(json.dumps(line) + "\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def main() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*(f"{RUN}/certificate/{one}.pem" for one in ("fullchain", "privkey")))
    server = ThreadingHTTPServer((HOOK, 443), Handler)
    # Each connection shakes hands in its own thread.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.serve_forever()


if __name__ == "__main__":
    main()
