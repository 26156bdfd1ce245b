"""Secrets and signatures, by the Standard Webhooks specification."""

import base64
import hmac
import secrets
from datetime import datetime

from accounts import limits
from accounts.models import WebhookEndpoint

PREFIX = "whsec_"


def new_secret() -> str:
    random = secrets.token_bytes(limits.WEBHOOK_SECRET_BYTES)
    return PREFIX + base64.b64encode(random).decode()


def in_force(endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """Every secret that signs at this moment, the newest first."""
    older = [one["secret"] for one in still_old(endpoint, now)]
    return [endpoint.secret, *older]


def still_old(endpoint: WebhookEndpoint, now: datetime) -> list[dict[str, str]]:
    return [one for one in endpoint.old_secrets if datetime.fromisoformat(one["until"]) > now]


def headers(*, message: str, now: datetime, body: bytes, signers: list[str]) -> dict[str, str]:
    """The three headers that prove who sent a body, and when."""
    stamp = str(int(now.timestamp()))
    signed = b".".join([message.encode(), stamp.encode(), body])
    return {
        "webhook-id": message,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{_signature(one, signed)}" for one in signers),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
