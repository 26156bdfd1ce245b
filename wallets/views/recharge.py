"""The Recharge dialog: an amount, what it buys, and the charge."""

from decimal import Decimal
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from accounts.pages import needs
from accounts.people.access import Permission
from accounts.runtime.addresses import client_ip
from accounts.views.dialogs import add_errors, dialog, triggered
from wallets import links
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.charging import backups, declines
from wallets.errors import FormReused, InvalidAmount, PurchaseInProgress, WalletError
from wallets.models import Purchase, Wallet
from wallets.prices.amounts import dollars, minutes_for
from wallets.prices.rates import rates_now
from wallets.recharges import by_hand
from wallets.texts import usd
from wallets.views.bill_to import asked_first
from wallets.views.forms import RechargeForm, new_key
from wallets.views.methods import chosen_card, leave_for_card
from wallets.views.purchases import charged, told

CHIPS = (25, 50, 100, 250)
FIRST_AMOUNT = Decimal(50)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.MONEY)
def recharge(request: HttpRequest) -> HttpResponse:
    if question := asked_first(request):
        return question
    wallet = open_wallet(account=request.account)
    cards = payment_methods.cards(request.account)
    if "add_card" in request.POST:
        here = reverse("wallets:recharge")
        return leave_for_card(request, here=here, fields=("amount", "buys"))
    if request.method == "POST":
        return _pay(request, wallet, cards)
    form = RechargeForm(initial=_initial(request, wallet, cards), cards=cards)
    return _dialog(request, wallet, form, quoted=_quoted(wallet, form.initial))


@require_safe
@needs(Permission.MONEY)
def quote(request: HttpRequest) -> HttpResponse:
    wallet = open_wallet(account=request.account)
    values = _values(request.GET)
    context = {
        **_quoted(wallet, values),
        "choices": _choices(values.get("amount")),
        "swap_button": True,
    }
    return render(request, "wallets/recharges/_quote.html", context)


@require_safe
@needs(Permission.MONEY)
def outcome(request: HttpRequest, form_key: UUID) -> HttpResponse:
    """What became of a charge whose answer got lost on the way to the browser."""
    found = Purchase.objects.filter(payer=request.account, form_key=str(form_key)).first()
    if found:
        return told(request, found)
    text = "The payment has not started. Press Pay again: this form can be charged only once."
    return triggered(HttpResponse(status=204), {"toast": {"text": text}})


def _pay(request: HttpRequest, wallet: Wallet, cards: list) -> HttpResponse:
    form = RechargeForm(request.POST, cards=cards)
    pending = instead = None
    if "form_key" in form.errors:
        form = _with_new_key(request.POST, cards)
        form.add_error(None, "The form was damaged on its way, so nothing was charged. Pay again.")
    elif form.is_valid() and _agreed(form):
        try:
            purchase = _charge(request, wallet, form.cleaned_data)
        except WalletError as error:
            if isinstance(error, FormReused):
                form = _with_new_key(request.POST, cards)
            add_errors(form, error)
            pending = error.purchase_id if isinstance(error, PurchaseInProgress) else None
        else:
            if purchase.state != Purchase.State.DECLINED:
                return charged(request, purchase)
            # Stripe would replay the decline under the old key.
            form = _with_new_key(request.POST, cards)
            form.add_error(None, purchase.error_text)
            instead = _with_backup(purchase)
    quoted = _quoted(wallet, _values(request.POST))
    return _dialog(
        request, wallet, form, quoted=quoted, pending=pending, instead=instead, status=422
    )


def _with_backup(declined: Purchase) -> dict[str, object] | None:
    """The next step after a decline: the same sum with the backup card, where that may help."""
    if not declines.backup_helps(declined.decline_code):
        return None
    tried = payment_methods.card(account=declined.payer, card_id=declined.payment_method)
    card = backups.card_of(account_id=declined.payer_id, first=tried)
    if card is None:
        return None
    amount = dollars(declined.amount_cents)
    sent = {"amount": f"{amount:.2f}", "buys": declined.buys, "card": card.id}
    return {
        "card": card,
        "amount": amount,
        "url": f"{reverse('wallets:recharge')}?{urlencode(sent)}",
    }


def _agreed(form: RechargeForm) -> bool:
    """Whether the button named the amount typed. If not, the figures are shown once more."""
    amount = form.cleaned_data["amount"]
    try:
        by_hand.check_amount(amount)
    except InvalidAmount as error:
        add_errors(form, error)
        return False
    form.to_review = form.cleaned_data["quoted_amount"] != amount
    return not form.to_review


def _charge(request: HttpRequest, wallet: Wallet, values: dict) -> Purchase:
    return by_hand.recharge(
        wallet_id=wallet.pk,
        actor=request.user,
        amount=values["amount"],
        buys=values["buys"],
        payment_method=values["payment_method"],
        form_key=str(values["form_key"]),
        quoted_rate=values["quoted_rate"],
        quoted_debt=values["quoted_debt"],
        address=client_ip(request),
    )


def _with_new_key(data: QueryDict, cards: list) -> RechargeForm:
    data = data.copy()
    data["form_key"] = new_key()
    form = RechargeForm(data, cards=cards)
    form.is_valid()
    return form


def _initial(request: HttpRequest, wallet: Wallet, cards: list) -> dict[str, object]:
    """The last recharge again, unless the link asked for something."""
    last = wallet.purchases.filter(purpose="recharge").order_by("-created_at").first()
    amount = dollars(last.amount_cents) if last else FIRST_AMOUNT
    asked = _values(request.GET)
    return {
        "amount": f"{asked.get('amount', amount):.2f}",
        "buys": asked.get("buys") or (last.buys if last else ""),
        "payment_method": chosen_card(request, cards) or wallet.default_payment_method,
        "form_key": new_key(),
    }


def _values(data: QueryDict) -> dict[str, object]:
    """The amount and the choice, as far as they make sense; else the `problem` with the amount."""
    form = RechargeForm(data, cards=[])
    form.is_valid()
    values = {
        name: form.cleaned_data[name] for name in ("amount", "buys") if name in form.cleaned_data
    }
    values["payment_method"] = data.get("payment_method", "")
    if data.get("amount") and "amount" in form.errors:
        values["problem"] = form.errors["amount"][0]
    return values


def _quoted(wallet: Wallet, values: dict) -> dict[str, object]:
    """What would be charged, as `quote`; or the `problem` with the amount; or neither yet."""
    if values.get("amount") is None:
        return {"problem": values.get("problem", "")}
    amount = Decimal(values["amount"])
    try:
        by_hand.check_amount(amount)
        if not values.get("buys"):
            return {}
        found = by_hand.quote(
            wallet_id=wallet.pk,
            amount=amount,
            buys=values["buys"],
            payment_method=values.get("payment_method", ""),
        )
        return {"quote": found}
    except InvalidAmount as error:
        return {"problem": str(error)}


def _choices(amount: Decimal | None) -> list[dict[str, str]]:
    """The radio cards, with what the amount buys of each."""
    choices = [
        {
            "value": "credit",
            "name": "Credit",
            "price": "",
            "minutes": "Stays dollars: any call uses it at the rate of the day",
        }
    ]
    for name, rate in reversed(rates_now().items()):
        minutes = minutes_for(amount=Decimal(amount), rate=rate) if amount else None
        choices.append(
            {
                "value": name,
                "name": f"{name.capitalize()} Minutes",
                "price": f"{usd(rate)} per minute",
                "minutes": "" if minutes is None else f", ≈ {minutes:,} min",
            }
        )
    return sorted(choices, key=lambda choice: ["premium", "basic", "credit"].index(choice["value"]))


def _dialog(
    request: HttpRequest,
    wallet: Wallet,
    form: RechargeForm,
    *,
    quoted: dict[str, object],
    pending: UUID | None = None,
    instead: dict[str, object] | None = None,
    status: int = 200,
) -> HttpResponse:
    amount = quoted["quote"].amount if "quote" in quoted else _values(request.POST).get("amount")
    return dialog(
        request,
        partial="wallets/recharges/_recharge.html",
        title="Recharge",
        back=reverse("wallets:payments"),
        context={
            "form": form,
            "sub": f"Current balance {usd(wallet.credit.amount)}",
            "cards": payment_methods.cards(request.account),
            "choices": _choices(amount or form.initial.get("amount")),
            "chips": CHIPS,
            **quoted,
            "pending": pending,
            "instead": instead,
            "tiers_url": links.recharge_tiers(),
            # Unless a link or the person chose already.
            "choose_tier": not form.is_bound and not _values(request.GET).get("buys"),
        },
        status=status,
    )
