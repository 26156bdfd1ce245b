"""Who gets papers by mail, and each mail with one; stopping those that come back."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.dialogs import ReasonForm, staff_action
from wallets.admin.base import ReadOnly
from wallets.models import BillingAddress, PaperMail
from wallets.statements import addresses

BOUNCED = "Mails to it came back to us."


class AddressForm(ReasonForm):
    def facts(self) -> list[tuple[str, object]]:
        address: BillingAddress = self.subject
        return [("Account", address.account), ("Address", address)]

    def warning(self) -> str:
        return "The account is told. Its people may mend the address and send the link again."


@admin.register(BillingAddress)
class BillingAddressAdmin(ReadOnly):
    list_display = [
        "email",
        "account",
        "wants_receipts",
        "wants_statements",
        "confirmed_at",
        "refused_at",
        "removed_at",
    ]
    list_select_related = ["account"]
    exclude = ["nonce"]
    search_fields = ["email__iexact", "account__id__exact"]
    search_help_text = "The whole address, or the id of an account"
    ordering = ["-pk"]
    actions_detail = ["stop_papers"]

    def offered(self, name: str, address: BillingAddress) -> bool:
        return address.removed_at is None and address.refused_at is None

    @staff_action(
        title="Stop papers",
        permission="wallets.stop_billing_address",
        button="Stop",
        text="For an address whose mails come back: nothing more is mailed to it until somebody "
        "who reads it opens a new link.",
        form=AddressForm,
        icon="unsubscribe",
        account_of=lambda address: address.account,
    )
    def stop_papers(self, address: BillingAddress, form: AddressForm, request: HttpRequest) -> str:
        if addresses.refuse(address_id=address.pk, why=BOUNCED):
            return f"Nothing more is mailed to {address}."
        return f"Nothing was mailed to {address} any more. Nothing was changed."


@admin.register(PaperMail)
class PaperMailAdmin(ReadOnly):
    list_display = ["created_at", "kind", "address", "account", "mail_attempts", "mailed_at"]
    list_filter = ["kind"]
    list_select_related = ["address__account"]
    search_fields = ["address__email__iexact", "address__account__id__exact"]
    search_help_text = "The whole address, or the id of an account"
    ordering = ["-pk"]

    @admin.display(description="account")
    def account(self, mail: PaperMail) -> str:
        return str(mail.address.account)
