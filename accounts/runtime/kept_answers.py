"""Doing what is asked for once: the answer is kept, and a repeat gets it again.

One at a time holds a key: for the length of a transaction, or by a row that says so. No lock is
kept on a session, which behind a pooler is somebody else's a moment later.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from accounts import clock
from accounts.errors import AccountError
from accounts.limits import (
    ANSWER_BEGUN,
    ANSWERS_FORGOTTEN_AT_ONCE,
    ANSWERS_KEPT,
    REPEAT_AFTER_SECONDS,
)
from accounts.models import KeptAnswer

logger = logging.getLogger(__name__)

# Of two that come together one is first. Who began long ago has died.
BEGIN = f"""
INSERT INTO accounts_keptanswer
    (api_key_id, account_id, idempotency_key, fingerprint, status, body, created_at)
VALUES
    (%(api_key_id)s, %(account_id)s, %(idempotency_key)s, %(fingerprint)s, {KeptAnswer.BEGUN}, '',
     %(now)s)
ON CONFLICT (api_key_id, account_id, idempotency_key) DO UPDATE
SET fingerprint = EXCLUDED.fingerprint, created_at = EXCLUDED.created_at
WHERE accounts_keptanswer.status = {KeptAnswer.BEGUN}
    AND accounts_keptanswer.created_at < %(given_up)s
RETURNING id
"""  # nosec B608 # a constant of ours


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
    # False where a repeat shall do what could not be done this time.
    is_kept: bool = True


def once(asked: Asked, do: Callable[[], Given]) -> Given:
    """Do it and keep the answer, in one transaction; or answer as the first time.

    What `do` raises leaves nothing behind, so the same request may be sent again. Raises
    InProgress or UsedOtherwise.
    """
    with transaction.atomic():
        if not _locked(asked):
            raise _busy()
        if kept := _kept(asked):
            return _again(kept, asked)
        given = do()
        if given.is_kept:
            _keep(asked, given)
        return given


def once_in_steps(asked: Asked, do: Callable[[], Given]) -> Given:
    """The same for what commits by itself, before the answer is kept: it must be repeatable.

    A process that dies in between keeps its key for ANSWER_BEGUN; then a repeat does it again.
    Call with no transaction open.
    """
    mine = begin(asked)
    if mine is None:
        if kept := _kept(asked):
            return _again(kept, asked)
        # Whoever was at work has given the key back a moment ago.
        raise _busy()
    # Not another request's, which took the key as that of a process that had died.
    row = KeptAnswer.objects.filter(pk=mine, fingerprint=asked.fingerprint)
    try:
        given = do()
    except BaseException:
        row.delete()
        raise
    if given.is_kept:
        row.update(**_told(given))
    else:
        row.delete()
    return given


def _keep(asked: Asked, given: Given) -> None:
    try:
        KeptAnswer.objects.create(**_names(asked), fingerprint=asked.fingerprint, **_told(given))
    except IntegrityError:
        # Another request, which is done in steps, began with this key meanwhile.
        raise _busy() from None


def _again(kept: KeptAnswer, asked: Asked) -> Given:
    if kept.status == KeptAnswer.BEGUN:
        raise _busy()
    if kept.fingerprint != asked.fingerprint:
        raise UsedOtherwise("This Idempotency-Key was used for another request. Send a new one.")
    return Given(kept.status, kept.body, is_repeat=True)


def forget_old() -> int:
    """Delete what was answered more than `ANSWERS_KEPT` ago, in bites. Returns how many."""
    old = KeptAnswer.objects.filter(created_at__lt=clock.now() - ANSWERS_KEPT)
    bite = list(old.order_by("created_at").values_list("pk", flat=True)[:ANSWERS_FORGOTTEN_AT_ONCE])
    return KeptAnswer.objects.filter(pk__in=bite).delete()[0] if bite else 0


def _names(asked: Asked) -> dict[str, object]:
    return {
        "api_key_id": asked.api_key_id,
        "account_id": asked.account_id,
        "idempotency_key": asked.key,
    }


def _told(given: Given) -> dict[str, object]:
    return {"status": given.status, "body": given.body, "created_at": clock.now()}


def _kept(asked: Asked) -> KeptAnswer | None:
    return KeptAnswer.objects.filter(**_names(asked)).first()


def begin(asked: Asked) -> int | None:
    """The row that says we are at work; None where another is, or it is answered."""
    now = clock.now()
    facts = _names(asked) | {
        "fingerprint": asked.fingerprint,
        "now": now,
        "given_up": now - ANSWER_BEGUN,
    }
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, facts)
        row = cursor.fetchone()
    return row[0] if row else None


def _locked(asked: Asked) -> bool:
    name = f"idempotency:{asked.api_key_id}:{asked.account_id}:{asked.key}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def _busy() -> InProgress:
    return InProgress("The first request with this key is still at work. Ask again in a second.")
