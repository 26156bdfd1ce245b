"""Speaking to Slack: one POST to an incoming webhook, and what its answer means.

The host is a constant and only a checked path is kept, so nobody can have us connect elsewhere. No
redirect is followed, no proxy asked, and no more read than an answer is long.
"""

import http.client
import json
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from wallets import limits
from wallets.errors import Refused

HOST = "hooks.slack.com"
_PATH = re.compile(r"/services/[A-Z0-9]{5,20}/[A-Z0-9]{5,20}/[A-Za-z0-9]{10,60}")
# The webhook or its channel is gone: asking again is answered the same.
_GONE = frozenset({400, 403, 404, 410})

WRONG = (
    "Enter the address of an incoming webhook as Slack shows it: "
    "https://hooks.slack.com/services/… and nothing after it."
)


@dataclass(frozen=True)
class Answer:
    sent: bool
    # Trying again makes no sense: why, in Slack's word.
    gone: str = ""


def path_of(address: str) -> str:
    """The secret part of a webhook's address. Raises Refused for any other address."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        raise Refused(WRONG) from None
    extra = parts.query or parts.fragment
    if (parts.scheme, parts.netloc) != ("https", HOST) or extra or not _PATH.fullmatch(parts.path):
        raise Refused(WRONG)
    return parts.path


def shown(path: str) -> str:
    """The address as pages show it: where it leads, without what lets one in."""
    return f"https://{HOST}{path.rpartition('/')[0]}/…"


def escaped(text: str) -> str:
    """Names of customers' own must neither call a whole channel nor make links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _connection() -> http.client.HTTPConnection:
    return http.client.HTTPSConnection(HOST, timeout=limits.SLACK_SECONDS)


def send(*, path: str, text: str) -> Answer:
    """Post a message. Trouble of the network, and Slack's own, is an answer that was not sent."""
    body = json.dumps({"text": text, "unfurl_links": False}).encode()
    connection = _connection()
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        said = response.read(limits.SLACK_ANSWER_BYTES).decode("ascii", "replace")
    except (OSError, http.client.HTTPException):
        return Answer(sent=False)
    finally:
        connection.close()
    if response.status == 200:
        return Answer(sent=True)
    word = re.sub(r"[^a-z_ ]", "", said[:60]) or str(response.status)
    return Answer(sent=False, gone=word if response.status in _GONE else "")
