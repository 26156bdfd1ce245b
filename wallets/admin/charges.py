"""The switch of all automatic charges. Everybody of the staff sees it, superusers turn it."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.enums import ActionVariant

from accounts.admin.dialogs import ReasonForm, staff_action
from wallets.admin.base import ReadOnly
from wallets.charging import switch
from wallets.models import ChargeSwitch


@admin.register(ChargeSwitch)
class ChargeSwitchAdmin(ReadOnly):
    list_display = ["__str__", "reason", "changed_at", "changed_by"]
    list_select_related = ["changed_by"]
    ordering = ["pk"]
    actions_list = ["stop_charges", "start_charges"]

    @staff_action(
        title="Stop all automatic charges",
        permission="wallets.switch_charges",
        button="Stop them",
        text="No Auto-Recharge, allocation or retry charges anybody until you start them again. "
        "People still pay by hand. Customers read that support has paused them.",
        icon="front_hand",
        variant=ActionVariant.DANGER,
    )
    def stop_charges(self, subject: None, form: ReasonForm, request: HttpRequest) -> str:
        switch.stop(reason=form.cleaned_data["reason"], actor=request.user)
        return "Automatic charges are stopped."

    @staff_action(
        title="Start automatic charges",
        permission="wallets.switch_charges",
        button="Start them",
        text="Everything that is due is charged within the next minutes.",
        icon="play_circle",
    )
    def start_charges(self, subject: None, form: ReasonForm, request: HttpRequest) -> str:
        switch.start(reason=form.cleaned_data["reason"], actor=request.user)
        return "Automatic charges go on."
