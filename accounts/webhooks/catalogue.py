"""The types of events. Apps offer theirs when they start; docs/webhooks.md lists them."""

from collections.abc import Callable
from dataclasses import dataclass

Facts = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class EventType:
    name: str
    # When it happens, for people: on the page, in the docs.
    meaning: str
    # The object as the API shows it, from the columns its trigger wrote down.
    shown: Callable[[Facts], Facts]
    # The same in a sentence, for Slack.
    sentence: Callable[[Facts], str]
    # What to read about the object by the API, for the docs.
    route: str = ""


TEST = "webhook.test"

_types: dict[str, EventType] = {}


def offer(*types: EventType) -> None:
    for one in types:
        _types[one.name] = one


def every() -> list[EventType]:
    """In the order in which pages and docs list them."""
    return sorted(_types.values(), key=lambda one: one.name)


def names() -> list[str]:
    return [one.name for one in every()]


def shown(kind: str, facts: Facts) -> Facts:
    """The object as it is sent. A type of a newer release is sent as it was written down."""
    known = _types.get(kind)
    return known.shown(facts) if known else facts


def sentence(kind: str, data: Facts) -> str:
    """What happened, for people."""
    known = _types.get(kind)
    if kind == TEST or known is None:
        return "This is a test: webhooks reach this channel." if kind == TEST else kind
    return known.sentence(data["object"])
