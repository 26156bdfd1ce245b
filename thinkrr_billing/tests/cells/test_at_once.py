"""Several cells are asked at once, and one that fails or hangs is no reason to wait for it."""

import os
import threading
import time

import pytest
from django.db import OperationalError, connection
from structlog.contextvars import bound_contextvars, get_contextvars

from accounts.cells import place
from accounts.cells.place import Of, inside
from accounts.runtime import threads
from accounts.runtime.reachable import Late, in_each
from accounts.runtime.threads import Threads
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.figures import figure
from thinkrr_billing.figures.figure import Figure
from thinkrr_billing.postgresql import silence
from thinkrr_billing.tests.cells.worlds import PATIENCE, Together, backend
from thinkrr_billing.tests.processes import wait_until

CELLS = [FIRST, SECOND]

at_once = pytest.mark.usefixtures("kept_cells", "_threads")


@at_once
def test_cells_are_asked_at_once_each_by_a_connection_of_its_own():
    together = Together(2)

    told = in_each(CELLS, together, most=2)

    assert [(one.cell, one.answer) for one in told] == [(FIRST, FIRST), (SECOND, SECOND)]
    assert sorted((cell, here) for cell, here, _ in together.seen) == [(c, c) for c in CELLS]
    pids = {pid for *_, pid in together.seen}
    assert len(pids) == 2
    assert backend() not in pids


@at_once
def test_no_more_are_asked_at_once_than_that():
    running, most = [], []

    def count(cell):
        running.append(cell)
        most.append(len(running))
        time.sleep(0.02)
        running.remove(cell)
        return cell

    told = in_each([f"c{at}" for at in range(9)], count, most=3)

    assert [one.answer for one in told] == [f"c{at}" for at in range(9)]
    assert max(most) <= 3


@at_once
def test_connections_are_kept_for_the_next_request():
    def asked():
        told = in_each(CELLS, lambda _: backend(), most=2)
        return {one.answer for one in told}

    pids = asked() | asked() | asked()

    assert len(pids) <= 2


@at_once
def test_whoever_has_nothing_to_do_ends_and_its_connection_with_it():
    pids = [one.answer for one in in_each(CELLS, lambda _: backend(), most=2)]

    def left():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [pids])
            return cursor.fetchone()[0]

    wait_until(lambda: not left(), seconds=PATIENCE, what="their connections end")
    assert threads.of_process()._count == 0
    assert [one.answer for one in in_each(CELLS, lambda cell: cell, most=2)] == CELLS


def test_a_fork_has_none_of_the_threads():
    before = threads.of_process()

    child = os.fork()
    if not child:
        os._exit(threads.of_process() is before)

    assert os.waitpid(child, 0) == (child, 0)


@at_once
def test_one_connection_that_the_server_has_ended_is_made_anew():
    def end_mine(cell):
        if cell == FIRST:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return cell

    first, second = in_each(CELLS, end_mine, most=2)
    again = in_each(CELLS, lambda _: bool(backend()), most=2)

    assert first.is_away
    assert isinstance(first.error, OperationalError)
    assert second.answer == SECOND
    assert [one.answer for one in again] == [True, True]


@at_once
def test_who_asks_is_known_where_it_is_asked():
    with bound_contextvars(request="r-12345678"), inside(FIRST):
        told = in_each(CELLS, lambda _: get_contextvars()["request"], most=2)

    assert [one.answer for one in told] == ["r-12345678"] * 2
    assert place.current() == ""


@at_once
def test_whoever_is_asked_beside_asks_others_by_itself():
    def nested(_):
        mine = threading.get_ident()
        told = in_each([FIRST, SECOND], lambda _: threading.get_ident(), most=2)
        return {one.answer for one in told} == {mine}

    assert [one.answer for one in in_each(CELLS, nested, most=2)] == [True, True]


def where(_):
    return threading.get_ident()


@at_once
def test_one_cell_stays_in_its_own_thread():
    assert [one.answer for one in in_each([SECOND], where, most=2)] == [threading.get_ident()]


@pytest.mark.usefixtures("two_cells")
def test_within_a_transaction_cells_are_asked_one_after_the_other():
    assert [one.answer for one in in_each(CELLS, where, most=2)] == [threading.get_ident()] * 2


@at_once
def test_what_one_fails_with_is_told_and_the_others_are_asked():
    def breaks(cell):
        if cell == FIRST:
            raise ValueError(cell)
        return cell

    for most in (1, 2):
        first, second = in_each(CELLS, breaks, most=most)

        assert isinstance(first.error, ValueError)
        assert not first.is_away
        assert second.answer == SECOND


@at_once
def test_a_cell_that_hangs_is_late_and_the_others_are_answered():
    done = threading.Event()

    def hang(cell):
        if cell == FIRST:
            done.wait(PATIENCE)
        return cell

    try:
        first, second = in_each(CELLS, hang, most=2, ends=time.monotonic() + 0.3)
    finally:
        done.set()

    assert isinstance(first.error, Late)
    assert first.is_away
    assert second.answer == SECOND


@at_once
def test_whoever_is_late_holds_neither_a_thread_nor_a_connection(monkeypatch):
    monkeypatch.setattr(threads, "_of_process", Threads(2, idle=0.2))
    # As those of a web process.
    monkeypatch.setitem(connection.settings_dict, "LIMITED", True)
    monkeypatch.setattr(silence, "LOOKS_EVERY", 0.1)

    def hang(_):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(600)")

    late = in_each(CELLS, hang, most=2, ends=time.monotonic() + 0.3)
    again = in_each(CELLS, lambda cell: cell, most=2, ends=time.monotonic() + PATIENCE)

    assert [type(one.error) for one in late] == [Late, Late]
    assert [one.answer for one in again] == CELLS


@at_once
def test_figures_of_a_cell_that_hangs_are_missing_and_those_of_the_others_are_told(monkeypatch):
    monkeypatch.setattr(figure, "WITHIN_SECONDS", 0.3)
    done = threading.Event()

    def read():
        if place.current() == FIRST:
            done.wait(PATIENCE)
        return [((), 7)]

    facts = {"text": "So many.", "read": read}
    figures = [
        Figure(name="thinkrr_of_accounts", of=Of.ACCOUNTS, **facts),
        Figure(name="thinkrr_of_everybody", of=Of.EVERYBODY, **facts),
    ]
    told = figure.Told()

    try:
        missing = told.add(figures, source="database")
    finally:
        done.set()

    assert missing == 1
    assert [family.samples[0].value for family in told.collect()] == [7, 7]
