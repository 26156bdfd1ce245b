"""What is done to the cell and its nodes while the story goes on."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import uuid4

import psycopg
from django.db import OperationalError, connection, connections

from campaigns import calls
from campaigns.models import Call
from tests.cells import distributing
from tests.cells.playing import insist
from tests.cells.story import Story

# A column as `make lint` wants it, and as it refuses it.
ADDED = (
    "ALTER TABLE campaigns_campaign ADD COLUMN trial integer NULL",
    "ALTER TABLE campaigns_campaign ADD CONSTRAINT trial_positive CHECK (trial >= 0) NOT VALID",
    "ALTER TABLE campaigns_campaign VALIDATE CONSTRAINT trial_positive",
    "CREATE UNIQUE INDEX CONCURRENTLY trial_once ON campaigns_campaign (trial)",
)
# Of batches while the cell moves: what goes on for longer is broken.
MOST_REFUSED = 100
INLINE = "ALTER TABLE campaigns_campaign ADD COLUMN inline integer NULL CHECK (inline >= 0)"


def steps(story: Story) -> list[Callable[[], str | None]]:
    nodes = story.nodes

    def a_migration_in_the_way_that_passes() -> None:
        for one in ADDED:
            nodes.sql(one)
        try:
            nodes.sql(INLINE)
        except psycopg.errors.FeatureNotSupported:
            return
        insist(False, "a constraint inside of a column passes: lint need not refuse it")

    def a_stopped_node_refuses_and_comes_back() -> str:
        before, port, call = Call.objects.count(), distributing.place(nodes), str(uuid4())
        nodes.stop(port)
        refused = story.post(call)
        nodes.start(port)
        connections.close_all()
        insist(refused == "503", f"the answer is {refused}")
        again = story.post(call)
        insist(again == "charged", f"sent again it is {again}")
        insist(Call.objects.count() == before + 1, "it is charged twice, or lost")
        return story.in_step()

    def moved_to_the_other_worker() -> str:
        return _moved(story)

    def moved_back_again() -> str:
        return _moved(story)

    return [
        a_migration_in_the_way_that_passes,
        a_stopped_node_refuses_and_comes_back,
        moved_to_the_other_worker,
        moved_back_again,
    ]


def _moved(story: Story) -> str:
    nodes, before = story.nodes, Call.objects.count()
    (other,) = set(nodes.ports[1:]) - {distributing.place(nodes)}
    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(distributing.move, nodes, other)
        sent, refused = _sent_while(moving, story)
        moving.result()
    insist(distributing.place(nodes) == other, "it is where it was")
    insist(Call.objects.count() == before + sent, "calls are missing, or there twice")
    story.in_step()
    return f"{sent} calls meanwhile, {refused} batches sent again; {story.the_books_are_in_order()}"


def _sent_while(moving: Future, story: Story) -> tuple[int, int]:
    """How many calls are charged until it has moved, and how many batches were refused first."""
    sent = refused = 0
    while not moving.done():
        batch = story.reports(100)
        while True:
            try:
                answers = calls.record(reports=batch, reporter=None)
            except OperationalError as error:
                refused += 1
                insist(refused < MOST_REFUSED, f"refused again and again: {error}")
                connection.close()
                continue
            insist({one.status for one in answers} == {"charged"}, f"{answers[:1]}")
            break
        sent += len(batch)
    return sent, refused
