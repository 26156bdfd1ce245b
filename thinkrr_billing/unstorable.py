"""PostgreSQL keeps no text with a NUL in it, and no person types one: refused before any view."""

from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

NUL = "\x00"
# The API refuses it in its own words, and Stripe's events are kept as they came.
APART = ("/api/", "/stripe/")


class RefuseUnstorable:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        if request.path.startswith(APART):
            return None
        if any(NUL in text for text in _texts(request)):
            return render(request, "400.html", status=400)
        return None


def _texts(request: HttpRequest) -> Iterator[str]:
    yield request.path
    for sent in (request.GET, request.POST):
        for name, values in sent.lists():
            yield name
            yield from values
