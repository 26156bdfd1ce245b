"""A good production environment and a good developer's one, for tests to spoil."""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2]
TEST_KEY = "sk_test_" + "a1" * 16
LIVE_KEY = "sk_live_" + "a1" * 16

PRODUCTION = {
    "DEBUG": "False",
    "DATABASE_URL": "postgres://billing:secret@db.example.com:5432/billing?sslmode=verify-full",
    "REDIS_URL": "rediss://redis.example.com:6379/0",
    "SECRET_KEY": "k7" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "ALLOWED_HOSTS": "billing.example.com",
    "STRIPE_SECRET_KEY": LIVE_KEY,
    "STRIPE_WEBHOOK_SECRET": "whsec_" + "a1" * 16,
    "EMAIL_URL": "smtp+tls://mail:secret@smtp.example.com:587",
    "DEFAULT_FROM_EMAIL": "billing@example.com",
}
DEVELOPMENT = {"DEBUG": "True", "DATABASE_URL": "postgres://postgres@127.0.0.1:5432/thinkrr"}

NAMES = (
    *PRODUCTION,
    "PORT",
    "SITE_URL",
    "STRIPE_API_BASE",
    "SENTRY_DSN",
    "METRICS_TOKEN",
    "LOG_FORMAT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    # Set by the browser fixture of the same test process.
    "DJANGO_ALLOW_ASYNC_UNSAFE",
)


def clean(variables: dict[str, str]) -> dict[str, str]:
    """This process's environment with only the given ones of ours."""
    kept = {name: value for name, value in os.environ.items() if name not in NAMES}
    return kept | variables


def said_by(program: str, *arguments: str, **variables: str) -> str:
    """What this prints in a process of its own, in the developer's environment with these."""
    told = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=FOLDER,
        env=clean(DEVELOPMENT | variables),
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout
