"""How a person logs in, and where they are logged in now: the second factor and the sessions.

About the person alone. Support that looks as a customer is not let in (accounts.middleware)."""

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import AccountError
from accounts.forms import PasswordAgainForm, TurnOnForm
from accounts.pages import numbered
from accounts.people import open_sessions, second_factor
from accounts.runtime.askers import asker_of
from accounts.views.dialogs import add_errors, dialog

# In the session: the secret of the page that was shown last. No table knows it before its code.
SECRET = "second_factor_secret"
FEW_CODES = 3


@never_cache
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    rows = open_sessions.of(user=request.user, current=request.session.session_key)
    codes_left = second_factor.codes_left(user=request.user)
    context = {
        "is_on": second_factor.is_on(user=request.user),
        "codes_left": codes_left,
        "few_codes": codes_left <= FEW_CODES,
        "sessions": numbered(request, rows),
        "current": request.session.session_key,
    }
    return render(request, "accounts/security.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def turn_on(request: HttpRequest) -> HttpResponse:
    """Show a secret, another one each time, and take its first code with the password."""
    if second_factor.is_on(user=request.user):
        return _refuse(request, second_factor.IS_ON)
    form = TurnOnForm(request, _sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            codes = second_factor.turn_on(
                user=request.user,
                secret=_secret(request),
                code=form.cleaned_data["code_again"],
                asker=asker_of(request),
            )
        except AccountError as error:
            add_errors(form, error)
        else:
            del request.session[SECRET]
            return _show_codes(request, codes, title="Two-factor log-in is on")
    # What was typed wrong is typed again: only who comes anew gets another secret.
    if request.method == "GET" or not _secret(request):
        request.session[SECRET] = second_factor.new_secret()
    return _secret_page(request, form)


def _sent(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _secret(request: HttpRequest) -> str:
    return request.session.get(SECRET, "")


def _secret_page(request: HttpRequest, form: TurnOnForm) -> HttpResponse:
    address = second_factor.address(user=request.user, secret=_secret(request))
    context = {
        "form": form,
        "address": address,
        "qr": segno.make(address).svg_data_uri(scale=5, border=2, light="#fff"),
        "secret": second_factor.in_letters(secret=_secret(request)),
    }
    status = 422 if form.errors else 200
    return render(request, "accounts/second_factor.html", context, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
def turn_off(request: HttpRequest) -> HttpResponse:
    form = PasswordAgainForm(request, _sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            second_factor.turn_off(user=request.user, asker=asker_of(request))
        except AccountError as error:
            return _refuse(request, str(error))
        messages.success(request, "Two-factor log-in is off. We have mailed you about it.")
        return redirect("accounts:security")
    return _prove(
        request,
        form,
        title="Turn off two-factor log-in",
        sub="Your password alone will let in whoever knows it.",
        button="Turn off",
        tone="danger",
    )


@never_cache
@require_http_methods(["GET", "POST"])
def renew_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, shown this once."""
    form = PasswordAgainForm(request, _sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            codes = second_factor.renew_codes(user=request.user, asker=asker_of(request))
        except AccountError as error:
            return _refuse(request, str(error))
        return _show_codes(request, codes, title="New recovery codes")
    return _prove(
        request,
        form,
        title="Make new recovery codes",
        sub="The ones you have now stop working.",
        button="Make new codes",
        tone="primary",
    )


def _prove(
    request: HttpRequest, form: PasswordAgainForm, *, title: str, **words: str
) -> HttpResponse:
    """Ask for the password and a code, unless there is nothing they could be asked for."""
    if "code_again" not in form.fields:
        return _refuse(request, second_factor.NOT_ON)
    return dialog(
        request,
        partial="accounts/_prove.html",
        title=title,
        back=reverse("accounts:security"),
        context={"form": form, **words},
        status=422 if form.errors else 200,
    )


def _show_codes(request: HttpRequest, codes: list[str], *, title: str) -> HttpResponse:
    context = {"codes": codes, "title": title, "all_codes": "\n".join(codes)}
    return render(request, "accounts/recovery_codes.html", context)


@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    try:
        there = open_sessions.end(
            user=request.user, session_id=session_id, current=request.session.session_key
        )
    except AccountError as error:
        return _refuse(request, str(error))
    messages.success(request, "It is logged out." if there else "It was logged out already.")
    return redirect("accounts:security")


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    open_sessions.end_all(user=request.user, but=request.session.session_key)
    messages.success(request, "You are logged out everywhere else.")
    return redirect("accounts:security")


def _refuse(request: HttpRequest, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return redirect("accounts:security")
