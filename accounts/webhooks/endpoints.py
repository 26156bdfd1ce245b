"""Endpoints: adding, changing, pausing and ending them, their secrets, tests and sending again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from accounts import clock, limits
from accounts.audit import seen as seen_before
from accounts.errors import Conflict, Invalid, TooMany
from accounts.models import Account, User, WebhookDelivery, WebhookEndpoint
from accounts.runtime.nudges import nudge
from accounts.telling import slack
from accounts.telling.notifications import notify
from accounts.webhooks import addresses, catalogue, outbox, signing

Format = WebhookEndpoint.Format
State = WebhookDelivery.State
# What its page shows and saves.
TERMS = ("url", "description", "events", "format")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a person or a program chooses. Without `events` it hears of all, later ones too."""

    url: str
    description: str = ""
    events: tuple[str, ...] = ()
    format: str = Format.STANDARD


@transaction.atomic
def add(*, account: Account, terms: Terms, actor: User | None) -> WebhookEndpoint:
    """Tell this address from now on. Its `secret` is shown this once.

    Raises Invalid, or Conflict beyond `WEBHOOKS_MOST`.
    """
    _check(terms)
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if WebhookEndpoint.objects.filter(account=account).count() >= limits.WEBHOOKS_MOST:
        raise Conflict(f"An account has at most {limits.WEBHOOKS_MOST} webhooks. Delete one first.")
    endpoint = WebhookEndpoint(account=account, created_by=actor, secret=signing.new_secret())
    _apply(endpoint, terms)
    endpoint.save()
    return endpoint


@transaction.atomic
def change(
    *, endpoint_id: UUID, account: Account, terms: Terms, seen: str = ""
) -> WebhookEndpoint | None:
    """Another address or other events; one that was disabled goes on. None when it is gone.

    `seen` marks the terms that were shown: others' newer ones raise Overtaken.
    """
    _check(terms)
    endpoint = locked(endpoint_id=endpoint_id, account=account)
    if endpoint is None:
        return None
    moved = endpoint.url != terms.url
    with seen_before.guarding(endpoint, fields=TERMS, seen=seen):
        _apply(endpoint, terms)
    if moved or endpoint.disabled_at:
        endpoint.worked_at = endpoint.troubled_since = None
    endpoint.disabled_at, endpoint.disabled_because = None, ""
    endpoint.save()
    return endpoint


def _apply(endpoint: WebhookEndpoint, terms: Terms) -> None:
    endpoint.url, endpoint.description = terms.url.strip(), terms.description
    endpoint.events, endpoint.format = sorted(set(terms.events)), terms.format


def _check(terms: Terms) -> None:
    if terms.format == Format.SLACK:
        try:
            slack.path_of(terms.url)
        except ValueError as error:
            raise Invalid(str(error), fields={"url": str(error)}) from None
    else:
        addresses.read(terms.url.strip())
    if unknown := sorted(set(terms.events) - set(catalogue.names())):
        text = f"There is no event “{unknown[0][:40]}”."
        raise Invalid(text, fields={"events": text})
    if len(terms.description) > limits.WEBHOOK_DESCRIPTION_LENGTH:
        text = f"Use at most {limits.WEBHOOK_DESCRIPTION_LENGTH} characters."
        raise Invalid(text, fields={"description": text})


def locked(*, endpoint_id: UUID, account: Account) -> WebhookEndpoint | None:
    rows = WebhookEndpoint.objects.select_for_update(no_key=True)
    return rows.filter(pk=endpoint_id, account=account).first()


@transaction.atomic
def rotate(*, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """A new secret, shown this once. The one before signs beside it for `WEBHOOK_OVERLAP`.

    Raises Conflict when two are on their way out already.
    """
    now = clock.now()
    fresh = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    if fresh.is_slack:
        raise Conflict("Slack knows us by its address: there is no secret to rotate.")
    old = signing.still_old(fresh, now)
    if len(old) >= limits.WEBHOOK_OLD_SECRETS:
        raise Conflict("Two earlier secrets are still in use. Rotate again once one has ended.")
    until = (now + limits.WEBHOOK_OVERLAP).isoformat()
    fresh.old_secrets = [{"secret": fresh.secret, "until": until}, *old]
    fresh.secret = signing.new_secret()
    fresh.save(update_fields=["secret", "old_secrets"])
    return fresh


def pause(*, endpoint: WebhookEndpoint) -> None:
    """Send nothing there until it is resumed: events wait for it. Repeatable."""
    running = WebhookEndpoint.objects.filter(pk=endpoint.pk, paused_at=None)
    running.update(paused_at=clock.now())


@transaction.atomic
def resume(*, endpoint: WebhookEndpoint) -> None:
    """Send there again: at once what waited while it was paused. Repeatable."""
    stopped = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    stopped.filter(disabled_at__isnull=False).update(worked_at=None, troubled_since=None)
    stopped.update(paused_at=None, disabled_at=None, disabled_because="")
    nudge("accounts.send_webhooks")


def remove(*, endpoint: WebhookEndpoint) -> bool:
    """Delete it, with the log of what it was sent. Repeatable; False when it was gone."""
    return bool(WebhookEndpoint.objects.filter(pk=endpoint.pk).delete()[0])


@transaction.atomic
def test(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Send a test event there, to no other. Raises Conflict or TooMany."""
    _require_running(endpoint)
    recent = WebhookDelivery.objects.filter(
        endpoint=endpoint,
        event__kind=catalogue.TEST,
        created_at__gt=clock.now() - timedelta(hours=1),
    )
    if recent.count() >= limits.WEBHOOK_TESTS_AN_HOUR:
        raise TooMany("That were many tests within an hour. Try again later.")
    delivery = outbox.write_test(endpoint=endpoint)
    nudge("accounts.send_webhooks")
    return delivery


@transaction.atomic
def resend(*, delivery: WebhookDelivery) -> None:
    """Send an event once more, under its id. Raises Conflict while it is on its way anyway."""
    _require_running(delivery.endpoint)
    ended = WebhookDelivery.objects.filter(pk=delivery.pk).exclude(state=State.WAITING)
    again = {"state": State.WAITING, "alone": True, "attempts": 0, "next_at": clock.now()}
    if not ended.update(**again, claimed_until=None, sent_at=None):
        raise Conflict("It is on its way already: nothing was sent twice.")
    nudge("accounts.send_webhooks")


def _require_running(endpoint: WebhookEndpoint) -> None:
    if endpoint.disabled_at or endpoint.paused_at:
        raise Conflict("Nothing is sent to this webhook now. Resume it first.")


def disable(*, endpoint_id: UUID, url: str, because: str) -> None:
    """Send nothing there any more, end what waits for it, and say so to owners and admins. Once.

    Not when it has another address than `url` by now: of that nothing is known. Call in a
    transaction.
    """
    now = clock.now()
    running = WebhookEndpoint.objects.filter(pk=endpoint_id, url=url, disabled_at=None)
    if not running.update(disabled_at=now, disabled_because=because[:200]):
        return
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint_id, state=State.WAITING)
    ended = waiting.update(state=State.FAILED, claimed_until=None)
    endpoint = WebhookEndpoint.objects.select_related("account").get(pk=endpoint_id)
    lost = f" {ended} waiting events were not delivered." if ended > 1 else ""
    notify(
        account=endpoint.account,
        kind="webhook_disabled",
        title="A webhook is switched off",
        text=f"Nothing is sent to the webhook “{shown_name(endpoint)}” any more: {because}.{lost} "
        "Resume it once it is mended, and send again what it missed.",
        level="danger",
        dedupe_key=f"webhook-disabled:{endpoint_id}:{now.isoformat()}",
        link=reverse("accounts:webhook", args=[endpoint_id]),
    )


def shown_url(endpoint: WebhookEndpoint) -> str:
    """The address as pages and answers show it: Slack's is a secret."""
    return slack.shown(slack.path_of(endpoint.url)) if endpoint.is_slack else endpoint.url


def shown_name(endpoint: WebhookEndpoint) -> str:
    """What people call it: its description, or the server it leads to."""
    return endpoint.description or server_of(endpoint)


def server_of(endpoint: WebhookEndpoint) -> str:
    return slack.HOST if endpoint.is_slack else addresses.read_host(endpoint.url)


def of(account: Account) -> Collection[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(account=account).select_related("created_by")
