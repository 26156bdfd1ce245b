"""What staff did and why, and every change of rights, keys, rates and settings."""

from django.contrib import admin

from accounts.admin.base import ReadOnly
from accounts.models import AuditEntry, JobRun, StaffAction


@admin.register(StaffAction)
class StaffActionAdmin(ReadOnly):
    list_display = [
        "created_at",
        "actor",
        "kind",
        "subject",
        "account",
        "reason",
        "state",
        "result",
        "address",
    ]
    list_filter = ["state", "kind", "created_at"]
    list_select_related = ["actor", "account"]
    search_fields = ["actor__email__startswith", "account__id__exact", "request_id__exact"]
    search_help_text = "Who did it (e-mail), the id of an account, or of a request"
    exclude = ["form_key"]
    led_to_by = ("account__id__exact",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = [
        "at",
        "actor_shown",
        "operation",
        "table",
        "row",
        "before",
        "after",
        "address",
        "request_id",
    ]
    list_filter = ["table", "at"]
    list_filter_of_one = ("operation",)
    search_fields = ["account_id__exact", "row__exact", "actor__startswith", "request_id__exact"]
    search_help_text = "The id of an account, of the row or of a request, or who did it"
    led_to_by = ("account_id__exact",)

    @admin.display(description="actor", ordering="actor")
    def actor_shown(self, entry: AuditEntry) -> str:
        return entry.actor or f"no request (database user {entry.database_user})"


@admin.register(JobRun)
class JobRunAdmin(ReadOnly):
    list_display = ["name", "started_at", "ended_at", "ok", "text"]
