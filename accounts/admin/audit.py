"""What staff did and why, and every change of rights, keys, rates and settings."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts import searching
from accounts.admin.base import ReadOnly
from accounts.admin.ranges import Days
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
    list_filter = ["table", ("at", Days)]
    list_filter_of_one = ("operation",)
    search_fields = ["row__exact"]
    search_help_text = "The id of an account, of the row or of a request, or who did it"
    led_to_by = ("account_id__exact",)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        """By the one index that fits what was typed: all of them in one query would use none."""
        wanted = search_term.strip()
        if not wanted:
            return queryset, False
        if found := searching.as_uuid(wanted):
            # Ids of requests look like ids of accounts, without the hyphens.
            return queryset.filter(Q(account_id=found) | Q(request_id=found.hex)), False
        if "@" in wanted:
            return queryset.filter(actor__startswith=wanted.lower()), False
        return queryset.filter(row=wanted), False

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-at"] if {"at_from", "at_to"} & request.GET.keys() else ["-pk"]

    @admin.display(description="actor", ordering="actor")
    def actor_shown(self, entry: AuditEntry) -> str:
        return entry.actor or f"no request (database user {entry.database_user})"


@admin.register(JobRun)
class JobRunAdmin(ReadOnly):
    list_display = ["name", "started_at", "ended_at", "ok", "text"]
