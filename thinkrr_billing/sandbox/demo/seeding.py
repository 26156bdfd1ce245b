"""Loads the demo data: everybody, their ninety days, and today's troubles."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from accounts import clock
from accounts.models import Account, Notification
from accounts.telling.notifications import notify
from campaigns.models import Call
from thinkrr_billing.sandbox.demo import cast, people, troubles
from thinkrr_billing.sandbox.demo.history import History, register
from thinkrr_billing.sandbox.demo.people import Player
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.allocations import configure
from wallets.balances import included
from wallets.models import Purchase
from wallets.months import due_date

# Told to the agency last of all: what was interrupted can be told from what is complete.
COMPLETE = "demo-data"
# Younger notifications are left unread.
UNREAD_FOR = timedelta(days=3)


class CannotSeed(Exception):
    """Nothing was changed. The text says what to do."""


@dataclass(frozen=True)
class Seeded:
    accounts: int
    calls: int
    purchases: int


def is_seeded() -> bool:
    return Notification.objects.filter(dedupe_key=COMPLETE).exists()


def seed(*, tell: Callable[[str], None] = lambda text: None) -> Seeded | None:  # noqa: ARG005
    """Load the demo data, once. Returns None, and changes nothing, when it is there already.

    Raises CannotSeed in production, without the Stripe sandbox, and on a database that is in use.
    """
    if is_seeded():
        return None
    sandbox = _checked_sandbox()
    _send_no_tasks()
    _wait_for_disk(False)
    before = sandbox.webhooks().get("mode", "normal")
    sandbox.webhooks(mode="drop")
    try:
        _play(sandbox, tell)
    finally:
        sandbox.set_clock(None)
        sandbox.webhooks(mode=before)
        _wait_for_disk(True)
    return Seeded(
        accounts=len(cast.ACTORS),
        calls=Call.objects.count(),
        purchases=Purchase.objects.count(),
    )


def seed_people() -> int:
    """Load the demo's people, accounts and campaigns, without money; returns how many accounts.

    For a Stripe that is not our sandbox, which cannot be told what it took in the last ninety
    days. Raises CannotSeed in production and on a database that is in use.
    """
    _refuse_production()
    _refuse_database_in_use()
    _send_no_tasks()
    with transaction.atomic():
        players = people.open_accounts()
        for player in players:
            for number, run in enumerate(player.actor.runs, start=1):
                register(player, run, number)
        _settle_in(players[0].account, clock.now(), "Demo accounts were loaded, without money.")
    return len(players)


def _refuse_production() -> None:
    if not settings.DEBUG:
        raise CannotSeed("Demo data is for developers' machines: DEBUG is False here.")


def _refuse_database_in_use() -> None:
    if Account.objects.exists():
        raise CannotSeed(
            "This database has accounts already, or an earlier loading was interrupted: "
            "make clean, then start again with an empty one."
        )


def _checked_sandbox() -> StripeSandbox:
    _refuse_production()
    base = settings.STRIPE_API_BASE
    sandbox = StripeSandbox(base_url=base)
    if urlsplit(base).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise CannotSeed(
            f"Demo data needs the Stripe sandbox, but STRIPE_API_BASE is {base}: unset it, or "
            "load only people and accounts with --people-only."
        )
    if not sandbox.is_healthy():
        raise CannotSeed(f"The Stripe sandbox does not answer at {base}: start it with make run.")
    _refuse_database_in_use()
    return sandbox


def _send_no_tasks() -> None:
    """The past needs no workers: what they would do is done here, at its own moment."""
    current_app.conf.broker_url = "memory://localhost/"
    current_app.conf.broker_transport_options = {}


def _wait_for_disk(wait: bool) -> None:
    """Waiting at each of a thousand commits doubles the time, and demo data can be loaded again."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET synchronous_commit TO {'on' if wait else 'off'}")


def _play(sandbox: StripeSandbox, tell: Callable[[str], None]) -> None:
    now = clock.now()
    start = (now - timedelta(days=cast.DAYS)).replace(hour=13, minute=0, second=0, microsecond=0)
    tell("accounts and cards")
    with clock.at(start):
        sandbox.set_clock(start.timestamp())
        players = people.open_accounts()
        first_card, *_ = [
            people.add_card(sandbox, player.account, player.actor.card) for player in players
        ]
        second_card = people.add_card(sandbox, players[0].account, cast.MASTERCARD)
        included.reset_due()
        for player in players:
            people.fund(player)
    tell(f"{cast.DAYS} days of calls and payments")
    with clock.at(start + timedelta(minutes=30)):
        _allocate(players, now, card=first_card, failing_card=second_card)
    end = now - timedelta(hours=2)
    failing = cast.FAILED_ALLOCATION.last_due_days_ago
    refusal = now - timedelta(days=failing + 1)
    past = History(players=players, sandbox=sandbox, start=start, end=end)
    past.live(before_day=(refusal - start).days)
    sandbox.set_card(second_card, behaviour={"decline_code": "insufficient_funds"})
    past.live()
    tell("today's troubles")
    _trouble(sandbox, {player.actor: player for player in players}, now)
    days = f"{cast.DAYS} days of calls, recharges and allocations"
    _settle_in(players[0].account, now, f"Demo data was loaded: {days}.")


def _allocate(players: list[Player], now: datetime, *, card: str, failing_card: str) -> None:
    """Set what the agency buys each month, so that the last month was due when `cast` says."""
    agency = players[0]
    by_actor = {player.actor: player for player in players}
    for monthly in (*cast.ALLOCATIONS, cast.FAILED_ALLOCATION):
        last = agency.account.local_date(now - timedelta(days=monthly.last_due_days_ago))
        configure.save(
            account=by_actor[monthly.actor].account,
            agency=agency.account,
            actor=agency.owner,
            basic_minutes=monthly.basic,
            premium_minutes=monthly.premium,
            payment_method=failing_card if monthly is cast.FAILED_ALLOCATION else card,
            start_date=due_date(last, -monthly.months),
        )


def _trouble(sandbox: StripeSandbox, players: dict[cast.Actor, Player], now: datetime) -> None:
    troubles.run_dry(players[cast.NORTHSIDE], now - timedelta(minutes=50))
    troubles.refuse_card(sandbox, players[cast.HARBOR], now - timedelta(minutes=20))


def _settle_in(agency: Account, now: datetime, text: str) -> None:
    """The past was mailed and mostly read then; only the last days wait to be read."""
    Notification.objects.filter(mail_due_at__isnull=False).update(
        mail_due_at=None, mailed_at=F("created_at")
    )
    Notification.objects.filter(created_at__lt=now - UNREAD_FOR).update(read_at=F("created_at"))
    notify(
        account=agency,
        kind="demo_data",
        text=text,
        dedupe_key=COMPLETE,
        link="/payments/",
        mail=False,
    )
