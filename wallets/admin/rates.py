"""Rates: a new one begins at a moment, with its effect shown before. None is edited."""

from datetime import timedelta
from decimal import Decimal

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts import clock
from accounts.admin.dialogs import DecimalField, ReasonForm, staff_action
from wallets import limits
from wallets.admin.base import ReadOnly
from wallets.models import AdjustmentRequest, MinuteRate, MinuteType
from wallets.prices import effects
from wallets.prices.rates import rates_now
from wallets.support import policy, repricing
from wallets.texts import rate, usd


class RateForm(ReasonForm):
    """Asked twice: the first time shows what the rate would do, the second time sets it."""

    minute_type = forms.ChoiceField(choices=MinuteType.choices, widget=UnfoldAdminSelectWidget)
    price = DecimalField(
        min_value=Decimal("0.000001"),
        max_value=Decimal(100),
        max_digits=9,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="Dollars per minute, for everybody.",
    )
    effective_from = forms.DateTimeField(
        widget=UnfoldAdminTextInputWidget,
        help_text="In UTC, such as 2027-01-31 00:00; never in the past.",
    )
    # What was shown: other figures are shown again before anything is set.
    shown = forms.CharField(required=False, widget=forms.HiddenInput, max_length=120)

    effect: effects.Effect | None = None

    def prepare(self) -> None:
        # The first midnight that is a day ahead: sooner needs a second person.
        midnight = (clock.now() + timedelta(days=2)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        self.fields["effective_from"].initial = midnight

    def clean(self) -> dict:
        values = super().clean()
        if self.errors:
            return values
        facts = f"{values['minute_type']} {values['price']} {values['effective_from']}"
        if values["shown"] != facts:
            self.effect = effects.preview(minute_type=values["minute_type"], price=values["price"])
            self.data = self.data.copy()
            self.data["shown"] = facts
            self.add_error(None, "Nothing is set yet. Check the effect, then press again.")
        return values

    def warning(self) -> str:
        return (
            f"More than {limits.RATE_BAND:.0%} off any price of the last "
            f"{limits.RATE_WITHIN.days} days, within {limits.RATE_NOTICE.days * 24} hours, or "
            f"worth more than {usd(limits.GIVEN_ALONE)} a month: another person must approve."
        )

    def facts(self) -> list[tuple[str, object]]:
        now = rates_now()
        rows: list[tuple[str, object]] = [
            (f"{kind.label} now", f"{rate(now[kind])} a minute") for kind in MinuteType
        ]
        return rows + (self.effect.lines() if self.effect else [])


@admin.register(MinuteRate)
class MinuteRateAdmin(ReadOnly):
    list_display = ["minute_type", "price_shown", "effective_from", "created_at", "created_by"]
    list_filter = ["minute_type"]
    list_select_related = ["created_by"]
    ordering = ["-effective_from"]
    actions_list = ["set_rate"]

    @admin.display(description="dollars a minute", ordering="price")
    def price_shown(self, row: MinuteRate) -> str:
        return rate(row.price)

    @staff_action(
        title="Set a new rate",
        permission="wallets.set_rate",
        button="Go on",
        form=RateForm,
        icon="sell",
    )
    def set_rate(self, subject: None, form: RateForm, request: HttpRequest) -> str:
        made = repricing.set_rate(
            minute_type=form.cleaned_data["minute_type"],
            price=form.cleaned_data["price"],
            effective_from=form.cleaned_data["effective_from"],
            actor=request.user,
            note=form.cleaned_data["reason"],
            form_key=str(form.cleaned_data["form_key"]),
        )
        if isinstance(made, AdjustmentRequest):
            return policy.ASKED
        return f"{made} from {made.effective_from:%-d %b %Y, %H:%M} UTC on."
