"""Adjustments that wait for a second person."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.enums import ActionVariant

from accounts.admin.dialogs import ReasonForm, staff_action
from wallets.admin.base import ReadOnly
from wallets.balances import adjustments
from wallets.models import AdjustmentRequest
from wallets.texts import usd


class DecideForm(ReasonForm):
    def facts(self) -> list[tuple[str, object]]:
        asked: AdjustmentRequest = self.subject
        return [
            ("Account", asked.wallet.account),
            ("Pot", asked.get_pot_display()),
            ("Amount", f"{asked.amount:+f}"),
            ("Worth", usd(adjustments.worth(pot=asked.pot, amount=asked.amount))),
            ("Asked by", asked.asked_by),
            ("Because", asked.note),
        ]


@admin.register(AdjustmentRequest)
class AdjustmentRequestAdmin(ReadOnly):
    list_display = [
        "asked_at",
        "wallet",
        "pot",
        "amount",
        "note",
        "asked_by",
        "state",
        "decided_by",
        "decided_at",
    ]
    list_filter = ["state", "pot"]
    list_select_related = ["wallet__account", "asked_by", "decided_by"]
    exclude = ["form_key"]
    actions_detail = ["approve", "reject"]

    def offered(self, name: str, row: Model) -> bool:
        return row.state == AdjustmentRequest.State.ASKED

    @staff_action(
        title="Approve",
        permission="wallets.approve_adjustment",
        button="Approve and post",
        form=DecideForm,
        icon="approval",
        account_of=lambda asked: asked.wallet.account,
    )
    def approve(self, asked: AdjustmentRequest, form: DecideForm, request: HttpRequest) -> str:
        entry = adjustments.approve(request_id=asked.pk, actor=request.user)
        return f"Posted: {entry.amount:+f} of {entry.get_pot_display()}."

    @staff_action(
        title="Reject",
        permission="wallets.approve_adjustment",
        button="Reject",
        form=DecideForm,
        icon="block",
        variant=ActionVariant.WARNING,
        account_of=lambda asked: asked.wallet.account,
    )
    def reject(self, asked: AdjustmentRequest, form: DecideForm, request: HttpRequest) -> str:
        adjustments.reject(request_id=asked.pk, actor=request.user)
        return "Rejected. Nothing was posted."
