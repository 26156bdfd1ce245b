"""What load balancers are told."""

import re

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext

from accounts.runtime.outages import RETRY_AFTER
from accounts.tests.builders import make_user
from tests.databases import as_owner
from thinkrr_billing import health, unmigrated

pytestmark = pytest.mark.django_db


def test_alive_needs_no_database_and_no_login(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_ready_names_each_part(client):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "database": "ok",
        "migrations": "ok",
        "cells": "ok",
        "broker": "ok",
    }


def test_not_ready_without_the_database(client, monkeypatch):
    def refuse():
        raise OperationalError("connection refused to postgres://user:secret@host")

    monkeypatch.setattr(health, "_database", refuse)

    answer = client.get("/readyz")

    assert (answer.status_code, answer["Retry-After"]) == (503, str(RETRY_AFTER))
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["database"] == "OperationalError"
    assert b"secret" not in answer.content


def test_not_ready_while_nothing_can_be_written(client):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "read-only"


def test_not_ready_while_no_trigger_can_run(client):
    """Every write of ours runs one: such a server takes none, though it answers."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER LANGUAGE plpgsql RENAME TO of_another_version")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "ProgrammingError"


@pytest.mark.django_db(transaction=True)
def test_asking_leaves_no_setting_on_the_session(client):
    with CaptureQueriesContext(connection) as asked:
        assert client.get("/readyz").status_code == 200

    kept = re.compile("SET (?!LOCAL)|RESET", re.IGNORECASE)
    assert [one["sql"] for one in asked if kept.match(one["sql"])] == []


def test_not_ready_while_migrations_are_pending(client, monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    last = max(name for app, name in unmigrated.of_this_code() if app == "wallets")
    with as_owner():
        MigrationRecorder(connection).record_unapplied("wallets", last)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["migrations"] == "pending"


def test_not_ready_without_the_broker(client, settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    monkeypatch.setattr(health.current_app.conf, "broker_url", settings.REDIS_URL)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["broker"] == "OperationalError"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_only_read(client, path):
    assert client.post(path).status_code == 405


PROBES = ["/healthz", "/readyz", "/metrics"]


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize("host", ["10.0.0.7", "10.0.0.7:8000", "[fd00::7]", "web-1_x", "a b"])
def test_probes_are_answered_whatever_host_they_name(client, settings, path, host):
    settings.ALLOWED_HOSTS = ["billing.example.com"]

    assert client.get(path, headers={"Host": host}).status_code == 200
    assert client.get("/login/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("path", PROBES)
def test_probes_are_answered_where_only_a_domain_is_named(client, settings, path):
    settings.ALLOWED_HOSTS = [".example.com"]

    assert client.get(path, headers={"Host": "10.0.0.7"}).status_code == 200


def test_a_probe_with_a_session_is_answered_without_the_database(client, django_assert_num_queries):
    client.force_login(make_user())

    with django_assert_num_queries(0):
        answer = client.get("/healthz")

    assert answer.status_code == 200
