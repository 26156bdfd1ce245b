"""The outbox: events that triggers wrote get their number, their words and their deliveries.

Numbers are given when events can be seen, by one sender at a time: what commits late gets a later
number, and none is missed.
"""

import json
import uuid

import msgspec
from django.db import connection, transaction

from accounts import clock, limits
from accounts.models import WebhookDelivery, WebhookEndpoint, WebhookEvent, WebhookSender
from accounts.runtime.queues import OVERDUE_BOUND
from accounts.runtime.waits import Wait, oldest
from accounts.webhooks import catalogue

NUMBER = "SELECT nextval('accounts_webhook_number') FROM generate_series(1, %s)"
NUMBERED = """
UPDATE accounts_webhookevent e SET sequence = v.sequence, data = v.data
FROM unnest(%s::bigint[], %s::bigint[], %s::jsonb[]) AS v (id, sequence, data) WHERE e.id = v.id
"""
# An agency hears of its sub-accounts, too; of what is about nobody everybody hears. What comes
# behind one that waits for its next try waits as long.
TO_EACH = """
INSERT INTO accounts_webhookdelivery
    (endpoint_id, event_id, about, sequence, alone, state, attempts, next_at, created_at)
SELECT t.id, e.id, COALESCE(e.account_id::text, ''), e.sequence, false, 'waiting', 0,
    GREATEST(%(now)s, (
        SELECT max(d.next_at) FROM accounts_webhookdelivery d
        WHERE d.endpoint_id = t.id AND d.about = COALESCE(e.account_id::text, '')
            AND d.state = 'waiting' AND NOT d.alone AND d.claimed_until IS NULL)),
    %(now)s
FROM accounts_webhookevent e
LEFT JOIN accounts_account a ON a.id = e.account_id
JOIN accounts_webhookendpoint t ON e.account_id IS NULL OR t.account_id = ANY(
    ARRAY[CASE WHEN NOT e.only_agency THEN a.id END, a.agency_id])
WHERE e.id = ANY(%(events)s) AND t.disabled_at IS NULL
    AND (cardinality(t.events) = 0 OR e.kind = ANY(t.events))
ORDER BY e.sequence
ON CONFLICT DO NOTHING
"""

Wait(
    kind="webhook_event",
    since=lambda: oldest(WebhookEvent.objects.filter(sequence=None), "created_at"),
    bound=OVERDUE_BOUND,
)


def accept() -> int:
    """Number some of what can be seen, and have it delivered. Returns how many events it was.

    Repeatable: what has a number is left alone.
    """
    new = WebhookEvent.objects.filter(sequence=None).order_by("pk")
    if not new.exists():
        return 0
    with transaction.atomic():
        WebhookSender.objects.select_for_update().get(pk=1)
        events = list(new[: limits.WEBHOOK_EVENTS_NUMBERED])
        with connection.cursor() as cursor:
            cursor.execute(NUMBER, [len(events)])
            for event, (sequence,) in zip(events, cursor.fetchall(), strict=True):
                event.sequence, event.data = sequence, _data(event, sequence)
            ids, numbers = [one.pk for one in events], [one.sequence for one in events]
            written = [json.dumps(one.data) for one in events]
            cursor.execute(NUMBERED, [ids, numbers, written])
            cursor.execute(TO_EACH, {"now": clock.now(), "events": ids})
    return len(events)


def _data(event: WebhookEvent, sequence: int) -> dict[str, object]:
    shown = catalogue.shown(event.kind, event.facts)
    account = str(event.account_id) if event.account_id else None
    return {"account": account, "sequence": sequence, "object": msgspec.to_builtins(shown)}


@transaction.atomic
def write_test(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """An event of no consequence, for this endpoint alone."""
    with connection.cursor() as cursor:
        cursor.execute(NUMBER, [1])
        (sequence,) = cursor.fetchone()
    shown = {"text": "A test, asked for by a person. Nothing happened."}
    event = WebhookEvent(
        message=f"msg_{uuid.uuid4().hex}",
        account_id=endpoint.account_id,
        kind=catalogue.TEST,
        facts=shown,
        sequence=sequence,
        created_at=clock.now(),
    )
    account = str(endpoint.account_id)
    event.data = {"account": account, "sequence": sequence, "object": shown}
    event.save()
    return WebhookDelivery.objects.create(
        endpoint=endpoint, event=event, about=account, sequence=sequence, alone=True
    )


def body(event: WebhookEvent) -> bytes:
    """What is sent of it: the same bytes each time."""
    thin = {"type": event.kind, "timestamp": event.created_at, "data": event.data}
    return msgspec.json.encode(thin)
