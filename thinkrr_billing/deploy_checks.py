"""What `manage.py check --deploy --database default` warns of.

Connections that leave this machine in the clear, or to whoever answers, a database role with other
rights than it needs, and cells nobody looks into. Not refused at start: a network may be private,
and `migrate` is run by the owner of the tables (docs/deploy.md).
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Tags, Warning, register

from accounts.cells import directory
from accounts.runtime.standby import STANDBY
from thinkrr_billing import database_role, redis_servers

# The others go on without encryption, or believe any certificate.
PROVEN = ("verify-full", "verify-ca")
# The first lines tell what is the matter.
MOST_TOLD = 3


@register(Tags.security, deploy=True)
def connections_are_encrypted(**kwargs: object) -> list[Warning]:
    found = []
    for alias, name in (("default", "DATABASE_URL"), (STANDBY, "DATABASE_STANDBY_URL")):
        database = settings.DATABASES.get(alias)
        if database and not _is_proven(database):
            sentence = (
                f"{name} does not make PostgreSQL prove who it is: add ?sslmode=verify-full (and "
                "sslrootcert= for a certificate of your own)."
            )
            found.append(_warning(sentence, "W001"))
    redis = urlsplit(settings.REDIS_URL)
    known = redis_servers.sentinels(settings.REDIS_URL)
    hosts = [host for host, _ in known.servers] if known else [redis.hostname or ""]
    if any(map(_elsewhere, hosts)) and redis.scheme != "rediss":
        found.append(
            _warning(
                "REDIS_URL is not encrypted: use rediss://, and Sentinels within your network.",
                "W002",
            )
        )
    encrypted = getattr(settings, "EMAIL_USE_TLS", False) or getattr(
        settings, "EMAIL_USE_SSL", False
    )
    if _elsewhere(getattr(settings, "EMAIL_HOST", "")) and not encrypted:
        found.append(
            _warning("EMAIL_URL sends mails in the clear: use smtp+tls:// or smtps://.", "W003")
        )
    return found


@register(Tags.database, deploy=True)
def the_role_cannot_change_the_past(
    databases: Sequence[str] | None = None, **kwargs: object
) -> list[Warning]:
    """Warn when this connection may do more than the application needs, or less."""
    found = database_role.differences() if "default" in (databases or ()) else []
    if not found:
        return []
    told = ", ".join(found[:MOST_TOLD])
    more = f", and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    return [
        _warning(
            f"The role of DATABASE_URL {told}{more}.",
            "W004",
            hint="Let the application run as a role of its own: docs/deploy.md.",
        )
    ]


@register(Tags.database, deploy=True)
def cells_are_as_the_environment_says(
    databases: Sequence[str] | None = None, **kwargs: object
) -> list[Warning]:
    """Warn when this process would look for accounts where they are not."""
    if "default" not in (databases or ()) or not (sentence := directory.contradiction()):
        return []
    return [_warning(sentence, "W005", hint="`manage.py cells list` shows them.")]


def _is_proven(database: dict[str, Any]) -> bool:
    hosts = database["HOST"].split(",")
    return database["OPTIONS"].get("sslmode") in PROVEN or not any(map(_elsewhere, hosts))


def _elsewhere(host: str) -> bool:
    """Neither a socket nor this machine."""
    if not host or host.startswith("/") or host == "localhost":
        return False
    try:
        return not ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return True


def _warning(sentence: str, number: str, *, hint: str | None = None) -> Warning:
    return Warning(sentence, hint=hint, id=f"thinkrr_billing.{number}")
