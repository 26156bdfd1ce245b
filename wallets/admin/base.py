"""What every page of wallets in the admin shares."""

from django.contrib import admin
from django.http import HttpRequest

from wallets.pricing import dollars
from wallets.texts import usd


class ReadOnly(admin.ModelAdmin):
    """Rows that code writes: nothing can be added, changed or deleted by hand."""

    actions = None
    # Counting millions of entries costs more than the page.
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):
    """The rows below another one, as few as fit a page."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


def in_dollars(amount_cents: int | None) -> str:
    """Whole cents as people read them; a dash for none."""
    return "-" if amount_cents is None else usd(dollars(amount_cents))
