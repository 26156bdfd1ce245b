"""Payment methods: added on Stripe's hosted page, made default, removed."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pages import needs
from accounts.people.access import Permission
from accounts.runtime.addresses import client_ip
from accounts.views.dialogs import dialog, done, refused
from wallets.cards import keeping, payment_methods, uses
from wallets.errors import PaymentMethodInUse, WalletError


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.MONEY)
def add(request: HttpRequest) -> HttpResponse:
    back = _next(request)
    if request.method != "POST":
        return dialog(
            request,
            partial="wallets/cards/_add.html",
            title="Add payment method",
            back=back,
            context={"next": back},
        )
    # Stripe fills in the braces, so they must not be quoted.
    of_page = urlencode({"next": back, "account": request.account.pk})
    added_path = f"{reverse('wallets:methods_added')}?{of_page}"
    success = request.build_absolute_uri(added_path) + "&session_id={CHECKOUT_SESSION_ID}"
    try:
        url = keeping.start_adding(
            account=request.account,
            success_url=success,
            cancel_url=request.build_absolute_uri(back),
            person=request.user,
            address=client_ip(request),
        )
    except WalletError as error:
        return refused(request, back=back, error=error)
    return redirect(url)


@require_safe
@needs(Permission.MONEY)
def added(request: HttpRequest) -> HttpResponse:
    back = _next(request)
    # Another tab may have switched meanwhile. The event of Stripe saves the card where it belongs.
    if request.GET.get("account", str(request.account.pk)) != str(request.account.pk):
        text = (
            f"You work in {request.account} now. What was saved is in the account you added it to."
        )
        messages.warning(request, text)
        return redirect(reverse("wallets:payments"))
    session_id = request.GET.get("session_id", "")
    try:
        card = keeping.finish_adding(account=request.account, session_id=session_id)
    except WalletError as error:
        messages.warning(request, str(error))
        return redirect(back)
    if card:
        messages.success(request, f"{card.label} added.")
    else:
        messages.warning(request, "No payment method was added.")
    return redirect(back)


@require_POST
@needs(Permission.MONEY)
def make_default(request: HttpRequest, card_id: str) -> HttpResponse:
    back = reverse("wallets:payments")
    try:
        card = keeping.make_default(account=request.account, card_id=card_id)
    except WalletError as error:
        return refused(request, back=back, error=error)
    return done(request, back=back, text=f"{card.label} is the default now.")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.WITHDRAW)
def remove(request: HttpRequest, card_id: str) -> HttpResponse:
    back = reverse("wallets:payments")
    card = payment_methods.card(account=request.account, card_id=card_id)
    if card is None:
        raise Http404("No such card.")
    used, status = uses.found(account=request.account, card_id=card_id), 200
    if request.method == "POST":
        agreed = "agreed" in request.POST
        try:
            keeping.remove(account=request.account, card_id=card_id, agreed=agreed)
        except PaymentMethodInUse as error:
            used, status = error.uses, error.status
        except WalletError as error:
            return refused(request, back=back, error=error)
        else:
            return done(request, back=back, text=f"{card.label} removed.")
    return dialog(
        request,
        partial="wallets/cards/_remove.html",
        title="Remove payment method",
        back=back,
        context={"card": card, "uses": used},
        status=status,
    )


def _next(request: HttpRequest) -> str:
    """Where the person was, if it is one of our pages."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(asked, allowed_hosts=None) and asked.startswith("/")
    return asked if safe else reverse("wallets:payments")
