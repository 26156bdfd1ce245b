"""What people type into the pages of wallets. Ranges and rules are the middle's business;
here it is only read and put into figures."""

import re
import uuid
from datetime import date
from decimal import Decimal

from django import forms

from accounts.errors import Unusable
from accounts.limits import AGENCY_NOTICE_LENGTH
from accounts.views.dialogs import add_errors
from wallets import limits
from wallets.models import Purchase
from wallets.statements import ranges

_PLAIN_DOLLARS = re.compile(r"\d{1,12}(\.\d{1,2})?", re.ASCII)
_GROUPED_DOLLARS = re.compile(r"\d{1,3}(,\d{3})*(\.\d{1,2})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}|\d{1,3}(,\d{3})*", re.ASCII)


class DollarsField(forms.CharField):
    """Dollars and cents as people write them: `$1,234.50`, `1234.5`, with spaces around."""

    unit = "$"

    def __init__(self, *, example: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.error_messages["required"] = self.wrong = (
            f"Enter an amount in dollars and cents, like {example}"
        )
        self.widget.attrs.update({"inputmode": "decimal", "autocomplete": "off", "maxlength": 20})

    def clean(self, value: str | None) -> Decimal | None:
        text = super().clean(value).replace(" ", "").removeprefix("$")
        if not text:
            if self.required:
                raise forms.ValidationError(self.wrong)
            return None
        if not (_PLAIN_DOLLARS.fullmatch(text) or _GROUPED_DOLLARS.fullmatch(text)):
            raise forms.ValidationError(self.wrong)
        return Decimal(text.replace(",", ""))


class MinutesField(forms.CharField):
    """A whole number of minutes; the middle knows the largest."""

    wrong = "Enter a whole number of minutes, 0 or more"

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.error_messages["required"] = self.wrong
        self.widget.attrs.update({"inputmode": "numeric", "autocomplete": "off", "maxlength": 12})

    def clean(self, value: str | None) -> int:
        text = super().clean(value).replace(" ", "")
        if not _WHOLE.fullmatch(text):
            raise forms.ValidationError(self.wrong)
        return int(text.replace(",", ""))


class CardField(forms.ChoiceField):
    """One of the payer's cards; `first` names the choice that follows the default card."""

    def __init__(self, *, cards: list, first: str = "", **kwargs) -> None:
        choices = [(card.id, _described(card)) for card in cards]
        super().__init__(choices=[("", first), *choices] if first else choices, **kwargs)
        self.error_messages["required"] = "Choose a payment method"
        self.error_messages["invalid_choice"] = "Choose one of your saved cards"


def _described(card) -> str:
    return f"{card.label}, has expired" if card.is_expired else card.label


class AutoRechargeForm(forms.Form):
    enabled = forms.BooleanField(
        label="Recharge automatically", required=False, help_text="Applies when you save."
    )
    threshold = DollarsField(
        label="Minimum Threshold",
        example="10.00",
        help_text="Recharge when the balance drops below this amount.",
    )
    amount = DollarsField(
        label="Auto-Recharge Amount", example="50.00", help_text="Added to your balance each time."
    )
    monthly_limit = DollarsField(
        label="Monthly limit",
        example="500.00",
        required=False,
        help_text="Stop automatic charges after this much in a calendar month.",
    )
    daily_ceiling = DollarsField(
        label="Daily ceiling",
        example="500.00",
        required=False,
        help_text="Automatic charges of one day stop here until midnight. Empty: ten times the "
        "Auto-Recharge Amount, at least $500.",
    )
    resume_campaigns = forms.BooleanField(
        label="Resume paused campaigns after an automatic recharge",
        required=False,
        help_text="Off by default, because campaigns call real people.",
    )
    quoted_charge = forms.DecimalField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, cards: list, default: str, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        label = next((card.label for card in cards if card.id == default), "")
        first = f"Default card ({label})" if label else "Default card"
        self.fields["payment_method"] = CardField(
            cards=cards, first=first, label="Payment method", required=False
        )

    def uses_more_options(self) -> bool:
        """Whether what stands under More options is set, or wrong."""
        more = [self[name] for name in ("monthly_limit", "daily_ceiling", "resume_campaigns")]
        return any(field.errors or field.value() for field in more)


class LowMinutesForm(forms.Form):
    """Empty is our own level; a text that is no number is refused by its field."""

    minutes = forms.IntegerField(
        required=False, min_value=0, max_value=limits.MINUTES_LEVEL_MOST, label="Minutes left"
    )


class RechargeForm(forms.Form):
    amount = DollarsField(label="Amount", example="50.00")
    buys = forms.ChoiceField(
        label="Minute type",
        choices=[choice for choice in Purchase.Buys.choices if choice[0] != "allocation"],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose Premium or Basic Minutes"},
    )
    form_key = forms.UUIDField(widget=forms.HiddenInput)
    # What the page said when the button was pressed.
    quoted_amount = forms.DecimalField(required=False, widget=forms.HiddenInput)
    # Nothing is wrong, but the button named other figures than the fields do.
    to_review = False
    quoted_rate = forms.DecimalField(required=False, widget=forms.HiddenInput)
    quoted_debt = forms.DecimalField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, cards: list, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["payment_method"] = CardField(cards=cards, label="Payment method")


class AllocationForm(forms.Form):
    basic_minutes = MinutesField(label="Basic minutes per month", help_text="Enter 0 for none.")
    premium_minutes = MinutesField(label="Premium minutes per month", help_text="Enter 0 for none.")
    start_date = forms.DateField(
        label="First charge on",
        required=False,
        help_text="Empty means today.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a date, like 2026-12-01"},
    )
    quoted_charge = forms.DecimalField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, cards: list, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["payment_method"] = CardField(cards=cards, label="Payment method")


class GiftForm(forms.Form):
    basic_minutes = MinutesField(label="Basic minutes", help_text="Enter 0 for none.")
    premium_minutes = MinutesField(label="Premium minutes", help_text="Enter 0 for none.")
    form_key = forms.UUIDField(widget=forms.HiddenInput)
    # What the page said when the button was pressed.
    quoted_charge = forms.DecimalField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, cards: list, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["payment_method"] = CardField(cards=cards, label="Payment method")


class AskForm(forms.Form):
    basic_minutes = MinutesField(label="Basic minutes", help_text="Enter 0 for none.")
    premium_minutes = MinutesField(label="Premium minutes", help_text="Enter 0 for none.")
    words = forms.CharField(
        label="What for",
        required=False,
        max_length=limits.ASK_WORDS_LENGTH,
        help_text="Your agency reads this.",
    )


class SeveralForm(forms.Form):
    """A monthly allocation for several: the first charge is today, or when a month is due."""

    basic_minutes = MinutesField(label="Basic minutes per month", help_text="Enter 0 for none.")
    premium_minutes = MinutesField(label="Premium minutes per month", help_text="Enter 0 for none.")
    quoted_charge = forms.DecimalField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, cards: list, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["payment_method"] = CardField(cards=cards, label="Payment method")


class NoticeForm(forms.Form):
    text = forms.CharField(
        label="Message",
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": AGENCY_NOTICE_LENGTH}),
        help_text=f"At most {AGENCY_NOTICE_LENGTH} characters, without web or mail addresses.",
        error_messages={"required": "Write what they should know"},
    )
    form_key = forms.UUIDField(widget=forms.HiddenInput)


class RenameForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=120, error_messages={"required": "Enter the sub-account's name"}
    )


class OwnerForm(forms.Form):
    email = forms.EmailField(
        label="Owner's e-mail",
        help_text="A new link is sent; the link of before ends.",
        error_messages={"required": "Enter an e-mail address, like name@example.com"},
    )


class SubAccountForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=120, error_messages={"required": "Enter the sub-account's name"}
    )
    owner_email = forms.EmailField(
        label="Owner's e-mail",
        help_text="We send them an invitation to join.",
        error_messages={"required": "Enter an e-mail address, like name@example.com"},
    )


KINDS = {
    "recharges": ["recharge", "auto_recharge"],
    "calls": ["calls"],
    "allocations": ["allocation"],
    "adjustments": ["adjustment", "included_grant", "included_reset"],
    "refunds": ["refund", "refund_failed", "dispute", "dispute_won"],
}


class DayField(forms.CharField):
    """A day as browsers send it, 2026-11-22: with slashes it could be another one."""

    def __init__(self, *, label: str, help_text: str = "") -> None:
        widget = forms.DateInput(attrs={"type": "date"})
        super().__init__(label=label, required=False, widget=widget, help_text=help_text)

    def clean(self, value: str | None) -> date | None:
        try:
            return ranges.read_day(super().clean(value), field="")
        except Unusable as error:
            raise forms.ValidationError(str(error)) from None


class TransactionsForm(forms.Form):
    """The filters of the statement. One that makes no sense is refused beside its field."""

    type = forms.ChoiceField(
        label="Type",
        required=False,
        error_messages={"invalid_choice": "Choose a type of the list."},
        choices=[("", "All"), *((name, name.capitalize()) for name in KINDS)],
    )
    status = forms.ChoiceField(
        label="Status",
        required=False,
        error_messages={"invalid_choice": "Choose a status of the list."},
        choices=[
            ("", "All"),
            ("processing", "Processing"),
            ("paid", "Paid"),
            ("posted", "Posted"),
            ("failed", "Failed"),
            ("action_required", "Action required"),
            ("refunded", "Refunded"),
            ("canceled", "Canceled"),
        ],
    )
    since = DayField(label="From")
    until = DayField(label="To")

    def __init__(self, *args, today: date, **kwargs) -> None:
        # Not the ids of the export's dialog, which opens over them.
        super().__init__(*args, auto_id="filter_%s", **kwargs)
        self.today = today

    def clean(self) -> dict[str, object]:
        chosen = super().clean()
        try:
            ranges.check(since=chosen.get("since"), until=chosen.get("until"), today=self.today)
        except Unusable as error:
            add_errors(self, error)
        return chosen


def new_key() -> str:
    """A fresh form key: one per rendered form, and a new one after a definite decline."""
    return str(uuid.uuid4())
