"""Plays all steps against one server, each within a bound of time, and tidies up behind it."""

import contextvars
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import stripe
from django.conf import settings

from thinkrr_billing.sandbox.stripe_check import facts, recording
from thinkrr_billing.sandbox.stripe_check.facts import Place
from thinkrr_billing.sandbox.stripe_check.steps import ALL, Course, Step
from thinkrr_billing.sandbox.stripe_check.steps.course import ASKED_EVERY_SECONDS, NotPlayed
from wallets.stripe.answers import GatewayError

# One call of a worker waits 20 s (gateway.py); asking ten times a second apart fits in, too.
STEP_SECONDS = 30.0
# So many steps in a row without an answer: the others would take half an hour to say the same.
MOST_SILENT = 3
REFUSED = (401, 403)


class CannotPlay(Exception):
    """The server answers nothing, or refuses the key. The text says which."""


@dataclass(frozen=True)
class Record:
    """A step as it went. `meaning` is what the gateway made of the last answer."""

    title: str
    meaning: str
    calls: tuple[str, ...] = ()
    facts: tuple[dict[Place, str], ...] = ()

    @property
    def silent(self) -> bool:
        return bool(self.facts) and ("status",) not in self.facts[-1]


@dataclass
class Played:
    """`left_behind` are the customers that could not be deleted; `ended_at` a step's title."""

    records: list[Record] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)
    ended_at: str = ""


def play(
    *,
    key: str,
    base: str,
    step_seconds: float = STEP_SECONDS,
    pause_seconds: float = ASKED_EVERY_SECONDS,
    steps: Iterable[Step] = ALL,
) -> Played:
    """Play the steps. Makes test-mode objects, and deletes the customers among them.

    Raises CannotPlay when the first step has no answer, or is refused because of the key.
    """
    course = Course(key=key, base=base, pause_seconds=pause_seconds)
    played = Played()
    with _asked(key=key, base=base), recording.listening():
        try:
            _play_all(steps, course, played, seconds=step_seconds)
        finally:
            # Also after Ctrl-C.
            played.left_behind = _tidy(course, seconds=step_seconds)
    return played


def _play_all(steps: Iterable[Step], course: Course, played: Played, *, seconds: float) -> None:
    silent = 0
    for step in steps:
        record = _within(step, course, seconds=seconds)
        if not played.records:
            _must_answer(record, base=course.base)
        played.records.append(record)
        # What was not played says nothing about the server.
        silent = silent + 1 if record.silent else 0 if record.facts else silent
        if silent == MOST_SILENT:
            played.ended_at = step.title
            return


@contextmanager
def _asked(*, key: str, base: str) -> Iterator[None]:
    """Within it the gateway asks this server."""
    before = settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE
    settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = key, base
    try:
        yield
    finally:
        settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = before


def _within(step: Step, course: Course, *, seconds: float) -> Record:
    """Play one step; after its time it is left alone, and what it is told later is not heard."""
    found: list[Record] = []
    heard: list[list[recording.Exchange]] = []

    def run() -> None:
        with recording.recorded() as exchanges:
            heard.append(exchanges)
            meaning = _meaning(step, course)
            found.append(_record(step, meaning, exchanges))

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return found[0]
    return _record(step, "no answer in time", list(heard[0]) if heard else [])


def _record(step: Step, meaning: str, exchanges: list[recording.Exchange]) -> Record:
    return Record(
        title=step.title,
        meaning=meaning,
        calls=tuple(one.call for one in exchanges),
        facts=tuple(facts.of(one) for one in exchanges),
    )


def _meaning(step: Step, course: Course) -> str:
    """What came of a step: for us the class of an error says what happens next."""
    try:
        step.play(course)
    except NotPlayed as error:
        return f"not played: {error}"
    except (GatewayError, stripe.StripeError) as error:
        return type(error).__name__
    # Another server may answer anything: whatever trips over it is one of the differences.
    except Exception as error:
        return f"cannot be read ({type(error).__name__})"
    return "done"


def _must_answer(record: Record, *, base: str) -> None:
    first = record.facts[-1] if record.facts else {}
    if ("status",) not in first:
        trouble = first.get(("answer",), "no answer")
        raise CannotPlay(f"{base} does not answer ({trouble}). Nothing was compared.")
    if int(first[("status",)]) in REFUSED:
        raise CannotPlay(
            f"{base} refuses STRIPE_SECRET_KEY ({first[('status',)]}): use a secret key of its "
            "test mode that may write customers. Nothing was compared."
        )


def _tidy(course: Course, *, seconds: float) -> list[str]:
    """Delete the customers, and their cards with them. Returns those that are still there."""
    left = []
    for customer in course.customers:
        if customer == course.kept.get("deleted customer"):
            continue
        step = Step("tidy up", lambda one, id=customer: one.sdk().customers.delete(id))
        if _within(step, course, seconds=seconds).meaning != "done":
            left.append(customer)
    return left
