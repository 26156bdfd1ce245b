"""People: customers and staff. Their rights are changed here, by superusers, and audited."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import ManyToManyField
from django.http import HttpRequest
from unfold.enums import ActionVariant
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import models
from accounts.admin.base import Editable, ReadOnly, ReadOnlyInline
from accounts.admin.dialogs import ReasonForm, staff_action
from accounts.admin.seen import SeenForm
from accounts.people import logins, open_sessions, second_factor


class PlacesInline(ReadOnlyInline):
    """Where the person works. Changed by the account itself, by its own rules."""

    model = models.Membership
    fields = readonly_fields = ["account", "role", "created_at"]
    verbose_name_plural = "works in"


class NewPasswordForm(AdminPasswordChangeForm):
    """As one that the person chooses: it ends their sessions, and nobody's guesses count."""

    def save(self, commit: bool = True) -> models.User:
        user = super().save(commit)
        open_sessions.end_all(user=user)
        logins.forget_codes(user=user)
        return user


class PersonForm(SeenForm, UserChangeForm):
    """A person's own values and rights, as they were shown."""


@admin.register(models.User)
class PersonAdmin(Editable, UserAdmin):
    form = PersonForm
    add_form = UserCreationForm
    change_password_form = NewPasswordForm
    ordering = ["email"]
    list_display = ["email", "name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "groups"]
    search_fields = ["email__startswith"]
    search_help_text = "The beginning of the e-mail address"
    readonly_fields = ["last_login", "date_joined"]
    filter_horizontal = []
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "password1", "password2"]})]
    inlines = [PlacesInline]
    actions_detail = ["remove_second_factor"]

    def offered(self, name: str, person: models.User) -> bool:
        return not person.is_staff and second_factor.is_on(user=person)

    @staff_action(
        title="Remove the second factor",
        permission="accounts.remove_second_factor",
        button="Remove it",
        text=(
            "For somebody who lost their phone and their recovery codes. Make sure that it is "
            "them: from then on the password alone lets them in. They are told by mail."
        ),
        icon="phonelink_erase",
        variant=ActionVariant.DANGER,
        account_of=lambda person: _works_in(person),
    )
    def remove_second_factor(
        self, person: models.User, form: ReasonForm, request: HttpRequest
    ) -> str:
        second_factor.remove_for(user=person)
        return f"The second factor of {person.email} is removed. They are told by mail."

    def formfield_for_manytomany(self, db_field: ManyToManyField, request: HttpRequest, **kwargs):
        """Three roles are boxes to tick: two lists to move them between need a wide screen."""
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: models.User | None = None):
        """Those who only look need not know how a password is kept, not even masked."""
        fieldsets = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return fieldsets
        return [(None, {"fields": ["email", "name"]}), *fieldsets[1:]]

    def get_search_results(self, request, queryset, search_term):
        return super().get_search_results(request, queryset, search_term.lower())


def _works_in(person: models.User) -> models.Account | None:
    """Where it stands in the timeline: the account they joined first."""
    seat = person.memberships.select_related("account").order_by("pk").first()
    return seat.account if seat else None


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(ReadOnly, GroupAdmin):
    """What each role may do. Roles are code: thinkrr_billing/staff/groups.py."""

    list_display = ["name"]


@admin.register(models.FailedLogin)
class FailedLoginAdmin(ReadOnly):
    list_display = ["created_at", "email", "ip"]
    list_filter = ["created_at"]
    search_fields = ["email__startswith", "ip__startswith"]
    ordering = ["-created_at"]

    def get_search_results(self, request: HttpRequest, queryset, search_term: str):
        return super().get_search_results(request, queryset, search_term.lower())
