"""The theme's cookie: read by the page's first line, so that no page flashes."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.models import Theme

# The script knows both names (static/ui/app.js).
COOKIE, COOKIE_OF_HTTPS = "theme", "__Host-theme"
YEAR_SECONDS = 365 * 24 * 3600


def remember_theme(response: HttpResponse, theme: str) -> HttpResponse:
    """Not HttpOnly: the menu's script writes it too. It holds one word and no secret."""
    if theme == Theme.SYSTEM:
        response.delete_cookie(cookie_name())
    else:
        response.set_cookie(
            cookie_name(),
            theme,
            max_age=YEAR_SECONDS,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response


def theme_of(request: HttpRequest) -> str:
    """What was chosen in this browser; empty for what the device prefers."""
    chosen = request.COOKIES.get(cookie_name(), "")
    return chosen if chosen in (Theme.LIGHT, Theme.DARK) else ""


def cookie_name() -> str:
    """With HTTPS no other host of the domain can set it, and none is sent it."""
    return COOKIE_OF_HTTPS if settings.SESSION_COOKIE_SECURE else COOKIE
