"""What the environment may say, and the sentence each mistake is answered with."""

import runpy
import subprocess
import sys

import pytest

from thinkrr_billing.env import BOUNDS, BadEnvironment
from thinkrr_billing.tests.environments import (
    DEVELOPMENT,
    FOLDER,
    LIVE_KEY,
    NAMES,
    PRODUCTION,
    TEST_KEY,
    clean,
    said_by,
)


@pytest.fixture
def read(monkeypatch):
    """Read settings.py in the given environment and answer its names."""

    def _read(variables, **changes):
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        for name, value in (variables | changes).items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return runpy.run_path(str(FOLDER / "thinkrr_billing" / "settings.py"))

    return _read


BAD_ANYWHERE = [
    ("DEBUG", "yes", "DEBUG is 'yes': use True or False."),
    ("DEBUG", "1", "DEBUG is '1': use True or False."),
    ("PORT", "http", "PORT is 'http': use a port number from 1 to 65535."),
    ("PORT", "0", "PORT is '0': use a port number from 1 to 65535."),
    ("PORT", "65536", "PORT is '65536': use a port number from 1 to 65535."),
    ("PORT", "٨٠٠٠", "PORT is '٨٠٠٠': use a port number from 1 to 65535."),
    ("DATABASE_URL", "mysql://a@b/c", "DATABASE_URL does not name a PostgreSQL database"),
    ("DATABASE_URL", "postgres://host:5432", "DATABASE_URL does not name a PostgreSQL database"),
    ("DATABASE_URL", "postgres://h:port/n", "DATABASE_URL is not a valid address"),
    ("DATABASE_URL", "postgres://h/n?sslmod=require", "has the unknown option 'sslmod'"),
    ("DATABASE_URL", "postgres://h1:5432,:5433/n", "DATABASE_URL names a server without a host"),
    ("DATABASE_URL", "postgres://h1:5432,h2:p/n", "DATABASE_URL is not a valid address"),
    ("DATABASE_URL", "postgres://h/n?pool_mode=statement", "has pool_mode=statement: use any of"),
    ("DATABASE_STANDBY_URL", "mysql://a@b/c", "DATABASE_STANDBY_URL does not name a PostgreSQL"),
    ("REDIS_URL", "localhost:6379", "REDIS_URL does not name a Redis server"),
    ("REDIS_URL", "redis://localhost/zero", "REDIS_URL names the database 'zero'"),
    ("REDIS_URL", "sentinel://h1:26379/0", "REDIS_URL does not name its Sentinels"),
    ("REDIS_URL", "sentinel://h1:p/0?master=m", "REDIS_URL does not name its Sentinels"),
    ("REDIS_URL", "sentinel://h1,/0?master=m", "REDIS_URL does not name its Sentinels"),
    ("REDIS_URL", "sentinel://h1/zero?master=m", "REDIS_URL does not name its Sentinels"),
    ("REDIS_URL", "sentinel://h1/0?master=m&more=1", "REDIS_URL does not name its Sentinels"),
    ("ALLOWED_HOSTS", "https://a.example", "ALLOWED_HOSTS names 'https://a.example'"),
    ("ALLOWED_HOSTS", "a.example;b.example", "ALLOWED_HOSTS names 'a.example;b.example'"),
    ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS names '*'"),
    ("STRIPE_SECRET_KEY", "sk_test_short", "STRIPE_SECRET_KEY is not a secret key of Stripe"),
    ("STRIPE_SECRET_KEY", "pk_test_" + "a" * 24, "STRIPE_SECRET_KEY is not a secret key"),
    ("STRIPE_WEBHOOK_SECRET", "secret", "STRIPE_WEBHOOK_SECRET is not a signing secret"),
    ("STRIPE_API_BASE", "localhost:12111", "STRIPE_API_BASE is not a web address"),
    ("STRIPE_API_BASE", "http://localhost/v1", "STRIPE_API_BASE is not a web address"),
    ("EMAIL_URL", "mail.example.com", "EMAIL_URL does not name a mail server"),
    ("DEFAULT_FROM_EMAIL", "billing", "DEFAULT_FROM_EMAIL is 'billing': use an e-mail address"),
    ("SENTRY_DSN", "https://sentry.example.com/1", "SENTRY_DSN is not a Sentry address"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "OTLP_ENDPOINT is not a web address"),
    ("LOG_FORMAT", "JSON", "LOG_FORMAT is 'JSON': use any of text, json."),
    ("SITE_URL", "billing.example.com", "SITE_URL is not a web address"),
    ("METRICS_TOKEN", "short", "METRICS_TOKEN has 5 characters: use at least 32 random ones"),
    ("METRICS_TOKEN", "ä" * 40, "METRICS_TOKEN holds what no header can"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), BAD_ANYWHERE)
def test_a_bad_value_is_refused_with_a_sentence_that_names_it(read, name, value, sentence):
    with pytest.raises(BadEnvironment) as refusal:
        read(DEVELOPMENT, **{name: value})

    assert sentence in str(refusal.value)
    assert str(refusal.value).endswith(".")


MISSING_IN_PRODUCTION = [
    ("DATABASE_URL", None, "never uses the embedded PostgreSQL"),
    ("REDIS_URL", None, "REDIS_URL is not set: production needs Redis 7"),
    ("SECRET_KEY", None, "SECRET_KEY is not set"),
    ("SECRET_KEY", "short", "SECRET_KEY has 5 characters"),
    ("SECRET_KEY", "a" * 80, "too few different ones"),
    ("ALLOWED_HOSTS", None, "ALLOWED_HOSTS is not set"),
    ("STRIPE_SECRET_KEY", None, "production (DEBUG=False) never uses the sandbox"),
    ("STRIPE_WEBHOOK_SECRET", None, "STRIPE_WEBHOOK_SECRET is not set"),
    ("STRIPE_API_BASE", "http://127.0.0.1:12111", "is a live key but STRIPE_API_BASE is not"),
    ("EMAIL_URL", "file:///var/mails", "EMAIL_URL does not name a mail server"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), MISSING_IN_PRODUCTION)
def test_production_refuses_to_start_without_its_real_parts(read, name, value, sentence):
    with pytest.raises(BadEnvironment) as refusal:
        read(PRODUCTION, **{name: value})

    assert sentence in str(refusal.value)


def test_a_database_of_several_servers_names_each_with_its_port(read):
    settings = read(
        PRODUCTION,
        DATABASE_URL="postgres://billing:s%2Fcret@db1:5432,db2:5433,[fd00::7]:5434/billing"
        "?target_session_attrs=read-write&connect_timeout=1",
    )

    database = settings["DATABASES"]["default"]
    assert (database["HOST"], database["PORT"]) == ("db1,db2,fd00::7", "5432,5433,5434")
    assert (database["USER"], database["PASSWORD"]) == ("billing", "s/cret")
    assert database["OPTIONS"] == BOUNDS | {
        "target_session_attrs": "read-write",
        "connect_timeout": "1",
    }


def test_behind_a_pooler_nothing_is_kept_on_a_session(read):
    settings = read(PRODUCTION, DATABASE_URL="postgres://u@pool:6432/n?pool_mode=transaction")

    database = settings["DATABASES"]["default"]
    assert database["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert database["OPTIONS"] == BOUNDS


def test_a_standby_has_a_connection_of_its_own_and_is_never_asked_without_its_address(read):
    url = "postgres://billing:secret@db2:5001/billing?sslmode=verify-full"
    alone, both = read(PRODUCTION), read(PRODUCTION, DATABASE_STANDBY_URL=url)

    assert list(alone["DATABASES"]) == ["default"]
    assert both["DATABASES"]["default"] == alone["DATABASES"]["default"]
    found = both["DATABASES"]["standby"]
    assert (found["HOST"], found["PORT"], found["OPTIONS"]["sslmode"]) == (
        "db2",
        "5001",
        "verify-full",
    )
    added = set(both["MIDDLEWARE"]) - set(alone["MIDDLEWARE"])
    assert added == {"accounts.runtime.just_changed.JustChangedMiddleware"}


def test_sentinels_say_which_redis_is_the_primary(read):
    url = "sentinel://:s%2Fcret@r1:26379,r2/3?master=billing&sentinel_password=other"
    settings = read(PRODUCTION, REDIS_URL=url)

    assert (
        settings["CELERY_BROKER_URL"]
        == "sentinel://:s%2Fcret@r1:26379/3;sentinel://:s%2Fcret@r2:26379/3"
    )
    options = settings["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options["master_name"] == "billing"
    assert options["sentinel_kwargs"] == {"password": "other"}
    cache = settings["CACHES"]["default"]
    assert cache["LOCATION"] == [url]
    assert cache["OPTIONS"]["pool_class"] == "thinkrr_billing.redis_primary.PrimaryPool"


def test_a_password_in_an_address_is_never_repeated(read):
    with pytest.raises(BadEnvironment) as refusal:
        read(DEVELOPMENT, DATABASE_URL="mysql://billing:hunter2@db/billing")

    assert "hunter2" not in str(refusal.value)


def test_a_live_key_is_refused_on_a_developers_machine(read):
    with pytest.raises(BadEnvironment) as refusal:
        read(DEVELOPMENT, STRIPE_SECRET_KEY=LIVE_KEY)

    assert "is a live key but DEBUG is True" in str(refusal.value)


def test_stripe_itself_is_never_asked_with_the_sandboxs_key(read):
    with pytest.raises(BadEnvironment) as refusal:
        read(DEVELOPMENT, STRIPE_API_BASE="https://api.stripe.com")

    assert "STRIPE_SECRET_KEY is not set" in str(refusal.value)


def test_without_a_key_our_sandbox_is_used_at_the_same_address_every_time(read):
    first, second = read(DEVELOPMENT), read(DEVELOPMENT)

    assert first["STRIPE_SANDBOX"] is True
    assert first["STRIPE_API_BASE"].startswith("http://127.0.0.1:")
    assert first["STRIPE_API_BASE"] == second["STRIPE_API_BASE"]
    assert first["STRIPE_SECRET_KEY"].startswith("sk_test_")


def test_a_test_key_alone_means_stripes_test_mode(read):
    settings = read(DEVELOPMENT, STRIPE_SECRET_KEY=TEST_KEY)

    assert settings["STRIPE_API_BASE"] == "https://api.stripe.com"
    assert settings["STRIPE_SANDBOX"] is False
    assert "STRIPE_API_HOST" not in settings


def test_another_server_that_speaks_stripes_api_can_be_named(read):
    settings = read(
        DEVELOPMENT, STRIPE_SECRET_KEY=TEST_KEY, STRIPE_API_BASE="http://localhost:12111"
    )

    assert settings["STRIPE_API_BASE"] == settings["STRIPE_API_HOST"] == "http://localhost:12111"
    assert settings["STRIPE_SANDBOX"] is False
    assert (
        "http://localhost:12111" in settings["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["form-action"]
    )


def test_production_takes_everything_from_the_environment(read):
    settings = read(PRODUCTION)

    assert settings["DATABASES"]["default"] == {
        "ENGINE": "thinkrr_billing.postgresql",
        "NAME": "billing",
        "USER": "billing",
        "PASSWORD": "secret",
        "HOST": "db.example.com",
        "PORT": "5432",
        "OPTIONS": BOUNDS | {"sslmode": "verify-full"},
        "DISABLE_SERVER_SIDE_CURSORS": False,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
    assert settings["CELERY_BROKER_URL"] == "rediss://redis.example.com:6379/0"
    assert settings["SITE_URL"] == "https://billing.example.com"
    assert settings["STRIPE_LIVE_MODE"] is True
    assert settings["EMAIL_USE_TLS"] is True
    assert settings["EMAIL_PORT"] == 587
    assert settings["SESSION_COOKIE_NAME"] == "__Host-sessionid"
    assert settings["CSRF_COOKIE_NAME"] == "__Host-csrftoken"
    assert settings["SESSION_COOKIE_SECURE"] is settings["CSRF_COOKIE_SECURE"] is True
    assert settings["SECURE_SSL_REDIRECT"] is True
    assert settings["SECURE_HSTS_SECONDS"] == 365 * 24 * 3600
    assert settings["SECURE_HSTS_INCLUDE_SUBDOMAINS"] is True


def test_debug_defaults_to_false_where_a_database_is_named(read):
    with pytest.raises(BadEnvironment) as refusal:
        read({"DATABASE_URL": DEVELOPMENT["DATABASE_URL"]})

    assert "production" in str(refusal.value)


def test_a_developers_mails_are_files(read):
    settings = read(DEVELOPMENT)

    assert settings["EMAIL_BACKEND"] == "thinkrr_billing.mail_files.MailFiles"


@pytest.mark.journey
@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["-m", "celery", "-A", "thinkrr_billing", "report"],
        ["-c", "import thinkrr_billing.wsgi"],
    ],
    ids=["manage.py", "celery", "gunicorn"],
)
def test_every_process_stops_with_the_sentence_alone(command):
    done = subprocess.run(
        [sys.executable, *command],
        cwd=FOLDER,
        env=clean(DEVELOPMENT | {"REDIS_URL": "localhost"}),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    sentence = "REDIS_URL does not name a Redis server: use redis://host:6379/0."
    assert done.stderr.strip() == sentence
    assert "Traceback" not in done.stdout


def test_error_reports_leave_out_who_asked_what_was_sent_and_what_variables_held(read, monkeypatch):
    told = {}
    monkeypatch.setattr("sentry_sdk.init", lambda **options: told.update(options))

    read(PRODUCTION, SENTRY_DSN="https://key@sentry.example.com/1")

    assert told["send_default_pii"] is False
    assert told["include_local_variables"] is False
    assert told["max_request_body_size"] == "never"


@pytest.mark.journey
def test_djangos_deployment_check_is_silent_in_production():
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=FOLDER,
        env=clean(PRODUCTION),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_webhooks_lead_to_our_own_machines_on_a_developers_alone(read):
    assert read(DEVELOPMENT)["WEBHOOKS_MAY_STAY_HERE"] is True
    assert read(PRODUCTION, WEBHOOKS_MAY_STAY_HERE="True")["WEBHOOKS_MAY_STAY_HERE"] is False


def test_nothing_of_traces_is_loaded_or_asked_unless_they_are_sent_somewhere(read):
    loads = "import django, sys; django.setup(); print('opentelemetry' in sys.modules)"
    told = [
        said_by(loads, DJANGO_SETTINGS_MODULE="thinkrr_billing.settings", **traces).strip()
        for traces in ({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    ]

    assert told == ["False", "True"]
    assert "thinkrr_billing.tracing.TracingMiddleware" not in read(DEVELOPMENT)["MIDDLEWARE"]
