"""Reads the environment and refuses bad values with one sentence that says how to mend them.

Only settings.py uses it."""

import os
import re
from email.utils import parseaddr
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from thinkrr_billing import redis_servers

# PostgreSQL's own parameters we pass on; a misspelt one is refused here instead of at connect.
DATABASE_OPTIONS = {
    "application_name",
    "connect_timeout",
    "host",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
}
# A machine that was switched off says nothing: these ask. Seconds, and milliseconds the last.
# Without them it takes two minutes to give up a host, and hours to give up a connection.
BOUNDS = {
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "12000",
}
# What stands in front of PostgreSQL keeps a session for as long as this.
POOL_MODES = ("session", "transaction")
LOG_FORMATS = ("text", "json")
# Django's own check asks for 50.
SECRET_KEY_MIN_LENGTH = 50
STRIPE_KEY = re.compile(r"^(sk|rk)_(test|live)_[A-Za-z0-9]{24,}$")
HOST = re.compile(r"^\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$|^\[[0-9A-Fa-f:]+\]$")
# What no one guesses, and everyone can make: secrets.token_urlsafe(32).
METRICS_TOKEN_MIN_LENGTH = 32
LOOPBACK = ("127.0.0.0/8", "::1/128")
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
HTTP_PORTS = range(1, 65_536)


class BadEnvironment(SystemExit):
    """Stops whichever process reads the settings, with the sentence alone and exit code 1."""


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def boolean(name: str, *, default: bool) -> bool:
    value = text(name, str(default))
    if value not in ("True", "False"):
        raise BadEnvironment(f"{name} is {value!r}: use True or False.")
    return value == "True"


def port(name: str, *, default: int) -> int:
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit() and int(value) in HTTP_PORTS):
        raise BadEnvironment(f"{name} is {value!r}: use a port number from 1 to 65535.")
    return int(value)


def log_format() -> str:
    value = text("LOG_FORMAT", "text")
    if value not in LOG_FORMATS:
        raise BadEnvironment(f"LOG_FORMAT is {value!r}: use any of {', '.join(LOG_FORMATS)}.")
    return value


def traces() -> bool:
    """Whether they are sent. OpenTelemetry reads where to, and all else, from its own variables."""
    value = text("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not value:
        return False
    parts = _split("OTEL_EXPORTER_OTLP_ENDPOINT", value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadEnvironment(
            "OTEL_EXPORTER_OTLP_ENDPOINT is not a web address: use one such as "
            "http://collector:4318."
        )
    if find_spec("opentelemetry") is None:
        raise BadEnvironment(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and what sends traces is not installed: "
            "pip install -r requirements-traces.txt -c requirements.lock."
        )
    return True


def secret_key(*, debug: bool) -> str:
    value = text("SECRET_KEY")
    if debug:
        return value or "development-only-" * 4
    if not value:
        raise BadEnvironment(
            "SECRET_KEY is not set: production needs one of at least 50 random characters, "
            "for example from `python -c 'import secrets; print(secrets.token_urlsafe(64))'`."
        )
    if len(value) < SECRET_KEY_MIN_LENGTH or len(set(value)) < 5:
        raise BadEnvironment(
            f"SECRET_KEY has {len(value)} characters or too few different ones: use at least "
            f"{SECRET_KEY_MIN_LENGTH} random characters."
        )
    return value


def hosts(*, debug: bool) -> list[str]:
    names = [name.strip() for name in text("ALLOWED_HOSTS").split(",") if name.strip()]
    if not names and debug:
        return ["localhost", "127.0.0.1", "[::1]"]
    if not names:
        raise BadEnvironment(
            "ALLOWED_HOSTS is not set: name the hosts this site answers to, with commas between "
            "them, for example billing.example.com."
        )
    for name in names:
        if not HOST.match(name):
            raise BadEnvironment(
                f"ALLOWED_HOSTS names {name!r}: use host names without a scheme, port or path, "
                "with commas between them."
            )
    return names


def database(url: str, *, name: str = "DATABASE_URL") -> dict[str, Any]:
    """Django's settings for postgres://user:password@host:port/name?option=value.

    Several servers have commas between them, each with its port; `target_session_attrs=read-write`
    takes the one that can be written to. With `pool_mode=transaction` (of PgBouncer) nothing is
    kept on a session: nothing prepared, no cursors, no limits sent along.
    """
    parts, servers = _with_servers(name, url)
    database = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in ("postgres", "postgresql") or not database or "/" in database:
        raise BadEnvironment(
            f"{name} does not name a PostgreSQL database: use "
            "postgres://user:password@host:5432/name."
        )
    options = dict(parse_qsl(parts.query))
    pool_mode = options.pop("pool_mode", "session")
    if pool_mode not in POOL_MODES:
        raise BadEnvironment(
            f"{name} has pool_mode={pool_mode}: use any of {', '.join(POOL_MODES)}."
        )
    for option in options.keys() - DATABASE_OPTIONS:
        raise BadEnvironment(
            f"{name} has the unknown option {option!r}: use any of "
            f"{', '.join(sorted(DATABASE_OPTIONS | {'pool_mode'}))}."
        )
    return {
        "ENGINE": "thinkrr_billing.postgresql",
        "NAME": database,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or ",".join(host for host, _ in servers),
        "PORT": ",".join(port for _, port in servers),
        "OPTIONS": BOUNDS | options,
        "DISABLE_SERVER_SIDE_CURSORS": pool_mode == "transaction",
    }


def redis(*, debug: bool) -> str:
    url = text("REDIS_URL")
    if not url:
        if not debug:
            raise BadEnvironment(
                "REDIS_URL is not set: production needs Redis 7, for example "
                "redis://127.0.0.1:6379/0."
            )
        return ""
    if url.startswith(f"{redis_servers.SENTINEL}://"):
        return _of_sentinels(url)
    parts = _split("REDIS_URL", url)
    number = parts.path.removeprefix("/")
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise BadEnvironment("REDIS_URL does not name a Redis server: use redis://host:6379/0.")
    if number and not (number.isascii() and number.isdigit()):
        raise BadEnvironment(f"REDIS_URL names the database {number!r}: use a number, as in /0.")
    return url


def _of_sentinels(url: str) -> str:
    try:
        redis_servers.sentinels(url)
    # Its own sentence may repeat a password.
    except ValueError:
        raise BadEnvironment(
            "REDIS_URL does not name its Sentinels: use "
            "sentinel://:password@host1:26379,host2:26379/0?master=name."
        ) from None
    return url


def email(*, debug: bool, mail_folder: Path) -> dict[str, Any]:
    """Django's EMAIL_ settings for EMAIL_URL; files in `mail_folder` for a developer."""
    url = text("EMAIL_URL")
    if not url and debug:
        return _mail_files(mail_folder)
    parts = _split("EMAIL_URL", url or "smtp://localhost:25")
    if parts.scheme == "file" and parts.path and debug:
        return _mail_files(Path(unquote(parts.path)))
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    if parts.scheme not in ports or not parts.hostname:
        raise BadEnvironment(
            "EMAIL_URL does not name a mail server: use smtp://user:password@host:25, "
            "smtp+tls://user:password@host:587 or smtps://user:password@host:465"
            + (" (or console:, or file:///folder)." if debug else ".")
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


def address(name: str, default: str) -> str:
    value = text(name, default)
    mailbox = parseaddr(value)[1]
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", mailbox) or "\n" in value:
        raise BadEnvironment(
            f"{name} is {value!r}: use an e-mail address, for example "
            "'thinkrr billing <billing@example.com>'."
        )
    return value


def web_address(name: str, default: str = "") -> str:
    """An http(s) address without a path, query or password; empty stays empty."""
    value = text(name, default).rstrip("/")
    if not value:
        return ""
    parts = _split(name, value)
    clean = not (parts.path or parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not parts.hostname or not clean:
        raise BadEnvironment(
            f"{name} is not a web address: use one such as https://host:port, without a path."
        )
    return value


def metrics_token() -> str:
    value = text("METRICS_TOKEN")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise BadEnvironment("METRICS_TOKEN holds what no header can: use letters and digits.")
    if value and len(value) < METRICS_TOKEN_MIN_LENGTH:
        raise BadEnvironment(
            f"METRICS_TOKEN has {len(value)} characters: use at least {METRICS_TOKEN_MIN_LENGTH} "
            "random ones."
        )
    return value


def metrics_networks(*, debug: bool) -> tuple[IPv4Network | IPv6Network, ...]:
    """From where /metrics is told without a token: in production from the machine itself."""
    return tuple(map(ip_network, LOOPBACK + PRIVATE if debug else LOOPBACK))


def sentry_dsn() -> str:
    value = text("SENTRY_DSN")
    parts = _split("SENTRY_DSN", value)
    if value and not (parts.scheme in ("http", "https") and parts.username and parts.path):
        raise BadEnvironment(
            "SENTRY_DSN is not a Sentry address: copy it from the project's settings in Sentry, "
            "it looks like https://key@host/number."
        )
    return value


def _mail_files(folder: Path) -> dict[str, Any]:
    return {
        "EMAIL_BACKEND": "thinkrr_billing.mail_files.MailFiles",
        "EMAIL_FILE_PATH": str(folder),
    }


def _with_servers(name: str, url: str) -> tuple[SplitResult, list[tuple[str, str]]]:
    """The parts of an address, and host and port of each server it names ("" where it does not)."""
    scheme, _, rest = url.partition("://")
    address, slash, path = rest.partition("/")
    who, at, servers = address.rpartition("@")
    first, *more = servers.split(",")
    parts = _split(name, f"{scheme}://{who}{at}{first}{slash}{path}")
    all_parts = [parts, *(_split(name, f"{scheme}://{server}") for server in more)]
    if more and not all(one.hostname for one in all_parts):
        raise BadEnvironment(f"{name} names a server without a host: use host1:port,host2:port.")
    return parts, [(one.hostname or "", str(one.port or "")) for one in all_parts]


def _split(name: str, url: str) -> SplitResult:
    """urlsplit, but a bad address or port is a sentence. Never repeats the value: it may hold a
    password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise BadEnvironment(f"{name} is not a valid address ({error}).") from None
    return parts
