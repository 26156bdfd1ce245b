"""Addresses of Slack's incoming webhooks, and texts for them. Whoever knows one may write there."""

import re
from urllib.parse import urlsplit

HOST = "hooks.slack.com"
_PATH = re.compile(r"/services/[A-Z0-9]{5,20}/[A-Z0-9]{5,20}/[A-Za-z0-9]{10,60}")

WRONG = (
    "Enter the address of an incoming webhook as Slack shows it: "
    "https://hooks.slack.com/services/… and nothing after it."
)


def path_of(address: str) -> str:
    """The secret part of a webhook's address. Raises ValueError for any other address."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        raise ValueError(WRONG) from None
    extra = parts.query or parts.fragment
    if (parts.scheme, parts.netloc) != ("https", HOST) or extra or not _PATH.fullmatch(parts.path):
        raise ValueError(WRONG)
    return parts.path


def shown(path: str) -> str:
    """The address as pages show it: where it leads, without what lets one in."""
    return f"https://{HOST}{path.rpartition('/')[0]}/…"


def escaped(text: str) -> str:
    """Names of customers' own must neither call a whole channel nor make links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
