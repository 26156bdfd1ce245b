"""Buttons of the staff: a dialog with a reason, one function of the middle, one row of proof."""

import re
import uuid
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin.seen import renew
from accounts.audit import staff_actions
from accounts.audit.seen import Overtaken
from accounts.errors import AccountError
from accounts.models import Account, StaffAction
from accounts.runtime.addresses import client_ip
from accounts.telling.notifications import notify
from accounts.views import seen

_PLAIN_NUMBER = re.compile(r"\s*\d{1,12}(\.\d{1,12})?\s*", re.ASCII)

REPEATED = "This was done already, by the first click: {result}"
NOT_OURS = "This form was not made by us. Nothing was done: check it, and press again."
STILL_RUNNING = "The first click is still at work. Look again in a moment."

# The name of every button: what `StaffAction.kind` may be.
KINDS: set[str] = set()


def plain_number(text: str) -> None:
    """For fields with figures: Python also takes `1_000`, `1e3` and the digits of other scripts."""
    if not _PLAIN_NUMBER.fullmatch(str(text)):
        raise forms.ValidationError("Enter a number in plain digits.")


class DecimalField(forms.DecimalField):
    def to_python(self, value: Any) -> Any:
        if value not in self.empty_values:
            plain_number(value)
        return super().to_python(value)


class IntegerField(forms.IntegerField):
    def to_python(self, value: Any) -> Any:
        if value not in self.empty_values:
            plain_number(value)
        return super().to_python(value)


class ReasonForm(BaseDialogForm):
    """What every dialog asks: why. Its key makes a second click harmless."""

    reason = forms.CharField(
        max_length=staff_actions.MOST_REASON,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="For the log, and for whoever answers the next call.",
    )
    # Of one shape only: what else a row is named by can never be sent as a form's key.
    form_key = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput)

    # What is shown above the fields: the state now, and what pressing the button will do.
    facts_template = "staff/_facts.html"

    def __init__(self, *args: Any, subject: Model | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subject = subject
        self.order_fields([name for name in self.fields if name != "reason"] + ["reason"])
        self.prepare()

    def clean(self) -> dict:
        values = super().clean()
        if "form_key" in self.errors:
            del self.errors["form_key"]
            self.data = self.data.copy()
            self.data["form_key"] = str(uuid.uuid4())
            self.add_error(None, NOT_OURS)
        return values

    def prepare(self) -> None:
        """Fit choices, limits and first values to the subject."""

    def facts(self) -> list[tuple[str, object]]:
        """Lines of “what: how it is”, shown above the fields."""
        return []

    def warning(self) -> str:
        """A sentence about what this will do that staff should know before."""
        return ""

    def render_before_template(self) -> str:
        context = {"facts": self.facts(), "warning": self.warning(), "form": self}
        return render_to_string(self.facts_template, context)


class NotedForm(ReasonForm):
    """A deed that the customer may be told of in words of their own, apart from why we do it."""

    customer_note = forms.CharField(
        label="Note for the customer",
        max_length=staff_actions.MOST_REASON,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Owners and admins get this by mail. The reason below they never read.",
    )

    def tell(self, account: Account) -> None:
        """Mail the note, if there is one. The same form again tells nobody."""
        if note := self.cleaned_data["customer_note"].strip():
            notify(
                account=account,
                kind="support_note",
                title="A note from support",
                text=note,
                dedupe_key=f"support-note:{self.cleaned_data['form_key']}",
            )


def staff_action(
    *,
    title: str,
    permission: str,
    button: str,
    form: type[ReasonForm] = ReasonForm,
    text: str = "",
    icon: str | None = None,
    variant: ActionVariant = ActionVariant.DEFAULT,
    account_of: Callable[[Any], Account | None] | None = None,
) -> Callable:
    """Make `method(self, subject, form, request) -> sentence` a button with a dialog.

    `permission` is "app.codename". The method calls one function of the middle; what that
    refuses is shown in the dialog, and nothing was changed.
    """

    def decorate(method: Callable[..., str]) -> Callable:
        KINDS.add(method.__name__)
        dialog = {
            "title": title,
            "description": text,
            "form_class": form,
            "form_submit_text": button,
        }

        @wraps(method)
        def run(
            self: ModelAdmin, request: HttpRequest, object_id: str | None = None, **kwargs: Any
        ) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            subject = _subject(self, request, object_id)
            filled = form(
                data=request.POST if request.method == "POST" else None,
                request=request,
                object_id=object_id,
                subject=subject,
            )
            if filled.is_valid():
                account = account_of(subject) if account_of and subject else None
                wish = _wish(self, request, method.__name__, subject, account, filled)
                try:
                    done = staff_actions.act(
                        wish, partial(_do, self, method, wish, filled, request)
                    )
                except Overtaken as error:
                    _show(filled, seen.refusal(request, error))
                    renew(filled, error)
                except AccountError as error:
                    _show(filled, error)
                else:
                    _say(self, request, wish, done)
                    return _leave(request, self, subject)
            context = {"dialog": dialog, "form": filled, "form_submit_text": button}
            return render(request, "unfold/helpers/dialog.html", context)

        button_of = action(description=title, permissions=[permission], icon=icon, variant=variant)(
            run
        )
        # Unfold opens what carries a dialog in its window; the form above is ours to fill.
        button_of.dialog = dialog
        return button_of

    return decorate


def _do(
    admin: ModelAdmin,
    method: Callable[..., str],
    wish: staff_actions.Wish,
    form: ReasonForm,
    request: HttpRequest,
) -> str:
    """The deed, then the note for the customer: what was refused is told to nobody."""
    result = method(admin, form.subject, form, request)
    if isinstance(form, NotedForm) and wish.account:
        form.tell(wish.account)
    return result


def _subject(admin: ModelAdmin, request: HttpRequest, object_id: str | None) -> Model | None:
    if object_id is None:
        return None
    subject = admin.get_object(request, object_id)
    if subject is None:
        raise Http404
    return subject


def _wish(
    admin: ModelAdmin,
    request: HttpRequest,
    kind: str,
    subject: Model | None,
    account: Account | None,
    form: ReasonForm,
) -> staff_actions.Wish:
    asked = {
        name: str(value)
        for name, value in form.cleaned_data.items()
        if name not in ("reason", "form_key", "_form_submitted", seen.FIELD)
    }
    return staff_actions.Wish(
        actor=request.user,
        kind=kind,
        subject=f"{admin.opts.verbose_name} {subject}" if subject else admin.opts.verbose_name,
        reason=form.cleaned_data["reason"],
        form_key=f"{kind}:{form.cleaned_data['form_key']}",
        account=account,
        link=_page_of(admin, subject),
        facts=asked,
        address=client_ip(request),
        request_id=request.id,
    )


def _show(form: ReasonForm, error: AccountError) -> None:
    known = {name: text for name, text in error.fields.items() if name in form.fields}
    for name, text in known.items():
        form.add_error(name, text)
    if not known or str(error) not in known.values():
        form.add_error(None, str(error))


def _say(
    admin: ModelAdmin, request: HttpRequest, wish: staff_actions.Wish, done: StaffAction
) -> None:
    text = done.result
    if done.state == StaffAction.State.STARTED:
        text = STILL_RUNNING
    elif done.request_id != wish.request_id:
        text = REPEATED.format(result=done.result)
    admin.message_user(request, text)


def _page_of(admin: ModelAdmin, subject: Model | None) -> str:
    names = f"admin:{admin.opts.app_label}_{admin.opts.model_name}"
    if subject is None:
        return reverse(f"{names}_changelist")
    return reverse(f"{names}_change", args=[subject.pk])


def _leave(request: HttpRequest, admin: ModelAdmin, subject: Model | None) -> HttpResponse:
    """Back to the page, which then shows the new state."""
    target = _page_of(admin, subject)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(headers={"HX-Redirect": target})
    return HttpResponse(status=303, headers={"Location": target})
