"""Rates: a new one is added through the same function as everywhere. None is edited."""

from django import forms
from django.contrib import admin
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from wallets import pricing
from wallets.admin.base import ReadOnly
from wallets.errors import InvalidAmount
from wallets.models import MinuteRate, MinuteType


class NewRateForm(forms.ModelForm):
    minute_type = forms.ChoiceField(choices=MinuteType.choices)
    price = forms.DecimalField(
        max_digits=9, decimal_places=6, help_text="Dollars per minute, for everybody."
    )
    effective_from = forms.SplitDateTimeField(
        widget=admin.widgets.AdminSplitDateTime, help_text="In UTC; never in the past."
    )

    def clean(self) -> dict:
        """Try the rate and take it back: what refuses it stands beside its field."""
        values = super().clean()
        if self.errors:
            return values
        try:
            with transaction.atomic():
                set_rate(values, actor=None)
                transaction.set_rollback(True)
        except InvalidAmount as error:
            raise forms.ValidationError(error.fields) from None
        except IntegrityError:
            text = "There is a rate of this type from this moment on already."
            raise forms.ValidationError({"effective_from": text}) from None
        return values

    def _post_clean(self) -> None:
        """The row is made by `pricing`, which has checked it."""


def set_rate(values: dict, *, actor: object) -> MinuteRate:
    return pricing.set_rate(
        minute_type=values["minute_type"],
        price=values["price"],
        effective_from=values["effective_from"],
        actor=actor,
    )


@admin.register(MinuteRate)
class MinuteRateAdmin(ReadOnly):
    form = NewRateForm
    fields = ["minute_type", "price", "effective_from"]
    list_display = ["minute_type", "price", "effective_from", "created_at", "created_by"]
    list_filter = ["minute_type"]
    list_select_related = ["created_by"]
    ordering = ["-effective_from"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def save_model(
        self, request: HttpRequest, obj: MinuteRate, form: NewRateForm, change: bool
    ) -> None:
        made = set_rate(form.cleaned_data, actor=request.user)
        # The admin logs and names the row it is given.
        obj.__dict__.update(made.__dict__)
