"""Which function answers which request to the API, and how it answers a list."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire import errors, params


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    pattern: re.Pattern
    spec: params.Spec
    answer: Callable


_ROUTES: list[Route] = []


def route(method: str, path: str, spec: params.Spec | None = None) -> Callable:
    """Register a function for a path such as `/v1/customers/{id}`."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_]+)", path))

    def register(answer: Callable) -> Callable:
        # Of what is deleted there is nothing to expand.
        full = {**({} if method == "DELETE" else {"expand": "list"}), **(spec or {})}
        _ROUTES.append(Route(method=method, path=path, pattern=pattern, spec=full, answer=answer))
        return answer

    return register


def every() -> list[Route]:
    return list(_ROUTES)


def resolve(*, method: str, path: str) -> tuple[Route, dict]:
    for candidate in _ROUTES:
        if candidate.method == method:
            match = candidate.pattern.fullmatch(path)
            if match:
                return candidate, match.groupdict()
    raise errors.unrecognized_url(method=method, path=path)


def page(ctx: Context, *, kind: str, url: str, where: dict | None = None) -> dict:
    """Answer a list, newest first, by the usual parameters of ctx."""
    limit = ctx.params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise errors.ApiError(
            f"Invalid limit: must be from 1 to 100, not {limit}.",
            code="parameter_invalid_integer",
            param="limit",
        )
    after, before = ctx.params.get("starting_after"), ctx.params.get("ending_before")
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor:
            ctx.get(kind=kind, id=cursor, param=name, status=400)
    found = ctx.store.list(
        kind=kind,
        where=where,
        created=ctx.params.get("created"),
        types=ctx.params.get("types"),
        after=after,
        before=before,
        limit=limit + 1,
    )
    more = len(found) > limit
    if more:
        found = found[1:] if before else found[:limit]
    return {"object": "list", "data": found, "has_more": more, "url": url}
