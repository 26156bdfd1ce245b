"""API keys: seen, and revoked. Their secrets are not even stored."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.enums import ActionVariant

from accounts.admin.base import ReadOnly
from accounts.admin.dialogs import ReasonForm, staff_action
from accounts.admin.ranges import Marked
from accounts.models import ApiKey
from accounts.people import api_keys


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    list_display = ["name", "prefix", "account", "scopes", "last_used_at", "revoked_at"]
    list_filter = [
        ("revoked_at", Marked),
        ("account", admin.EmptyFieldListFilter),
    ]
    list_select_related = ["account"]
    search_fields = ["prefix__exact", "name__startswith"]
    search_help_text = "The key's prefix, or the beginning of its name"
    exclude = ["secret_hash"]
    ordering = ["-pk"]
    actions_detail = ["revoke"]
    led_to_by = ("account__id__exact",)

    def offered(self, name: str, key: ApiKey) -> bool:
        return key.revoked_at is None

    @staff_action(
        title="Revoke",
        permission="accounts.revoke_apikey",
        button="Revoke this key",
        text="Whoever uses it is refused from the next request on. It cannot be undone.",
        icon="key_off",
        variant=ActionVariant.DANGER,
        account_of=lambda key: key.account,
    )
    def revoke(self, key: ApiKey, form: ReasonForm, request: HttpRequest) -> str:
        api_keys.revoke(key_id=key.pk, account=key.account)
        return f"The key {key} is revoked."
