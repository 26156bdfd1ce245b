"""The dialogs of the account page: what each asks, and what it shows before anything is done."""

from decimal import Decimal

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from accounts.admin.dialogs import DecimalField, IntegerField, NotedForm, ReasonForm
from accounts.admin.seen import MarkField
from accounts.audit.seen import mark
from accounts.models import Account, ApiKey
from campaigns import resuming
from campaigns.models import Campaign
from wallets import limits
from wallets.admin.base import ToldForm, amount_of
from wallets.models import AutoRecharge, Pot, Wallet
from wallets.support import plans
from wallets.texts import usd

# A choice of more than this is made in the list of campaigns.
MOST_CHOICES = 50
ABOVE = (
    f"Above {usd(limits.GIVEN_ALONE)} of worth in a day, over all wallets, or "
    f"{usd(limits.GIVEN_IN_WALLET)} in one, another person must approve."
)


class AccountForm(ReasonForm):
    """A dialog about an account; `wallet` is its wallet, if it has one."""

    subject: Account

    @property
    def wallet(self) -> Wallet | None:
        return Wallet.objects.filter(account=self.subject).first()

    def balances(self) -> list[tuple[str, object]]:
        wallet = self.wallet
        if wallet is None:
            return []
        held = [(Pot(pot), amount) for pot, amount in wallet.pots.items()]
        return [(f"{pot.label} now", amount_of(pot, amount)) for pot, amount in held]


class NotedAccountForm(NotedForm, AccountForm):
    """One whose deed the customer notices."""


class AdjustForm(ToldForm, AccountForm):
    pot = forms.ChoiceField(
        label="What to adjust",
        choices=[(pot.value, pot.label) for pot in Pot if pot != Pot.INCLUDED],
        widget=UnfoldAdminSelectWidget,
    )
    direction = forms.ChoiceField(
        choices=[("add", "Add"), ("take", "Take")], widget=UnfoldAdminSelectWidget
    )
    amount = DecimalField(
        min_value=Decimal("0.000001"),
        max_value=Decimal(1_000_000),
        max_digits=13,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="Dollars of credit, or whole minutes.",
    )

    def facts(self) -> list[tuple[str, object]]:
        return self.balances()

    def warning(self) -> str:
        return ABOVE

    def clean(self) -> dict:
        values = super().clean()
        amount, pot = values.get("amount"), values.get("pot")
        if amount and pot and pot != Pot.CREDIT and amount != int(amount):
            self.add_error("amount", "Enter whole minutes.")
        return values

    @property
    def signed(self) -> Decimal:
        """Dollars, or seconds of a minute pot; negative when taken."""
        values = self.cleaned_data
        amount = values["amount"] * (1 if values["pot"] == Pot.CREDIT else 60)
        return amount if values["direction"] == "add" else -amount


class GrantForm(ToldForm, AccountForm):
    minutes = IntegerField(
        min_value=1, max_value=limits.GRANTED_MINUTES_MOST, widget=UnfoldAdminIntegerFieldWidget
    )

    def facts(self) -> list[tuple[str, object]]:
        return [*self.balances(), ("Included a month", f"{self.subject.included_minutes:,} min")]

    def warning(self) -> str:
        return ABOVE


class IncludedForm(AccountForm):
    seen = MarkField()
    minutes = IntegerField(
        label="Minutes a month",
        min_value=0,
        max_value=limits.INCLUDED_MOST_MINUTES,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    anchor_day = IntegerField(
        label="Anchor day", min_value=1, max_value=31, widget=UnfoldAdminIntegerFieldWidget
    )

    def prepare(self) -> None:
        self.fields["seen"].initial = mark(self.subject, fields=plans.PLAN)
        self.fields["minutes"].initial = self.subject.included_minutes
        self.fields["anchor_day"].initial = self.subject.included_anchor_day

    def facts(self) -> list[tuple[str, object]]:
        return [
            *self.balances(),
            ("Included a month", f"{self.subject.included_minutes:,} min"),
            ("On day", self.subject.included_anchor_day),
        ]

    def warning(self) -> str:
        return f"{ABOVE} Minutes are worth what a year of them costs."


class AutoRechargeForm(NotedAccountForm):
    def facts(self) -> list[tuple[str, object]]:
        automatic = AutoRecharge.objects.filter(wallet=self.wallet).first()
        if automatic is None:
            return []
        state = automatic.get_suspended_reason_display() or "Not suspended"
        return [
            ("Auto-Recharge", "On" if automatic.enabled else "Off"),
            ("Below", usd(automatic.threshold.amount)),
            ("Charges", usd(automatic.amount.amount)),
            ("State", state),
            *self.balances()[:1],
        ]


class LiftForm(AutoRechargeForm):
    def warning(self) -> str:
        automatic = AutoRecharge.objects.filter(wallet=self.wallet).first()
        if automatic and automatic.enabled and self.wallet.credit < automatic.threshold:
            return "The balance is below the threshold: the card is charged within a minute."
        return ""


class UnblockForm(NotedAccountForm):
    def facts(self) -> list[tuple[str, object]]:
        wallet = self.wallet
        if wallet is None or not wallet.blocked_at:
            # Somebody else has lifted it since the button was shown.
            return [("Blocked", "No"), *self.balances()[:1]]
        return [
            ("Blocked", wallet.get_blocked_reason_display()),
            ("Since", f"{wallet.blocked_at:%-d %b %Y, %H:%M} UTC"),
            *self.balances()[:1],
        ]

    def warning(self) -> str:
        return "Automatic charges and allocations become possible again."


class CampaignsForm(NotedAccountForm):
    """Which campaigns; all that can be chosen are shown, none is chosen yet."""

    campaigns = forms.ModelMultipleChoiceField(
        queryset=Campaign.objects.none(), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    def rows(self):
        return Campaign.objects.filter(account=self.subject)

    def prepare(self) -> None:
        ids = list(self.rows().order_by("-pk").values_list("pk", flat=True)[:MOST_CHOICES])
        self.fields["campaigns"].queryset = Campaign.objects.filter(pk__in=ids)

    def ids(self) -> list[int]:
        return [campaign.pk for campaign in self.cleaned_data["campaigns"]]


class PauseForm(CampaignsForm):
    def rows(self):
        return super().rows().started()


class ResumeForm(CampaignsForm):
    def rows(self):
        return super().rows().filter(status=Campaign.Status.PAUSED)

    def facts(self) -> list[tuple[str, object]]:
        waiting = resuming.resumable(account=self.subject)
        return [(one.campaign.name, "can run" if one.eligible else one.reason) for one in waiting]

    def warning(self) -> str:
        return "Calls reach real people: resume only what the customer asked for."


class KeysForm(NotedAccountForm):
    def facts(self) -> list[tuple[str, object]]:
        live = ApiKey.objects.filter(account=self.subject, revoked_at=None)
        return [(str(key), f"last used {key.last_used_at or 'never'}") for key in live]

    def warning(self) -> str:
        return "Every key stops working at once. It cannot be undone."


class CloseForm(NotedAccountForm):
    def facts(self) -> list[tuple[str, object]]:
        return self.balances()

    def warning(self) -> str:
        return (
            "Its campaigns are paused and its pages become read-only. No automatic charges or "
            "allocations are made. Calls that still end are charged."
        )
