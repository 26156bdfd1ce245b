"""A small client of our own HTTP API, as a customer's program would write it: standard library
only, one connection kept open. For the call simulator and the guide's story."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

PATIENCE_SECONDS = 30


class Unreachable(Exception):
    """No answer came. What was asked may have happened; the same request may be sent again."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any

    @property
    def message(self) -> str:
        """Why it was refused, in the API's own words."""
        error = self.body.get("error", {}) if isinstance(self.body, dict) else {}
        return error.get("message") or f"HTTP {self.status}"


class Api:
    """Calls `/api/v1/` with one key. Not for several threads."""

    def __init__(self, *, base: str, token: str) -> None:
        self._host = urlsplit(base).netloc
        self._token = token
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str, **query: object) -> Answer:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return self.call("POST", path, body=body, headers=headers)

    def put(self, path: str, body: object, **query: object) -> Answer:
        return self.call("PUT", path, body=body, query=query)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request. Header names are given with `_` for `-`. Raises Unreachable."""
        sent = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        target = f"/api/v1/{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        content = None if body is None else json.dumps(body)
        was_open = self._connection is not None
        try:
            return self._send(method, target, content, sent)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self.close()
            # An idle connection is closed by the server now and then; a new one is not.
            if not was_open:
                raise Unreachable(f"{method} {target}: the connection was closed") from error
            return self.call(method, path, body=body, query=query, headers=headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"{method} {target}: {type(error).__name__}: {error}") from error

    def _send(self, method: str, target: str, content: str | None, headers: dict) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=PATIENCE_SECONDS)
        self._connection.request(method, target, body=content, headers=headers)
        response = self._connection.getresponse()
        text = response.read()
        if response.will_close:
            self.close()
        return Answer(response.status, json.loads(text) if text else None)

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
