"""Which cells there are, the first one, one more, and from one to another; and where Citus has
them. Run by who owns the tables."""

import re
from argparse import ArgumentTypeError
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection
from django.db.models import Count
from psycopg.errors import LockNotAvailable

from accounts.cells.place import schema_of
from accounts.models import Cell, CellOfAccount
from thinkrr_billing.cells import adding, beginning, moving, nodes, placing, preparing
from thinkrr_billing.cells.beginning import LOCK_SECONDS, Refused
from thinkrr_billing.cells.nodes import Node

IN_USE = (
    f"A table was in use for {LOCK_SECONDS} seconds, and nobody was made to wait for longer. "
    "Nothing was changed. Stop web and workers, and try again."
)
BEGUN = (
    "Everything of every account is in cell {} now. Start web, workers and beat again, with "
    "CELLS=True: without it they find no account."
)


class Command(BaseCommand):
    help = (
        "list: the cells and how many accounts each has. begin NAME: move all accounts of a "
        "database without cells into its first, for which web and workers are stopped. add NAME: "
        "make an empty one. move ACCOUNT NAME: move an agency with its sub-accounts, or an "
        "individual, to another; meanwhile they may only be read. prepare NAME: "
        "distribute one to a node of Citus. place NAME HOST:PORT: put a distributed one on another "
        "node, while it goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list")
        for action in ("begin", "add", "prepare"):
            actions.add_parser(action).add_argument("name")
        move = actions.add_parser("move")
        move.add_argument("account", type=UUID)
        move.add_argument("name")
        place = actions.add_parser("place")
        place.add_argument("name")
        place.add_argument("node", type=_node)

    def handle(self, *args: object, action: str, **options: object) -> None:
        named = {key: options[key] for key in ("name", "account", "node") if key in options}
        try:
            self.stdout.write(getattr(self, f"_{action}")(**named))
        except Refused as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise CommandError(moving.IN_USE if action == "move" else IN_USE) from error

    def _begin(self, name: str) -> str:
        beginning.begin(name=name)
        return BEGUN.format(name)

    def _add(self, name: str) -> str:
        cell = adding.add(name=name)
        return f"Cell {cell.number}, {cell}, is there, and empty."

    def _move(self, account: UUID, name: str) -> str:
        moved = moving.move(account_id=account, name=name)
        if moved is None:
            return f"{account} is in {name} already. Nothing was changed."
        return (
            f"{moved.accounts} accounts with {moved.rows} rows are in {name} now. They could "
            f"only be read for {moved.seconds:.1f} s."
        )

    def _prepare(self, name: str) -> str:
        prepared = preparing.prepare(name=name)
        if not prepared.seconds:
            return f"{name} is on {prepared.node} already, and in order."
        return (
            f"{name} is on {prepared.node} now, with {prepared.rows} rows. Whoever wrote there "
            f"waited for {prepared.seconds:.1f} s."
        )

    def _place(self, name: str, node: Node) -> str:
        seconds = placing.put(name=name, node=node)
        if seconds is None:
            return f"{name} is on {node} already. Nothing was changed."
        return f"{name} is on {node} now, after {seconds:.1f} s."

    def _list(self) -> str:
        accounts = dict(CellOfAccount.objects.values_list("cell").annotate(Count("pk")).order_by())
        cells = list(Cell.objects.all())
        if not cells:
            return "There are no cells: all accounts are in one place."
        on = _nodes(cells)
        return "\n".join(
            f"{cell.number} {cell}: {accounts.get(cell.pk, 0)} accounts{on[cell.name]}"
            for cell in cells
        )


def _node(text: str) -> Node:
    if not (found := re.fullmatch(r"(?P<host>[^\s:]+):(?P<port>\d{1,5})", text, re.ASCII)):
        raise ArgumentTypeError(f"{text} is no node: write HOST:PORT, as citus_add_node knows it.")
    return Node(found["host"], int(found["port"]))


def _nodes(cells: list[Cell]) -> dict[str, str]:
    """Where each is, in words; nothing where it is on this server."""
    with connection.cursor() as cursor:
        if not nodes.has_citus(cursor):
            return {cell.name: "" for cell in cells}
        where = {cell.name: nodes.node_of(cursor, schema_of(cell.name)) for cell in cells}
    return {name: f", on {node}" if node else ", on this server" for name, node in where.items()}
