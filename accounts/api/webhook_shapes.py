"""What the API of webhooks takes and answers: decoded, refused and documented by these."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from accounts import clock, limits
from accounts.api.shapes import Answer, Moment, Sent, Url, Wrong
from accounts.api.views import AccountQuery, page_limit
from accounts.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import endpoints, signing
from accounts.webhooks.endpoints import Terms

LARGEST_PAGE = 200
Status = Literal["new", "working", "failing", "paused", "disabled"]


class Webhook(Answer):
    id: UUID
    account: UUID
    url: Annotated[Url, Meta(description="Of Slack without its secret end.")]
    description: str
    events: Annotated[list[str], Meta(description="The types it hears of; empty: of all.")]
    format: WebhookEndpoint.Format
    status: Annotated[
        Status,
        Meta(
            description="`failing`: it takes nothing now, and is tried again. `disabled`: by us, "
            "`disabled_because` says why; sending `paused: false` or saving it resumes it."
        ),
    ]
    disabled_because: str
    secrets_in_use: Annotated[
        int, Meta(description="How many secrets sign now: more than one while one rotates.")
    ]
    last_delivery_at: Moment | None
    created_at: Moment


class WebhookWithSecret(Webhook):
    secret: Annotated[
        str, Meta(description="`whsec_…`, shown this once; empty for Slack, which needs none.")
    ]


class Webhooks(Answer):
    results: list[Webhook]


def _status(one: WebhookEndpoint) -> Status:
    if one.disabled_at:
        return "disabled"
    if one.paused_at:
        return "paused"
    if one.troubled_since:
        return "failing"
    return "working" if one.worked_at else "new"


def _facts(one: WebhookEndpoint) -> dict[str, object]:
    return {
        "account": one.account_id,
        "url": endpoints.shown_url(one),
        "status": _status(one),
        "secrets_in_use": 0 if one.is_slack else len(signing.in_force(one, clock.now())),
        "last_delivery_at": one.worked_at,
    }


def shown(one: WebhookEndpoint) -> Webhook:
    return Webhook.of(one, **_facts(one))


def with_secret(one: WebhookEndpoint) -> WebhookWithSecret:
    facts = _facts(one) | {"secret": "" if one.is_slack else one.secret}
    return WebhookWithSecret.of(one, **facts)


class NewWebhook(Sent):
    url: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=limits.WEBHOOK_URL_LENGTH,
            description="https://, port 443 or 8443, in the public internet; or an incoming "
            "webhook of Slack.",
        ),
    ]
    description: Annotated[str, Meta(max_length=limits.WEBHOOK_DESCRIPTION_LENGTH)] = ""
    events: Annotated[
        list[str], Meta(description="Types of events. Empty: all, later ones too.")
    ] = []
    format: WebhookEndpoint.Format = WebhookEndpoint.Format.STANDARD


class ChangedWebhook(NewWebhook):
    paused: Annotated[
        bool | UnsetType,
        Meta(description="true: events wait; false: they are sent again. Left out: as it is."),
    ] = UNSET


class Try(Answer):
    at: Moment
    took_ms: int
    status: Annotated[int | None, Meta(description="null: there was no answer.")]
    error: str
    answer: Annotated[str, Meta(description="The first bytes of the answer.")]


class Delivery(Answer):
    id: int
    event: Annotated[str, Meta(description="The `webhook-id`: the same at each repeat.")]
    type: str
    state: WebhookDelivery.State
    sequence: int
    attempts: int
    next_at: Annotated[Moment | None, Meta(description="Not before then, while it waits.")]
    tries: Annotated[list[Try], Meta(description="The latest first.")]
    happened_at: Moment


class Deliveries(Answer):
    results: list[Delivery]
    before: Annotated[
        int | None, Meta(description="Send it as `before` for the next page; null: the last.")
    ]


def delivery(one: WebhookDelivery) -> Delivery:
    waits = one.state == WebhookDelivery.State.WAITING
    return Delivery.of(
        one,
        event=one.event.message,
        type=one.event.kind,
        next_at=one.next_at if waits else None,
        tries=[_try(each) for each in one.tries.all()],
        happened_at=one.event.created_at,
    )


def _try(one: WebhookAttempt) -> Try:
    return Try.of(one)


def _read_before(given: object) -> int:
    text = str(given)
    if text.isascii() and text.isdigit() and 0 < len(text) <= 18:
        return int(text)
    raise Wrong("Send the `before` of an answer.")


class DeliveriesQuery(AccountQuery):
    before: Annotated[
        int | UnsetType,
        Meta(
            description="Those older than this delivery. Default: from the newest.",
            extra={"read": _read_before},
        ),
    ] = UNSET
    limit: Annotated[int, page_limit(LARGEST_PAGE)] = 50


def terms_of(body: NewWebhook) -> Terms:
    return Terms(
        url=body.url,
        description=body.description,
        events=tuple(body.events),
        format=body.format,
    )
