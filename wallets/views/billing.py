"""Settings, Billing: whom papers name and who gets them by mail; and the links in those mails."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import countries
from accounts.audit.seen import Overtaken, mark
from accounts.errors import AccountError
from accounts.pages import needs
from accounts.people.access import Permission
from accounts.views import seen
from accounts.views.dialogs import add_errors
from wallets import limits
from wallets.models import BillingAddress
from wallets.statements import addresses


class AddressForm(forms.Form):
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="We mail it a link first. It gets nothing else until that is opened and agreed.",
    )
    receipts = forms.BooleanField(label="Receipts and credit notes", required=False, initial=True)
    statements = forms.BooleanField(label="Monthly statements", required=False, initial=True)


@require_safe
@needs(Permission.SEE)
def billing(request: HttpRequest) -> HttpResponse:
    return _page(request, form=AddressForm())


@require_POST
@needs(Permission.MONEY)
def add(request: HttpRequest) -> HttpResponse:
    form = AddressForm(request.POST)
    if form.is_valid():
        try:
            added = addresses.add(account=request.account, actor=request.user, **form.cleaned_data)
        except AccountError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"A link was mailed to {added}.")
            return redirect("wallets:billing")
    return _page(request, form=form, status=422)


@require_POST
@needs(Permission.MONEY)
def choose(request: HttpRequest, address_id: int) -> HttpResponse:
    try:
        chosen = addresses.choose(
            account=request.account,
            address_id=address_id,
            receipts="receipts" in request.POST,
            statements="statements" in request.POST,
            seen=seen.sent(request),
        )
    except Overtaken as error:
        text = str(seen.refusal(request, error))
        return _page(request, form=AddressForm(), error=text, status=error.status)
    except AccountError as error:
        return _page(request, form=AddressForm(), error=str(error), status=error.status)
    messages.success(request, f"Saved what {chosen} gets.")
    return redirect("wallets:billing")


@require_POST
@needs(Permission.MONEY)
def send_link(request: HttpRequest, address_id: int) -> HttpResponse:
    try:
        asked = addresses.send_link(account=request.account, address_id=address_id)
    except AccountError as error:
        return _page(request, form=AddressForm(), error=str(error), status=error.status)
    messages.success(request, f"A link was mailed to {asked}.")
    return redirect("wallets:billing")


@require_POST
@needs(Permission.WITHDRAW)
def remove(request: HttpRequest, address_id: int) -> HttpResponse:
    """Nobody is denied this, on a closed account either."""
    removed = addresses.remove(account=request.account, address_id=address_id)
    messages.success(request, f"{removed} gets nothing more.")
    return redirect("wallets:billing")


@login_not_required
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever reads the address says yes. Mail programs open links by themselves: a button asks."""
    if request.method == "POST":
        address = addresses.confirm(token=token)
        return _of_link(request, address, "confirmed")
    return _of_link(request, addresses.to_confirm(token=token), "confirm")


# Mail programs send it with no page of ours before; who has the link may stop the mails.
@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever reads the address wants no more, by the page's button or their mail program's."""
    if request.method == "POST":
        address = addresses.stop(token=token)
        return _of_link(request, address, "stopped")
    return _of_link(request, addresses.to_stop(token=token), "stop")


def _of_link(request: HttpRequest, address: BillingAddress, step: str) -> HttpResponse:
    context = {"address": address, "step": step}
    return render(request, "wallets/statements/address_link.html", context)


def _page(
    request: HttpRequest, *, form: AddressForm, error: str = "", status: int = 200
) -> HttpResponse:
    kept = BillingAddress.objects.filter(account=request.account).kept()
    shown = list(kept.select_related("added_by").order_by("pk"))
    for address in shown:
        address.seen = mark(address, fields=addresses.CHOICE)
    context = {
        "addresses": shown,
        "country": countries.name_of(request.account.billing_country),
        "form": form,
        "error": error,
        "most": limits.BILLING_ADDRESSES,
    }
    return render(request, "wallets/statements/billing.html", context, status=status)
