"""Doing what is asked for once: the answer is kept, and a repeat gets it again.

One at a time holds a key, by a lock of PostgreSQL's that ends with the connection: so a process
that dies keeps nobody out.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from accounts import clock
from accounts.errors import AccountError
from accounts.limits import ANSWERS_FORGOTTEN_AT_ONCE, ANSWERS_KEPT, REPEAT_AFTER_SECONDS
from accounts.models import KeptAnswer

logger = logging.getLogger(__name__)


class InProgress(AccountError):
    """The first request with this key is still at work. Asking again helps."""

    code = "idempotency_key_in_use"
    status = 409
    retry_after = REPEAT_AFTER_SECONDS


class UsedOtherwise(AccountError):
    """The key was used for another request. A new key helps."""

    code = "idempotency_key_reused"
    status = 422


@dataclass(frozen=True)
class Asked:
    """A request, as it is recognised: by whom, about whom, its key, and what it says."""

    api_key_id: int
    account_id: UUID | None
    key: str
    fingerprint: str


@dataclass(frozen=True)
class Given:
    """What was answered; `is_repeat` when it was answered before."""

    status: int
    body: str
    is_repeat: bool = False


def once(asked: Asked, do: Callable[[], Given]) -> Given:
    """Do it and keep the answer, in one transaction; or answer as the first time.

    What `do` raises leaves nothing behind, so the same request may be sent again. Raises
    InProgress or UsedOtherwise.
    """
    with transaction.atomic():
        if not _locked("pg_try_advisory_xact_lock", asked):
            raise _busy()
        return _once(asked, do)


def once_in_steps(asked: Asked, do: Callable[[], Given]) -> Given:
    """The same for what commits by itself, before the answer is kept: it must be repeatable.

    A process that dies in between has a repeat do it again. Call with no transaction open.
    """
    with _held(asked):
        return _once(asked, do)


def _once(asked: Asked, do: Callable[[], Given]) -> Given:
    kept = KeptAnswer.objects.filter(
        api_key=asked.api_key_id, account_id=asked.account_id, idempotency_key=asked.key
    ).first()
    if kept is None:
        given = do()
        KeptAnswer.objects.create(
            api_key_id=asked.api_key_id,
            account_id=asked.account_id,
            idempotency_key=asked.key,
            fingerprint=asked.fingerprint,
            status=given.status,
            body=given.body,
        )
        return given
    if kept.fingerprint != asked.fingerprint:
        raise UsedOtherwise("This Idempotency-Key was used for another request. Send a new one.")
    return Given(kept.status, kept.body, is_repeat=True)


def forget_old() -> int:
    """Delete what was answered more than `ANSWERS_KEPT` ago, in bites. Returns how many."""
    old = KeptAnswer.objects.filter(created_at__lt=clock.now() - ANSWERS_KEPT)
    bite = list(old.order_by("created_at").values_list("pk", flat=True)[:ANSWERS_FORGOTTEN_AT_ONCE])
    return KeptAnswer.objects.filter(pk__in=bite).delete()[0] if bite else 0


@contextmanager
def _held(asked: Asked) -> Iterator[None]:
    if not _locked("pg_try_advisory_lock", asked):
        raise _busy()
    try:
        yield
    finally:
        # A connection that broke holds nothing any more, and its successor never did.
        _locked("pg_advisory_unlock", asked)


def _locked(function: str, asked: Asked) -> bool:
    name = f"idempotency:{asked.api_key_id}:{asked.account_id}:{asked.key}"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def _busy() -> InProgress:
    return InProgress("The first request with this key is still at work. Ask again in a second.")
