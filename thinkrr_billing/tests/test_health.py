"""What load balancers and monitoring are told."""

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection

from accounts import clock
from thinkrr_billing import health
from thinkrr_billing.celery import canary
from wallets.models import StripeEvent

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
        "broker": "ok",
    }


def test_not_ready_without_the_database(client, monkeypatch):
    def refuse():
        raise OperationalError("connection refused to postgres://user:secret@host")

    monkeypatch.setattr(health, "_database", refuse)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["database"] == "OperationalError"
    assert b"secret" not in answer.content


def test_not_ready_while_nothing_can_be_written(client):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "read-only"


def test_not_ready_while_migrations_are_pending(client, monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: ["one"])

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


def test_metrics_tell_how_long_ago_a_worker_was_heard(client):
    assert b"thinkrr_canary_age_seconds" not in client.get("/metrics").content
    canary()

    lines = client.get("/metrics").content.decode().splitlines()

    age = next(line for line in lines if line.startswith("thinkrr_canary_age_seconds "))
    assert 0 <= float(age.split()[1]) < 60
    assert cache.get(health.CANARY) is not None


def test_metrics_count_what_should_be_near_zero(client):
    StripeEvent.objects.create(event_id="evt_1", type="refund.created", payload={})
    StripeEvent.objects.create(
        event_id="evt_2", type="refund.created", payload={}, given_up_at=clock.now()
    )

    lines = client.get("/metrics").content.decode().splitlines()

    figures = dict(line.split() for line in lines if line.startswith("thinkrr_"))
    assert figures["thinkrr_stripe_events_waiting"] == "1.0"
    assert figures["thinkrr_stripe_events_given_up"] == "1.0"
    assert figures["thinkrr_purchases_open"] == "0.0"
    assert figures["thinkrr_purchases_unknown"] == "0.0"
    assert figures["thinkrr_wallets_in_debt"] == "0.0"
