"""Webhooks by the API: endpoints and their secrets."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once, once_without
from accounts.api.schema import in_path, leads_to, refusals
from accounts.api.shapes import read
from accounts.api.views import AccountQuery, ApiView
from accounts.api.webhook_shapes import (
    ChangedWebhook,
    NewWebhook,
    Webhook,
    Webhooks,
    WebhookWithSecret,
    shown,
    terms_of,
    with_secret,
)
from accounts.api.whose import resolve_account
from accounts.errors import NotFound
from accounts.models import WebhookEndpoint
from accounts.people.access import Permission
from accounts.webhooks import endpoints

TAGS = ["Webhooks"]

_ONE = {
    "id": "6c1c3c0e-2a53-4d6b-8d6c-3a1f0f5b7a10",
    "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
    "url": "https://example.com/webhooks",
    "description": "CRM",
    "events": ["wallet.low_balance", "campaign.paused"],
    "format": "standard",
    "status": "working",
    "disabled_because": "",
    "secrets_in_use": 1,
    "last_delivery_at": "2026-11-22T09:14:06Z",
    "created_at": "2026-11-01T08:00:00Z",
}
_NEW = {
    "url": "https://example.com/webhooks",
    "description": "CRM",
    "events": ["wallet.low_balance", "campaign.paused"],
}
_SECRET = _ONE | {
    "status": "new",
    "last_delivery_at": None,
    "secret": "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=",
}
ID = in_path("endpoint_id", "The webhook's id.", _ONE["id"], UUID)
_STEPS = leads_to(
    get_webhook={"endpoint_id": "id"},
    save_webhook={"endpoint_id": "id"},
    rotate_webhook={"endpoint_id": "id"},
    test_webhook={"endpoint_id": "id"},
    list_webhook_deliveries={"endpoint_id": "id"},
    delete_webhook={"endpoint_id": "id"},
)
_SHOWN = OpenApiExample("A webhook", value=_ONE, response_only=True)
_SENT = OpenApiExample("Two events", value=_NEW, request_only=True)


class OfWebhook(ApiView):
    def of(self, request: Request, endpoint_id: UUID, permission: Permission) -> WebhookEndpoint:
        """The endpoint, for whoever may do this in its account. Raises NotFound."""
        account = resolve_account(request, permission=permission)
        found = endpoints.of(account).filter(pk=endpoint_id).first()
        if found is None:
            raise NotFound("There is no such webhook.")
        return found


class WebhooksView(ApiView):
    @extend_schema(
        operation_id="list_webhooks",
        summary="Where an account's events are sent to",
        description="All of them; an account has ten at most. Secrets are not among it.",
        tags=TAGS,
        extensions=leads_to(get_webhook={"endpoint_id": "results/0/id"}),
        responses={200: Webhooks, **refusals()},
        examples=[OpenApiExample("One", value={"results": [_ONE]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        found = endpoints.of(resolve_account(request))
        return Response(Webhooks([shown(one) for one in found]))

    @extend_schema(
        operation_id="add_webhook",
        summary="Send an account's events to an address from now on",
        description="The answer has the secret, this once. An agency's webhook hears of its "
        "sub-accounts, too.",
        tags=TAGS,
        extensions=_STEPS,
        request=NewWebhook,
        responses={201: WebhookWithSecret, **refusals(409, 413, 422)},
        examples=[
            _SENT,
            OpenApiExample("Added", value=_SECRET, response_only=True, status_codes=["201"]),
        ],
    )
    @once_without("secret")
    def post(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        terms = terms_of(read(NewWebhook, request.data))
        added = endpoints.add(account=account, terms=terms, actor=None)
        return Response(with_secret(added), status=201)


class WebhookView(OfWebhook):
    @extend_schema(
        operation_id="get_webhook",
        summary="A webhook as it is now",
        description="Whether it takes what it is sent, and why not. Its secret is not shown again.",
        tags=TAGS,
        extensions=_STEPS,
        parameters=[AccountQuery, ID],
        responses={200: Webhook, **refusals()},
        examples=[_SHOWN],
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        return Response(shown(self.of(request, endpoint_id, Permission.SEE)))

    @extend_schema(
        operation_id="save_webhook",
        summary="Set where a webhook leads and what it hears of; pause or resume it",
        description="What is left out gets its default, but for `paused`. A webhook that was "
        "disabled goes on.",
        tags=TAGS,
        extensions=_STEPS,
        parameters=[AccountQuery, ID],
        request=ChangedWebhook,
        responses={200: Webhook, **refusals(409, 413, 422)},
        examples=[_SENT, _SHOWN],
    )
    @once
    def put(self, request: Request, endpoint_id: UUID) -> Response:
        one = self.of(request, endpoint_id, Permission.MONEY)
        body = read(ChangedWebhook, request.data)
        endpoints.change(endpoint_id=one.pk, account=one.account, terms=terms_of(body))
        if body.paused is True:
            endpoints.pause(endpoint=one)
        elif body.paused is False:
            endpoints.resume(endpoint=one)
        return Response(shown(self.of(request, endpoint_id, Permission.SEE)))

    @extend_schema(
        operation_id="delete_webhook",
        summary="Send nothing there any more, and delete its log",
        description="What waits for it is not sent. To stop for a while, pause it.",
        tags=TAGS,
        parameters=[AccountQuery, ID],
        responses={204: None, **refusals(409, 422)},
    )
    @once
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        endpoints.remove(endpoint=self.of(request, endpoint_id, Permission.MONEY))
        return Response(status=204)


class RotateView(OfWebhook):
    @extend_schema(
        operation_id="rotate_webhook",
        summary="Make a new secret, shown this once",
        description="The one before signs beside it for 24 hours: each request then has a "
        "signature of both, and libraries take either.",
        tags=TAGS,
        extensions=_STEPS,
        parameters=[AccountQuery, ID],
        request=None,
        responses={200: WebhookWithSecret, **refusals(409, 422)},
        examples=[
            OpenApiExample(
                "Rotated",
                value=_SECRET | {"secrets_in_use": 2},
                response_only=True,
                status_codes=["200"],
            )
        ],
    )
    @once_without("secret")
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        one = self.of(request, endpoint_id, Permission.MONEY)
        return Response(with_secret(endpoints.rotate(endpoint=one)))
