"""Telling a crossed alert, once: the bell, a mail to whom it names, a message to Slack."""

from decimal import Decimal

from django.db import transaction

from accounts import clock
from accounts.models import Notification, User
from accounts.runtime import brakes
from accounts.runtime.nudges import nudge
from accounts.telling import mails
from accounts.telling.notifications import notify
from wallets import limits
from wallets.alerts import crossing, words
from wallets.alerts.words import Words
from wallets.models import Alert, SlackHook, SlackMessage

KIND = "own_alert"
TEST_KIND = "own_alert_test"


@transaction.atomic
def tell(*, alert_id: int) -> None:
    """Tell it, if it has not been since it was crossed. Safe to repeat and to race.

    A balance that is above again meanwhile is told to nobody, and the alert is armed.
    """
    alert = Alert.objects.select_for_update(of=("self",), no_key=True).filter(pk=alert_id)
    alert = alert.select_related("wallet__account").first()
    if alert is None or alert.crossed_at is None:
        return
    value = None if alert.level is None else crossing.value_of(alert)
    if alert.level is not None and (value is None or value >= alert.level):
        alert.armed = True
    else:
        _send(alert, words.of(alert, value=value), key=_key(alert))
        alert.told_at = clock.now()
    alert.crossed_at, alert.about = None, ""
    alert.save(update_fields=["armed", "told_at", "crossed_at", "about"])


def _key(alert: Alert) -> str:
    return f"alert:{alert.pk}:{alert.crossed_at.isoformat()}"


def _send(alert: Alert, said: Words, *, key: str, kind: str = KIND, by: str = "") -> None:
    outside = _may_go_out(alert)
    also_to = alert.addresses if outside else []
    mail = bool(also_to) or alert.people != Alert.People.NOBODY
    notify(
        account=alert.wallet.account,
        kind=kind,
        title=said.title,
        text=f"{by}{said.text}",
        level="warning",
        data={"alert": alert.pk},
        dedupe_key=key,
        link=said.link,
        mail=mail,
        audience=alert.people,
        also_to=also_to,
    )
    if alert.slack and outside:
        _to_slack(alert, f"{by}{said.text}", said, key=key)


def _to_slack(alert: Alert, text: str, said: Words, *, key: str) -> None:
    if not SlackHook.objects.filter(wallet=alert.wallet_id, disabled_at=None).exists():
        return
    account = alert.wallet.account.name
    message, is_new = SlackMessage.objects.get_or_create(
        wallet_id=alert.wallet_id,
        dedupe_key=key,
        defaults={"text": f"{account}: {said.title}. {text}"[:900], "link": said.link},
    )
    if is_new:
        nudge("wallets.send_slack", message.pk)


def _may_go_out(alert: Alert) -> bool:
    """Whether the day's bound leaves room for addresses outside and Slack; the bell rings on."""
    since = clock.now() - limits.ALERTS_DAY
    told = Notification.objects.filter(
        account=alert.wallet.account_id, kind__in=[KIND, TEST_KIND], created_at__gt=since
    )
    return told.count() < limits.ALERTS_A_DAY


@transaction.atomic
def test(*, alert: Alert, actor: User | None) -> None:
    """Send what it would say, marked as a test, to everybody it names. Raises TooMany."""
    brakes.one_at_a_time(f"alert tests {alert.wallet.account_id}")
    sent = Notification.objects.filter(account=alert.wallet.account_id, kind=TEST_KIND)
    refusal = "You have sent ten tests within an hour. Try again later. Nothing was sent."
    most, within = limits.ALERT_TESTS, limits.ALERT_TESTS_WINDOW
    brakes.check([brakes.Brake(sent, most, within, refusal)])
    key = f"alert-test:{alert.pk}:{clock.now().isoformat()}"
    by = f"A test that {actor or 'a program'} sent; the figures are made up. "
    _send(alert, words.example(alert), key=key, kind=TEST_KIND, by=by)


def preview(alert: Alert, *, value: Decimal | None = None) -> object:
    """The mail as it would be sent: of a `value`, or with figures that are made up."""
    said = words.example(alert) if value is None else words.of(alert, value=value)
    notification = Notification(
        account=alert.wallet.account,
        kind=KIND,
        title=said.title,
        text=said.text,
        level="warning",
        link=said.link,
        audience=alert.people,
        also_to=alert.addresses,
        created_at=clock.now(),
    )
    return mails.preview(notification)
