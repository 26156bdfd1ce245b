"""Asks for the password again (and for a code of the second factor), in the place where something
was sent, and keeps what was typed."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.forms import PasswordAgainForm
from accounts.middleware import PAGE_ACCOUNT, SAFE_METHODS
from accounts.people import fresh
from accounts.views.dialogs import dialog

FIELD, CODE_FIELD = "password_again", "code_again"
# What a form that charges says it charges.
CHARGE = "quoted_charge"
# The form that asks has its own of the last two.
_OURS = {FIELD, CODE_FIELD, "csrfmiddlewaretoken", PAGE_ACCOUNT}


class FreshPasswordMiddleware:
    """In front of the views that `fresh.ask_before` names."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        if (
            request.method in SAFE_METHODS
            or request.resolver_match.view_name not in fresh.asked()
            or not request.user.is_authenticated
            or fresh.is_fresh(request.session)
        ):
            return None
        form = PasswordAgainForm(request, request.POST if FIELD in request.POST else None)
        if not form.is_valid():
            return _ask(request, form)
        fresh.mark(request.session)
        return None


def _ask(request: HttpRequest, form: PasswordAgainForm) -> HttpResponse:
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name not in _OURS
    ]
    context = {
        "password_form": form,
        "kept": kept,
        "action": request.get_full_path(),
        # Then a lost answer is asked for, and nobody is told to try again.
        "may_charge": CHARGE in request.POST,
    }
    return dialog(
        request,
        partial="accounts/_password_again.html",
        title="Your password again",
        back=_back(request),
        context=context,
        status=422,
    )


def _back(request: HttpRequest) -> str:
    """The page the form was on, if it is one of ours."""
    page = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()})
    return page if ours else "/"
