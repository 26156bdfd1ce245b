"""Every route there is, found in the URL resolver: a new one is there the day it is born."""

import re
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

# Whatever the address asks for, something of this shape.
EXAMPLES = {"uuid": "8d5f7a52-0a37-4f9e-9b0c-3f6b0c1d2e3f", "int": "1"}


def routes(
    resolver: URLResolver | None = None, before: str = "/", names: tuple[str, ...] = ()
) -> Iterator[tuple[str, str]]:
    """Every route there is: its name and an address of it."""
    for one in (resolver or get_resolver()).url_patterns:
        path = before + example(str(one.pattern))
        if isinstance(one, URLResolver):
            inside = (*names, one.namespace) if one.namespace else names
            yield from routes(one, path, inside)
        elif isinstance(one, URLPattern):
            yield ":".join((*names, one.name or "")), path


def example(pattern: str) -> str:
    """Of a path, or of a regular expression its first alternative."""
    if "(?P<" in pattern:
        first = re.sub(r"\(\?P<\w+>(\w+|[^)]*)[^)]*\)", r"\1", pattern)
        return first.strip("^$").replace(".*", "nowhere")
    return re.sub(r"<(?:(\w+):)?\w+>", lambda kind: EXAMPLES.get(kind[1], "1"), pattern)
