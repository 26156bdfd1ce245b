"""The page of an error that nobody caught, whichever middleware or view it came from."""

import sys

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.defaults import server_error

from accounts.runtime.outages import RETRY_AFTER, is_outage


def unanswered(request: HttpRequest) -> HttpResponse:
    """503 and when to come again while the database is away; otherwise Django's own 500.

    Uses nothing of the request's: its person and account may be what could not be read.
    """
    # Django asks for this page while it handles the error.
    if not is_outage(sys.exception()):
        return server_error(request)
    page = loader.get_template("503.html").render({"seconds": RETRY_AFTER})
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})
