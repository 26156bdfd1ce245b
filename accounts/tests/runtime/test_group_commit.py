"""What several threads want at once is done in as few goes as possible, each wish once."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest

from accounts.runtime.group_commit import GroupCommit

KEY = "key"


class Desk:
    """Work that does not end before it is told to; knows what it was given each time."""

    def __init__(self, **more):
        self.groups = GroupCommit(
            most=4, concerns_all=lambda failure: isinstance(failure, TimeoutError), **more
        )
        self.given = []
        self.open = Event()
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(max_workers=16)

    def work(self, wishes):
        with self._lock:
            self.given.append(list(wishes))
        assert self.open.wait(10)
        if "late" in wishes:
            raise TimeoutError("Nobody answers.")
        if "bad" in wishes:
            raise ValueError("Not that.")
        return [wish.upper() for wish in wishes]

    def ask(self, *wishes, key=KEY):
        """What will become of these, asked by a thread of its own that has reached the desk."""
        waiting = len(self._waiting(key)) + len(self.given)
        answer = self._pool.submit(self.groups.do, key=key, wishes=wishes, work=self.work)
        reached(lambda: len(self._waiting(key)) + len(self.given) > waiting)
        return answer

    def busy(self):
        """Somebody is at work."""
        return self.ask("first")

    def _waiting(self, key):
        line = self.groups._lines.get(key)
        return line.waiting if line else []

    def left(self):
        return self.groups._lines


def reached(condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


@pytest.fixture
def desk():
    # Nobody loses patience because the machine is busy.
    desk = Desk(patience=60)
    yield desk
    desk.open.set()
    desk._pool.shutdown()


def test_whoever_comes_while_nobody_is_at_work_begins_at_once(desk):
    answer = desk.busy()

    assert desk.given == [["first"]]
    desk.open.set()
    assert answer.result(10) == ["FIRST"]


def test_those_who_come_meanwhile_are_done_together_and_each_gets_its_own_results(desk):
    desk.busy()
    answers = [desk.ask("a"), desk.ask("b", "c"), desk.ask("d")]
    desk.open.set()

    assert [answer.result(10) for answer in answers] == [["A"], ["B", "C"], ["D"]]
    assert desk.given[1:] == [["a", "b", "c", "d"]]
    reached(lambda: not desk.left())


def test_no_more_than_may_be_are_done_together_and_the_others_come_next(desk):
    desk.busy()
    answers = [desk.ask("a", "b", "c"), desk.ask("d", "e"), desk.ask("f")]
    desk.open.set()

    results = [answer.result(10) for answer in answers]
    assert results == [["A", "B", "C"], ["D", "E"], ["F"]]
    assert sorted(desk.given[1:]) == [["a", "b", "c"], ["d", "e", "f"]]


def test_those_with_different_keys_have_nothing_to_do_with_each_other(desk):
    desk.busy()
    other = desk.ask("other", key="other")

    assert desk.given[1:] == [["other"]]
    desk.open.set()
    assert other.result(10) == ["OTHER"]


def test_a_failure_that_concerns_all_is_raised_for_the_whole_group_and_tried_no_more(desk):
    desk.busy()
    answers = [desk.ask("a"), desk.ask("late"), desk.ask("b")]
    desk.open.set()

    for answer in answers:
        with pytest.raises(TimeoutError, match="Nobody answers"):
            answer.result(10)
    assert desk.given[1:] == [["a", "late", "b"]]
    assert desk.ask("after").result(10) == ["AFTER"]


def test_what_one_sends_wrongly_harms_nobody_else(desk):
    desk.busy()
    good, bad, better = desk.ask("a"), desk.ask("bad"), desk.ask("b")
    desk.open.set()

    assert (good.result(10), better.result(10)) == (["A"], ["B"])
    with pytest.raises(ValueError, match="Not that"):
        bad.result(10)
    assert sorted(desk.given[1:]) == [["a"], ["a", "bad", "b"], ["b"], ["bad"]]
    reached(lambda: not desk.left())


def test_whoever_has_waited_too_long_does_its_work_alone_and_once():
    desk = Desk(patience=0.2)
    desk.busy()
    waited = desk.ask("a")
    # Who is at work is stuck: those who come now do not even wait.
    reached(lambda: ["a"] in desk.given)
    late = desk.ask("b")
    reached(lambda: ["b"] in desk.given)
    desk.open.set()

    assert (waited.result(10), late.result(10)) == (["A"], ["B"])
    assert desk.given[1:] == [["a"], ["b"]]
    reached(lambda: not desk.left())
    desk._pool.shutdown()


def test_under_many_threads_each_wish_is_done_once_and_answered_to_who_had_it():
    groups = GroupCommit(most=7, concerns_all=lambda _: False)
    done, lock = [], Lock()

    def work(wishes):
        time.sleep(0.001)
        with lock:
            done.extend(wishes)
        return [wish * 2 for wish in wishes]

    def ask(number):
        return groups.do(key=number % 2, wishes=[number, -number], work=work)

    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = list(pool.map(ask, range(1, 400)))

    assert answers == [[number * 2, -number * 2] for number in range(1, 400)]
    assert sorted(done) == sorted([*range(1, 400), *range(-399, 0)])
    assert not groups._lines
