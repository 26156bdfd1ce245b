"""What every page of wallets in the admin shares."""

from decimal import Decimal

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin.base import ReadOnly, ReadOnlyInline
from accounts.admin.dialogs import ReasonForm
from wallets.balances.adjustments import NOTE_LENGTH
from wallets.models import Pot
from wallets.prices.amounts import dollars
from wallets.texts import signed_minutes, signed_money, usd

__all__ = ["QuotedForm", "ReadOnly", "ReadOnlyInline", "ToldForm", "amount_of", "in_dollars"]


class QuotedForm(ReasonForm):
    """A dialog that charges a card: another sum than it showed is shown again before that."""

    quoted_charge = forms.DecimalField(required=False, widget=forms.HiddenInput)

    # What pressing its button charges now, if anything; `prepare` finds it out.
    charge: Decimal | None

    def prepare(self) -> None:
        self.fields["quoted_charge"].initial = self.charge

    def clean(self) -> dict:
        values = super().clean()
        quoted, charge = values.get("quoted_charge"), self.charge
        if quoted is not None and charge and quoted != charge:
            self.data = self.data.copy()
            self.data["quoted_charge"] = charge
            text = f"Nothing is charged yet: it is {usd(charge)} now. Check it, then press again."
            self.add_error(None, text)
        return values


class ToldForm(ReasonForm):
    """A dialog that moves a customer's money: what they read of it, apart from why we do it."""

    customer_note = forms.CharField(
        label="Note for the customer",
        max_length=NOTE_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="The customer reads this in Transactions. The reason below they never read.",
    )


def amount_of(pot: str, amount: Decimal, *, signed: bool = False) -> str:
    """Dollars of credit, or minutes and seconds of a minute pot."""
    text = signed_money(amount) if pot == Pot.CREDIT else signed_minutes(amount)
    return text if signed else text.removeprefix("+")


def in_dollars(amount_cents: int | None) -> str:
    """Whole cents as people read them; a dash for none."""
    return "-" if amount_cents is None else usd(dollars(amount_cents))
