"""What every list and page of the admin shares, in every app: looking, counting, exporting."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.admin.checks import ModelAdminChecks
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin, TabularInline

from accounts import clock
from accounts.admin import csv_rows
from accounts.admin.ranges import is_immense, lacks_a_zone
from accounts.admin.seen import SeenForm
from accounts.runtime import exports

# Counting millions of rows costs more than the page; beyond this the exact number says nothing.
COUNT_UP_TO = 1_000
# How far pages go when there are more: deeper, a filter finds things faster than paging.
ROWS_WITHIN_REACH = 2_000
# What filters ask of a column.
_HOW = frozenset(("", "__exact", "__in", "__isnull", "__isempty", "__gt", "__gte", "__lt", "__lte"))


class Many(int):
    """A number of rows that nobody counted: pages are made of it, people read that it is more."""

    def __str__(self) -> str:
        return f"more than {COUNT_UP_TO:,}"


class BoundedPaginator(Paginator):
    """Counts at most COUNT_UP_TO rows."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet = self.object_list
        # Without what the list adds to its rows: that would be asked of each row counted.
        found = rows.order_by().values("pk")[: COUNT_UP_TO + 1].count()
        return found if found <= COUNT_UP_TO else Many(ROWS_WITHIN_REACH)


class StaffAdmin(ModelAdmin):
    """Every page of the admin: fast on big tables, exported as filtered, no bulk changes."""

    # Unfold's own checks ask the database, which is not there yet when it is first migrated.
    checks_class = ModelAdminChecks
    actions = None
    paginator = BoundedPaginator
    show_full_result_count = False
    # Counts of every choice of every filter would read the whole table once each.
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_filter_submit = True
    list_fullwidth = True
    warn_unsaved_form = True
    list_after_template = "staff/_export.html"
    # The columns of the CSV, where people and spreadsheets want other ones.
    csv_display: tuple[str, ...] = ()
    # Lookups other pages' links use, beyond the filters shown.
    led_to_by: tuple[str, ...] = ()
    # Filters that no index helps: offered within one account, wallet or campaign only.
    list_filter_of_one: tuple[str, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        meta = self.opts
        export = path(
            "export/",
            self.admin_site.admin_view(self.export_view),
            name=f"{meta.app_label}_{meta.model_name}_export",
        )
        return [export, *super().get_urls()]

    def get_list_filter(self, request: HttpRequest) -> list:
        filters = list(super().get_list_filter(request))
        if set(self.led_to_by) & request.GET.keys():
            filters += self.list_filter_of_one
        return filters

    def export_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """The list as it is filtered, searched and sorted now, as CSV; streamed."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        exports.note(user=request.user, name=self.opts.label_lower)
        self.request = request
        changes = self.get_changelist_instance(request)
        shown = self.csv_display or self.get_list_display(request)
        columns = [name for name in shown if name != "action_checkbox"]
        rows = changes.get_queryset(request).iterator(chunk_size=2_000)
        response = StreamingHttpResponse(
            exports.begun(csv_rows.lines(admin=self, columns=columns, rows=rows)),
            content_type="text/csv; charset=utf-8",
        )
        name = f"{self.opts.verbose_name_plural}-{clock.now():%Y-%m-%d}.csv".replace(" ", "-")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list:
        """The buttons this person may press and that make sense in the row's state."""
        buttons = super().get_actions_detail(request, object_id)
        row = self.get_object(request, object_id) if buttons else None
        if row is None:
            return []
        return [one for one in buttons if self.offered(one.method.original_function_name, row)]

    def offered(self, name: str, row: Model) -> bool:
        """Whether the button `name` means anything for this row as it is."""
        return True

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted here: what was stays explained."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """What the filters and the links of other pages ask for, and no other column.

        Django takes any column of the table, so that what no page shows (a secret's hash, the
        nonce of an invitation) could be guessed letter by letter.
        """
        if any(map(is_immense, value.split(","))) or lacks_a_zone(self.model, lookup, value):
            return False
        if lookup in self.led_to_by:
            return True
        if _is_column(self.model, lookup.partition("__")[0]):
            filters = self.get_list_filter(request) if request else self.list_filter
            named = (one[0] if isinstance(one, tuple) else one for one in filters)
            if not any(_asks(lookup, one) for one in named if isinstance(one, str)):
                return False
        return super().lookup_allowed(lookup, value, request)


def _is_column(model: type[Model], name: str) -> bool:
    """Also of a table that refers to it. What is none is the parameter of a filter of its own."""
    try:
        return name == "pk" or bool(model._meta.get_field(name))
    except FieldDoesNotExist:
        return False


def _asks(lookup: str, column: str) -> bool:
    """Whether this is how a filter asks for a column: no patterns, which cost what they like."""
    how = lookup.removeprefix(column)
    return lookup.startswith(column) and how.removeprefix("__id") in _HOW


class Editable(StaffAdmin):
    """Rows that staff may correct in a form: two of them at once overwrite nothing silently."""

    form = SeenForm
    change_form_before_template = "staff/_seen.html"

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.request = request
        return form

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        """Write what the form changed and no more: the rest of the row may have moved on."""
        columns = {field.name for field in obj._meta.concrete_fields}
        changed = [name for name in form.changed_data if name in columns]
        obj.save(update_fields=changed if change else None)


class ReadOnly(StaffAdmin):
    """Rows that code writes: they can be looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(TabularInline):
    """The rows below another one, as few as fit a page."""

    extra = 0
    can_delete = False
    per_page = 25
    # Pages of rows in no order would repeat some and leave out others.
    ordering = ["pk"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def field_names(model: type[Model], *, without: tuple[str, ...] = ()) -> Iterator[str]:
    """Every column of a model, for pages that show all of it."""
    return (field.name for field in model._meta.fields if field.name not in without)
