"""The API routes of campaigns."""

from django.urls import path

from campaigns.api import calls, campaigns, holds, usage

urlpatterns = [
    path("calls", calls.Calls.as_view(), name="api_calls"),
    path("calls/authorize", calls.Authorize.as_view(), name="api_authorize"),
    path("calls/holds", holds.Holds.as_view(), name="api_holds"),
    path("calls/holds/<path:call>", holds.OneHold.as_view(), name="api_hold"),
    path("usage", usage.Usage.as_view(), name="api_usage"),
    path("campaigns", campaigns.Campaigns.as_view(), name="api_campaigns"),
    path("campaigns/<str:external_id>", campaigns.OneCampaign.as_view(), name="api_campaign"),
    path(
        "campaigns/<str:external_id>/<str:step>", campaigns.Step.as_view(), name="api_campaign_step"
    ),
]
