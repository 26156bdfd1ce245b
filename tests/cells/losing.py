"""A node that is lost, and its cell back from the standby."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from accounts.cells import directory
from accounts.cells.place import inside
from accounts.models import Account
from tests.cells.load import under_load
from tests.cells.nodes import FIRST, SECOND, Nodes, managed
from tests.cells.playing import insist
from tests.cells.story import Story
from thinkrr_billing.tests.processes import wait_until

# Seconds after the command: while it waits, while rows go, while it commits, and later.
DIES_AFTER = (3.5, 4.5, 5.0, 5.5, 6.5)
# Seconds until somebody, or something, decides that it will not come back; and at the most until
# the first call is refused.
NOTICED, REFUSED_WITHIN = 5, 60


def steps(nodes: Nodes, told: list[Story]) -> list[Callable[[], str | None]]:
    lost, other = told

    def a_node_is_lost_and_its_standby_goes_on() -> str:
        port = nodes.node_of(lost.cell)
        insist(nodes.node_of(other.cell) != port, "both cells are on one node")
        standby = nodes.follow(port)
        with under_load(told) as sent:
            nodes.kill(port)
            time.sleep(NOTICED)
            wait_until(
                lambda: sent[lost.cell].unavailable,
                seconds=REFUSED_WITHIN,
                what="a call is refused",
            )
            began = time.monotonic()
            nodes.replace(port, standby)
            replaced = time.monotonic() - began
        insist(nodes.node_of(lost.cell) == standby, "it is on another node")
        insist(not sent[other.cell].unavailable, f"the other cell refused: {sent[other.cell]}")
        told_of = [f"{cell}: {what}." for cell, what in sent.items()]
        return " ".join([f"The standby took over within {replaced:.1f} s.", *told_of])

    def a_node_dies_while_an_individual_moves() -> str:
        return ", ".join(_dies(nodes, told, seconds) for seconds in DIES_AFTER)

    def nothing_is_left_in_doubt() -> str:
        recovered = nodes.sql("SELECT recover_prepared_transactions()")
        for port in nodes.ports:
            left = nodes.sql("SELECT gid FROM pg_prepared_xacts", port=port)
            insist(not left, f"{port}: {left}")
        return f"{recovered[0][0]} recovered"

    return [
        a_node_dies_while_an_individual_moves,
        a_node_is_lost_and_its_standby_goes_on,
        nothing_is_left_in_doubt,
    ]


def _dies(nodes: Nodes, told: list[Story], seconds: float) -> str:
    """The node where it moves to dies so many seconds after the command was given, and is started
    again."""
    account = told[0].payer.account_id
    source = directory.of_account(account)
    (target,) = {FIRST, SECOND} - {source}
    port = nodes.node_of(target)
    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(managed, "cells", "move", str(account), target)
        time.sleep(seconds)
        nodes.kill(port)
        failed = moving.result().returncode
    nodes.start(port)
    connections.close_all()
    nodes.sql("SELECT recover_prepared_transactions()")
    where = directory.of_account(account)
    for one in told:
        with inside(one.cell):
            found = Account.objects.filter(pk=account).count()
            insist(found == (one.cell == where), f"{one.cell} has it {found} times, not {where}")
            one.in_step()
            one.the_books_are_in_order()
    said = "refused" if failed else "done"
    return f"after {seconds} s {said}, it {'stayed' if where == source else 'moved'}"
