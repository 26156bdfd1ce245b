"""What support gave away by hand, alone or by two people, and what waits for a second person."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.enums import ActionVariant

from accounts.admin.dialogs import ReasonForm, staff_action
from accounts.models import Account
from wallets.admin.base import ReadOnly
from wallets.models import AdjustmentRequest
from wallets.support import approving, policy
from wallets.texts import usd


def worth_of(asked: AdjustmentRequest) -> str:
    """In dollars; a dash for what was asked before worth was kept."""
    return "-" if asked.worth is None else usd(asked.worth)


def account_of(asked: AdjustmentRequest) -> Account | None:
    return asked.wallet and asked.wallet.account


class DecideForm(ReasonForm):
    def facts(self) -> list[tuple[str, object]]:
        asked: AdjustmentRequest = self.subject
        told = policy.customer_note(asked)
        return [
            ("Account", asked.wallet.account if asked.wallet else "Everybody"),
            ("What is done", asked.what),
            ("Worth when asked", worth_of(asked)),
            ("Asked by", asked.asked_by),
            ("Because", asked.note),
            *([("The customer reads", told)] if told else []),
        ]


@admin.register(AdjustmentRequest)
class AdjustmentRequestAdmin(ReadOnly):
    list_display = [
        "asked_at",
        "kind",
        "wallet",
        "what",
        "worth_shown",
        "note",
        "asked_by",
        "state",
        "decided_by",
        "decided_at",
    ]
    list_filter = ["state", "kind"]
    list_select_related = ["wallet__account", "asked_by", "decided_by"]
    fields = readonly_fields = [
        "kind",
        "wallet",
        "what",
        "worth_shown",
        "note",
        "state",
        "asked_by",
        "asked_at",
        "decided_by",
        "decided_at",
    ]
    actions_detail = ["approve", "reject"]

    def offered(self, name: str, row: Model) -> bool:
        return row.state == AdjustmentRequest.State.ASKED

    @staff_action(
        title="Approve",
        permission="wallets.approve_adjustment",
        button="Approve and do it",
        form=DecideForm,
        icon="approval",
        account_of=account_of,
    )
    def approve(self, asked: AdjustmentRequest, form: DecideForm, request: HttpRequest) -> str:
        return approving.approve(request_id=asked.pk, actor=request.user)

    @staff_action(
        title="Reject",
        permission="wallets.approve_adjustment",
        button="Reject",
        form=DecideForm,
        icon="block",
        variant=ActionVariant.WARNING,
        account_of=account_of,
    )
    def reject(self, asked: AdjustmentRequest, form: DecideForm, request: HttpRequest) -> str:
        approving.reject(request_id=asked.pk, actor=request.user)
        return "Rejected. Nothing was done."

    @admin.display(description="worth", ordering="worth")
    def worth_shown(self, asked: AdjustmentRequest) -> str:
        return worth_of(asked)
