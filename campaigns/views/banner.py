"""The banner on every page, and putting it away."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.pages import needs
from accounts.people.access import Permission
from campaigns import banners
from campaigns.views.lists import may

DISMISSED = "dismissed_banners"
# Enough for every message there is; the oldest may come back.
MOST_DISMISSED = 10


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def banner(request: HttpRequest) -> HttpResponse:
    """The banner's fragment; 204 when the page shows it already. POST dismisses a soft one."""
    current = banners.banner(account=request.account)
    if request.method == "POST":
        _dismiss(request, current)
        if not request.htmx:
            return redirect("/")
    if current and current.dismissible and current.mark in request.session.get(DISMISSED, []):
        current = None
    seen = request.GET.get("seen", "")
    if request.method != "POST" and seen == (current.mark if current else ""):
        return HttpResponse(status=204)
    return render(request, "campaigns/_banner.html", {"banner": current, **may(request)})


def _dismiss(request: HttpRequest, current: banners.Banner | None) -> None:
    if current and current.dismissible and request.POST.get("mark") == current.mark:
        dismissed = [*request.session.get(DISMISSED, []), current.mark]
        request.session[DISMISSED] = dismissed[-MOST_DISMISSED:]
