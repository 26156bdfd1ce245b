"""Triggers and foreign keys play the same schedules of sessions, on the real tables.

Foreign keys beside our triggers refuse nothing more than the triggers alone do: that is why they
could go. And what keys alone would let through is refused where the docstrings say so.
"""

import random
from functools import partial
from itertools import product

import pytest

from tests.references.relations import (
    CHECKS,
    RELATIONS,
    checked_by,
    guard_off,
    make_examples,
    numbers,
)
from tests.references.sessions import open_sessions, orders

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.journey,
    pytest.mark.usefixtures("owner"),
]

LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
ENDS = ("COMMIT", "ROLLBACK")
REMOVALS = ("delete", "change_key")
REFUSED = "23503"
GAVE_UP = "40001"
NAMES = ("a", "b", "c")
WALKS = 150


@pytest.fixture
def relation(request, transactional_db):  # noqa: ARG001
    make_examples()
    return request.param


def begin(level):
    """The transaction has its snapshot from now on."""
    return f"BEGIN ISOLATION LEVEL {level}; SELECT pg_current_snapshot()"


def every_schedule(sessions, relation, level):
    """What the sessions were told in each: one writes a child, one does something to its parent."""
    told = {}
    for does, *ends in product((*REMOVALS, "insert", "touch"), ENDS, ENDS):
        for order in orders(3, 3):
            number = next(numbers)
            if does != "insert":
                sessions.play([("parent", relation.insert(number))])
            child = iter([begin(level), relation.insert_child(number), ends[0]])
            parent = iter([begin(level), getattr(relation, does)(number), ends[1]])
            turns = [("parent", next(parent)) if one else ("child", next(child)) for one in order]
            told[does, *ends, order] = sessions.play(turns)
    return told


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("relation", RELATIONS, ids=lambda one: one.column, indirect=True)
def test_a_key_beside_the_triggers_would_refuse_nothing_more(relation, level):
    told = {}
    for check in CHECKS:
        with checked_by(check), open_sessions("child", "parent") as sessions:
            told[check] = every_schedule(sessions, relation, level)
        assert relation.orphans() == 0

    assert told["triggers"] == told["both"]
    for schedule, keys in told["keys"].items():
        _differ_as_described(schedule, told["triggers"][schedule], keys)


def _differ_as_described(schedule, ours, keys):
    """Triggers alone refuse every removal, and a child that is written before its parent is
    committed. All else is committed or not as with keys alone."""
    does, child_end, parent_end, order = schedule
    if does in REMOVALS:
        # The second where the child's transaction has moved the wallet meanwhile.
        assert ours["parent"][1] in (REFUSED, GAVE_UP)
        assert ours["parent"][2] == "ROLLBACK"
        assert ours["child"][1:] == ("INSERT 0 1", child_end)
        return
    assert ours["parent"] == keys["parent"]
    if _committed(ours) != _committed(keys):
        # The key asks at the commit.
        assert (does, parent_end, ours["child"][1]) == ("insert", "COMMIT", REFUSED)
        assert _place(order, session=0, step=1) < _place(order, session=1, step=2)


def _committed(told):
    return told["child"][-1] == "COMMIT"


def _place(order, *, session, step):
    return [place for place, one in enumerate(order) if one == session][step]


@pytest.mark.parametrize("relation", RELATIONS[-1:], ids=["campaign_id"], indirect=True)
def test_the_check_alone_leaves_orphans_where_rows_may_go(relation):
    """The control: schedules would show it, and the rule is needed."""
    with guard_off(relation), open_sessions("child", "parent") as sessions:
        every_schedule(sessions, relation, "READ COMMITTED")

        assert relation.orphans() > 0


def some_walk(seed, relation):
    """Steps of three sessions that write and remove two parents and their children at random."""
    chance = random.Random(seed)
    present, absent = next(numbers), next(numbers)
    able = [
        *(partial(relation.insert_child, number) for number in (present, absent, absent)),
        *(partial(relation.delete, number) for number in (present, absent)),
        partial(relation.change_key, present),
        partial(relation.touch, present),
        lambda: "SAVEPOINT s",
        lambda: "ROLLBACK TO SAVEPOINT s",
    ]
    walks = {}
    for name in NAMES:
        steps = [chance.choice(able)() for _ in range(chance.randint(1, 4))]
        walks[name] = [begin(chance.choice(LEVELS)), *steps, chance.choice(ENDS)]
    walks[NAMES[0]].insert(chance.randint(1, 3), relation.insert(absent))
    turns = [name for name in NAMES for _ in walks[name]]
    chance.shuffle(turns)
    left = {name: iter(steps) for name, steps in walks.items()}
    return relation.insert(present), [(name, next(left[name])) for name in turns]


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda one: one.column, indirect=True)
def test_nor_would_it_in_walks_of_three_sessions_with_savepoints(relation):
    told = {}
    for check in ("triggers", "both"):
        with checked_by(check), open_sessions(*NAMES) as sessions:
            told[check] = []
            for seed in range(WALKS):
                first, turns = some_walk(seed, relation)
                sessions.play([(NAMES[0], first)])
                told[check].append(sessions.play(turns))
        assert relation.orphans() == 0

    assert told["triggers"] == told["both"]
