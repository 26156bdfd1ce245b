"""docs/webhooks.md says what the code does: every event, its meaning, the schedule."""

import re
from pathlib import Path

from accounts import limits
from accounts.webhooks import catalogue

PAGE = Path(__file__).resolve().parents[3] / "docs" / "webhooks.md"
NAMES = """account.closed account.reopened allocation.charged allocation.failed allocation.missed
campaign.paused campaign.resumed rate.announced wallet.auto_recharge.ceiling_reached
wallet.auto_recharge.resumed wallet.auto_recharge.suspended wallet.low_balance
wallet.recharge.action_required wallet.recharge.failed wallet.recharge.succeeded"""


def test_the_events_are_those_that_were_promised():
    assert catalogue.names() == NAMES.split()


def test_the_page_lists_every_event_with_its_meaning():
    rows = re.findall(r"^\| `(\S+)` \| (.+) \| `(\S+)` \|$", PAGE.read_text(), re.MULTILINE)

    assert rows == [(one.name, one.meaning, one.route) for one in catalogue.every()]


def test_the_page_publishes_the_schedule_and_the_bounds():
    text = " ".join(PAGE.read_text().split())
    seconds = [wait.total_seconds() for wait in limits.WEBHOOK_WAITS]

    hours = [f"{second / 3600:.0f}" for second in seconds[3:]]
    told = f"5 seconds, 5 minutes, 30 minutes, {', '.join(hours[:-1])} and {hours[-1]} hours after"
    assert told in text
    assert seconds[:3] == [5, 300, 1800]
    assert "within 15 seconds" in text
    assert (limits.WEBHOOK_TOTAL_SECONDS, limits.WEBHOOK_CONNECT_SECONDS) == (15, 5)
    assert limits.WEBHOOKS_AT_ONCE_TO_ONE == 4
    assert limits.WEBHOOKS_KEPT.days == 30
