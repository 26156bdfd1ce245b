"""What monitoring is told."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection

from accounts import clock
from accounts.runtime import waits
from accounts.telling.notifications import notify
from accounts.tests.builders import make_individual
from thinkrr_billing import env, metrics
from thinkrr_billing.celery import canary
from wallets.models import StripeEvent
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import buy

pytestmark = pytest.mark.django_db


def test_metrics_tell_how_long_ago_a_worker_was_heard(client):
    assert b"thinkrr_canary_age_seconds" not in client.get("/metrics").content
    canary()

    lines = client.get("/metrics").content.decode().splitlines()

    age = next(line for line in lines if line.startswith("thinkrr_canary_age_seconds "))
    assert 0 <= float(age.split()[1]) < 60
    assert cache.get(metrics.CANARY) is not None


def test_metrics_tell_for_how_long_the_oldest_of_each_kind_is_overdue(client):
    now = clock.now()
    with clock.at(now - timedelta(seconds=90)):
        StripeEvent.objects.create(event_id="evt_1", type="refund.created", payload={})
        notify(account=make_individual(), kind="test", text="A mail nobody sent.")

    with clock.at(now):
        lines = client.get("/metrics").content.decode().splitlines()

    name = "thinkrr_waiting_oldest_seconds"
    found = dict(line.split() for line in lines if line.startswith(f"{name}{{"))
    assert found == {f'{name}{{kind="{kind}"}}': "0.0" for kind in waits.every()} | {
        f'{name}{{kind="event"}}': "90.0",
        f'{name}{{kind="notification_mail"}}': "90.0",
    }


def test_metrics_tell_how_often_a_wallet_was_charged_within_a_minute_at_most(client):
    now = clock.now()
    often, seldom = make_wallet(), make_wallet()
    for seconds in (0, 30, 59, 60):
        buy(often, created_at=now - timedelta(minutes=5, seconds=seconds))
        buy(seldom, created_at=now - timedelta(minutes=5 + seconds))

    lines = client.get("/metrics").content.decode().splitlines()

    assert "thinkrr_intents_per_wallet_minute_most 3.0" in lines


def test_metrics_count_what_should_be_near_zero(client):
    StripeEvent.objects.create(event_id="evt_1", type="refund.created", payload={})
    StripeEvent.objects.create(
        event_id="evt_2", type="refund.created", payload={}, given_up_at=clock.now()
    )

    lines = client.get("/metrics").content.decode().splitlines()

    figures = dict(line.rsplit(" ", 1) for line in lines if line.startswith("thinkrr_"))
    assert figures["thinkrr_stripe_events_waiting"] == "1.0"
    assert figures["thinkrr_stripe_events_given_up"] == "1.0"
    assert figures["thinkrr_purchases_open"] == "0.0"
    assert figures["thinkrr_purchases_unknown"] == "0.0"
    assert figures["thinkrr_wallets_in_debt"] == "0.0"


class Down:
    """A cache whose server is away."""

    def __getattr__(self, name: str) -> object:
        raise ConnectionError


def figures_of(answer) -> dict[str, str]:
    lines = answer.content.decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line.startswith("thinkrr_"))


def test_without_the_cache_the_rest_is_told_and_one_figure_says_what_is_missing(
    client, monkeypatch
):
    canary()
    monkeypatch.setattr(metrics, "cache", Down())

    answer = client.get("/metrics")

    figures = figures_of(answer)
    assert answer.status_code == 200
    assert "thinkrr_canary_age_seconds" not in figures
    assert figures["thinkrr_purchases_open"] == "0.0"
    # The messages are in the same Redis.
    assert figures['thinkrr_figures_unread{source="cache"}'] == "2.0"
    assert figures['thinkrr_figures_unread{source="database"}'] == "0.0"
    assert figures['thinkrr_figures_unread{source="requests"}'] == "0.0"


def test_without_the_database_the_canary_is_told_and_it_is_asked_once(client):
    asked = []

    def refuse(*args: object) -> None:
        asked.append(args)
        raise OperationalError("connection refused to postgres://user:secret@host")

    canary()
    with connection.execute_wrapper(refuse):
        answer = client.get("/metrics")

    figures = figures_of(answer)
    assert answer.status_code == 200
    missing = {figure.name for figure in metrics.SOURCES["database"]}
    assert {name for name in figures if name.split("{")[0] in missing} == set()
    assert "thinkrr_canary_age_seconds" in figures
    assert figures['thinkrr_figures_unread{source="cache"}'] == "0.0"
    assert figures['thinkrr_figures_unread{source="database"}'] == f"{len(missing)}.0"
    assert len(asked) == 1
    assert b"secret" not in answer.content


TOKEN = "m3" * 20


@pytest.mark.parametrize(
    "header", ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xff"]
)
def test_with_a_token_nobody_reads_the_figures_without_it(client, settings, header):
    settings.METRICS_TOKEN = TOKEN

    refused = client.get("/metrics", headers={"Authorization": header} if header else {})

    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == 'Bearer realm="metrics"'
    assert "Send METRICS_TOKEN as “Authorization: Bearer <token>”." in refused.content.decode()
    assert b"thinkrr_" not in refused.content


def test_the_token_opens_the_figures_from_anywhere(client, settings):
    settings.METRICS_TOKEN = TOKEN

    told = client.get(
        "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, REMOTE_ADDR="203.0.113.9"
    )

    assert told.status_code == 200
    assert b"thinkrr_purchases_open" in told.content


INTERNAL = [
    ("127.0.0.1", "production", 200),
    ("127.8.8.8", "production", 200),
    ("::1", "production", 200),
    ("::ffff:127.0.0.1", "production", 200),
    ("10.0.0.7", "production", 403),
    ("203.0.113.9", "production", 403),
    ("", "production", 403),
    ("10.0.0.7", "development", 200),
    ("172.31.0.1", "development", 200),
    ("192.168.1.1", "development", 200),
    ("fd00::1", "development", 200),
    ("203.0.113.9", "development", 403),
    ("2001:db8::1", "development", 403),
]


@pytest.mark.parametrize(("address", "where", "status"), INTERNAL)
def test_without_a_token_an_internal_address_reads_the_figures(
    client, settings, address, where, status
):
    settings.METRICS_NETWORKS = env.metrics_networks(debug=where == "development")

    answer = client.get("/metrics", REMOTE_ADDR=address)

    assert answer.status_code == status
    assert (b"thinkrr_purchases_open" in answer.content) == (status == 200)
    if status == 403:
        assert "Set METRICS_TOKEN" in answer.content.decode()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"])
def test_what_came_through_a_proxy_is_not_internal_wherever_the_proxy_stands(client, header):
    answer = client.get("/metrics", headers={header: "127.0.0.1"})

    assert answer.status_code == 403
