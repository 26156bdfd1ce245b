"""Sending what waits for Slack: claimed before it is sent, with growing waits and an end."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from accounts import clock
from accounts.runtime.queues import Queue, awake
from accounts.telling.notifications import notify
from wallets import limits, links
from wallets.alerts import slack
from wallets.models import SlackHook, SlackMessage


def _waiting(now: datetime) -> QuerySet[SlackMessage]:
    return SlackMessage.objects.filter(
        awake(now),
        sent_at=None,
        given_up_at=None,
        wallet__slack_hook__disabled_at=None,
        wallet__slack_hook__isnull=False,
    )


WAITING = Queue(
    kind="slack_message",
    rows=_waiting,
    first_wait=limits.SLACK_FIRST_WAIT,
    longest_wait=limits.SLACK_LONGEST_WAIT,
)


def send(*, message_id: int) -> bool:
    """Send one message, if it is not sent, given up or claimed by another. Returns whether it was.

    Call with no transaction open. A worker that dies between Slack's answer and our mark sends once
    more later: an account had rather hear twice than never.
    """
    message = _claim(message_id)
    if message is None:
        return False
    hook = SlackHook.objects.get(wallet=message.wallet_id)
    text = slack.escaped(message.text)
    if message.link:
        text = f"{text} {settings.SITE_URL.rstrip('/')}{message.link}"
    answer = slack.send(path=hook.secret_path, text=text)
    now = clock.now()
    if answer.sent:
        SlackMessage.objects.filter(pk=message_id).update(sent_at=now)
        SlackHook.objects.filter(pk=hook.pk).update(worked_at=now)
    elif answer.gone:
        disable(hook, because=f"Slack answered: {answer.gone}")
    elif message.attempts + 1 >= limits.SLACK_TRIES:
        disable(hook, because=f"Slack did not answer {limits.SLACK_TRIES} times")
    return answer.sent


def _claim(message_id: int) -> SlackMessage | None:
    """The try is counted before it is made, so that it ends whatever it meets."""
    now = clock.now()
    message = _waiting(now).filter(pk=message_id).first()
    if message is None:
        return None
    same = SlackMessage.objects.filter(pk=message_id, attempts=message.attempts, sent_at=None)
    claimed = same.update(attempts=F("attempts") + 1, look_at=now + limits.SLACK_FIRST_WAIT)
    return message if claimed else None


@transaction.atomic
def disable(hook: SlackHook, *, because: str) -> None:
    """Send nothing there until somebody saves it again, and say so. Once."""
    same = SlackHook.objects.filter(pk=hook.pk, secret_path=hook.secret_path, disabled_at=None)
    if not same.update(disabled_at=clock.now(), disabled_because=because[:200]):
        return
    waiting = SlackMessage.objects.filter(wallet=hook.wallet_id, sent_at=None, given_up_at=None)
    waiting.update(given_up_at=clock.now())
    notify(
        account=hook.wallet.account,
        kind="slack_disabled",
        title="Slack is switched off",
        text=f"Alerts are no longer sent to Slack. {because}. Save the webhook again to go on.",
        level="danger",
        dedupe_key=f"slack-disabled:{hook.pk}:{hook.added_at.isoformat()}",
        link=links.alerts(),
    )


def forget_old() -> int:
    """Delete messages that were sent or given up a month ago."""
    old = SlackMessage.objects.filter(created_at__lt=clock.now() - limits.SLACK_KEPT)
    return old.exclude(sent_at=None, given_up_at=None).delete()[0]
