"""Which deliveries are sent next, and what becomes of them: a few statements for hundreds.

In order for each account and endpoint: what is earlier of the same and still waits goes first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connection, transaction

from accounts import clock, limits
from accounts.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from accounts.runtime.waits import Wait, oldest
from accounts.webhooks import endpoints
from accounts.webhooks.posting import Answer

State = WebhookDelivery.State

# Slack's word for an incoming webhook, or its channel, that is no more.
SLACK_GONE = frozenset({403, 404})


class Lane(StrEnum):
    """What kind of endpoint: each has room of its own, so that none takes that of the others."""

    WELL = "t.worked_at IS NOT NULL AND t.troubled_since IS NULL"
    # Nobody knows yet whether it works.
    NEW = "t.worked_at IS NULL AND t.troubled_since IS NULL"
    TROUBLED = "t.troubled_since IS NOT NULL"


# At once of a lane, and of these to one endpoint.
ROOM = {
    Lane.WELL: (limits.WEBHOOKS_AT_ONCE, limits.WEBHOOKS_AT_ONCE_TO_ONE),
    Lane.NEW: (limits.WEBHOOKS_AT_ONCE_NEW, 1),
    Lane.TROUBLED: (limits.WEBHOOKS_AT_ONCE_IN_TROUBLE, 1),
}

_CLAIM = """
WITH wanting AS MATERIALIZED (
    SELECT d.endpoint_id AS id, min(d.next_at) AS since
    FROM accounts_webhookdelivery d JOIN accounts_webhookendpoint t ON t.id = d.endpoint_id
    WHERE d.state = 'waiting' AND d.next_at <= %(now)s AND t.disabled_at IS NULL
        AND t.paused_at IS NULL AND ({which})
    GROUP BY d.endpoint_id ORDER BY since LIMIT %(room)s
), usable AS MATERIALIZED (
    SELECT t.id FROM accounts_webhookendpoint t JOIN wanting w ON w.id = t.id
    FOR NO KEY UPDATE OF t SKIP LOCKED
), next AS MATERIALIZED (
    SELECT p.id, p.next_at, u.id AS endpoint, row_number() OVER (
        PARTITION BY u.id ORDER BY p.next_at, p.sequence) AS place
    FROM usable u CROSS JOIN LATERAL (
        SELECT d.id, d.next_at, d.sequence FROM accounts_webhookdelivery d
        WHERE d.endpoint_id = u.id AND d.state = 'waiting' AND d.next_at <= %(now)s
            AND (d.alone OR NOT EXISTS (
                SELECT 1 FROM accounts_webhookdelivery e
                WHERE e.endpoint_id = u.id AND e.about = d.about AND e.state = 'waiting'
                    AND NOT e.alone AND e.sequence < d.sequence))
        ORDER BY d.next_at, d.sequence LIMIT %(each)s
    ) p
), claimed AS MATERIALIZED (
    SELECT n.id FROM next n
    WHERE n.place + (
        SELECT count(*) FROM accounts_webhookdelivery c
        WHERE c.endpoint_id = n.endpoint AND c.claimed_until > %(now)s) <= %(each)s
    ORDER BY n.next_at LIMIT %(room)s
)
UPDATE accounts_webhookdelivery d
SET attempts = d.attempts + 1, next_at = %(until)s, claimed_until = %(until)s
FROM claimed c WHERE d.id = c.id
RETURNING d.id
"""
CLAIM = {lane: _CLAIM.format(which=lane) for lane in Lane}

SENT = """
UPDATE accounts_webhookdelivery d SET state = 'sent', sent_at = %s, claimed_until = NULL
FROM unnest(%s::bigint[], %s::int[]) AS v (id, attempts)
WHERE d.id = v.id AND d.attempts = v.attempts AND d.state = 'waiting'
"""
LATER = """
UPDATE accounts_webhookdelivery d
SET next_at = v.next_at, claimed_until = NULL, state = v.state
FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[], %s::text[])
    AS v (id, attempts, next_at, state)
WHERE d.id = v.id AND d.attempts = v.attempts AND d.state = 'waiting'
"""
# What comes after them of the same account need not be looked at before.
BEHIND = """
UPDATE accounts_webhookdelivery d SET next_at = f.next_at
FROM accounts_webhookdelivery f
WHERE f.id = ANY(%s) AND f.state = 'waiting' AND NOT f.alone
    AND d.endpoint_id = f.endpoint_id AND d.about = f.about AND d.state = 'waiting'
    AND NOT d.alone AND d.sequence > f.sequence AND d.next_at < f.next_at
"""

Wait(
    kind="webhook",
    since=lambda: oldest(
        # What waits for an endpoint in trouble waits for its owner.
        WebhookDelivery.objects.filter(
            state=State.WAITING,
            endpoint__paused_at=None,
            endpoint__disabled_at=None,
            endpoint__troubled_since=None,
        ),
        "next_at",
    ),
    bound=limits.WEBHOOKS_WITHIN,
)
Wait(
    kind="webhook_paused",
    since=lambda: oldest(WebhookEndpoint.objects.filter(disabled_at=None), "paused_at"),
)
Wait(
    kind="webhook_disabled",
    since=lambda: oldest(WebhookEndpoint.objects.all(), "disabled_at"),
)


@dataclass(frozen=True)
class Told:
    """A delivery that was tried, and its answer."""

    delivery: WebhookDelivery
    answer: Answer
    at: datetime


def claim(*, lane: Lane, room: int) -> list[WebhookDelivery]:
    """What to send now to endpoints of a lane, at most `room`: each is counted as tried."""
    if room <= 0:
        return []
    now = clock.now()
    until = now + limits.WEBHOOK_CLAIM
    facts = {"now": now, "room": room, "each": ROOM[lane][1], "until": until}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM[lane], facts)
        ids = [pk for (pk,) in cursor.fetchall()]
    if not ids:
        return []
    return list(WebhookDelivery.objects.filter(pk__in=ids).select_related("endpoint", "event"))


def is_due_by(moment: datetime) -> bool:
    """Whether anything is to be sent until then."""
    found = WebhookDelivery.objects.filter(
        state=State.WAITING,
        next_at__lte=moment,
        endpoint__paused_at=None,
        endpoint__disabled_at=None,
    )
    return found.exists()


def finish(told: Sequence[Told]) -> None:
    """Write down what was answered. What another sender took over meanwhile stays as it is, and of
    what has gone nothing is noted: where its account has moved to, it is sent again."""
    now = clock.now()
    with transaction.atomic():
        tried = WebhookDelivery.objects.filter(pk__in=[one.delivery.pk for one in told])
        here = set(tried.values_list("pk", flat=True))
        told = [one for one in told if one.delivery.pk in here]
        WebhookAttempt.objects.bulk_create([_attempt(one) for one in told])
        taken = [one for one in told if one.answer.is_taken]
        others = [one for one in told if not one.answer.is_taken]
        _note_taken(taken, now)
        _note_refused(others, now)
        _note_standing({one.delivery.endpoint_id for one in taken}, others, now)
        for one in others:
            if because := _ends_endpoint(one):
                to = one.delivery.endpoint
                endpoints.disable(endpoint_id=to.pk, url=to.url, because=because)


def _attempt(told: Told) -> WebhookAttempt:
    answer = told.answer
    return WebhookAttempt(
        delivery=told.delivery,
        at=told.at,
        took_ms=answer.took_ms,
        status=answer.status,
        error=answer.error,
        answer=answer.text,
    )


def _note_taken(taken: Sequence[Told], now: datetime) -> None:
    if taken:
        ids, attempts = _keys(taken)
        with connection.cursor() as cursor:
            cursor.execute(SENT, [now, ids, attempts])


def _note_refused(refused: Sequence[Told], now: datetime) -> None:
    if not refused:
        return
    ids, attempts = _keys(refused)
    moments = [now + wait_after(one.delivery, one.answer) for one in refused]
    states = [State.FAILED if _is_last(one.delivery) else State.WAITING for one in refused]
    with connection.cursor() as cursor:
        cursor.execute(LATER, [ids, attempts, moments, [str(one) for one in states]])
        cursor.execute(BEHIND, [ids])


def _note_standing(worked: set, refused: Sequence[Told], now: datetime) -> None:
    """Whether an endpoint works: by what came last, and a success outweighs what came with it."""
    well = WebhookEndpoint.objects.filter(pk__in=worked)
    well.update(worked_at=now, troubled_since=None)
    failing = {one.delivery.endpoint_id for one in refused} - worked
    troubled = WebhookEndpoint.objects.filter(pk__in=failing, troubled_since=None)
    troubled.update(troubled_since=now)


def wait_after(delivery: WebhookDelivery, answer: Answer) -> timedelta:
    """How long after a try that failed comes the next."""
    wait = limits.WEBHOOK_WAITS[min(delivery.attempts, len(limits.WEBHOOK_WAITS)) - 1]
    if answer.status in (429, 503) and answer.retry_after_seconds:
        asked = timedelta(seconds=answer.retry_after_seconds)
        return max(wait, min(asked, limits.WEBHOOK_RETRY_AFTER_MOST))
    return wait


def _is_last(delivery: WebhookDelivery) -> bool:
    most = limits.WEBHOOK_TRIES_ALONE if delivery.alone else limits.WEBHOOK_TRIES
    return delivery.attempts >= most


def _ends_endpoint(told: Told) -> str:
    """Why nothing is sent there any more, or nothing."""
    if told.answer.status == 410:
        return "it answered 410 Gone"
    if told.delivery.endpoint.is_slack and told.answer.status in SLACK_GONE:
        return f"Slack answered {told.answer.status}"
    if _is_last(told.delivery) and not told.delivery.alone:
        return f"it took none of {limits.WEBHOOK_TRIES} tries of one event"
    return ""


def _keys(told: Sequence[Told]) -> tuple[list[int], list[int]]:
    return [one.delivery.pk for one in told], [one.delivery.attempts for one in told]
