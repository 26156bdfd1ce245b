"""The theme's cookie: read by the page's first line, so that no page flashes."""

from django.conf import settings
from django.http import HttpResponse

from accounts.models import Theme

COOKIE = "theme"
YEAR_SECONDS = 365 * 24 * 3600


def remember_theme(response: HttpResponse, theme: str) -> HttpResponse:
    """Not HttpOnly: the menu's script writes it too. It holds one word and no secret."""
    if theme == Theme.SYSTEM:
        response.delete_cookie(COOKIE)
    else:
        response.set_cookie(
            COOKIE,
            theme,
            max_age=YEAR_SECONDS,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response
