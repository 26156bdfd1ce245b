"""Who needs their agency today, and why: the one rule, in words. Pure; reads and writes nothing.

The order in which an agency should look: what stands still first, then who waits for an answer,
then what will stand still, then what may go wrong later.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum

from accounts import zones
from wallets import limits
from wallets.agencies.client import Client
from wallets.forecasts.runway import DAY_SECONDS, spoken_days
from wallets.texts import spoken


class Rank(IntEnum):
    """What one sub-account needs most, the most urgent first."""

    PAUSED = 1
    ASKS = 2
    PAYMENT = 3
    RUNS_OUT = 4
    CARD = 5
    SEAT = 6
    NOTHING = 9


@dataclass(frozen=True)
class Need:
    """The most urgent of what a sub-account needs, and all of it in words."""

    rank: Rank
    reasons: tuple[str, ...] = ()

    @property
    def is_any(self) -> bool:
        return self.rank != Rank.NOTHING

    @property
    def text(self) -> str:
        """ "2 campaigns paused; lasts until tomorrow"."""
        return "; ".join(self.reasons)


def need(client: Client, *, now: datetime) -> Need:
    """What this sub-account needs of its agency now. Closed and archived ones need nothing."""
    if client.is_closed or client.archived_at:
        return Need(Rank.NOTHING)
    found = {
        Rank.PAUSED: _paused(client.paused),
        Rank.ASKS: f"asks for {client.ask.minutes}" if client.ask else "",
        Rank.PAYMENT: _payment(client),
        Rank.RUNS_OUT: _runs_out(client, now),
        Rank.CARD: client.card_trouble,
        Rank.SEAT: _seat(client),
    }
    reasons = {rank: text for rank, text in found.items() if text}
    if not reasons:
        return Need(Rank.NOTHING)
    return Need(min(reasons), tuple(text for _, text in sorted(reasons.items())))


def order(client: Client, needs: Need) -> tuple:
    """Sorts those that need their agency most to the front; then whose balance ends first."""
    ends = client.days if client.days is not None else Decimal("Infinity")
    gone = bool(client.archived_at), client.is_closed
    return (*gone, needs.rank, ends, -client.paused, client.name.casefold(), client.pk)


def lasts(client: Client, *, now: datetime) -> str:
    """Until when its balance lasts, as people say it: "until tomorrow", "about 5 weeks"."""
    if client.days is None:
        return ""
    if not client.days:
        return "nothing left"
    if client.days > limits.RUNWAY_MOST_DAYS:
        return spoken_days(client.days)
    zone = zones.zone_of(client.zone)
    until = (now + timedelta(seconds=int(client.days * DAY_SECONDS))).astimezone(zone).date()
    today = now.astimezone(zone).date()
    away = (until - today).days
    if away > limits.SPOKEN_DAYS:
        return spoken_days(client.days)
    day = {0: "today", 1: "tomorrow"}.get(away, f"{until:%A}, {spoken(until, today=today)}")
    return f"until {day}"


def _paused(count: int) -> str:
    return f"{count} campaign{'s' * (count != 1)} paused" if count else ""


def _payment(client: Client) -> str:
    if client.is_at_bank:
        return "your bank waits for you to confirm a payment"
    if client.payment_failed and client.tried_again_at:
        return "monthly allocation was declined, and is tried again"
    return "monthly allocation failed" if client.payment_failed else ""


def _runs_out(client: Client, now: datetime) -> str:
    """Nobody is told of a balance that its own Auto-Recharge fills in time."""
    soon = client.days is not None and client.days < limits.AT_RISK_DAYS
    if not soon or client.keeps_filled:
        return ""
    text = lasts(client, now=now)
    return text if text == "nothing left" else f"lasts {text}"


def _seat(client: Client) -> str:
    return {
        "expired": "its invitation expired",
        "no invitation": "nobody works in it, and nobody is invited",
    }.get(client.awaits, "")
