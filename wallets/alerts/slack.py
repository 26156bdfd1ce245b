"""Speaking to Slack: one POST to an incoming webhook, and what its answer means.

The host is a constant and only a checked path is kept, so nobody can have us connect elsewhere. No
redirect is followed, no proxy asked, and no more read than an answer is long.
"""

import http.client
import json
import re
from dataclasses import dataclass

from accounts.telling import slack
from accounts.telling.slack import HOST, escaped, shown
from wallets import limits
from wallets.errors import Refused

__all__ = ["Answer", "escaped", "path_of", "send", "shown"]

# The webhook or its channel is gone: asking again is answered the same.
_GONE = frozenset({400, 403, 404, 410})


@dataclass(frozen=True)
class Answer:
    sent: bool
    # Trying again makes no sense: why, in Slack's word.
    gone: str = ""


def path_of(address: str) -> str:
    """The secret part of a webhook's address. Raises Refused for any other address."""
    try:
        return slack.path_of(address)
    except ValueError as error:
        raise Refused(str(error)) from None


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
