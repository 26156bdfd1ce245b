"""How the pages of every app answer: a dialog that is also a page, a finished change, a refusal."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.errors import AccountError


def dialog(
    request: HttpRequest,
    *,
    partial: str,
    title: str,
    back: str,
    context: dict[str, object],
    status: int = 200,
) -> HttpResponse:
    """The partial alone for htmx, and a page around the same partial for everybody else."""
    context = {**context, "partial": partial, "title": title, "back": back}
    template = partial if request.htmx else "components/_dialog_page.html"
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def done(request: HttpRequest, *, back: str, text: str) -> HttpResponse:
    """Close the dialog, let the page behind read itself anew, and say what happened.

    A dialog's own page has none behind it: then the person is sent `back`.
    """
    if not request.htmx or "X-No-Dialog" in request.headers:
        messages.success(request, text)
        return HttpResponseClientRedirect(back) if request.htmx else redirect(back)
    return triggered(
        HttpResponse(status=204),
        {"dialog-close": {}, "balance-changed": {}, "toast": {"text": text}},
    )


def refused(request: HttpRequest, *, back: str, error: AccountError) -> HttpResponse:
    """Say why not, in the dialog or on the page the request came from."""
    if not request.htmx:
        messages.error(request, str(error))
        return redirect(back)
    context = {"error_title": "Not done", "error_text": str(error)}
    response = render(request, "errors/_fragment.html", context, status=error.status)
    if error.retry_after:
        response["Retry-After"] = str(error.retry_after)
    return response


def triggered(response: HttpResponse, events: dict[str, object]) -> HttpResponse:
    response["HX-Trigger"] = json.dumps(events)
    return response


def add_errors(form, error: AccountError) -> None:
    """Put a refusal of the middle beside the fields it is about, else above the form."""
    placed = {name: text for name, text in error.fields.items() if name in form.fields}
    for name, text in placed.items():
        form.add_error(name, text)
    if not placed:
        form.add_error(None, str(error))
