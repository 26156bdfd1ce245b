"""The API routes of accounts."""

from django.urls import path

from accounts.api import changes, people, webhook_deliveries, webhooks

urlpatterns = [
    path("changes", changes.ChangesView.as_view(), name="api_changes"),
    path("members", people.MembersView.as_view(), name="api_members"),
    path("invitations", people.InvitationsView.as_view(), name="api_invitations"),
    path("notices", people.NoticesView.as_view(), name="api_notices"),
    path("webhooks", webhooks.WebhooksView.as_view()),
    path("webhooks/<uuid:endpoint_id>", webhooks.WebhookView.as_view()),
    path("webhooks/<uuid:endpoint_id>/rotate", webhooks.RotateView.as_view()),
    path("webhooks/<uuid:endpoint_id>/test", webhook_deliveries.TestView.as_view()),
    path("webhooks/<uuid:endpoint_id>/deliveries", webhook_deliveries.DeliveriesView.as_view()),
    path(
        "webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/resend",
        webhook_deliveries.ResendView.as_view(),
    ),
]
