"""Programs that speak plain HTTP are refused, not led to HTTPS: a redirect would hide for years
that their keys go over the network for everybody to read. People are led there by Django."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from thinkrr_billing import programs

REFUSAL = {
    "error": {
        "code": "https_required",
        "message": "Use https://. Whatever key was sent with this is known to the network now: "
        "rotate it. Nothing was done.",
        "fields": {},
    }
}


class RefusePlainPrograms:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        plain = settings.SECURE_SSL_REDIRECT and not request.is_secure()
        if plain and re.match(programs.PATHS, request.path.lstrip("/")):
            return JsonResponse(REFUSAL, status=400)
        return self.get_response(request)
