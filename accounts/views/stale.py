"""What answers a form whose token no longer fits: the page stood open while somebody logged in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Nothing was done. htmx reads the page anew; everybody else is told to."""
    if request.headers.get("HX-Request") == "true":
        answer = HttpResponse(status=204)
        answer["HX-Refresh"] = "true"
        return answer
    return render(request, "403_stale.html", status=403)
