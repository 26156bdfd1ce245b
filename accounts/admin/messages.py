"""What accounts and support were told. Nothing is rewritten; it can be told again."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.base import ReadOnly
from accounts.admin.dialogs import ReasonForm, staff_action
from accounts.admin.ranges import Marked
from accounts.models import AgencyNotice, Notification, StaffAlert
from accounts.telling import notifications


@admin.register(Notification)
class NotificationAdmin(ReadOnly):
    list_display = ["created_at", "account", "title", "kind", "level", "mailed_at", "read_at"]
    list_filter_of_one = ("level", ("mailed_at", Marked))
    list_select_related = ["account"]
    search_fields = ["account__id__exact"]
    search_help_text = "The id of an account"
    ordering = ["-pk"]
    actions_detail = ["mail_again"]
    led_to_by = ("account__id__exact", "kind__exact")

    @staff_action(
        title="Send again",
        permission="accounts.resend_notification",
        button="Send it again",
        text="The same text, in the app and by mail to the same people.",
        icon="forward_to_inbox",
        account_of=lambda notification: notification.account,
    )
    def mail_again(self, notification: Notification, form: ReasonForm, request: HttpRequest) -> str:
        notifications.send_again(notification_id=notification.pk)
        return f"“{notification.title}” was sent to {notification.account} again."


@admin.register(AgencyNotice)
class AgencyNoticeAdmin(ReadOnly):
    list_display = ["created_at", "agency", "person", "text", "told"]
    list_select_related = ["agency", "person"]
    search_fields = ["agency__id__exact"]
    search_help_text = "The id of the agency"
    ordering = ["-pk"]


@admin.register(StaffAlert)
class StaffAlertAdmin(ReadOnly):
    list_display = ["created_at", "kind", "text", "closed_at", "mailed_at"]
    list_filter = [("closed_at", Marked), "kind"]
    search_fields = ["kind__exact", "dedupe_key__startswith"]
    ordering = ["-pk"]
    actions_detail = ["close"]

    def offered(self, name: str, alert: StaffAlert) -> bool:
        return alert.closed_at is None

    @staff_action(
        title="Close",
        permission="accounts.close_staffalert",
        button="Close this alert",
        text="Say what you found and did.",
        icon="task_alt",
    )
    def close(self, alert: StaffAlert, form: ReasonForm, request: HttpRequest) -> str:
        notifications.close_alert(alert_id=alert.pk)
        return "The alert is closed."
