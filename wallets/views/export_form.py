"""What people choose for a file. Whatever makes no sense is refused: a file that is silently
another one than was asked for is worse than none."""

from collections.abc import Mapping
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


_YES, _NO = ("1", "on", "true", "yes"), ("", "0", "off", "false", "no")


class _TickInput(forms.CheckboxInput):
    """As it was sent: `bom=0` is no tick."""

    def __init__(self) -> None:
        super().__init__(check_test=lambda value: str(value).lower() in _YES)

    def value_from_datadict(self, data: Mapping, _files: object, name: str) -> str:
        return data.get(name, "")


class _TickField(forms.BooleanField):
    widget = _TickInput

    def clean(self, value: str) -> bool:
        text = value.strip().lower()
        if text not in _YES + _NO:
            raise forms.ValidationError("Choose 1 or 0. Nothing was exported.")
        return text in _YES


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
    payments = _TickField(
        label="Also payments that moved no balance here",
        required=False,
        help_text="CSV and XLSX: declined and unfinished ones, and those for sub-accounts. They "
        "are in no sum.",
    )
    bom = _TickField(
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
# All that the address of a file may say.
NAMES = (*ExportForm.base_fields, *OTHER_NAMES.values())
