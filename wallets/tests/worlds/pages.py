"""A page as somebody reads it."""

import re
from html import unescape

from django.http import HttpResponse

_TAG = re.compile(r"<[^>]+>")


def text_of(answer: HttpResponse) -> str:
    """Its words, without tags, with one space between them."""
    text = unescape(_TAG.sub(" ", answer.content.decode()))
    return re.sub(r"\s+([,.])", r"\1", " ".join(text.split()))
