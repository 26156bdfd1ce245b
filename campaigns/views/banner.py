"""The banner on every page, and putting it away."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_http_methods

from accounts.pages import needs
from accounts.people.access import Permission
from campaigns import banners
from campaigns.views.lists import may

DISMISSED = "dismissed_banners"
# Enough for every message there is; the oldest may come back.
MOST_DISMISSED = 10


def on_every_page(request: HttpRequest) -> dict[str, object]:
    """For the context: what a page says in its first answer. A banner that came after it would push
    away what a finger is aiming at. Lazy: what is no whole page asks the database for nothing."""
    if getattr(request, "account", None) is None or request.htmx:
        return {}
    return {"page_banner": SimpleLazyObject(lambda: _of_page(request))}


def _of_page(request: HttpRequest) -> dict[str, object]:
    current = _unless_dismissed(request, banners.banner(account=request.account))
    return {"banner": current, **may(request)}


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def banner(request: HttpRequest) -> HttpResponse:
    """The banner's fragment; 204 when the page shows it already. POST dismisses a soft one."""
    current = banners.banner(account=request.account)
    if request.method == "POST":
        _dismiss(request, current)
        if not request.htmx:
            return redirect("/")
    current = _unless_dismissed(request, current)
    seen = request.GET.get("seen", "")
    if request.method != "POST" and seen == (current.mark if current else ""):
        return HttpResponse(status=204)
    return render(request, "campaigns/_banner.html", {"banner": current, **may(request)})


def _unless_dismissed(
    request: HttpRequest, current: banners.Banner | None
) -> banners.Banner | None:
    dismissed = request.session.get(DISMISSED, [])
    if current and current.dismissible and current.mark in dismissed:
        return None
    return current


def _dismiss(request: HttpRequest, current: banners.Banner | None) -> None:
    if current and current.dismissible and request.POST.get("mark") == current.mark:
        dismissed = [*request.session.get(DISMISSED, []), current.mark]
        request.session[DISMISSED] = dismissed[-MOST_DISMISSED:]
