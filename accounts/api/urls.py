"""The API routes of accounts."""

from django.urls import path

from accounts.api import changes

urlpatterns = [path("changes", changes.ChangesView.as_view(), name="api_changes")]
