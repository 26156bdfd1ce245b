"""What is done over both cells at once."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import chain
from uuid import uuid4

from django.db import connection

from accounts import clock
from accounts.cells.place import inside
from accounts.models import WebhookEndpoint, WebhookEvent
from campaigns import batches
from tests.cells.load import under_load
from tests.cells.nodes import ROLE, Nodes
from tests.cells.playing import insist
from tests.cells.story import Story
from tests.poolers import pooled
from wallets.prices import rates


def steps(nodes: Nodes, told: list[Story]) -> list[Callable[[], str | None]]:
    def cells_are_on_different_nodes() -> str:
        where = {one.cell: nodes.node_of(one.cell) for one in told}
        insist(len(set(where.values())) == len(told), f"{where}")
        return f"{where}"

    def a_batch_of_the_platform_is_split() -> str:
        reports = list(chain(*zip(*(one.reports() for one in told), strict=True)))
        for expected in ("charged", "duplicate"):
            answers = batches.record(reports=reports, reporter=None)
            insist({one.status for one in answers} == {expected}, f"{answers[:2]}")
            insist([one.id for one in answers] == [one.id for one in reports], "out of order")
        return "; ".join(_in_step(one) for one in told)

    def a_rate_is_announced_in_every_cell() -> None:
        facts = {"url": "https://example.com", "secret": "none", "events": ["rate.announced"]}
        for one in told:
            with inside(one.cell):
                account = one.wallets[0].account
                WebhookEndpoint.objects.create(account=account, **facts)
        later = clock.now() + timedelta(days=400)
        rates.set_rate(minute_type="basic", price=Decimal("0.3"), effective_from=later, actor=None)
        for one in told:
            with inside(one.cell):
                events = WebhookEvent.objects.filter(kind="rate.announced").count()
            insist(events == 1, f"{one.cell} was told {events} times")

    def each_call_by_the_api_finds_its_cell() -> None:
        for one in told:
            insist((found := one.post(str(uuid4()))) == "charged", f"{one.cell}: it is {found}")

    def the_applications_role_charges_behind_a_pooler() -> str:
        facts = connection.settings_dict
        owner, facts["USER"] = facts["USER"], ROLE
        try:
            with pooled():
                each_call_by_the_api_finds_its_cell()
                with under_load(told) as sent:
                    pass
        finally:
            facts["USER"] = owner
        return "; ".join(f"{cell}: {what}" for cell, what in sent.items())

    return [
        cells_are_on_different_nodes,
        a_batch_of_the_platform_is_split,
        a_rate_is_announced_in_every_cell,
        each_call_by_the_api_finds_its_cell,
        the_applications_role_charges_behind_a_pooler,
    ]


def _in_step(one: Story) -> str:
    with inside(one.cell):
        return one.in_step()
