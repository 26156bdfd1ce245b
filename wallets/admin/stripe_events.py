"""The inbox of Stripe's events."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.dialogs import ReasonForm, staff_action
from accounts.admin.ranges import Marked
from wallets import inbox
from wallets.admin.base import ReadOnly
from wallets.models import StripeEvent


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnly):
    list_display = [
        "received_at",
        "type",
        "event_id",
        "applied_at",
        "not_ours",
        "attempts",
        "next_attempt_at",
        "given_up_at",
        "error",
    ]
    list_filter = [
        ("applied_at", Marked),
        ("given_up_at", Marked),
    ]
    search_fields = ["event_id__exact", "type__startswith"]
    ordering = ["-pk"]
    actions_detail = ["apply_again"]
    search_help_text = "Stripe's id of the event, or the beginning of its type"

    def offered(self, name: str, event: StripeEvent) -> bool:
        return event.applied_at is None

    @staff_action(
        title="Apply again",
        permission="wallets.apply_stripeevent",
        button="Apply it again",
        text="Gives it all its attempts anew. Applying reads the object from Stripe, so it can "
        "never credit twice.",
        icon="replay",
    )
    def apply_again(self, event: StripeEvent, form: ReasonForm, request: HttpRequest) -> str:
        inbox.apply_again(event_pk=event.pk)
        return "A worker applies it now."
