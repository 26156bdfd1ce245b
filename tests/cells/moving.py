"""What is done to cells and their nodes while the story goes on."""

from collections.abc import Callable
from uuid import uuid4

import psycopg
from django.db import connections

from accounts.cells import directory
from accounts.cells.place import inside, schema_of
from campaigns.models import Call
from tests.cells.load import under_load
from tests.cells.nodes import Nodes
from tests.cells.playing import insist
from tests.cells.story import Story

# A column as `make lint` wants it, and as it refuses it.
ADDED = (
    "ALTER TABLE campaigns_campaign ADD COLUMN trial integer NULL",
    "ALTER TABLE campaigns_campaign ADD CONSTRAINT trial_positive CHECK (trial >= 0) NOT VALID",
    "ALTER TABLE campaigns_campaign VALIDATE CONSTRAINT trial_positive",
    "CREATE UNIQUE INDEX CONCURRENTLY trial_once ON campaigns_campaign (trial)",
)
# What may be taken back, each to the step before.
LAST = {"wallets": "0047"}
INLINE = "ALTER TABLE campaigns_campaign ADD COLUMN inline integer NULL CHECK (inline >= 0)"


def steps(nodes: Nodes, told: list[Story]) -> list[Callable[[], str | None]]:
    first, second = told

    def a_migration_in_the_way_that_passes() -> None:
        for one in told:
            path = schema_of(one.cell)
            for statement in ADDED:
                nodes.sql(statement, path=path)
            try:
                nodes.sql(INLINE, path=path)
            except psycopg.errors.FeatureNotSupported:
                continue
            insist(False, "a constraint inside of a column passes: lint need not refuse it")

    def the_last_migrations_go_back_and_forth_in_every_cell() -> None:
        for app, before in LAST.items():
            nodes.manage("migrate", app, before, "-v", "0")
        nodes.manage("migrate", "-v", "0")
        nodes.manage("migrate", "--check")

    def a_stopped_node_refuses_and_comes_back() -> str:
        with inside(first.cell):
            before, port, call = Call.objects.count(), nodes.node_of(first.cell), str(uuid4())
        nodes.stop(port)
        refused, other = first.post(call), second.post(str(uuid4()))
        nodes.start(port)
        connections.close_all()
        insist(refused == "unavailable", f"the answer is {refused}")
        insist(other == "charged", f"in the other cell it is {other}")
        again = first.post(call)
        insist(again == "charged", f"sent again it is {again}")
        with inside(first.cell):
            insist(Call.objects.count() == before + 1, "it is charged twice, or lost")
            return first.in_step()

    def placed_on_the_other_node_under_load() -> str:
        return _placed(nodes, told, nodes.node_of(second.cell))

    def placed_back_again_under_load() -> str:
        (other,) = set(nodes.ports[1:]) - {nodes.node_of(second.cell)}
        return _placed(nodes, told, other)

    def an_individual_moves_to_the_other_cell_and_back() -> str:
        account = first.payer.account_id
        said = []
        for one in (second, first):
            said.append(nodes.manage("cells", "move", str(account), one.cell))
            insist(directory.of_account(account) == one.cell, "it is where it was")
            for each in told:
                with inside(each.cell):
                    each.in_step()
                    each.the_books_are_in_order()
        return " ".join(said)

    return [
        a_migration_in_the_way_that_passes,
        the_last_migrations_go_back_and_forth_in_every_cell,
        a_stopped_node_refuses_and_comes_back,
        placed_on_the_other_node_under_load,
        placed_back_again_under_load,
        an_individual_moves_to_the_other_cell_and_back,
    ]


def _placed(nodes: Nodes, told: list[Story], port: int) -> str:
    cell = told[0].cell
    with under_load(told) as sent:
        said = nodes.manage("cells", "place", cell, f"127.0.0.1:{port}")
    insist(nodes.node_of(cell) == port, "it is where it was")
    return " ".join([said, *(f"{name}: {what}." for name, what in sent.items())])
