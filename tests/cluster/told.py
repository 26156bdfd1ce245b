"""Whether a customer's server was told of all that happened: each at least once, and of each
account in order. Nothing here asks a machine."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

SWITCHES = ("campaign.paused", "campaign.resumed")
PAID = "wallet.recharge.succeeded"


def broken(events: list[dict[str, Any]], switched: Iterable[str], paid: Iterable[str]) -> list[str]:
    """`events` as they came; `switched` has the account of each switch that was taken, `paid` the
    id of each recharge that succeeded."""
    first: dict[str, dict[str, Any]] = {}
    found = []
    for one in events:
        before = first.setdefault(one["id"], one)
        if _same(before) != _same(one):
            found.append(f"the event {one['id']} came again and is another one")
    return [*found, *_in_order(first.values()), *_complete(first.values(), switched, paid)]


def _same(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "at"}


def _in_order(first: Iterable[dict[str, Any]]) -> list[str]:
    found, last = [], {}
    for one in first:
        account, sequence = one["account"], one["sequence"]
        if sequence < last.get(account, sequence):
            found.append(f"{account} was told of {sequence} after {last[account]}")
        last[account] = sequence
    return found


def _complete(
    first: Iterable[dict[str, Any]], switched: Iterable[str], paid: Iterable[str]
) -> list[str]:
    told = Counter(one["account"] for one in first if one["kind"] in SWITCHES)
    switches, paid = Counter(switched), set(paid)
    found = [
        f"{account} switched {switches[account]} times and was told so {told[account]} times"
        for account in sorted(switches | told)
        if switches[account] != told[account]
    ]
    known = {one["object"] for one in first if one["kind"] == PAID}
    found += [f"nobody was told of the recharge {one}" for one in sorted(paid - known)]
    found += [f"told of the recharge {one}, which nobody made" for one in sorted(known - paid)]
    return found


def longest(events: list[dict[str, Any]]) -> float:
    """Seconds from what happened until it was told for the first time."""
    first: dict[str, float] = {}
    for one in events:
        happened = datetime.fromisoformat(one["happened"]).timestamp()
        first.setdefault(one["id"], one["at"] - happened)
    return max(first.values(), default=0.0)
