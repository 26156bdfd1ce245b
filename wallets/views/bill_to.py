"""Whom to bill: asked for once, before the first payment, in the dialog that leads to it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.audit import seen as seen_before
from accounts.audit.seen import Overtaken, mark
from accounts.forms import BillingForm
from accounts.models import Account
from accounts.pages import may, needs, next_path
from accounts.people.access import Permission
from accounts.views import seen
from accounts.views.dialogs import dialog
from wallets.charging import parties

_FIELDS = BillingForm.Meta.fields
# Not those of Settings, over which the dialog may open: labels would lead to the fields behind it.
_AUTO_ID = "bill_%s"


def asked_first(request: HttpRequest) -> HttpResponse | None:
    """The question, in place of the dialog that was asked for; None when it was answered before.

    For dialogs that are opened, never for what they send.
    """
    if request.method == "POST" or not may(request, Permission.MONEY):
        return None
    if not parties.must_ask(request.account):
        return None
    form = BillingForm(instance=request.account, auto_id=_AUTO_ID)
    seen.put(request, form, mark(request.account, fields=_FIELDS))
    return _ask(request, form=form, goes_on=request.get_full_path())


@require_POST
@needs(Permission.MONEY)
def answer(request: HttpRequest) -> HttpResponse:
    """Keep what was typed, or nothing when it is skipped, and go on to the dialog."""
    goes_on = next_path(request, reverse("wallets:recharge"))
    # A copy of its own: an invalid form must not change the account in the shell around it.
    instance = Account.objects.get(pk=request.account.pk)
    form = BillingForm(request.POST, instance=instance, auto_id=_AUTO_ID)
    seen.put(request, form, mark(request.account, fields=_FIELDS))
    if "skip" not in request.POST:
        if not form.is_valid():
            return _ask(request, form=form, goes_on=goes_on, status=422)
        try:
            seen_before.save(form.instance, fields=_FIELDS, seen=seen.sent(request))
        except Overtaken as error:
            now = Account.objects.filter(pk=request.account.pk).values(*_FIELDS).get()
            seen.come_back(request, form, error, now=now)
            return _ask(request, form=form, goes_on=goes_on, status=422)
    parties.was_asked(request.account)
    return redirect(goes_on)


def _ask(
    request: HttpRequest, *, form: BillingForm, goes_on: str, status: int = 200
) -> HttpResponse:
    return dialog(
        request,
        partial="wallets/charging/_bill_to.html",
        title="Whom to bill",
        back=reverse("wallets:payments"),
        context={"form": form, "goes_on": goes_on},
        status=status,
    )
