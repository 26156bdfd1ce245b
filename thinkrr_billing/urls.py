"""Every route. The API first, which is asked most: routes are tried one after the other."""

from django.contrib import admin
from django.urls import include, path, register_converter
from django.urls.converters import PathConverter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.api.answers import no_such_route
from thinkrr_billing import health, metrics


class Anything(PathConverter):
    """What `path` takes, and ends of lines: what is below /api/ answers in JSON."""

    regex = "(?s:.+)"


register_converter(Anything, "anything")

api = [
    path("", include("accounts.api.urls")),
    path("", include("wallets.api.urls")),
    path("", include("campaigns.api.urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    # Asked for its options it would look for a page that it has not.
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=["get", "head"]),
        name="docs",
    ),
    path("<anything:route>", no_such_route),
]

handler500 = "thinkrr_billing.unanswered.unanswered"

urlpatterns = [
    path("api/v1/", include(api)),
    path("", include("accounts.urls")),
    path("", include("wallets.urls")),
    path("", include("campaigns.urls")),
    path("admin/", admin.site.urls),
    path("looking/", include("thinkrr_billing.staff.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
