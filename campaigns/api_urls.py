"""The API routes of campaigns."""

from django.urls import path

from campaigns import api

urlpatterns = [
    path("calls", api.Calls.as_view(), name="api_calls"),
    path("calls/authorize", api.Authorize.as_view(), name="api_authorize"),
    path("campaigns", api.Campaigns.as_view(), name="api_campaigns"),
    path("campaigns/<str:external_id>", api.OneCampaign.as_view(), name="api_campaign"),
    path("campaigns/<str:external_id>/<str:step>", api.Step.as_view(), name="api_campaign_step"),
]
