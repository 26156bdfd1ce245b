"""Who is changing something: what the triggers write into the audit log beside the change.

The triggers see every change, bulk and raw ones too. This module only tells them the request,
just before a statement that writes a watched table; without a request they note the database's
user alone. docs/decisions/0009 says why it is done this way.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.http import HttpRequest

from accounts.runtime import statements
from accounts.runtime.addresses import client_ip

# Only Django writes a table's name with quotes; raw statements of hot paths cost nothing extra.
_WRITES = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', re.ASCII)
# Until the transaction ends: behind a pooler the next one of this session may be anybody's.
TOLD = "thinkrr.audit"

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)
_watched: set[str] = set()


def watch(*tables: str) -> None:
    """Name the request beside every change of these tables. Each app does so for its own, when it
    starts: those its migrations gave the triggers of `accounts.audited`.
    """
    _watched.update(tables)


def watched() -> frozenset[str]:
    return frozenset(_watched)


@contextmanager
def of(request: HttpRequest) -> Iterator[None]:
    """Let the audit log name this request for the changes made inside the block."""
    told: list[bool] = []
    token = _request.set(request)

    def tell_first(
        execute: Callable, sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if not (isinstance(sql, str) and _writes_watched(sql)):
            return execute(sql, params, many, context)
        # Told before every such statement: a rollback would have taken it back.
        told.append(True)
        with _transaction():
            # Not by the cursor, which would end a row of statements that are sent together.
            statements.set_local(TOLD, json.dumps(_facts(request)))
            return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(tell_first):
            yield
    finally:
        _request.reset(token)
        if told:
            _forget()


def _writes_watched(sql: str) -> bool:
    write = _WRITES.match(sql)
    return write is not None and write[1] in _watched


def _transaction() -> AbstractContextManager:
    """One for the statement alone, where its caller has none."""
    return nullcontext() if connection.in_atomic_block else transaction.atomic()


def _forget() -> None:
    """A transaction that is still open may go on for somebody else, as one around a test does."""
    if connection.in_atomic_block and not connection.needs_rollback:
        statements.set_local(TOLD, "")


def current_request() -> HttpRequest | None:
    return _request.get()


def _facts(request: HttpRequest) -> dict[str, Any]:
    user, key = getattr(request, "user", None), getattr(request, "auth", None)
    person = user if isinstance(user, AbstractBaseUser) and user.is_authenticated else None
    actor = f"API key {key}" if key else person.email if person else ""
    return {
        "actor_id": person.pk if person else None,
        "actor": actor,
        "address": client_ip(request),
        "request_id": getattr(request, "id", ""),
    }
