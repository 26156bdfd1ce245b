"""Payment methods: added on Stripe's hosted page, made default, removed."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit.seen import Overtaken
from accounts.models import Account
from accounts.pages import needs
from accounts.people.access import Permission
from accounts.runtime.addresses import client_ip
from accounts.views import seen
from accounts.views.dialogs import dialog, done, refused
from wallets.balances.opening import open_wallet
from wallets.cards import backup, keeping, payment_methods, uses
from wallets.cards.payment_methods import Card
from wallets.charging import declines
from wallets.errors import PaymentMethodInUse, WalletError
from wallets.recharges import configure

# Names the card just added in the address of the form it is for.
_CARD = "card"
# Of each field that is carried through Stripe's page and back.
_TYPED_MOST = 40


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.MONEY)
def add(request: HttpRequest) -> HttpResponse:
    back = _next(request)
    if request.method != "POST":
        return _explain(request, back)
    # Stripe fills in the braces, so they must not be quoted.
    of_page = urlencode({"next": back, "account": request.account.pk})
    added_path = f"{reverse('wallets:methods_added')}?{of_page}"
    success = request.build_absolute_uri(added_path) + "&session_id={CHECKOUT_SESSION_ID}"
    try:
        url = keeping.start_adding(
            account=request.account,
            success_url=success,
            cancel_url=request.build_absolute_uri(added_path),
            person=request.user,
            address=client_ip(request),
        )
    except WalletError as error:
        return refused(request, back=back, error=error)
    return redirect(url)


def leave_for_card(request: HttpRequest, *, here: str, fields: Iterable[str]) -> HttpResponse:
    """From a form whose sender wants to add a card first. They come back to it as they left it."""
    sent = _filled(request.POST, fields)
    back = f"{here}?{urlencode(sent)}" if sent else here
    if request.htmx:
        return _explain(request, back)
    return redirect(f"{reverse('wallets:methods_add')}?{urlencode({'next': back})}")


def chosen_card(request: HttpRequest, cards: list[Card]) -> str:
    """The card that the address names, if it is one of these: the one just added."""
    asked = request.GET.get(_CARD, "")
    return asked if asked in {card.id for card in cards} else ""


def typed(request: HttpRequest, fields: Iterable[str]) -> dict[str, str]:
    """What the address says somebody had typed before they left to add a card."""
    return _filled(request.GET, fields)


def _filled(data: QueryDict, fields: Iterable[str]) -> dict[str, str]:
    return {name: data[name][:_TYPED_MOST] for name in fields if data.get(name)}


def _explain(request: HttpRequest, back: str) -> HttpResponse:
    return dialog(
        request,
        partial="wallets/cards/_add.html",
        title="Add payment method",
        back=back,
        context={"next": back},
    )


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
    # Whoever pressed "Back" on Stripe's page comes without one.
    session_id = request.GET.get("session_id", "")
    try:
        card = session_id and keeping.finish_adding(account=request.account, session_id=session_id)
    except WalletError as error:
        messages.warning(request, str(error))
        return redirect(back)
    if not card:
        messages.warning(request, _why_not_added(request.account))
        return redirect(back)
    messages.success(request, f"{card.label} added.")
    return redirect(_where_it_helps(request, back, card))


def _where_it_helps(request: HttpRequest, back: str, card: Card) -> str:
    """The form they left, with the new card chosen; or the settings that lack one."""
    if back == reverse("wallets:payments"):
        if not configure.lacks_card(open_wallet(account=request.account).auto_recharge):
            return back
        back = reverse("wallets:auto_recharge")
    return f"{back}{'&' if '?' in back else '?'}{urlencode({_CARD: card.id})}"


def _why_not_added(account: Account) -> str:
    setup = keeping.latest_setup(account=account)
    return declines.not_saved(setup, customer=account.stripe_customer or "")


@require_POST
@needs(Permission.MONEY)
def make_default(request: HttpRequest, card_id: str) -> HttpResponse:
    back = reverse("wallets:payments")
    stood_in = open_wallet(account=request.account).backup_payment_method == card_id
    try:
        card = keeping.make_default(
            account=request.account, card_id=card_id, seen=seen.sent(request)
        )
    except Overtaken as error:
        return refused(request, back=back, error=seen.refusal(request, error))
    except WalletError as error:
        return refused(request, back=back, error=error)
    then = " You have no backup card any more: choose another." if stood_in else ""
    return done(request, back=back, text=f"{card.label} is the default now.{then}")


@require_POST
@needs(Permission.MONEY)
def choose_backup(request: HttpRequest, card_id: str) -> HttpResponse:
    """Let this card stand in for a declined one, or, with `off`, none."""
    back = reverse("wallets:payments")
    if "off" in request.POST:
        backup.clear(account=request.account, card_id=card_id)
        text = "No backup card now. When a card is declined, no other is tried."
        if other := open_wallet(account=request.account).backup_payment_method:
            # Chosen since the page of this button was opened.
            card = payment_methods.card(account=request.account, card_id=other)
            text = f"{card.label if card else 'Another card'} is your backup card now, and stays."
        return done(request, back=back, text=text)
    try:
        card = backup.choose(account=request.account, card_id=card_id, seen=seen.sent(request))
    except Overtaken as error:
        return refused(request, back=back, error=seen.refusal(request, error))
    except WalletError as error:
        return refused(request, back=back, error=error)
    text = f"{card.label} is your backup card now. It is tried once when another is declined."
    return done(request, back=back, text=text)


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
