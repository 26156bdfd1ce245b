"""The page of an error that nobody caught, whichever middleware or view it came from."""

import sys

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.defaults import server_error

from accounts.cells.directory import Moving
from accounts.runtime.outages import RETRY_AFTER, is_outage


def unanswered(request: HttpRequest) -> HttpResponse:
    """503 and when to come again while the database is away, or the account is being moved;
    otherwise Django's own 500.

    Uses nothing of the request's: its person and account may be what could not be read.
    """
    # Django asks for this page while it handles the error.
    error = sys.exception()
    if not is_outage(error):
        return server_error(request)
    facts = {"seconds": RETRY_AFTER, "moving": isinstance(error, Moving)}
    page = loader.get_template("503.html").render(facts)
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})
