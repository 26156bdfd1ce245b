"""Give minutes: an agency pays once for minutes of a sub-account, by itself or when asked."""

from decimal import Decimal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Account
from accounts.pages import needs
from accounts.people.access import Permission
from accounts.runtime.addresses import client_ip
from accounts.views.dialogs import add_errors, dialog, done, refused
from wallets.allocations import asks, gifts
from wallets.allocations.gifts import Gift
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.errors import FormReused, WalletError
from wallets.models import MinuteAsk, Purchase
from wallets.prices.rates import rates_now
from wallets.texts import rate, usd
from wallets.views.forms import GiftForm, new_key
from wallets.views.methods import chosen_card, leave_for_card, typed
from wallets.views.purchases import charged
from wallets.views.sub_account import require_allocate, sub_account_of

_TYPED = ("basic_minutes", "premium_minutes", "payment_method")
_HINT = "Enter minutes to see what they cost."


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def give(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = sub_account_of(request, account_id)
    require_allocate(request, account)
    asked = _asked(request, account)
    cards = payment_methods.cards(request.account)
    if "add_card" in request.POST:
        return leave_for_card(request, here=_here(account, asked), fields=_TYPED)
    if request.method != "POST":
        initial = _initial(request, asked) | typed(request, _TYPED)
        if card := chosen_card(request, cards):
            initial["payment_method"] = card
        form = GiftForm(initial=initial, cards=cards)
        return _dialog(request, account, asked, form, _estimated(GiftForm(initial, cards=cards)))
    form = GiftForm(request.POST, cards=cards)
    shown = _estimated(form)
    if form.is_valid() and _agreed(form, shown):
        try:
            purchase = _give(request, account, asked, form.cleaned_data)
        except WalletError as error:
            form = _with_new_key(request, cards) if isinstance(error, FormReused) else form
            add_errors(form, error)
        else:
            if purchase.state != Purchase.State.DECLINED:
                return charged(request, purchase)
            # Stripe would replay the decline under the old key.
            form = _with_new_key(request, cards)
            form.add_error(None, purchase.error_text)
    return _dialog(request, account, asked, form, shown, status=422)


@require_safe
@needs(Permission.SEE)
def estimate(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = sub_account_of(request, account_id)
    require_allocate(request, account)
    form = GiftForm(request.GET, cards=payment_methods.cards(request.account))
    context = {"estimate": _estimated(form), "swap_button": True}
    return render(request, "wallets/gifts/_estimate.html", context)


@require_POST
@needs(Permission.SEE)
def decline(request: HttpRequest, account_id: UUID, ask_id: int) -> HttpResponse:
    """Answer an ask with no, and the reason if there is one."""
    account = sub_account_of(request, account_id)
    require_allocate(request, account)
    back = reverse("wallets:account_manager_account", args=[account.pk])
    get_object_or_404(MinuteAsk, pk=ask_id, account=account, agency=request.account)
    try:
        asks.decline(
            agency=request.account,
            account=account,
            ask_id=ask_id,
            actor=request.user,
            answer=request.POST.get("answer", ""),
        )
    except WalletError as error:
        return refused(request, back=back, error=error)
    return done(request, back=back, text=f"Declined. {account.name} was told.")


def _asked(request: HttpRequest, account: Account) -> MinuteAsk | None:
    """What this answers, if the address or the form names an ask of this account."""
    asked = request.POST.get("ask") or request.GET.get("ask") or ""
    if not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        return None
    asks_of = MinuteAsk.objects.select_related("asked_by", "account")
    return asks_of.filter(pk=int(asked), account=account).first()


def _here(account: Account, asked: MinuteAsk | None) -> str:
    here = reverse("wallets:give_minutes", args=[account.pk])
    return f"{here}?ask={asked.pk}" if asked else here


def _initial(request: HttpRequest, asked: MinuteAsk | None) -> dict[str, object]:
    return {
        "basic_minutes": asked.basic_minutes if asked else 0,
        "premium_minutes": asked.premium_minutes if asked else 0,
        "payment_method": open_wallet(account=request.account).default_payment_method,
        "form_key": new_key(),
    }


def _estimated(form: GiftForm) -> dict[str, object]:
    """What it costs, or why it cannot be: also while somebody is still typing."""
    form.is_valid()
    for name in ("basic_minutes", "premium_minutes"):
        if form.data.get(name) and name in form.errors:
            return {"text": form.errors[name][0], "charge_now": Decimal(0)}
    basic, premium = (form.cleaned_data.get(f"{name}_minutes") for name in ("basic", "premium"))
    if not basic and not premium:
        return {"text": _HINT, "charge_now": Decimal(0)}
    try:
        found = gifts.cost(basic_minutes=basic or 0, premium_minutes=premium or 0)
    except WalletError as error:
        return {"text": str(error), "charge_now": Decimal(0)}
    text = "Charged once, now. The minutes do not expire."
    return {"figures": found, "text": text, "charge_now": found.total}


def _agreed(form: GiftForm, shown: dict[str, object]) -> bool:
    """A page whose button named another sum shows this one first."""
    charge = shown["charge_now"]
    if not charge or form.cleaned_data.get("quoted_charge") == charge:
        return True
    form.add_error(None, f"{usd(charge)} will be charged now. Check and give.")
    return False


def _give(
    request: HttpRequest, account: Account, asked: MinuteAsk | None, values: dict
) -> Purchase:
    gift = Gift(
        basic_minutes=values["basic_minutes"],
        premium_minutes=values["premium_minutes"],
        payment_method=values["payment_method"],
        form_key=str(values["form_key"]),
        quoted_charge=values["quoted_charge"],
        ask_id=asked and asked.pk,
    )
    return gifts.give(
        account=account,
        agency=request.account,
        actor=request.user,
        gift=gift,
        address=client_ip(request),
    )


def _with_new_key(request: HttpRequest, cards: list) -> GiftForm:
    data = request.POST.copy()
    data["form_key"] = new_key()
    form = GiftForm(data, cards=cards)
    form.is_valid()
    return form


def _dialog(
    request: HttpRequest,
    account: Account,
    asked: MinuteAsk | None,
    form: GiftForm,
    shown: dict[str, object],
    status: int = 200,
) -> HttpResponse:
    for name, price in rates_now().items():
        form.fields[f"{name}_minutes"].help_text = f"{rate(price)} per minute. Enter 0 for none."
    return dialog(
        request,
        partial="wallets/gifts/_give.html",
        title="Give minutes",
        back=reverse("wallets:account_manager_account", args=[account.pk]),
        context={
            "account": account,
            "asked": asked,
            "asked_is_open": asks.is_open(asked),
            "form": form,
            "estimate": shown,
            "cards": payment_methods.cards(request.account),
        },
        status=status,
    )
