"""The admin site: only staff with a second factor, and the one place with a looser CSP."""

from collections.abc import Callable
from typing import Any

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from accounts.errors import Forbidden
from accounts.models import User

# Unfold's Alpine evaluates expressions and writes styles. Nowhere else is this allowed.
LOOSER_POLICY = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}


def _has_role(user: User) -> bool:
    """Whether the person may anything at all: who may not, sees no figure and finds nobody."""
    return user.is_superuser or bool(user.get_all_permissions())


class StaffSite(UnfoldAdminSite):
    site_header = site_title = "thinkrr support"
    index_title = "Dashboard"
    index_template = "staff/dashboard.html"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Nothing is deleted in bulk, whatever a model's page allows.
        self.disable_action("delete_selected")

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff with a role, whose session has passed the second factor."""
        return (
            super().has_permission(request)
            and request.user.is_verified()
            and _has_role(request.user)
        )

    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Our own log-in, which slows down guessing, then the second factor."""
        back = request.GET.get("next") or request.get_full_path()
        if not request.user.is_authenticated:
            return redirect_to_login(back, "accounts:login")
        if not request.user.is_staff:
            raise Forbidden("This page is for support staff.")
        if request.user.is_verified() and not _has_role(request.user):
            raise Forbidden("You have no role yet, so nothing is shown. A superuser gives you one.")
        return redirect_to_login(back, "admin:second_factor")

    def admin_view(self, view: Callable, cacheable: bool = False) -> Callable:
        from thinkrr_billing.staff.cells import in_its_cell

        return csp_update(LOOSER_POLICY)(super().admin_view(in_its_cell(view), cacheable))

    def get_urls(self) -> list[URLPattern]:
        # Imported here: these modules import what the admin of the apps registers.
        from thinkrr_billing.staff import find, second_factor

        return [
            path("second-factor/", second_factor.ask, name="second_factor"),
            path("second-factor/set-up/", second_factor.set_up, name="second_factor_set_up"),
            path("find/", self.admin_view(find.page), name="find"),
            path(
                "second-factor/codes/",
                self.admin_view(second_factor.renew_codes),
                name="second_factor_codes",
            ),
            *super().get_urls(),
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Every page says it while automatic charges are stopped, and in which cell it works."""
        from thinkrr_billing.staff import cells
        from wallets.charging import switch

        found = super().each_context(request)
        if self.has_permission(request):
            found["charges_stopped"] = switch.stopped()
            found["cells"] = cells.chooser(request)
        return found

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None):
        from thinkrr_billing.staff import dashboard

        return super().index(request, {**dashboard.context(), **(extra_context or {})})

    def logout(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        super().logout(request, extra_context)
        return redirect("accounts:login")
