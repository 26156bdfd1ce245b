"""Connections in the clear are named by `manage.py check --deploy`."""

import pytest

from thinkrr_billing.deploy_checks import connections_are_encrypted


@pytest.fixture
def connect(settings, monkeypatch):
    """Name the servers; what is left out is encrypted."""

    def _connect(database="db.example.com", sslmode="verify-full", redis="", mail="", tls=True):
        options = {"sslmode": sslmode} if sslmode else {}
        where = {"HOST": database, "OPTIONS": options}
        monkeypatch.setitem(settings.DATABASES, "default", where)
        settings.REDIS_URL = redis or "rediss://redis.example.com:6379/0"
        settings.EMAIL_HOST, settings.EMAIL_USE_TLS = mail or "smtp.example.com", tls
        settings.EMAIL_USE_SSL = False
        return [warning.id for warning in connections_are_encrypted()]

    return _connect


def test_encrypted_and_proven_is_fine(connect):
    assert connect() == []
    assert connect(sslmode="verify-ca") == []


@pytest.mark.parametrize("sslmode", ["", "disable", "allow", "prefer", "require"])
def test_a_database_that_proves_nothing_is_named(connect, sslmode):
    assert connect(sslmode=sslmode) == ["thinkrr_billing.W001"]


def test_a_standby_that_proves_nothing_is_named_too(connect, settings, monkeypatch):
    standby = {"HOST": "db2.example.com", "OPTIONS": {"sslmode": "require"}}
    monkeypatch.setitem(settings.DATABASES, "standby", standby)

    assert connect() == ["thinkrr_billing.W001"]


def test_a_broker_and_mails_in_the_clear_are_named(connect):
    assert connect(redis="redis://redis.example.com:6379/0") == ["thinkrr_billing.W002"]
    there = "sentinel://127.0.0.1:26379,s2.example.com:26379/0?master=billing"
    assert connect(redis=there) == ["thinkrr_billing.W002"]
    assert connect(tls=False) == ["thinkrr_billing.W003"]


@pytest.mark.parametrize("here", ["localhost", "127.0.0.1", "::1", "/run/postgresql", ""])
def test_this_machine_needs_none(connect, here):
    assert connect(database=here, sslmode="") == []


def test_mails_and_a_broker_of_this_machine_need_none(connect):
    assert connect(redis="redis://127.0.0.1:6379/0", mail="localhost", tls=False) == []
