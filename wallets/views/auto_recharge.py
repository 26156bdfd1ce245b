"""The Auto-Recharge dialog: settings, what saving charges, and "Try again"."""

from collections.abc import Mapping
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit.seen import Overtaken, mark
from accounts.pages import needs
from accounts.people.access import Permission
from accounts.runtime.addresses import client_ip
from accounts.views import seen
from accounts.views.dialogs import add_errors, dialog, done, refused
from wallets import limits
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.errors import InvalidAmount, WalletError
from wallets.models import AutoRecharge, Wallet
from wallets.recharges import configure as auto_recharge_settings
from wallets.recharges import low_minutes, preview_words, switching_off
from wallets.recharges.configure import SETTINGS, Saved, Settings
from wallets.views.bill_to import asked_first
from wallets.views.forms import AutoRechargeForm, LowMinutesForm
from wallets.views.methods import chosen_card, leave_for_card, typed
from wallets.views.purchases import charged, quoted_charge
from wallets.views.replayed import replayed
from wallets.why import sentences


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.MONEY)
def configure(request: HttpRequest) -> HttpResponse:
    if question := asked_first(request):
        return question
    wallet = open_wallet(account=request.account)
    shows = mark(wallet.auto_recharge, fields=SETTINGS)
    if "add_card" in request.POST:
        here = reverse("wallets:auto_recharge")
        return leave_for_card(request, here=here, fields=(*SETTINGS, "left", seen.FIELD))
    if request.method != "POST":
        form = _form(wallet, initial=_initial(request, wallet))
        seen.put(request, form, shows)
        shown = _previewed_form(wallet, form.initial)
        return _dialog(request, form, wallet.auto_recharge, shown)
    form = _form(wallet, request.POST)
    seen.put(request, form, shows)
    if form.is_valid():
        settings = _settings(form.cleaned_data)
        try:
            saved = auto_recharge_settings.save(
                wallet_id=wallet.pk,
                settings=settings,
                actor=request.user,
                # A page that named no charge agreed to none.
                quoted_charge=form.cleaned_data["quoted_charge"] or Decimal(0),
                address=client_ip(request),
                seen=seen.sent(request),
            )
        except Overtaken as error:
            wallet.auto_recharge.refresh_from_db()
            seen.come_back(request, form, error, now=_in_force(wallet.auto_recharge))
        except WalletError as error:
            add_errors(form, error)
        else:
            return _saved(request, saved)
    shown = _previewed_form(wallet, request.POST)
    return _dialog(request, form, wallet.auto_recharge, shown, status=422)


@require_safe
@needs(Permission.MONEY)
def preview(request: HttpRequest) -> HttpResponse:
    wallet = open_wallet(account=request.account)
    shown = _previewed_form(wallet, request.GET)
    return render(
        request, "wallets/recharges/_preview.html", {"preview": shown, "swap_button": True}
    )


@require_POST
@needs(Permission.MONEY)
def retry(request: HttpRequest) -> HttpResponse:
    back = reverse("wallets:payments")
    wallet = open_wallet(account=request.account)
    try:
        saved = auto_recharge_settings.try_again(
            wallet_id=wallet.pk,
            actor=request.user,
            address=client_ip(request),
            quoted_charge=quoted_charge(request),
        )
    except WalletError as error:
        return refused(request, back=back, error=error)
    return charged(request, saved.purchase)


@require_POST
@needs(Permission.WITHDRAW)
def switch_off(request: HttpRequest) -> HttpResponse:
    """Nobody is denied this, on a closed account either."""
    wallet = open_wallet(account=request.account)
    switching_off.switch_off(wallet_id=wallet.pk, why=f"{request.user} did it")
    return done(request, back=reverse("wallets:payments"), text="Auto-Recharge is off.")


@require_POST
@needs(Permission.MONEY)
def low_minutes_level(request: HttpRequest) -> HttpResponse:
    """From how many minutes on the account is told that they run out."""
    back = reverse("wallets:payments")
    form = LowMinutesForm(request.POST)
    if not form.is_valid():
        text = f"Enter 0 to {limits.MINUTES_LEVEL_MOST:,} minutes."
        return refused(request, back=back, error=InvalidAmount(text))
    wallet = open_wallet(account=request.account)
    minutes = form.cleaned_data["minutes"]
    try:
        low_minutes.set_level(wallet_id=wallet.pk, minutes=minutes, seen=seen.sent(request))
    except Overtaken as error:
        return refused(request, back=back, error=seen.refusal(request, error))
    return done(request, back=back, text="Saved.")


def _initial(request: HttpRequest, wallet: Wallet) -> dict[str, object]:
    """The settings in force; over them what the address says was typed, or what would help."""
    found = _in_force(wallet.auto_recharge)
    given = typed(request, SETTINGS)
    if "left" in request.GET:
        # A form says nothing of what is switched off or empty.
        found |= {"enabled": "", "resume_campaigns": "", "monthly_limit": "", "daily_ceiling": ""}
    card = chosen_card(request, payment_methods.cards(request.account))
    return found | given | ({"payment_method": card} if card else {})


def _in_force(automatic: AutoRecharge) -> dict[str, object]:
    limit, ceiling = automatic.monthly_limit, automatic.daily_ceiling
    return {
        "enabled": automatic.enabled,
        "threshold": f"{automatic.threshold.amount:.2f}",
        "amount": f"{automatic.amount.amount:.2f}",
        "payment_method": automatic.payment_method,
        "monthly_limit": "" if limit is None else f"{limit.amount:.2f}",
        "daily_ceiling": "" if ceiling is None else f"{ceiling.amount:.2f}",
        "resume_campaigns": automatic.resume_campaigns,
    }


def _settings(values: dict) -> Settings:
    limit, ceiling = values.get("monthly_limit"), values.get("daily_ceiling")
    return Settings(
        enabled=bool(values["enabled"]),
        threshold=Decimal(values["threshold"]),
        amount=Decimal(values["amount"]),
        payment_method=values.get("payment_method") or "",
        monthly_limit=None if limit in (None, "") else Decimal(limit),
        daily_ceiling=None if ceiling in (None, "") else Decimal(ceiling),
        resume_campaigns=bool(values.get("resume_campaigns")),
    )


def _form(wallet: Wallet, data: Mapping | None = None, **kwargs) -> AutoRechargeForm:
    cards = payment_methods.cards(wallet.account)
    return AutoRechargeForm(data, cards=cards, default=wallet.default_payment_method, **kwargs)


def _previewed_form(wallet: Wallet, data: Mapping) -> dict[str, object]:
    form = _form(wallet, data)
    if form.is_valid():
        return _preview(wallet, form.cleaned_data)
    return _problem(wallet, next(iter(form.errors.values()))[0])


def _problem(wallet: Wallet, text: str) -> dict[str, object]:
    """These values cannot be saved, and why."""
    return {"charge_now": Decimal(0), "tone": "warn", "text": text, "replay": replayed(wallet)}


def _preview(wallet: Wallet, values: dict) -> dict[str, object]:
    """What saving these values would do now, in sentences, and would have done for a month."""
    settings = _settings(values)
    try:
        found = auto_recharge_settings.preview(wallet_id=wallet.pk, settings=settings)
    except InvalidAmount as error:
        return _problem(wallet, str(error))
    except WalletError as error:
        shown = {"charge_now": Decimal(0), "text": str(error)}
        return shown | {"replay": replayed(wallet, settings)}
    return {
        "replay": replayed(wallet, settings),
        "charge_now": found.charge,
        "tone": "info" if found.decision.code.calm and not found.charge else "warn",
        "text": preview_words.sentence(found, settings),
        "warning": preview_words.warning(found, settings),
    }


def _dialog(
    request: HttpRequest,
    form: AutoRechargeForm,
    automatic: AutoRecharge,
    shown: dict[str, object],
    status: int = 200,
) -> HttpResponse:
    return dialog(
        request,
        partial="wallets/recharges/_configure.html",
        title="Auto-Recharge",
        back=reverse("wallets:payments"),
        context={
            "form": form,
            "automatic": automatic,
            "preview": shown,
            "cards": payment_methods.cards(request.account),
            "backup": payment_methods.card(
                account=request.account, card_id=automatic.wallet.backup_payment_method
            ),
        },
        status=status,
    )


def _saved(request: HttpRequest, saved: Saved) -> HttpResponse:
    if saved.purchase:
        return charged(request, saved.purchase, saved="Auto-Recharge saved.")
    text = "Auto-Recharge saved."
    if saved.automatic.enabled and saved.decision.code not in ("balance_fine", "charge"):
        text = f"{text} {sentences.preview(saved.decision)}"
    return done(request, back=reverse("wallets:payments"), text=text)
