"""The settings page Alerts: what an account wants to hear of, who hears it, and where in Slack."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit.seen import Overtaken, mark
from accounts.errors import AccountError
from accounts.pages import needs
from accounts.people.access import Permission
from accounts.views import seen
from accounts.views.dialogs import add_errors, done, refused
from wallets.alerts import keeping, slack, telling, words
from wallets.balances.opening import open_wallet
from wallets.errors import WalletError
from wallets.models import Alert, SlackHook, Wallet
from wallets.views.alert_forms import AlertForm, SlackForm


@require_safe
@needs(Permission.SEE)
def alerts(request: HttpRequest) -> HttpResponse:
    return _page(request, AlertForm())


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.MONEY)
def add(request: HttpRequest) -> HttpResponse:
    wallet = open_wallet(account=request.account)
    form = AlertForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            alert = keeping.add(wallet_id=wallet.pk, terms=form.terms(), actor=request.user)
        except WalletError as error:
            add_errors(form, error)
        else:
            text = f"You will hear of it: {words.name(alert).lower()}."
            if not alert.armed:
                text = f"{text} It is below already, so you hear once it has been above."
            return done(request, back=reverse("wallets:alerts"), text=text)
    return _page(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.MONEY)
def change(request: HttpRequest, alert_id: int) -> HttpResponse:
    alert = _of(request, alert_id)
    form = AlertForm(request.POST or None, initial=AlertForm.of(alert))
    seen.put(request, form, mark(alert, fields=keeping.TERMS))
    if request.method == "POST" and form.is_valid():
        try:
            changed = keeping.change(
                wallet_id=alert.wallet_id,
                alert_id=alert.pk,
                terms=form.terms(),
                seen=seen.sent(request),
            )
        except Overtaken as error:
            alert.refresh_from_db()
            seen.come_back(request, form, error, now=AlertForm.of(alert))
        except WalletError as error:
            add_errors(form, error)
        else:
            if changed is None:
                raise Http404("No such alert.")
            return done(request, back=reverse("wallets:alerts"), text="Alert saved.")
    context = {"form": form, "alert": alert, "name": words.name(alert)}
    return render(request, "wallets/alerts/change.html", context, status=_status(form))


@require_POST
@needs(Permission.MONEY)
def remove(request: HttpRequest, alert_id: int) -> HttpResponse:
    alert = _of(request, alert_id)
    keeping.remove(wallet_id=alert.wallet_id, alert_id=alert.pk)
    return done(request, back=reverse("wallets:alerts"), text="Alert removed.")


@require_POST
@needs(Permission.MONEY)
def test(request: HttpRequest, alert_id: int) -> HttpResponse:
    alert = _of(request, alert_id)
    back = reverse("wallets:alerts")
    try:
        telling.test(alert=alert, actor=request.user)
    except AccountError as error:
        return refused(request, back=back, error=error)
    return done(request, back=back, text="A test is on its way to everybody it names.")


@require_safe
@needs(Permission.SEE)
def preview(request: HttpRequest, alert_id: int) -> HttpResponse:
    """The mail as it is sent, with figures that are made up."""
    alert = _of(request, alert_id)
    mail = telling.preview(alert)
    context = {"alert": alert, "name": words.name(alert), "mail": mail}
    return render(request, "wallets/alerts/preview.html", context)


@require_POST
@needs(Permission.MONEY)
def connect(request: HttpRequest) -> HttpResponse:
    """Save the webhook, or with `off` forget it."""
    wallet = open_wallet(account=request.account)
    back = reverse("wallets:alerts")
    form, shown = SlackForm(request.POST), seen.sent(request)
    try:
        if "off" in request.POST:
            keeping.disconnect_slack(wallet_id=wallet.pk, seen=shown)
            return done(request, back=back, text="Slack is no longer connected.")
        if form.is_valid():
            address = form.cleaned_data["address"]
            keeping.connect_slack(
                wallet_id=wallet.pk, address=address, actor=request.user, seen=shown
            )
            text = "Slack is connected. Tick Slack at each alert it is for."
            return done(request, back=back, text=text)
    except Overtaken as error:
        return refused(request, back=back, error=seen.refusal(request, error))
    except WalletError as error:
        form.add_error("address", str(error))
    return _page(request, AlertForm(), slack_form=form)


def _page(
    request: HttpRequest,
    form: AlertForm,
    *,
    slack_form: SlackForm | None = None,
) -> HttpResponse:
    wallet = open_wallet(account=request.account)
    hook = SlackHook.objects.filter(wallet=wallet).first()
    slack_form = slack_form or SlackForm()
    seen.put(request, slack_form, mark(hook, fields=keeping.HOOK))
    context = {
        "alerts": [_row(alert) for alert in Alert.objects.filter(wallet=wallet)],
        "form": form,
        "hook": hook,
        "hook_address": hook and slack.shown(hook.secret_path),
        # What was typed is a secret: it is never sent back.
        "slack_form": slack_form,
    }
    status = 422 if form.errors or slack_form.errors else 200
    return render(request, "wallets/alerts/alerts.html", context, status=status)


def _row(alert: Alert) -> dict[str, object]:
    readers = [] if alert.people == Alert.People.NOBODY else [alert.get_people_display()]
    readers += [*alert.addresses, *(["Slack"] if alert.slack else [])]
    return {"alert": alert, "name": words.name(alert), "readers": ", ".join(readers)}


def _of(request: HttpRequest, alert_id: int) -> Alert:
    rows = Alert.objects.select_related("wallet__account")
    wallet: Wallet = open_wallet(account=request.account)
    return get_object_or_404(rows, pk=alert_id, wallet=wallet)


def _status(form: AlertForm) -> int:
    return 422 if form.errors else 200
