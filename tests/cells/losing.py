"""A node that is lost, and its cell back from the standby."""

import time
from collections.abc import Callable

from tests.cells.load import under_load
from tests.cells.nodes import Nodes
from tests.cells.playing import insist
from tests.cells.story import Story
from thinkrr_billing.tests.processes import wait_until

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

    def nothing_is_left_in_doubt() -> str:
        recovered = nodes.sql("SELECT recover_prepared_transactions()")
        for port in nodes.ports:
            left = nodes.sql("SELECT gid FROM pg_prepared_xacts", port=port)
            insist(not left, f"{port}: {left}")
        return f"{recovered[0][0]} recovered"

    return [a_node_is_lost_and_its_standby_goes_on, nothing_is_left_in_doubt]
