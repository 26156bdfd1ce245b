"""The sender: one worker at a time takes what is due, posts it, and writes down what came back.

It holds hundreds of connections at once in a thread of its own, and speaks to the database in a few
statements a round. Another worker follows it when it dies.
"""

import json
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q

from accounts import clock, limits
from accounts.cells import directory
from accounts.models import WebhookDelivery, WebhookEvent, WebhookSender
from accounts.runtime import reachable
from accounts.runtime.nudges import nudge
from accounts.telling import slack
from accounts.webhooks import addresses, catalogue, claiming, outbox, signing
from accounts.webhooks.claiming import Lane, Told
from accounts.webhooks.posting import Answer, Parcel, Post
from accounts.webhooks.waking import TASK

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def send(*, seconds: float = limits.WEBHOOKS_SENT_SECONDS) -> int:
    """Send what is due, for so long at most; returns how many tries were made.

    Call with no transaction open, and outside of all cells: it goes over them. While another worker
    sends, nothing. Repeatable, and may die at any moment: what it was sending is sent again, under
    the same id.
    """
    ends, tries, made = time.monotonic() + seconds, 0, 1
    # Whoever was told while we were about to end has gone: so we look once more.
    while made and time.monotonic() < ends:
        with _turn() as turn:
            if turn is None:
                return tries
            with Post() as post:
                made = _Round(turn, post, ends=ends).all()
        tries += made
    reachable.ask_each(directory.with_accounts(), lambda _: sweep())
    return tries


def sweep() -> None:
    """Wake a sender when something waits here for one."""
    new = WebhookEvent.objects.filter(sequence=None)
    if new.exists() or claiming.is_due_by(clock.now()):
        nudge(TASK)


def forget_old() -> None:
    """Delete what happened a month ago, with its deliveries and their log."""
    old = WebhookEvent.objects.filter(created_at__lt=clock.now() - limits.WEBHOOKS_KEPT)
    some = old.order_by("created_at").values_list("pk", flat=True)
    old.filter(pk__in=list(some[: limits.WEBHOOKS_FORGOTTEN_AT_ONCE])).delete()


@dataclass
class _Turn:
    token: uuid.UUID
    renewed: float = field(default_factory=time.monotonic)

    def pass_on(self) -> None:
        """Let another worker go on while we wait for the last answers."""
        ours = WebhookSender.objects.filter(pk=1, token=self.token)
        if ours.update(token=None):
            nudge(TASK)

    def is_still_ours(self) -> bool:
        """Say that we live, now and then; False when another worker took over."""
        if time.monotonic() - self.renewed < limits.WEBHOOKS_TURN_RENEWED_SECONDS:
            return True
        self.renewed = time.monotonic()
        ours = WebhookSender.objects.filter(pk=1, token=self.token)
        return bool(ours.update(until=clock.now() + limits.WEBHOOKS_TURN))


@contextmanager
def _turn() -> Iterator[_Turn | None]:
    """Be the only sender, or nobody."""
    now, token = clock.now(), uuid.uuid4()
    WebhookSender.objects.get_or_create(pk=1, defaults={"until": LONG_AGO})
    free = WebhookSender.objects.filter(Q(token=None) | Q(until__lt=now), pk=1)
    if not free.update(token=token, until=now + limits.WEBHOOKS_TURN):
        yield None
        return
    try:
        yield _Turn(token)
    finally:
        WebhookSender.objects.filter(pk=1, token=token).update(token=None)


@dataclass(frozen=True)
class _UnderWay:
    delivery: WebhookDelivery
    began: datetime
    lane: Lane
    cell: str


@dataclass
class _Round:
    """What one sender does until its time is up or nothing is left."""

    turn: _Turn
    post: Post
    ends: float
    tries: int = 0
    # By its delivery.
    under_way: dict[int, _UnderWay] = field(default_factory=dict)
    # Those that it goes over, each round in another order: they share the room of each lane.
    cells: deque[str] = field(default_factory=lambda: deque(directory.with_accounts()))

    def all(self) -> int:
        idle_since = time.monotonic()
        while True:
            began = self._begin_some()
            pause = limits.WEBHOOKS_LOOK_SECONDS if began else limits.WEBHOOKS_REST_SECONDS
            answers = self.post.answers(seconds=pause)
            self._end(answers)
            if began or answers:
                idle_since = time.monotonic()
            elif not self.under_way and self._is_done(idle_since):
                return self.tries
            elif self.under_way and time.monotonic() >= self.ends:
                self.turn.pass_on()

    def _is_done(self, idle_since: float) -> bool:
        now = time.monotonic()
        if now >= self.ends:
            return True
        rested = now - idle_since >= limits.WEBHOOKS_IDLE_SECONDS
        soon = clock.now() + limits.WEBHOOKS_LINGER
        return rested and not any(self._in_each(lambda _: claiming.is_due_by(soon)))

    def _begin_some(self) -> int:
        if time.monotonic() >= self.ends or not self.turn.is_still_ours():
            return 0
        self.cells.rotate()
        return sum(self._in_each(self._begin_in))

    def _begin_in(self, cell: str) -> int:
        outbox.accept()
        begun = self._claim(Lane.WELL, cell) + self._claim(Lane.NEW, cell)
        # These may hang: so that nothing is under way when our time is up, they end before.
        hang = time.monotonic() >= self.ends - limits.WEBHOOK_TOTAL_SECONDS
        return begun if hang else begun + self._claim(Lane.TROUBLED, cell)

    def _in_each(self, do: Callable[[str], Any]) -> list[Any]:
        """What it answers in each cell. One that is away is left alone by this round."""
        answers, away = reachable.ask_each(self.cells, do)
        for cell in away:
            self.cells.remove(cell)
        return list(answers.values())

    def _claim(self, lane: Lane, cell: str) -> int:
        taken = sum(1 for one in self.under_way.values() if one.lane == lane)
        room = min(claiming.ROOM[lane][0] - taken, limits.WEBHOOKS_CLAIMED)
        claimed = claiming.claim(lane=lane, room=room)
        now, parcels, spoiled = clock.now(), [], []
        for delivery in claimed:
            try:
                parcels.append(parcel(delivery, now))
            except (ValueError, addresses.Invalid) as error:
                spoiled.append(Told(delivery, Answer(error=str(error)[:200]), now))
            else:
                self.under_way[delivery.pk] = _UnderWay(delivery, now, lane, cell)
        self.post.send(parcels)
        if spoiled:
            claiming.finish(spoiled)
        self.tries += len(claimed)
        return len(claimed)

    def _end(self, answers: list[Answer]) -> None:
        """Of a cell that is away nothing is noted: what it sent is sent again when it is back."""
        told: dict[str, list[Told]] = {}
        for answer in answers:
            one = self.under_way.pop(answer.key)
            told.setdefault(one.cell, []).append(Told(one.delivery, answer, one.began))
        if told:
            self._in_each(lambda cell: cell in told and claiming.finish(told[cell]))


def parcel(delivery: WebhookDelivery, now: datetime) -> Parcel:
    """The request that tells an endpoint of an event, signed at this moment.

    Raises Invalid or ValueError for an address that may not be used any more.
    """
    endpoint, event = delivery.endpoint, delivery.event
    if endpoint.is_slack:
        text = slack.escaped(catalogue.sentence(event.kind, event.data))
        body = json.dumps({"text": text, "unfurl_links": False}).encode()
        url = f"https://{slack.HOST}{slack.path_of(endpoint.url)}"
        return Parcel(key=delivery.pk, target=addresses.read(url), headers={}, body=body)
    body = outbox.body(event)
    signers = signing.in_force(endpoint, now)
    headers = signing.headers(message=event.message, now=now, body=body, signers=signers)
    target = addresses.read(endpoint.url)
    return Parcel(key=delivery.pk, target=target, headers=headers, body=body)
