"""The API routes of accounts."""

from django.urls import path

from accounts.api import changes, people, webhooks

urlpatterns = [
    path("changes", changes.ChangesView.as_view(), name="api_changes"),
    path("members", people.MembersView.as_view(), name="api_members"),
    path("invitations", people.InvitationsView.as_view(), name="api_invitations"),
    path("notices", people.NoticesView.as_view(), name="api_notices"),
    path("webhooks", webhooks.WebhooksView.as_view()),
    path("webhooks/<uuid:endpoint_id>", webhooks.WebhookView.as_view()),
    path("webhooks/<uuid:endpoint_id>/rotate", webhooks.RotateView.as_view()),
    path("webhooks/<uuid:endpoint_id>/test", webhooks.TestView.as_view()),
    path("webhooks/<uuid:endpoint_id>/deliveries", webhooks.DeliveriesView.as_view()),
    path(
        "webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/resend",
        webhooks.ResendView.as_view(),
    ),
]
