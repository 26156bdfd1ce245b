"""Several sub-accounts at once: setting an allocation, and sending a notice."""

from decimal import Decimal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.audit.seen import Overtaken
from accounts.errors import AccountError, Forbidden, Unusable
from accounts.models import Account
from accounts.pages import needs
from accounts.people import access
from accounts.people.access import Permission
from accounts.views import seen
from accounts.views.dialogs import add_errors, dialog, done, refused, triggered
from wallets import limits
from wallets.agencies import listing, notices, several
from wallets.allocations.terms import Wish
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.errors import QuoteChanged
from wallets.prices.rates import rates_now
from wallets.texts import rate
from wallets.views.account_manager import asked_for
from wallets.views.forms import NoticeForm, SeveralForm, new_key

NAMES_SHOWN = 20


@require_POST
@needs(Permission.MONEY)
def allocation(request: HttpRequest) -> HttpResponse:
    """The form; with `step` review the sum it would charge; with save what became of each."""
    _require_open_agency(request.account)
    ids = _ids(request)
    try:
        accounts = several.chosen(agency=request.account, ids=ids)
    except AccountError as error:
        return refused(request, back=_back(), error=error)
    cards = payment_methods.cards(request.account)
    step = request.POST.get("step", "")
    if step not in ("review", "save"):
        default = open_wallet(account=request.account).default_payment_method
        initial = {"basic_minutes": 0, "premium_minutes": 0, "payment_method": default}
        form = _priced(SeveralForm(initial=initial, cards=cards))
        seen.put(request, form, several.mark_of(accounts))
        return _allocation(request, accounts, form)
    form = _priced(SeveralForm(request.POST, cards=cards))
    seen.put(request, form, several.mark_of(accounts))
    plan = None
    if form.is_valid():
        wish = _wish(form.cleaned_data)
        try:
            plan = several.plan(agency=request.account, accounts=accounts, wish=wish)
            if step == "save":
                _check_quote(form.cleaned_data.get("quoted_charge"), plan.charge_now)
                return _saved(request, accounts, wish, plan)
        except Overtaken as error:
            seen.come_back(request, form, error, now={})
        except AccountError as error:
            add_errors(form, error)
    status = 422 if form.errors else 200
    return _allocation(request, accounts, form, plan=plan, status=status)


@require_POST
@needs(Permission.MONEY)
def notice(request: HttpRequest) -> HttpResponse:
    """The form; with `step` send, whom it told."""
    _require_open_agency(request.account)
    ids = _ids(request)
    try:
        accounts = several.chosen(agency=request.account, ids=ids)
    except AccountError as error:
        return refused(request, back=_back(), error=error)
    sends = request.POST.get("step") == "send"
    form = NoticeForm(request.POST if sends else None, initial={"form_key": new_key()})
    if sends and form.is_valid():
        try:
            left_out = notices.send(
                agency=request.account,
                accounts=accounts,
                actor=request.user,
                text=form.cleaned_data["text"],
                form_key=form.cleaned_data["form_key"],
            )
        except AccountError as error:
            add_errors(form, error)
        else:
            told = len(accounts) - len(left_out)
            text = f"{told} sub-account{'s' * (told != 1)} told."
            if left_out:
                named = "; ".join(f"{name} {why}" for name, why in left_out.items())
                text = f"{text} Not told: {named}."
            return done(request, back=_back(), text=text)
    return dialog(
        request,
        partial="wallets/agencies/_notice.html",
        title="Send a notice",
        back=_back(),
        context={**_named(accounts), "form": form},
        status=422 if form.errors else 200,
    )


def _require_open_agency(agency: Account) -> None:
    access.require_agency(account=agency)
    if agency.is_closed:
        raise Forbidden(f"{agency.name} is closed, so nothing in it can be changed.")


def _ids(request: HttpRequest) -> list[UUID]:
    """Those that were ticked, or all that the filter of the page shows. Raises Unusable for what is
    no id."""
    if request.POST.get("everyone"):
        found = listing.listing(agency=request.account, asked=asked_for(request.POST))
        return [row.client.pk for row in found.rows]
    try:
        return [UUID(text) for text in request.POST.getlist("chosen")[: limits.SEVERAL_MOST + 1]]
    except ValueError:
        raise Unusable("Choose sub-accounts of the list.") from None


def _back() -> str:
    return reverse("wallets:account_manager")


def _wish(values: dict) -> Wish:
    return Wish(values["basic_minutes"], values["premium_minutes"], values["payment_method"])


def _check_quote(quoted: Decimal | None, charge: Decimal) -> None:
    if quoted != charge:
        raise QuoteChanged("The sum changed since it was shown. Check it and save again.")


def _saved(
    request: HttpRequest, accounts: list[Account], wish: Wish, plan: several.Plan
) -> HttpResponse:
    found = several.save(
        agency=request.account,
        accounts=accounts,
        actor=request.user,
        wish=wish,
        seen=seen.sent(request),
        shown=plan,
    )
    answer = dialog(
        request,
        partial="wallets/agencies/_several_saved.html",
        title="Set allocation",
        back=_back(),
        context={"found": found, "wish": wish},
    )
    return triggered(answer, {"balance-changed": {}})


def _priced(form: SeveralForm) -> SeveralForm:
    """With today's rates beside the fields."""
    for name, price in rates_now().items():
        form.fields[f"{name}_minutes"].help_text = f"{rate(price)} per minute. Enter 0 for none."
    return form


def _named(accounts: list[Account]) -> dict[str, object]:
    names = [account.name for account in accounts]
    return {
        "accounts": accounts,
        "names": names[:NAMES_SHOWN],
        "more_names": max(0, len(names) - NAMES_SHOWN),
    }


def _allocation(
    request: HttpRequest,
    accounts: list[Account],
    form: SeveralForm,
    *,
    plan: several.Plan | None = None,
    status: int = 200,
) -> HttpResponse:
    return dialog(
        request,
        partial="wallets/agencies/_several.html",
        title="Set allocation",
        back=_back(),
        context={
            **_named(accounts),
            "form": form,
            "plan": plan,
            "cards": payment_methods.cards(request.account),
        },
        status=status,
    )
