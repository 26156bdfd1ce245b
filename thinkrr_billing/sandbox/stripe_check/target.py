"""Whom `make stripe-check` asks: a key of test mode, and an address that speaks Stripe's API."""

import os
from dataclasses import dataclass

# Neither is used: the check has no tables. They keep the settings from starting a database.
UNUSED_DATABASE = "postgres://unused@127.0.0.1:9/unused"
SETTINGS = "thinkrr_billing.settings"


class BadTarget(Exception):
    """Nobody can be asked. The text says what to do; nothing was called."""


@dataclass(frozen=True)
class Target:
    key: str
    base: str


def read() -> Target:
    """Return the target of the environment. Raises BadTarget, always for a key of live mode."""
    key = os.environ.get("STRIPE_SECRET_KEY", "").strip()
    base = os.environ.get("STRIPE_API_BASE", "").strip()
    if "_live_" in key:
        raise BadTarget(
            "STRIPE_SECRET_KEY is a live key: this check charges, refunds and disputes, so it "
            "takes keys of test mode only (sk_test_ or rk_test_). Nothing was asked."
        )
    if not key and not base:
        raise BadTarget(
            "STRIPE_SECRET_KEY is not set: run STRIPE_SECRET_KEY=sk_test_... make stripe-check, "
            "with a key of Stripe's test mode."
        )
    return _of_settings()


def _of_settings() -> Target:
    """As the product reads it, with its own sentences for what is wrong."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "DEBUG": "True",
        "DATABASE_URL": UNUSED_DATABASE,
    }
    import django
    from django.conf import settings

    try:
        # The gateway is part of an app; nothing asks the database.
        django.setup()
        return Target(key=settings.STRIPE_SECRET_KEY, base=settings.STRIPE_API_BASE)
    except SystemExit as refusal:
        raise BadTarget(f"{refusal} Nothing was asked.") from None
