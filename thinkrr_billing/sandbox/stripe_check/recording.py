"""Keeps what Stripe's SDK is answered, as it came over the wire: through the gateway or not."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import stripe

# What Stripe's ids begin with, as far as our calls meet them.
PREFIXES = "acct|card|ch|cs|cus|dp|du|evt|mandate|pi|pm|pmc|py|pyr|re|req|seti|src|txn|we"
_ID = re.compile(rf"(?<=/)(?:{PREFIXES})_[A-Za-z0-9_]+")


@dataclass
class Exchange:
    """One call: what was asked, and the answer. `status` 0: there was none, `trouble` says why."""

    method: str
    path: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    trouble: str = ""
    seconds: float = 0.0

    @property
    def call(self) -> str:
        return f"{self.method} {self.path}"


_kept: ContextVar[list[Exchange] | None] = ContextVar("stripe_check_kept", default=None)


@contextmanager
def recorded() -> Iterator[list[Exchange]]:
    """Within it, in this thread, every exchange is kept, repeats of the SDK's own, too."""
    kept: list[Exchange] = []
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


def forget() -> None:
    """Drop what was kept so far: asking until something is there counts as its last answer."""
    kept = _kept.get()
    if kept is not None:
        kept.clear()


@contextmanager
def listening() -> Iterator[None]:
    """Within it the SDK's transport keeps what it is answered; outside it is as it was."""
    original = stripe.RequestsClient.request

    def request(
        self: Any, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[Any, int, Mapping[str, str]]:
        kept = _kept.get()
        exchange = Exchange(method=method.upper(), path=_ID.sub("{id}", urlsplit(url).path))
        if kept is not None:
            kept.append(exchange)
        began = time.monotonic()
        try:
            content, status, found = original(self, method, url, headers, post_data)
        except stripe.APIConnectionError as error:
            exchange.trouble = _trouble(error.__cause__)
            raise
        finally:
            exchange.seconds = time.monotonic() - began
        exchange.status = status
        exchange.content = content if isinstance(content, bytes) else str(content).encode()
        exchange.headers = {name.lower(): value for name, value in found.items()}
        return content, status, found

    stripe.RequestsClient.request = request
    try:
        yield
    finally:
        stripe.RequestsClient.request = original


def _trouble(cause: BaseException | None) -> str:
    names = {type(cause).__name__, *(base.__name__ for base in type(cause).__mro__)}
    for name, words in (
        ("Timeout", "no answer in time"),
        ("SSLError", "its certificate is not believed"),
        ("TooManyRedirects", "an answer that leads elsewhere"),
        ("ConnectionError", "the connection was refused or cut"),
    ):
        if name in names:
            return words
    return "no answer that can be read"
