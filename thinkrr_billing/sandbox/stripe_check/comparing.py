"""Where two plays of the same steps differ, each difference once however many steps show it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from thinkrr_billing.sandbox.stripe_check.facts import Place
from thinkrr_billing.sandbox.stripe_check.playing import Record

ABSENT = "absent"
# What decides how an error is read: told even where the other side's answer is no error.
_OF_ERRORS = ("type", "code", "decline_code", "advice_code", "param")


@dataclass
class Difference:
    """One place, what the sandbox has there and what the target has, and the steps that show it."""

    place: str
    ours: str
    theirs: str
    steps: list[str] = field(default_factory=list)


def differences(ours: list[Record], theirs: list[Record]) -> list[Difference]:
    """Compare step by step. Steps that the target was not asked any more are left out."""
    found: dict[tuple[str, str, str], Difference] = {}
    by_title = {record.title: record for record in theirs}
    for mine in ours:
        other = by_title.get(mine.title)
        if other is None:
            continue
        for place, left, right in _of_step(mine, other):
            one = found.setdefault((place, left, right), Difference(place, left, right))
            if mine.title not in one.steps:
                one.steps.append(mine.title)
    return list(found.values())


def _of_step(mine: Record, other: Record) -> Iterator[tuple[str, str, str]]:
    if mine.meaning != other.meaning:
        yield "what our gateway makes of it", mine.meaning, other.meaning
    if not other.facts:
        return
    if mine.calls != other.calls:
        yield "calls made", _calls(mine), _calls(other)
    for left, right, call in zip(mine.facts, other.facts, mine.calls, strict=False):
        yield from _of_answer(left, right, call)


def _calls(record: Record) -> str:
    return f"{len(record.calls)}, the last {record.calls[-1]}" if record.calls else "none"


def _of_answer(
    left: dict[Place, str], right: dict[Place, str], call: str
) -> Iterator[tuple[str, str, str]]:
    """The outermost places that differ: below one that is missing everything is."""
    kinds = left.get(("answer",), ABSENT), right.get(("answer",), ABSENT)
    if kinds[0] != kinds[1]:
        yield f"{call}: answer", *kinds
        yield from _of_other_kind(left, right, call)
        return
    told: list[Place] = []
    for place in dict.fromkeys([*left, *right]):
        mine, other = left.get(place, ABSENT), right.get(place, ABSENT)
        if mine == other or any(place[: len(one)] == one for one in told):
            continue
        told.append(place)
        yield _label(place, left, call), mine, other


def _of_other_kind(
    left: dict[Place, str], right: dict[Place, str], call: str
) -> Iterator[tuple[str, str, str]]:
    for place in (("status",), *(("error", name) for name in _OF_ERRORS)):
        mine, other = left.get(place, ABSENT), right.get(place, ABSENT)
        if mine != other:
            yield _label(place, left, call), mine, other


def _label(place: Place, facts: dict[Place, str], call: str) -> str:
    """Name a place by the innermost object of Stripe's that it is in."""
    if place[0] == "header":
        return " ".join(place)
    if place[0] in ("answer", "status"):
        return f"{call}: {place[0]}"
    for length in range(len(place) - 1, 0, -1):
        kind = facts.get((*place[:length], "object"))
        if kind:
            return ".".join([kind.strip("'"), *_plain(place[length:])])
    return ".".join(_plain(place))


def _plain(names: Place) -> list[str]:
    return ["[]" if name.startswith("[") else name for name in names]
