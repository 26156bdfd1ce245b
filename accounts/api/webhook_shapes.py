"""What the API of webhooks takes and answers: decoded, refused and documented by these."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from accounts import clock, limits
from accounts.api.rows import RowsPage
from accounts.api.shapes import AccountId, Answer, Moment, Sent, Url
from accounts.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import endpoints, signing
from accounts.webhooks.endpoints import Terms

Status = Literal["new", "working", "failing", "paused", "disabled"]


class Webhook(Answer):
    """Where an account's events are sent to."""

    id: Annotated[UUID, Meta(description="The webhook's id.")]
    account: AccountId
    url: Annotated[
        Url, Meta(description="Where it leads. Of Slack without its end, which is a secret.")
    ]
    description: Annotated[str, Meta(description="For people; may be empty.")]
    events: Annotated[list[str], Meta(description="The types it hears of; empty: of all.")]
    format: Annotated[WebhookEndpoint.Format, Meta(description="What is sent there.")]
    status: Annotated[
        Status,
        Meta(
            description="`failing`: it takes nothing now, and is tried again. `disabled`: by us, "
            "`disabled_because` says why; sending `paused: false` or saving it resumes it."
        ),
    ]
    disabled_because: Annotated[
        str, Meta(description="Why it was disabled, for people; mostly empty.")
    ]
    secrets_in_use: Annotated[
        int, Meta(description="How many secrets sign now: more than one while one rotates.")
    ]
    last_delivery_at: Annotated[
        Moment | None, Meta(description="When it last took an event; null: never yet.")
    ]
    created_at: Annotated[Moment, Meta(description="When it was added.")]


class WebhookWithSecret(Webhook):
    """A webhook with what signs its requests."""

    secret: Annotated[
        str | None,
        Meta(
            description="`whsec_…`, shown this once: null where an answer is repeated for its "
            "Idempotency-Key. Empty for Slack, which needs none."
        ),
    ]


class Webhooks(Answer):
    """All webhooks of an account."""

    results: Annotated[list[Webhook], Meta(description="The oldest first.")]


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
    """Where events shall be sent to, and which."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=limits.WEBHOOK_URL_LENGTH,
            description="https://, port 443 or 8443, in the public internet; or an incoming "
            "webhook of Slack.",
        ),
    ]
    description: Annotated[
        str, Meta(max_length=limits.WEBHOOK_DESCRIPTION_LENGTH, description="For people.")
    ] = ""
    events: Annotated[
        list[str], Meta(description="Types of events. Empty: all, later ones too.")
    ] = []
    format: Annotated[
        WebhookEndpoint.Format, Meta(description="`slack` for an incoming webhook of Slack.")
    ] = WebhookEndpoint.Format.STANDARD


class ChangedWebhook(NewWebhook):
    """A webhook as it shall be."""

    paused: Annotated[
        bool | UnsetType,
        Meta(description="true: events wait; false: they are sent again. Left out: as it is."),
    ] = UNSET


class Try(Answer):
    """One request that was sent, and what came back."""

    at: Annotated[Moment, Meta(description="When it was sent.")]
    took_ms: Annotated[int, Meta(description="Milliseconds until the answer, or until we left.")]
    status: Annotated[int | None, Meta(description="null: there was no answer.")]
    error: Annotated[str, Meta(description="Why there was none, for people; mostly empty.")]
    answer: Annotated[str, Meta(description="The first bytes of the answer.")]


class Delivery(Answer):
    """One event on its way to one webhook."""

    id: Annotated[int, Meta(description="The delivery's id.")]
    event: Annotated[str, Meta(description="The `webhook-id`: the same at each repeat.")]
    type: Annotated[str, Meta(description="The type of the event.")]
    state: Annotated[WebhookDelivery.State, Meta(description="What became of it.")]
    sequence: Annotated[
        int, Meta(description="Of the object's change. Events of one object come in this order.")
    ]
    attempts: Annotated[int, Meta(description="How often it was tried.")]
    next_at: Annotated[Moment | None, Meta(description="Not before then, while it waits.")]
    tries: Annotated[list[Try], Meta(description="The latest first.")]
    happened_at: Annotated[Moment, Meta(description="When what it tells happened.")]


class Deliveries(RowsPage, kw_only=True):
    """A page of what a webhook was sent."""

    results: Annotated[list[Delivery], Meta(description="Newest first.")]


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


def terms_of(body: NewWebhook) -> Terms:
    return Terms(
        url=body.url,
        description=body.description,
        events=tuple(body.events),
        format=body.format,
    )
