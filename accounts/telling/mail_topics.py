"""What a person may switch off by mail. Apps offer their kinds of notification when they start.

Problems (level danger) are mailed whatever is switched off, and so is what nobody offered.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    label: str
    kinds: frozenset[str]


_topics: dict[str, Topic] = {}


def offer(name: str, *, label: str, kinds: set[str]) -> None:
    """Let people switch off the mails of these kinds, under one name."""
    _topics[name] = Topic(label=label, kinds=frozenset(kinds))


def choices() -> list[tuple[str, str]]:
    return sorted(((name, topic.label) for name, topic in _topics.items()), key=lambda one: one[1])


def topic_of(kind: str) -> str:
    """The topic of a kind of notification; empty when it cannot be switched off."""
    return next((name for name, topic in _topics.items() if kind in topic.kinds), "")
