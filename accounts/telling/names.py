"""Names in mails to people who may not know us: the sender's words, kept from being a message."""

import re
import unicodedata

from accounts import limits

# Between two letters these make a mail program show a link; “St. Mary's” is none.
_MAKES_LINKS = re.compile(r"(?<=\S)[.。:/\\@]+(?=\S)")


def in_mail(name: str) -> str:
    """The name on one line, without links, and clipped."""
    plain = unicodedata.normalize("NFKC", name)
    plain = "".join(sign if sign.isprintable() else " " for sign in plain)
    plain = " ".join(_MAKES_LINKS.sub(" ", plain).split())
    most = limits.NAME_IN_MAIL
    return plain if len(plain) <= most else f"{plain[: most - 1].rstrip()}…"
