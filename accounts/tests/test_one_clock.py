"""Hosts whose clocks are seconds or days apart agree on the moment: PostgreSQL's."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import clock
from accounts.clock import Measured

YESTERDAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEAR = timedelta(milliseconds=50)


class Machine:
    """A host: a clock somebody set, and a count of seconds that a test moves."""

    def __init__(self, shows: datetime = YESTERDAY) -> None:
        self.shows, self.seconds = shows, 1000.0
        self.clock = Measured(host=lambda: self.shows, count=lambda: self.seconds)


class Server:
    """A connection whose answers a test gives: what PostgreSQL says, and how long it takes."""

    closed = False

    def __init__(self, machine: Machine) -> None:
        self.machine, self.says, self.takes, self.asked = machine, YESTERDAY, 0.0, 0
        self.info = SimpleNamespace(transaction_status=clock.TransactionStatus.IDLE)

    def execute(self, query: str, *, prepare: bool) -> "Server":
        assert (query, prepare) == (clock.ASK, False)
        self.asked += 1
        self.machine.seconds += self.takes
        return self

    def fetchone(self) -> list[datetime]:
        return [self.says]


@pytest.fixture
def host():
    return Machine()


@pytest.fixture
def server(host, monkeypatch):
    server = Server(host)
    monkeypatch.setattr(clock, "connection", SimpleNamespace(connection=server))
    return server


def said_by_postgres():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_two_hosts_days_apart_agree_within_milliseconds():
    connection.ensure_connection()
    real = clock._measured._count
    ahead = Measured(host=lambda: datetime.now(UTC) + timedelta(days=2), count=real)
    behind = Measured(host=lambda: datetime.now(UTC) - timedelta(days=2), count=real)

    one, other, truth = ahead.now(), behind.now(), said_by_postgres()

    assert abs(one - other) < NEAR
    assert abs(truth - other) < NEAR


@pytest.mark.django_db
def test_the_clock_of_this_process_is_postgresqls():
    assert abs(clock.now() - said_by_postgres()) < NEAR
    assert clock.now().tzinfo is UTC


def test_between_two_questions_only_the_count_goes_on(host, server):
    server.says = datetime(2026, 11, 14, 12, tzinfo=UTC)
    assert host.clock.now() == server.says

    host.seconds += 59
    host.shows += timedelta(days=2)

    assert host.clock.now() == server.says + timedelta(seconds=59)
    assert server.asked == 1


def test_after_a_minute_postgresql_is_asked_again(host, server):
    host.clock.now()
    host.seconds += 60.1
    server.says += timedelta(seconds=61)

    assert host.clock.now() == server.says
    assert server.asked == 2


def test_an_answer_counts_from_the_middle_of_the_question(host, server):
    server.takes = 0.04

    assert host.clock.now() == server.says + timedelta(seconds=0.02)


def test_a_slow_answer_is_worth_less_than_one_we_have(host, server):
    host.clock.now()
    host.seconds += 61
    server.says, server.takes = YESTERDAY + timedelta(seconds=70), 2.0

    assert host.clock.now() == YESTERDAY + timedelta(seconds=63)
    host.clock.now()
    assert server.asked == 2


def test_a_slow_answer_is_worth_more_than_one_of_ten_minutes_ago(host, server):
    host.clock.now()
    host.seconds += 600
    server.says, server.takes = YESTERDAY + timedelta(seconds=700), 2.0

    assert host.clock.now() == YESTERDAY + timedelta(seconds=701)


def test_without_a_connection_it_is_the_hosts_clock_and_no_connection_is_opened(host, monkeypatch):
    monkeypatch.setattr(clock, "connection", SimpleNamespace(connection=None))

    assert host.clock.now() == YESTERDAY


@pytest.mark.parametrize("status", ["INERROR", "ACTIVE", "UNKNOWN"])
def test_a_connection_in_trouble_is_not_asked(host, server, status):
    server.info.transaction_status = clock.TransactionStatus[status]

    assert host.clock.now() == YESTERDAY

    assert server.asked == 0


def test_a_connection_that_is_gone_leaves_what_was_known(host, server, monkeypatch):
    server.says = datetime(2026, 11, 14, 12, tzinfo=UTC)
    host.clock.now()
    host.seconds += 100

    def gone(*_: object, **__: object) -> None:
        raise clock.psycopg.OperationalError

    monkeypatch.setattr(server, "execute", gone)

    assert host.clock.now() == server.says + timedelta(seconds=100)


@pytest.mark.django_db
def test_asking_is_no_query_of_the_page_and_leaves_an_error_to_whoever_made_it(
    django_assert_num_queries,
):
    connection.ensure_connection()
    asking = Measured(host=lambda: YESTERDAY, count=clock._measured._count)
    with django_assert_num_queries(0):
        asking.now()

    broken = Measured(host=lambda: YESTERDAY, count=clock._measured._count)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        with pytest.raises(DatabaseError):
            cursor.execute("SELECT 1/0")
        assert broken.now() == YESTERDAY
        cursor.execute("SELECT 1")
