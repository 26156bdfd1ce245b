"""What a trial promised and what it did. Nothing here asks a machine: everything is told to it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.cluster import told

# Seconds: an outage is told within so long, and sends nobody away for longer than that. A charge is
# not cut short: whoever is sent away from one might begin another.
REFUSED_WITHIN = {"call": 5.0, "switch": 5.0, "recharge": 10.0}
SENT_AWAY_FOR = 10
ANSWERS = (200, 201)
# No answer at all; the recharge before is still at work; come again.
MAY_BE_REFUSED = (0, 409, 503)


@dataclass(frozen=True)
class Purchase:
    state: str
    cents: int
    intent: str | None
    id: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`attempts` are the lines of the load; times are seconds since 1970."""

    attempts: list[dict[str, Any]]
    fault_at: float
    # How often each reported call stands in the database.
    calls: dict[str, int]
    # Of each recharge by its key: what became of it, and the cents that were credited for it.
    purchases: dict[str, Purchase]
    credited: dict[str, int]
    # What the sandbox took by each intent since the world began, and what all recharges since
    # then have taken.
    charged: dict[str, int]
    known: dict[str, int]
    # What a customer's server was told, as it came; and whose campaign each client switches.
    events: list[dict[str, Any]]
    switchers: dict[int, str]
    # Entries of a ledger that are dated before the one written before them.
    backwards: int = 0
    books: list[str] = field(default_factory=list)
    workers_down: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    # Every client's next call is taken so soon after the fault; None: as long as it lasts.
    again_within: float | None = None
    refuses_nobody: bool = False


def figures(facts: Facts) -> dict[str, Any]:
    after = [one for one in facts.attempts if one["at"] >= facts.fault_at]
    refused = [one for one in facts.attempts if one["status"] not in ANSWERS]
    away = [one for one in facts.attempts if one["status"] == 503]
    return {
        "calls": len(_taken(facts, "call")),
        "recharges": len(_taken(facts, "recharge")),
        "first_again": _again(after, facts.fault_at, first=True),
        "again": _again(after, facts.fault_at, first=False),
        "refused": dict(sorted(Counter(str(one["status"]) for one in refused).items())),
        "longest": max((one["seconds"] for one in facts.attempts), default=0.0),
        "longest_503": {kind: _longest(away, kind) for kind in REFUSED_WITHIN},
        "retry_after": sorted({str(one["retry_after"]) for one in away}),
        "events": len({one["id"] for one in facts.events}),
        "told_within": told.longest(facts.events),
    }


def _again(after: list[dict], fault_at: float, *, first: bool) -> float | None:
    """Until a call that was sent after the fault was taken: of the first client, or of the last."""
    taken: dict[int, float] = {}
    for one in after:
        if one["kind"] == "call" and one["taken"]:
            taken.setdefault(one["client"], one["at"] + one["seconds"] - fault_at)
    asked = {one["client"] for one in after if one["kind"] == "call"}
    if not taken or (not first and asked - taken.keys()):
        return None
    return (min if first else max)(taken.values())


def _longest(attempts: list[dict], kind: str) -> float:
    return max((one["seconds"] for one in attempts if one["kind"] == kind), default=0.0)


def _taken(facts: Facts, kind: str) -> set[str]:
    return {one["id"] for one in facts.attempts if one["kind"] == kind and one["taken"]}


def broken(facts: Facts, bounds: Bounds) -> list[str]:
    """A sentence for each promise that was not kept."""
    return [
        *_of_calls(facts),
        *_of_recharges(facts),
        *_of_switches(facts),
        *_of_waiting(facts, bounds),
        *_of_parts(facts),
    ]


def _of_calls(facts: Facts) -> list[str]:
    told = {one["id"] for one in facts.attempts if one["kind"] == "call"}
    taken = _taken(facts, "call")
    found = [f"the call {one} was taken and is lost" for one in sorted(taken - facts.calls.keys())]
    found += [f"the call {one} was never taken" for one in sorted(told - taken)]
    found += [
        f"the call {one} stands there {many} times"
        for one, many in sorted(facts.calls.items())
        if many > 1
    ]
    found += [f"nobody sent the call {one}" for one in sorted(facts.calls.keys() - told)]
    return found if told else [*found, "no call was sent"]


def _of_recharges(facts: Facts) -> list[str]:
    told = {one["id"] for one in facts.attempts if one["kind"] == "recharge"}
    taken = _taken(facts, "recharge")
    found = [f"the recharge {one} has no outcome" for one in sorted(told - taken)]
    found += [
        f"the recharge {one} was answered and is lost"
        for one in sorted(taken - facts.purchases.keys())
    ]
    for key, one in sorted(facts.purchases.items()):
        owed = one.cents if one.state == "succeeded" else 0
        charged = facts.charged.get(one.intent or "", 0)
        credited = facts.credited.get(key, 0)
        if not owed == charged == credited:
            found.append(
                f"the recharge {key} is {one.state}: of {one.cents} cents {charged} were charged "
                f"and {credited} credited"
            )
    found += [
        f"Stripe charged {facts.charged[one]} cents by {one} that nobody knows"
        for one in sorted(facts.charged.keys() - facts.known.keys())
    ]
    return found


def _of_switches(facts: Facts) -> list[str]:
    """And of what the customer's server was told of these and of recharges."""
    sent = {one["id"]: one["client"] for one in facts.attempts if one["kind"] == "switch"}
    taken = _taken(facts, "switch")
    return [
        f"the switch {one} was never taken" for one in sorted(sent.keys() - taken)
    ] + told.broken(
        facts.events,
        switched=[facts.switchers[sent[one]] for one in taken],
        paid=[one.id for one in facts.purchases.values() if one.state == "succeeded"],
    )


def _of_waiting(facts: Facts, bounds: Bounds) -> list[str]:
    found = []
    seen = figures(facts)
    if bounds.again_within is not None and (
        seen["again"] is None or seen["again"] > bounds.again_within
    ):
        took = "never" if seen["again"] is None else f"after {seen['again']:.1f} s"
        found.append(f"calls were taken again {took}: the target is {bounds.again_within:.0f} s")
    if bounds.refuses_nobody and seen["refused"]:
        found.append(f"somebody was refused: {seen['refused']}")
    found += [
        f"a 503 of a {kind} came after {longest:.1f} s: {REFUSED_WITHIN[kind]:.0f} at most"
        for kind, longest in seen["longest_503"].items()
        if longest > REFUSED_WITHIN[kind]
    ]
    found += [
        f"a 503 says Retry-After: {one}"
        for one in seen["retry_after"]
        if not (one.isdigit() and 1 <= int(one) <= SENT_AWAY_FOR)
    ]
    found += [
        f"{many} were answered {status}"
        for status, many in seen["refused"].items()
        if int(status) not in MAY_BE_REFUSED
    ]
    return found


def _of_parts(facts: Facts) -> list[str]:
    found = [f"the books: {one}" for one in facts.books]
    if facts.backwards:
        found.append(f"{facts.backwards} entries are dated before the one before them")
    return found + [f"the worker of {one} stays down" for one in facts.workers_down]


def missed_beats(begun: list[float], since: float, until: float, every: float = 60) -> int:
    """How many ticks are missing between those that came around this time; `begun` is sorted."""
    pairs = zip(begun, begun[1:], strict=False)
    gaps = [later - sooner for sooner, later in pairs if later >= since and sooner <= until]
    return sum(max(0, round(gap / every) - 1) for gap in gaps)
