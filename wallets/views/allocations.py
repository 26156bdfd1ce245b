"""Manage auto allocation: minutes an agency buys for a sub-account each month."""

from decimal import Decimal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit.seen import Overtaken
from accounts.models import Account
from accounts.pages import needs
from accounts.people.access import Permission
from accounts.runtime.addresses import client_ip
from accounts.views import seen
from accounts.views.dialogs import add_errors, dialog, done, refused
from wallets.allocations import configure as allocations
from wallets.allocations import retries
from wallets.allocations.terms import stop_text
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.charging import backups
from wallets.errors import QuoteChanged, WalletError
from wallets.models import AutoAllocation
from wallets.prices.rates import rates_now
from wallets.statements.ranges import read_day
from wallets.texts import rate, usd
from wallets.views.bill_to import asked_first
from wallets.views.forms import AllocationForm
from wallets.views.methods import chosen_card, leave_for_card, typed
from wallets.views.purchases import charged, quoted_charge
from wallets.views.sub_account import allocation_facts, charges, require_allocate, sub_account_of

_TYPED = ("basic_minutes", "premium_minutes", "start_date", "payment_method")
_HINT = "Enter minutes to see what they cost each month."


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def configure(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = sub_account_of(request, account_id)
    require_allocate(request, account)
    if question := asked_first(request):
        return question
    cards = payment_methods.cards(request.account)
    if "add_card" in request.POST:
        here = reverse("wallets:auto_allocation", args=[account.pk])
        return leave_for_card(request, here=here, fields=(*_TYPED, seen.FIELD))
    if request.method != "POST":
        initial = _terms(request.account, account) | typed(request, _TYPED)
        if card := chosen_card(request, cards):
            initial["payment_method"] = card
        if "stop" in request.GET:
            initial |= {"basic_minutes": 0, "premium_minutes": 0}
        form = AllocationForm(initial=initial, cards=cards)
        seen.put(request, form, _mark_of(account))
        shown = _estimated(request.account, account, AllocationForm(initial, cards=cards))
        return _dialog(request, account, form, shown)
    form = AllocationForm(request.POST, cards=cards)
    seen.put(request, form, _mark_of(account))
    readable = form.is_valid() or _stops(form)
    shown = _estimated(request.account, account, form)
    if readable and _agreed(form, shown):
        try:
            allocation = _save(request, account, form.cleaned_data, shown["charge_now"])
        except Overtaken as error:
            now = _terms(request.account, sub_account_of(request, account_id))
            seen.come_back(request, form, error, now=now)
        except QuoteChanged as error:
            add_errors(form, error)
            account = sub_account_of(request, account_id)
            shown = _estimated(request.account, account, form)
        except WalletError as error:
            add_errors(form, error)
        else:
            return _saved(request, account, allocation, shown)
    return _dialog(request, account, form, shown, status=422)


@require_safe
@needs(Permission.SEE)
def estimate(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = sub_account_of(request, account_id)
    require_allocate(request, account)
    form = AllocationForm(request.GET, cards=payment_methods.cards(request.account))
    shown = _estimated(request.account, account, form)
    return render(
        request, "wallets/allocations/_estimate.html", {"estimate": shown, "swap_button": True}
    )


@require_POST
@needs(Permission.SEE)
def retry(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = sub_account_of(request, account_id)
    require_allocate(request, account)
    try:
        purchase = retries.retry_now(
            account=account,
            agency=request.account,
            actor=request.user,
            address=client_ip(request),
            quoted_charge=quoted_charge(request),
        )
    except WalletError as error:
        return refused(request, back=_page(account), error=error)
    return charged(request, purchase)


@require_POST
@needs(Permission.SEE)
def skip(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Leave out the next month, or with `undo` charge it after all."""
    account = sub_account_of(request, account_id)
    require_allocate(request, account)
    undo = "undo" in request.POST
    change = allocations.unskip if undo else allocations.skip_next
    shown = read_day(request.POST.get("shown", ""), field="shown")
    try:
        change(account=account, agency=request.account, actor=request.user, shown=shown)
    except WalletError as error:
        return refused(request, back=_page(account), error=error)
    text = "The next month is charged after all." if undo else "The next month is skipped."
    return done(request, back=_page(account), text=text)


def _page(account: Account) -> str:
    return reverse("wallets:account_manager_account", args=[account.pk])


def _terms(agency: Account, account: Account) -> dict[str, object]:
    existing = getattr(account, "auto_allocation", None)
    card = existing.payment_method if existing else ""
    return {
        "basic_minutes": existing.basic_minutes if existing else 0,
        "premium_minutes": existing.premium_minutes if existing else 0,
        "payment_method": card or open_wallet(account=agency).default_payment_method,
    }


def _mark_of(account: Account) -> str:
    return allocations.mark_of(getattr(account, "auto_allocation", None))


def _stops(form: AllocationForm) -> bool:
    """Stopping needs no card: both minutes are 0, and only the card is missing."""
    values = form.cleaned_data
    return (
        set(form.errors) == {"payment_method"}
        and values.get("basic_minutes") == values.get("premium_minutes") == 0
    )


def _estimated(agency: Account, account: Account, form: AllocationForm) -> dict[str, object]:
    """The same of a form that somebody may still be typing into."""
    form.is_valid()
    for name in ("basic_minutes", "premium_minutes", "start_date"):
        if form.data.get(name) and name in form.errors:
            return {"text": form.errors[name][0], "charge_now": Decimal(0)}
    return _estimate(agency, account, form.cleaned_data)


def _estimate(agency: Account, account: Account, values: dict) -> dict[str, object]:
    """What these minutes cost each month, when it is charged first, and what the button says."""
    basic, premium = values.get("basic_minutes"), values.get("premium_minutes")
    if basic is None or premium is None:
        return {"text": _HINT, "charge_now": Decimal(0)}
    existing = getattr(account, "auto_allocation", None)
    if not basic and not premium:
        if not (existing and existing.active):
            return {"text": _HINT, "charge_now": Decimal(0)}
        return {"text": stop_text(account), "charge_now": Decimal(0), "stops": True}
    try:
        found = allocations.preview(
            account=account,
            agency=agency,
            basic_minutes=basic,
            premium_minutes=premium,
            start_date=values.get("start_date"),
            payment_method=values.get("payment_method") or "",
        )
    except WalletError as error:
        return {"text": str(error), "charge_now": Decimal(0)}
    return {
        "figures": found.estimate,
        "text": found.problem or found.text,
        "charge_now": found.charge_now,
        "charges": charges(found.charge_days, found.anchor),
    }


def _agreed(form: AllocationForm, shown: dict[str, object]) -> bool:
    """A page that did not name today's charge shows it once more."""
    charge = shown["charge_now"]
    if not charge or form.cleaned_data.get("quoted_charge") == charge:
        return True
    form.add_error(None, f"{usd(charge)} will be charged today. Check and save.")
    return False


def _save(
    request: HttpRequest, account: Account, values: dict, quoted_charge: Decimal
) -> AutoAllocation:
    return allocations.save(
        account=account,
        agency=request.account,
        actor=request.user,
        basic_minutes=values["basic_minutes"],
        premium_minutes=values["premium_minutes"],
        payment_method=values.get("payment_method") or "",
        start_date=values.get("start_date"),
        seen=seen.sent(request),
        quoted_charge=quoted_charge,
    )


def _saved(
    request: HttpRequest, account: Account, allocation: AutoAllocation, shown: dict[str, object]
) -> HttpResponse:
    if not allocation.active:
        text = f"Monthly allocation for {account.name} stopped."
        return done(request, back=_page(account), text=text)
    text = f"Monthly allocation for {account.name} saved."
    if shown["charge_now"]:
        purchase = allocations.charge_now(allocation=allocation, actor=request.user)
        if purchase:
            return charged(request, purchase, saved=text)
    return done(request, back=_page(account), text=f"{text} {shown['text']}")


def _dialog(
    request: HttpRequest,
    account: Account,
    form: AllocationForm,
    shown: dict[str, object],
    status: int = 200,
) -> HttpResponse:
    for name, price in rates_now().items():
        form.fields[f"{name}_minutes"].help_text = f"{rate(price)} per minute. Enter 0 for none."
    cards = payment_methods.cards(request.account)
    return dialog(
        request,
        partial="wallets/allocations/_dialog.html",
        title="Manage auto allocation",
        back=_page(account),
        context={
            **allocation_facts(request, account, cards=cards),
            "form": form,
            "estimate": shown,
            "cards": cards,
            "backup": backups.card_of(account_id=request.account.pk, first=None),
        },
        status=status,
    )
