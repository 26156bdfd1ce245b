"""One payment: its state until it is decided, and the bank's confirmation."""

from datetime import UTC, datetime
from decimal import Decimal

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from accounts.pages import needs
from accounts.people.access import Permission
from accounts.views.dialogs import refused, triggered
from wallets import links
from wallets.charging import purchases
from wallets.errors import InvalidAmount, WalletError
from wallets.models import AutoRecharge, Purchase
from wallets.recharges import by_hand, configure
from wallets.recharges.configure import Preview
from wallets.stripe import gateway
from wallets.texts import holds

# Every 2 seconds for half a minute; then, every 15, the page says that it does not know yet.
MOST_POLLS = 15
# Where a person without JavaScript goes on: shown once, as a plain link.
BANK_LINK = "bank_link"


@require_safe
@needs(Permission.SEE)
def purchase(request: HttpRequest, purchase_id) -> HttpResponse:
    found = of_account(request, purchase_id)
    was_open = found.is_open
    if found.payment_intent and was_open and Permission.MONEY in request.permissions:
        with gateway.person_waiting():
            found = purchases.drive(purchase_id=found.pk)
    context = purchase_context(request, found)
    template = (
        "wallets/charging/_purchase.html" if request.htmx else "wallets/charging/purchase.html"
    )
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    # Also when an event or a worker was first: who polls has the page of before behind it.
    if (was_open or request.htmx) and not found.is_open:
        return triggered(response, {"balance-changed": {}})
    return response


@require_safe
@needs(Permission.MONEY)
def outcome(request: HttpRequest) -> HttpResponse:
    """What a form of this person, shown at `since`, has charged: its answer got lost on the way."""
    try:
        since = datetime.fromisoformat(request.GET.get("since", "")).astimezone(UTC)
        asked = Purchase.objects.filter(payer=request.account, requested_by=request.user)
        found = asked.filter(created_at__gte=since).order_by("created_at").last()
    except (ValueError, OverflowError):
        text = "This address names no moment to look from. Go back and reload the page."
        return refused(request, back=reverse("wallets:payments"), error=InvalidAmount(text))
    if found:
        return told(request, found)
    text = "No payment was started, so nothing was charged. Try again."
    return triggered(HttpResponse(status=204), {"toast": {"text": text}})


@require_POST
@needs(Permission.MONEY)
def confirm(request: HttpRequest, purchase_id) -> HttpResponse:
    """Send the person to their bank, on the same payment."""
    found = of_account(request, purchase_id)
    here = reverse("wallets:purchase", args=[found.pk])
    try:
        bank_url = by_hand.confirm_with_bank(
            purchase_id=found.pk, return_url=request.build_absolute_uri(here)
        )
    except WalletError as error:
        return refused(request, back=here, error=error)
    if request.htmx:
        response = HttpResponse(status=204)
        response["HX-Redirect"] = bank_url or here
        return response
    # A form that ended on any bank's page would be stopped by our own `form-action`.
    request.session[BANK_LINK] = bank_url
    return redirect(here)


@require_POST
@needs(Permission.MONEY)
def cancel(request: HttpRequest, purchase_id) -> HttpResponse:
    found = of_account(request, purchase_id)
    here = reverse("wallets:purchase", args=[found.pk])
    try:
        by_hand.cancel_waiting(purchase_id=found.pk)
    except WalletError as error:
        return refused(request, back=here, error=error)
    return redirect(here)


def charged(request: HttpRequest, found: Purchase, *, saved: str = "") -> HttpResponse:
    """What became of a charge, in the place where it began: every way of paying ends here.

    `saved` says what was saved before it was charged. Without htmx it is the payment's page.
    """
    if not request.htmx:
        if saved:
            messages.success(request, saved)
        return redirect("wallets:purchase", found.pk)
    return told(request, found, settings_saved=bool(saved))


def told(request: HttpRequest, found: Purchase, **context: object) -> HttpResponse:
    """The payment in the dialog of a page, which reads itself anew: it shows what was before."""
    context = purchase_context(request, found) | context
    response = render(request, "wallets/charging/_purchase.html", context)
    return triggered(response, {"balance-changed": {}})


def quoted_charge(request: HttpRequest) -> Decimal:
    """The charge that the button named, in dollars; a button that named none agreed to none."""
    field = forms.DecimalField(min_value=0, max_digits=20)
    try:
        return field.clean(request.POST.get("quoted_charge"))
    except forms.ValidationError:
        return Decimal(0)


def purchase_context(request: HttpRequest, found: Purchase) -> dict[str, object]:
    """What `_purchase.html` needs, in the dialog and on the payment's own page."""
    asked = request.GET.get("poll", "")
    polls = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 else 0
    own = found.wallet.account_id == found.payer_id
    asked_bank = found.state == "requires_action" and not request.htmx
    return {
        "purchase": found,
        "bank_url": request.session.pop(BANK_LINK, "") if asked_bank else "",
        "settings_saved": request.GET.get("saved") == "1",
        "polling": polls < MOST_POLLS,
        "next_poll": polls + 1,
        "holds": _holds(found) if own else "",
        "retry": _retry(found) if own else None,
        "next_step": links.resume_campaigns(found.pk, account=found.payer) if own else "",
    }


def _retry(found: Purchase) -> Preview | None:
    """What trying an automatic recharge again would charge, when it was declined."""
    declined = found.state in (Purchase.State.DECLINED, Purchase.State.CANCELED)
    if not declined or found.purpose != Purchase.Purpose.AUTO_RECHARGE:
        return None
    return retry_of(AutoRecharge.objects.get(wallet=found.wallet))


def retry_of(automatic: AutoRecharge) -> Preview | None:
    """What trying again would charge now, while there is something to try again."""
    if not configure.has_failed(automatic):
        return None
    return configure.preview_try_again(wallet_id=automatic.wallet_id)


def _holds(found: Purchase) -> str:
    found.wallet.refresh_from_db()
    return holds(found.wallet)


def of_account(request: HttpRequest, purchase_id) -> Purchase:
    """A payment of this account's card. A sub-account never sees its agency's."""
    rows = Purchase.objects.select_related("payer", "wallet__account")
    return get_object_or_404(rows, pk=purchase_id, payer=request.account)
