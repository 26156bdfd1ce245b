"""Where something was done from, as the person it is told to knows it."""

from dataclasses import dataclass

from django.http import HttpRequest

from accounts.runtime.addresses import client_ip

UNKNOWN_BROWSER = "Unknown browser"
# Browsers claim to be others as well: whoever says more stands first.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """The machine that asks: its address, and its browser in words."""

    ip: str
    browser: str


def asker_of(request: HttpRequest) -> Asker:
    return Asker(ip=client_ip(request), browser=in_words(request.META.get("HTTP_USER_AGENT", "")))


def in_words(user_agent: str) -> str:
    """Such as “Firefox on Windows”: words of ours, whatever was sent."""
    browser = _found(_BROWSERS, user_agent)
    system = _found(_SYSTEMS, user_agent)
    return f"{browser or UNKNOWN_BROWSER} on {system}" if system else browser or UNKNOWN_BROWSER


def _found(names: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for mark, name in names if mark in user_agent), "")
