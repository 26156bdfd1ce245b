"""Looking as a customer, under the names that the package gives it."""

from django.urls import path

from thinkrr_billing.staff import looking

app_name = "hijack"
urlpatterns = [
    path("acquire/", looking.Begin.as_view(), name="acquire"),
    path("release/", looking.End.as_view(), name="release"),
]
