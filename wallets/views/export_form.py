"""What people choose for a file. Whatever makes no sense is refused: a file that is silently
another one than was asked for is worse than none."""

from datetime import date

from django import forms

from wallets.exports.asking import Format
from wallets.models import Pot
from wallets.statements.rows import Status
from wallets.views.forms import KINDS, DayField

# A day may come under either name; the first is that of the page's filters.
OTHER_NAMES = {"since": "from", "until": "to"}


class _DayField(DayField):
    def clean(self, value: str | None) -> date | None:
        try:
            return super().clean(value)
        except forms.ValidationError as error:
            raise forms.ValidationError(f"{error.message} Nothing was exported.") from None


class _OneOf(forms.ChoiceField):
    def __init__(self, *, choices: list[tuple[str, str]], known: str, **kwargs) -> None:
        super().__init__(choices=choices, **kwargs)
        self.error_messages["invalid_choice"] = f"Choose {known}. Nothing was exported."
        self.error_messages["required"] = self.error_messages["invalid_choice"]


class ExportForm(forms.Form):
    format = _OneOf(
        label="Format", choices=Format.choices, known="one of the formats", initial=Format.CSV
    )
    since = _DayField(label="From", help_text="Empty: from the first entry.")
    until = _DayField(label="To", help_text="This day included. Empty: up to now.")
    pot = _OneOf(
        label="Balance",
        required=False,
        choices=[("", "All"), *Pot.choices],
        known="credit, premium, basic or included",
    )
    payments = forms.BooleanField(
        label="Also payments that moved no balance here",
        required=False,
        help_text="CSV and XLSX: declined and unfinished ones, and those for sub-accounts. They "
        "are in no sum.",
    )
    bom = forms.BooleanField(
        label="Begin with a byte-order mark",
        required=False,
        help_text="CSV for Excel. Databases and programs read it better without.",
    )
    type = _OneOf(
        required=False,
        choices=[("", "All"), *((name, name.capitalize()) for name in KINDS)],
        known=f"a type: {', '.join(KINDS)}",
        widget=forms.HiddenInput,
    )
    status = _OneOf(
        required=False,
        choices=[("", "All"), *Status.choices],
        known="one of the statuses",
        widget=forms.HiddenInput,
    )

    def filters(self) -> str:
        """The page's filters that narrow the file, in words."""
        chosen = [dict(self.fields[name].choices).get(self[name].value()) for name in FILTERS]
        return ", ".join(one for one in chosen if one and one != "All")

    def asked(self) -> dict[str, object]:
        """What a form without errors asks for, in the words of `asking.ask`."""
        chosen = self.cleaned_data
        return {
            "format": Format(chosen["format"]),
            "since": chosen["since"],
            "until": chosen["until"],
            "pot": chosen["pot"],
            "kinds": KINDS.get(chosen["type"]),
            "statuses": [chosen["status"]] if chosen["status"] else None,
            "with_payments": chosen["payments"],
            "with_mark": chosen["bom"],
        }


FILTERS = ("type", "status")
