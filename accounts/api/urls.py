"""The API routes of accounts."""

from django.urls import path

from accounts.api import changes, people

urlpatterns = [
    path("changes", changes.ChangesView.as_view(), name="api_changes"),
    path("members", people.MembersView.as_view(), name="api_members"),
    path("invitations", people.InvitationsView.as_view(), name="api_invitations"),
    path("notices", people.NoticesView.as_view(), name="api_notices"),
]
