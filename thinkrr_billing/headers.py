"""What every answer says to browsers, whichever part made it: a page, the API, a file, a refusal.

The policy of contents is django-csp's; what is in front of us adds nothing (README.md, Deploy)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

# No page of ours asks for any of these, so no script on one gets them either.
UNUSED = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED),
    # Static files say how long they may be kept; everything else is about somebody.
    "Cache-Control": "no-store, private",
}
# They repeat what was sent, cookies included, or ask for a tunnel.
NEVER = frozenset({"TRACE", "TRACK", "CONNECT"})
ANSWERED = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# What a browser keeps of us is nothing once somebody has logged out on it.
LOG_OUTS = frozenset({"accounts:logout", "admin:logout"})
FORGET = '"cache", "storage"'


class HeadersMiddleware:
    """Outside all others but the probes: what they refuse passes through here, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        never = request.method in NEVER
        response = HttpResponseNotAllowed(ANSWERED) if never else self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.method == "POST" and _view(request) in LOG_OUTS:
            response.headers["Clear-Site-Data"] = FORGET
        return response


def _view(request: HttpRequest) -> str:
    match = getattr(request, "resolver_match", None)
    return match.view_name if match else ""
