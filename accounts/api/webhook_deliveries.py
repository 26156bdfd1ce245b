"""What webhooks were sent: test events, the log of deliveries, and sending one again."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once
from accounts.api.rows import RowsQuery, beside
from accounts.api.schema import in_path, leads_to, refusals
from accounts.api.views import AccountQuery
from accounts.api.webhook_shapes import Deliveries, Delivery, delivery
from accounts.api.webhooks import ID, TAGS, OfWebhook
from accounts.errors import NotFound
from accounts.models import WebhookDelivery
from accounts.people.access import Permission
from accounts.runtime.first_rows import first
from accounts.runtime.of_one import of_one
from accounts.webhooks import endpoints

_DELIVERY = {
    "id": 70021,
    "event": "msg_5f0b7a106c1c3c0e2a534d6b8d6c3a1f",
    "type": "campaign.paused",
    "state": "sent",
    "sequence": 311,
    "attempts": 1,
    "next_at": None,
    "tries": [
        {
            "at": "2026-11-22T09:14:06Z",
            "took_ms": 84,
            "status": 200,
            "error": "",
            "answer": "ok",
        }
    ],
    "happened_at": "2026-11-22T09:14:05Z",
}
DELIVERY_ID = in_path("delivery_id", "The delivery's id.", _DELIVERY["id"], int)


class TestView(OfWebhook):
    # Not a test of ours.
    __test__ = False

    @extend_schema(
        operation_id="test_webhook",
        summary="Send the event `webhook.test` to this webhook alone",
        description="Read its `deliveries` for the answer.",
        tags=TAGS,
        parameters=[AccountQuery, ID],
        request=None,
        responses={202: Delivery, **refusals(409, 422)},
        examples=[
            OpenApiExample(
                "On its way",
                value=_DELIVERY
                | {
                    "type": "webhook.test",
                    "state": "waiting",
                    "attempts": 0,
                    "next_at": "2026-11-22T09:14:06Z",
                    "tries": [],
                },
                response_only=True,
                status_codes=["202"],
            )
        ],
    )
    @once
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        one = self.of(request, endpoint_id, Permission.MONEY)
        return Response(delivery(endpoints.test(endpoint=one)), status=202)


class DeliveriesView(OfWebhook):
    query_shape = RowsQuery

    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="What a webhook was sent in the last 30 days, newest first",
        description="Each event with every try: when, how long, and what was answered.",
        tags=TAGS,
        extensions=leads_to(resend_webhook_delivery={"delivery_id": "results/0/id"}),
        parameters=[RowsQuery, ID],
        responses={200: Deliveries, **refusals()},
        examples=[
            OpenApiExample(
                "One",
                value={"results": [_DELIVERY], "next": None, "next_cursor": None},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        one, query = self.of(request, endpoint_id, Permission.SEE), self.query
        found = WebhookDelivery.objects.filter(of_one("endpoint", one.pk)).select_related("event")
        if query.cursor:
            found = found.filter(pk__lt=query.cursor)
        newest = found.prefetch_related("tries").order_by("endpoint_id", "-pk")
        rows = first(newest, query.limit + 1)
        results = [delivery(row) for row in rows[: query.limit]]
        return Response(Deliveries(results=results, **beside(request, rows, query.limit)))


class ResendView(OfWebhook):
    @extend_schema(
        operation_id="resend_webhook_delivery",
        summary="Send an event once more, under its id",
        description="409 while it is on its way anyway.",
        tags=TAGS,
        parameters=[AccountQuery, ID, DELIVERY_ID],
        request=None,
        responses={202: Delivery, **refusals(409, 422)},
        examples=[
            OpenApiExample(
                "On its way again",
                value=_DELIVERY
                | {"state": "waiting", "attempts": 0, "next_at": "2026-11-22T10:00:00Z"},
                response_only=True,
                status_codes=["202"],
            )
        ],
    )
    @once
    def post(self, request: Request, endpoint_id: UUID, delivery_id: int) -> Response:
        one = self.of(request, endpoint_id, Permission.MONEY)
        rows = WebhookDelivery.objects.select_related("event", "endpoint")
        found = rows.filter(endpoint=one, pk=delivery_id).first()
        if found is None:
            raise NotFound("There is no such delivery.")
        endpoints.resend(delivery=found)
        found.refresh_from_db()
        return Response(delivery(found), status=202)
