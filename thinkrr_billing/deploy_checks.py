"""What `manage.py check --deploy` warns of: connections that leave this machine in the clear, or to
whoever answers. Not refused at start, as a network may be private; README.md, Deploy."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Tags, Warning, register

# The others go on without encryption, or believe any certificate.
PROVEN = ("verify-full", "verify-ca")


@register(Tags.security, deploy=True)
def connections_are_encrypted(**kwargs: object) -> list[Warning]:
    found = []
    database = settings.DATABASES["default"]
    if _elsewhere(database["HOST"]) and database["OPTIONS"].get("sslmode") not in PROVEN:
        found.append(
            _warning(
                "DATABASE_URL does not make PostgreSQL prove who it is: add ?sslmode=verify-full "
                "(and sslrootcert= for a certificate of your own).",
                "W001",
            )
        )
    redis = urlsplit(settings.REDIS_URL)
    if _elsewhere(redis.hostname or "") and redis.scheme != "rediss":
        found.append(_warning("REDIS_URL is not encrypted: use rediss://.", "W002"))
    encrypted = getattr(settings, "EMAIL_USE_TLS", False) or getattr(
        settings, "EMAIL_USE_SSL", False
    )
    if _elsewhere(getattr(settings, "EMAIL_HOST", "")) and not encrypted:
        found.append(
            _warning("EMAIL_URL sends mails in the clear: use smtp+tls:// or smtps://.", "W003")
        )
    return found


def _elsewhere(host: str) -> bool:
    """Neither a socket nor this machine."""
    if not host or host.startswith("/") or host == "localhost":
        return False
    try:
        return not ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return True


def _warning(sentence: str, number: str) -> Warning:
    return Warning(sentence, id=f"thinkrr_billing.{number}")
