"""What monitoring is told of a real broker and of a real standby, and when they go."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from tests.faults.following import Standby
from tests.faults.harness import Plant
from thinkrr_billing import metrics
from thinkrr_billing.celery import app as celery_app
from thinkrr_billing.figures import database, jobs
from thinkrr_billing.tests.processes import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.redis]


@pytest.fixture
def broker(plant, settings, monkeypatch) -> Plant:
    """The plant's Redis, for this process, too."""
    settings.REDIS_URL = plant.redis.url
    monkeypatch.setattr(celery_app.conf, "broker_url", plant.redis.url)
    return plant


def test_messages_that_no_worker_has_taken_are_counted(broker):
    assert list(jobs.OF_BROKER[0].read()) == [((), 0)]

    broker.send_all([("wallets.tick", ())] * 3)

    assert list(jobs.OF_BROKER[0].read()) == [((), 3)]


def test_a_broker_that_is_gone_costs_its_figure_and_seconds(broker):
    broker.redis.kill()
    began = time.monotonic()

    missing = metrics.Told().add(jobs.OF_BROKER, source="cache")

    assert missing == 1
    assert time.monotonic() - began < 10
    broker.redis.start()


@pytest.fixture
def standby(plant) -> Iterator[Standby]:
    part = Standby(plant)
    part.start("cluster_name=db2")
    wait_until(lag, seconds=20, what="the primary knows of it")
    yield part
    part.kill()
    shutil.rmtree(part.folder)


def lag() -> dict[tuple[str, ...], float]:
    """Bytes that each standby has not replayed."""
    figures = {figure.name: figure for figure in database.FIGURES}
    return dict(figures["thinkrr_database_replication_lag_bytes"].read())


@contextmanager
def role(*rights: str) -> Iterator[None]:
    """A role that is no superuser."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE looker")
        for right in rights:
            cursor.execute(f"GRANT {right} TO looker")
        cursor.execute("SET ROLE looker")
        yield
        cursor.execute("RESET ROLE")
        cursor.execute("DROP ROLE looker")


def test_a_standby_tells_what_it_has_not_replayed_until_it_is_gone(plant, standby):  # noqa: ARG001
    wait_until(lambda: lag() == {("db2",): 0}, seconds=20, what="it has replayed all")

    standby.does("SELECT pg_wal_replay_pause()")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE much AS SELECT generate_series(1, 20000) AS number")
        cursor.execute("DROP TABLE much")

    assert lag()[("db2",)] > 500_000
    standby.does("SELECT pg_wal_replay_resume()")
    wait_until(lambda: lag() == {("db2",): 0}, seconds=20, what="it has replayed all")
    standby.kill()
    wait_until(lambda: lag() == {}, seconds=20, what="the primary knows that it is gone")


def test_of_standbys_only_a_role_hears_that_may_read_all_statistics(plant, standby):  # noqa: ARG001
    with role():
        assert lag() == {}
    with role("pg_read_all_stats"):
        assert set(lag()) == {("db2",)}
