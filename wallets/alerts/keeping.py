"""Adding, changing and taking away own alerts, and where in Slack they go."""

from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts import clock
from accounts.audit import seen as seen_before
from accounts.models import User
from wallets import limits
from wallets.alerts import crossing, slack
from wallets.balances import ledger
from wallets.errors import InvalidAmount, Refused
from wallets.models import Alert, SlackHook, SlackMessage

Kind = Alert.Kind
LEVELS = (Kind.BALANCE, Kind.MINUTES, Kind.RUNWAY)
# What its page shows and saves.
TERMS = ("kind", "level", "people", "addresses", "slack")
HOOK = ("secret_path",)


@dataclass(frozen=True)
class Terms:
    """What to tell, and whom. `level` is in dollars, minutes or days, None of an event."""

    kind: str
    level: Decimal | None
    people: str = Alert.People.MANAGERS
    addresses: tuple[str, ...] = ()
    slack: bool = False


@transaction.atomic
def add(*, wallet_id: int, terms: Terms, actor: User | None) -> Alert:
    """Tell this from now on. What is below already is told once it has been above.

    Raises InvalidAmount, or Refused beyond `ALERTS_MOST`.
    """
    wallet = ledger.lock_one(wallet_id=wallet_id)
    _check(wallet_id, terms)
    if Alert.objects.filter(wallet=wallet).count() >= limits.ALERTS_MOST:
        raise Refused(f"An account has at most {limits.ALERTS_MOST} alerts. Remove one first.")
    alert = Alert(wallet=wallet, created_by=actor)
    _apply(alert, terms)
    alert.save()
    return alert


@transaction.atomic
def change(*, wallet_id: int, alert_id: int, terms: Terms, seen: str = "") -> Alert | None:
    """Another level or other readers; None when it is gone. Raises InvalidAmount or Refused.

    `seen` marks the terms that were shown: others' newer ones raise Overtaken.
    """
    ledger.lock_one(wallet_id=wallet_id)
    alert = Alert.objects.filter(wallet=wallet_id, pk=alert_id).first()
    if alert is None:
        return None
    _check(wallet_id, terms, but=alert_id)
    with seen_before.guarding(alert, fields=TERMS, seen=seen):
        _apply(alert, terms)
    alert.save()
    return alert


def _apply(alert: Alert, terms: Terms) -> None:
    moved = (alert.kind, alert.level) != (terms.kind, terms.level)
    alert.kind, alert.level = terms.kind, terms.level
    alert.people, alert.slack = terms.people, terms.slack
    alert.addresses = list(dict.fromkeys(terms.addresses))
    if moved or alert._state.adding:
        alert.crossed_at, alert.about, alert.seen_at = None, "", clock.now()
        alert.armed = alert.level is None or not crossing.is_below(alert)


def remove(*, wallet_id: int, alert_id: int) -> bool:
    """Tell it no more. Repeatable; False when it was gone."""
    return bool(Alert.objects.filter(wallet=wallet_id, pk=alert_id).delete()[0])


def _check(wallet_id: int, terms: Terms, *, but: int | None = None) -> None:
    fields = {}
    if problem := _level_problem(terms):
        fields["level"] = problem
    if len(set(terms.addresses)) > limits.ALERT_ADDRESSES_MOST:
        fields["addresses"] = f"Enter at most {limits.ALERT_ADDRESSES_MOST} addresses"
    for address in terms.addresses:
        try:
            validate_email(address)
        except ValidationError:
            fields["addresses"] = f"“{address[:60]}” is no address. Enter one on each line"
    if not (terms.slack or terms.addresses or terms.people != Alert.People.NOBODY):
        fields["people"] = "Choose somebody who hears of it"
    if terms.slack and not SlackHook.objects.filter(wallet=wallet_id, disabled_at=None).exists():
        fields["slack"] = "Connect Slack first, below"
    same = Alert.objects.filter(wallet=wallet_id, kind=terms.kind, level=terms.level)
    if not fields and same.exclude(pk=but).exists():
        fields["kind"] = "There is such an alert already. Change that one"
    if fields:
        raise InvalidAmount(" ".join(f"{text}." for text in fields.values()), fields=fields)


def _level_problem(terms: Terms) -> str:
    if terms.kind not in LEVELS:
        return ""
    most = limits.ALERT_DAYS_MOST if terms.kind == Kind.RUNWAY else limits.ALERT_LEVEL_MOST
    level = terms.level
    if level is None or not level.is_finite() or not 0 < level <= most:
        return f"Enter more than 0 and at most {most:,}"
    places = 2 if terms.kind == Kind.BALANCE else 0
    if level != round(level, places):
        return "Enter dollars and cents, like 25.00" if places else "Enter a whole number"
    return ""


@transaction.atomic
def connect_slack(*, wallet_id: int, address: str, actor: User | None, seen: str = "") -> SlackHook:
    """Send to this incoming webhook from now on, instead of any other. Raises Refused.

    `seen` marks the webhook that was shown, or that there was none: others' newer one raises
    Overtaken.
    """
    path = slack.path_of(address)
    wallet = ledger.lock_one(wallet_id=wallet_id)
    hook = SlackHook.objects.filter(wallet=wallet).first()
    if hook is None or hook.secret_path != path:
        seen_before.refuse_overtaken(hook, fields=HOOK, seen=seen)
        # The tries so far were made at another address, and say nothing of this one.
        waiting = SlackMessage.objects.filter(wallet=wallet, sent_at=None, given_up_at=None)
        waiting.update(attempts=0)
    facts = {
        "secret_path": path,
        "added_at": clock.now(),
        "added_by": actor,
        "worked_at": None,
        "disabled_at": None,
        "disabled_because": "",
    }
    return SlackHook.objects.update_or_create(wallet=wallet, defaults=facts)[0]


@transaction.atomic
def disconnect_slack(*, wallet_id: int, seen: str = "") -> bool:
    """Send nothing to Slack any more. Alerts that only went there are told to owners and admins.

    Repeatable; False when nothing was connected. Raises Overtaken as `connect_slack` does.
    """
    ledger.lock_one(wallet_id=wallet_id)
    hook = SlackHook.objects.filter(wallet=wallet_id).first()
    if hook is None:
        return False
    seen_before.refuse_overtaken(hook, fields=HOOK, seen=seen)
    only_slack = Alert.objects.filter(wallet=wallet_id, slack=True)
    only_slack.filter(people=Alert.People.NOBODY, addresses=[]).update(people=Alert.People.MANAGERS)
    only_slack.update(slack=False)
    waiting = SlackMessage.objects.filter(wallet=wallet_id, sent_at=None, given_up_at=None)
    waiting.update(given_up_at=clock.now())
    hook.delete()
    return True
