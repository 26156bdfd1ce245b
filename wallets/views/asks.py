"""Ask for minutes: what a sub-account asks of its agency, and taking it back."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import AccountError, NotFound
from accounts.models import Account
from accounts.pages import needs
from accounts.people.access import Permission
from accounts.views.dialogs import add_errors, dialog, done, refused
from wallets.allocations import asks
from wallets.models import MinuteAsk
from wallets.views.forms import AskForm


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.MONEY)
def ask(request: HttpRequest) -> HttpResponse:
    _require_sub_account(request.account)
    back = reverse("wallets:payments")
    # As it was left when the session ended.
    left = {name: request.GET[name] for name in AskForm.base_fields if name in request.GET}
    form = AskForm(request.POST or None, initial={"basic_minutes": 0, "premium_minutes": 0} | left)
    if request.method == "POST" and form.is_valid():
        try:
            asks.ask(account=request.account, actor=request.user, **form.cleaned_data)
        except AccountError as error:
            add_errors(form, error)
        else:
            return done(request, back=back, text=f"{request.account.agency} was asked.")
    return dialog(
        request,
        partial="wallets/gifts/_ask.html",
        title="Ask for minutes",
        back=back,
        context={"form": form, "agency": request.account.agency},
        status=422 if request.method == "POST" else 200,
    )


@require_POST
@needs(Permission.MONEY)
def withdraw(request: HttpRequest, ask_id: int) -> HttpResponse:
    back = reverse("wallets:payments")
    get_object_or_404(MinuteAsk, pk=ask_id, account=request.account)
    try:
        asks.withdraw(account=request.account, ask_id=ask_id, actor=request.user)
    except AccountError as error:
        return refused(request, back=back, error=error)
    return done(request, back=back, text="Withdrawn. Nobody will be charged for it.")


def ask_facts(account: Account) -> dict[str, object]:
    """For the page of a sub-account's payments: its open ask, or the latest one's answer."""
    if not account.agency_id:
        return {}
    latest = asks.latest(account=account)
    return {"asking": True, "minute_ask": latest, "ask_is_open": asks.is_open(latest)}


def _require_sub_account(account: Account) -> None:
    if not account.agency_id:
        raise NotFound("Only sub-accounts have an agency to ask.")
