"""The API routes of campaigns."""

from django.urls import path

from campaigns.api import calls, campaigns, usage

urlpatterns = [
    path("calls", calls.Calls.as_view(), name="api_calls"),
    path("calls/authorize", calls.Authorize.as_view(), name="api_authorize"),
    path("usage", usage.Usage.as_view(), name="api_usage"),
    path("campaigns", campaigns.Campaigns.as_view(), name="api_campaigns"),
    path("campaigns/<str:external_id>", campaigns.OneCampaign.as_view(), name="api_campaign"),
    path(
        "campaigns/<str:external_id>/<str:step>", campaigns.Step.as_view(), name="api_campaign_step"
    ),
]
