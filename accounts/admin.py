"""Support's view of people and accounts. Secrets are not shown; what was told is not rewritten."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from accounts import clock, models


class ReadOnly(admin.ModelAdmin):
    """Rows that code writes: they can be looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class MembershipInline(admin.TabularInline):
    model = models.Membership
    extra = 0
    autocomplete_fields = ["user", "account"]
    readonly_fields = ["created_at"]


@admin.register(models.User)
class PersonAdmin(UserAdmin):
    ordering = ["email"]
    list_display = ["email", "name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        (
            "Rights",
            {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]},
        ),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "password1", "password2"]})]
    inlines = [MembershipInline]

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # Switching somebody off keeps who did what.
        return False


@admin.register(models.Account)
class AccountAdmin(admin.ModelAdmin):
    list_display = ["name", "kind", "agency", "status", "timezone", "created_at"]
    list_filter = ["kind", "status"]
    list_select_related = ["agency"]
    search_fields = ["name", "id", "stripe_customer", "memberships__user__email"]
    autocomplete_fields = ["agency"]
    readonly_fields = ["id", "stripe_customer", "created_at"]
    inlines = [MembershipInline]

    def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> list[str]:
        return [*self.readonly_fields, "kind", "agency"] if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # Accounts are closed, never deleted: their money stays explained.
        return False


@admin.register(models.ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    list_display = ["name", "prefix", "account", "scopes", "last_used_at", "revoked_at"]
    list_select_related = ["account"]
    search_fields = ["name", "prefix", "account__name"]
    exclude = ["secret_hash"]
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> list[str]:
        return [field.name for field in models.ApiKey._meta.fields if field.name != "secret_hash"]

    @admin.action(permissions=["change"], description="Revoke selected keys")
    def revoke(self, request: HttpRequest, queryset) -> None:
        revoked = queryset.filter(revoked_at__isnull=True).update(revoked_at=clock.now())
        self.message_user(request, f"{revoked} key(s) revoked.")


@admin.register(models.Notification)
class NotificationAdmin(ReadOnly):
    list_display = ["created_at", "account", "kind", "title", "read_at", "mailed_at"]
    list_filter = ["level", "kind"]
    list_select_related = ["account"]
    search_fields = ["account__name", "kind", "dedupe_key"]
    show_full_result_count = False


@admin.register(models.StaffAlert)
class StaffAlertAdmin(ReadOnly):
    list_display = ["created_at", "kind", "text", "closed_at", "mailed_at"]
    list_filter = ["kind"]
    search_fields = ["kind", "dedupe_key", "text"]
    actions = ["close"]

    @admin.action(permissions=["view"], description="Close selected alerts")
    def close(self, request: HttpRequest, queryset) -> None:
        closed = queryset.filter(closed_at__isnull=True).update(closed_at=clock.now())
        self.message_user(request, f"{closed} alert(s) closed.")


@admin.register(models.Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ["email", "account", "role", "created_at", "expires_at", "accepted_at"]
    list_select_related = ["account"]
    search_fields = ["email", "account__name"]
    exclude = ["nonce"]


@admin.register(models.FailedLogin)
class FailedLoginAdmin(ReadOnly):
    list_display = ["created_at", "email", "ip"]
    search_fields = ["email", "ip"]
