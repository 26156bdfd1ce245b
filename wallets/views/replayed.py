"""What settings of Auto-Recharge would have done, as the Configure dialog shows it."""

from datetime import timedelta

from wallets import limits
from wallets.forecasts import replay
from wallets.forecasts.replay import Replay
from wallets.models import Wallet
from wallets.recharges.auto_recharge import Terms
from wallets.recharges.configure import Settings


def replayed(wallet: Wallet, settings: Settings | None = None) -> dict[str, object]:
    """The last 30 days with these settings switched on; without settings only the suggestion."""
    past = replay.past(wallet=wallet)
    shown: dict[str, object] = {
        "days": limits.REPLAY_DAYS,
        "used": past.used,
        "suggested": replay.suggested_threshold(past=past),
        "busiest_hours": limits.BUSIEST_HOURS // timedelta(hours=1),
    }
    if settings is None or not past.used:
        return shown
    terms = Terms(
        True,
        settings.threshold,
        settings.amount,
        settings.monthly_limit,
        settings.daily_ceiling,
    )
    done: Replay = replay.replay(past=past, terms=terms)
    same = shown["suggested"] == settings.threshold
    return shown | {"done": done, "still": _spoken(done.still), "is_suggested": same}


def _spoken(length: timedelta) -> str:
    """About so many hours and minutes; empty for none."""
    minutes = round(length.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours:,} h"] * bool(hours) + [f"{rest} min"] * bool(rest)
    return f"about {' '.join(parts)}" if parts else ""
