"""A request and an answer, free of sockets."""

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
