from django.urls import path

from campaigns.views import banner, entry_calls, lists, recharge_tiers, resume, usage

app_name = "campaigns"

urlpatterns = [
    path("campaigns/", lists.campaigns, name="list"),
    path("campaigns/resume/", resume.resume, name="resume"),
    path("campaigns/resume/tiers/", recharge_tiers.tiers, name="recharge_tiers"),
    path("campaigns/<int:campaign_id>/", lists.campaign, name="detail"),
    path("campaigns/<int:campaign_id>/pause/", lists.pause, name="pause"),
    path("campaigns/<int:campaign_id>/resume/", resume.resume_one, name="resume_one"),
    path(
        "payments/transactions/<int:entry_id>/calls/", entry_calls.entry_calls, name="entry_calls"
    ),
    path("usage/", usage.page, name="usage"),
    path("usage.csv", usage.export, name="usage_csv"),
    path("banner/", banner.banner, name="banner"),
]
