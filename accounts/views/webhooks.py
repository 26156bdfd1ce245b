"""Settings, Webhooks: endpoints, their secrets, and the log of what they were sent."""

import json
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import clock
from accounts.audit.seen import Overtaken, mark, overtaken
from accounts.errors import AccountError
from accounts.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from accounts.pages import needs, numbered, require
from accounts.people.access import Permission
from accounts.runtime.of_one import of_one
from accounts.views import seen
from accounts.views.dialogs import add_errors, done, refused
from accounts.views.webhook_forms import ChangeWebhookForm, WebhookForm
from accounts.webhooks import catalogue, endpoints, outbox, signing


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def webhooks(request: HttpRequest) -> HttpResponse:
    """List the endpoints. A POST adds one and shows its secret, this once."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST":
        require(request, Permission.MONEY)
        if form.is_valid():
            try:
                terms = form.terms()
                added = endpoints.add(account=request.account, terms=terms, actor=request.user)
            except AccountError as error:
                add_errors(form, error)
            else:
                return _one_page(request, added, secret="" if added.is_slack else added.secret)
    rows = [_shown(one) for one in endpoints.of(request.account)]
    context = {"form": form, "webhooks": rows, "catalogue": catalogue.every()}
    status = 422 if form.errors else 200
    return render(request, "accounts/webhooks/webhooks.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def webhook(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """One endpoint with its log. A POST changes it."""
    if request.method == "POST":
        require(request, Permission.MONEY)
    endpoint = _of(request, endpoint_id)
    if request.method != "POST":
        return _one_page(request, endpoint)
    form = _change_form(request, endpoint, request.POST)
    if form.is_valid():
        try:
            changed = endpoints.change(
                endpoint_id=endpoint_id,
                account=request.account,
                terms=form.terms(),
                seen=seen.sent(request),
            )
        except Overtaken as error:
            endpoint.refresh_from_db()
            seen.come_back(request, form, error, now=form.in_force(endpoint))
        except AccountError as error:
            add_errors(form, error)
        else:
            if changed is None:
                raise Http404("No such webhook.")
            return done(request, back=_page_of(endpoint_id), text="Webhook saved.")
    elif seen.sent(request) not in ("", now := mark(endpoint, fields=endpoints.TERMS)):
        # An empty address is wrong only since it is no longer one of Slack's.
        error = overtaken(endpoint, fields=endpoints.TERMS, now=now)
        seen.come_back(request, form, error, now=form.in_force(endpoint))
    return _one_page(request, endpoint, form=form)


@require_POST
@needs(Permission.MONEY)
def rotate(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Make a new secret, and show it, this once."""
    try:
        rotated = endpoints.rotate(endpoint=_of(request, endpoint_id))
    except AccountError as error:
        return refused(request, back=_page_of(endpoint_id), error=error)
    return _one_page(request, rotated, secret=rotated.secret)


@require_POST
@needs(Permission.MONEY)
def pause(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    endpoints.pause(endpoint=_of(request, endpoint_id))
    text = "Webhook paused. Events wait until you resume it."
    return done(request, back=_page_of(endpoint_id), text=text)


@require_POST
@needs(Permission.MONEY)
def resume(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    endpoints.resume(endpoint=_of(request, endpoint_id))
    return done(request, back=_page_of(endpoint_id), text="Webhook resumed.")


@require_POST
@needs(Permission.MONEY)
def test(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    try:
        delivery = endpoints.test(endpoint=_of(request, endpoint_id))
    except AccountError as error:
        return refused(request, back=_page_of(endpoint_id), error=error)
    text = "A test event is on its way. Reload this page for its answer."
    return done(request, back=_page_of_delivery(delivery), text=text)


@require_POST
@needs(Permission.MONEY)
def remove(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    endpoints.remove(endpoint=_of(request, endpoint_id))
    return done(request, back=reverse("accounts:webhooks"), text="Webhook deleted, with its log.")


@require_safe
@needs(Permission.SEE)
def delivery(request: HttpRequest, endpoint_id: UUID, delivery_id: int) -> HttpResponse:
    """What was sent, and what was answered each time."""
    one = _delivery_of(request, endpoint_id, delivery_id)
    event = one.event
    body = json.dumps(json.loads(outbox.body(event)), indent=2, ensure_ascii=False)
    context = {
        "delivery": one,
        "webhook": _shown(one.endpoint),
        "tries": list(one.tries.all()),
        "body": catalogue.sentence(event.kind, event.data) if one.endpoint.is_slack else body,
    }
    return render(request, "accounts/webhooks/delivery.html", context)


@require_POST
@needs(Permission.MONEY)
def resend(request: HttpRequest, endpoint_id: UUID, delivery_id: int) -> HttpResponse:
    one = _delivery_of(request, endpoint_id, delivery_id)
    try:
        endpoints.resend(delivery=one)
    except AccountError as error:
        return refused(request, back=_page_of_delivery(one), error=error)
    text = "It is sent again, under the same id. Reload this page for the answer."
    return done(request, back=_page_of_delivery(one), text=text)


def _one_page(
    request: HttpRequest,
    endpoint: WebhookEndpoint,
    *,
    form: ChangeWebhookForm | None = None,
    secret: str = "",
) -> HttpResponse:
    last = WebhookAttempt.objects.filter(delivery=OuterRef("pk")).order_by("-pk")
    rows = WebhookDelivery.objects.filter(of_one("endpoint", endpoint.pk)).select_related("event")
    rows = rows.annotate(
        last_status=Subquery(last.values("status")[:1]),
        last_error=Subquery(last.values("error")[:1]),
        last_ms=Subquery(last.values("took_ms")[:1]),
    )
    context = {
        "webhook": _shown(endpoint),
        "deliveries": numbered(request, rows.order_by("endpoint_id", "-pk")),
        "form": form or _change_form(request, endpoint),
        "secret": secret,
        "old_secrets": len(signing.still_old(endpoint, clock.now())),
    }
    status = 422 if form and form.errors else 200
    return render(request, "accounts/webhooks/webhook.html", context, status=status)


def _change_form(
    request: HttpRequest, endpoint: WebhookEndpoint, data: QueryDict | None = None
) -> ChangeWebhookForm:
    form = ChangeWebhookForm(data, endpoint=endpoint)
    seen.put(request, form, mark(endpoint, fields=endpoints.TERMS))
    return form


def _shown(endpoint: WebhookEndpoint) -> dict[str, object]:
    """An endpoint for pages: without what lets anybody in."""
    if endpoint.disabled_at:
        state, tone = "Switched off", "danger"
    elif endpoint.paused_at:
        state, tone = "Paused", "warning"
    elif endpoint.troubled_since:
        state, tone = "Not answering", "warning"
    else:
        state, tone = ("Working", "success") if endpoint.worked_at else ("New", "")
    return {
        "row": endpoint,
        "name": endpoints.shown_name(endpoint),
        "url": endpoints.shown_url(endpoint),
        "state": state,
        "tone": tone,
    }


def _of(request: HttpRequest, endpoint_id: UUID) -> WebhookEndpoint:
    return get_object_or_404(endpoints.of(request.account), pk=endpoint_id)


def _delivery_of(request: HttpRequest, endpoint_id: UUID, delivery_id: int) -> WebhookDelivery:
    rows = WebhookDelivery.objects.select_related("endpoint__account", "event")
    return get_object_or_404(
        rows, pk=delivery_id, endpoint=endpoint_id, endpoint__account=request.account
    )


def _page_of(endpoint_id: UUID) -> str:
    return reverse("accounts:webhook", args=[endpoint_id])


def _page_of_delivery(one: WebhookDelivery) -> str:
    return reverse("accounts:webhook_delivery", args=[one.endpoint_id, one.pk])
