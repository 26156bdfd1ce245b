"""What staff did and why, and every change of rights, keys, rates and settings."""

from collections.abc import Iterable

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.admin import dialogs
from accounts.admin.base import ReadOnly
from accounts.admin.ranges import Days
from accounts.audit import requests
from accounts.models import AuditEntry, JobRun, StaffAction, User
from accounts.people import searching

# What says nothing about a new row.
OBVIOUS = frozenset({"id", "account_id", "wallet_id", "created_at", "currency"})


def changed(entry: AuditEntry) -> str:
    """The columns of a change: before → after. Of a new row, its values."""
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == AuditEntry.Operation.UPDATE:
        return "; ".join(f"{name}: {before.get(name)} → {after[name]}" for name in sorted(after))
    shown = after or before
    told = sorted(name for name in shown if shown[name] and name not in OBVIOUS)
    return "; ".join(f"{name}: {shown[name]}" for name in told)


class KnownFilter(admin.SimpleListFilter):
    """By a column with a few known values, which are not looked for among millions of rows."""

    def known(self) -> Iterable[str]:
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [(name, name) for name in sorted(self.known())]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


class KindFilter(KnownFilter):
    title = parameter_name = "kind"

    def known(self) -> Iterable[str]:
        return dialogs.KINDS


class TableFilter(KnownFilter):
    title = parameter_name = "table"

    def known(self) -> Iterable[str]:
        return requests.watched()


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
    list_filter = ["state", KindFilter, ("created_at", Days)]
    list_select_related = ["actor", "account"]
    search_fields = ["request_id__exact"]
    search_help_text = "Who did it (e-mail), the id of an account, or of a request"
    exclude = ["form_key"]
    led_to_by = ("account__id__exact",)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        wanted = search_term.strip()
        if not wanted:
            return queryset, False
        if found := searching.as_uuid(wanted):
            return queryset.filter(Q(account_id=found) | Q(request_id=found.hex)), False
        people = User.objects.filter(is_staff=True, email__startswith=wanted.lower())
        return queryset.filter(actor__in=list(people.values_list("pk", flat=True))), False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = [
        "at",
        "actor_shown",
        "operation",
        "table",
        "row",
        "changed",
        "address",
    ]
    csv_display = (
        "at",
        "actor_shown",
        "operation",
        "table",
        "row",
        "before",
        "after",
        "address",
        "request_id",
    )
    list_filter = [TableFilter, ("at", Days)]
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

    @admin.display(description="what")
    def changed(self, entry: AuditEntry) -> str:
        return changed(entry)


@admin.register(JobRun)
class JobRunAdmin(ReadOnly):
    list_display = ["name", "started_at", "ended_at", "ok", "text"]
