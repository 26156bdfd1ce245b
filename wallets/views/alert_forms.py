"""What people type at Alerts. What may be set is the middle's business."""

from decimal import Decimal, InvalidOperation

from django import forms

from wallets.alerts.keeping import LEVELS, Terms
from wallets.limits import ALERT_ADDRESSES_MOST
from wallets.models import Alert

_UNITS = {
    Alert.Kind.BALANCE: "Balance below … dollars",
    Alert.Kind.MINUTES: "Minutes of all types below …",
    Alert.Kind.RUNWAY: "Balance and minutes last less than … days",
    Alert.Kind.DECLINE: "The first of declined charges",
    Alert.Kind.RATE: "A rate that will rise",
    Alert.Kind.ESTIMATE: "A monthly charge above its estimate",
}


class AlertForm(forms.Form):
    kind = forms.ChoiceField(label="Tell about", choices=list(_UNITS.items()))
    level = forms.CharField(
        label="Dollars, minutes or days",
        required=False,
        max_length=20,
        help_text="Needed for the first three: 25 is $25.00, 25 minutes or 25 days.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    people = forms.ChoiceField(label="People of this account", choices=Alert.People.choices)
    addresses = forms.CharField(
        label="Other mail addresses",
        required=False,
        max_length=1_500,
        help_text=f"One on each line, {ALERT_ADDRESSES_MOST} at most.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )
    slack = forms.BooleanField(label="Slack", required=False)

    @staticmethod
    def of(alert: Alert) -> dict[str, object]:
        level = "" if alert.level is None else f"{alert.level.normalize():f}"
        if alert.kind == Alert.Kind.BALANCE:
            level = f"{alert.level:.2f}"
        return {
            "kind": alert.kind,
            "level": level,
            "people": alert.people,
            "addresses": "\n".join(alert.addresses),
            "slack": alert.slack,
        }

    def clean_level(self) -> Decimal | None:
        text = self.cleaned_data["level"].replace(" ", "").replace(",", "").removeprefix("$")
        if not text or self.cleaned_data.get("kind") not in LEVELS:
            return None
        try:
            return Decimal(text)
        except InvalidOperation:
            raise forms.ValidationError("Enter a number, like 25") from None

    def terms(self) -> Terms:
        values = self.cleaned_data
        lines = values["addresses"].replace(",", "\n").splitlines()
        return Terms(
            kind=values["kind"],
            level=values["level"],
            people=values["people"],
            addresses=tuple(line.strip() for line in lines if line.strip()),
            slack=values["slack"],
        )


class SlackForm(forms.Form):
    address = forms.CharField(
        label="Incoming webhook of Slack",
        max_length=300,
        help_text="https://hooks.slack.com/services/… It is a secret: we never show it again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
