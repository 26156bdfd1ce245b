"""A request and an answer, free of sockets."""

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]  # Names in lower case.
    body: bytes
    base_url: str


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool = False  # Cut the connection instead of answering.
    scripted: bool = False  # A fault's own answer: Stripe would not vouch for it.
    trickle_seconds: float = 0  # How long the body takes, in parts.


def json_answer(status: int, body: dict | str, headers: dict[str, str] | None = None) -> Answer:
    """Answer an object, or text that is JSON already."""
    text = body if isinstance(body, str) else json.dumps(body, indent=2)
    return Answer(
        status=status,
        body=text.encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
    )
