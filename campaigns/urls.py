from django.urls import path

from campaigns.views import recharge_tiers, resume

app_name = "campaigns"

urlpatterns = [
    path("campaigns/", resume.campaigns, name="list"),
    path("campaigns/resume/", resume.resume, name="resume"),
    path("campaigns/resume/tiers/", recharge_tiers.tiers, name="recharge_tiers"),
    path("campaigns/<int:campaign_id>/", resume.campaign, name="detail"),
    path("campaigns/<int:campaign_id>/pause/", resume.pause, name="pause"),
    path("campaigns/<int:campaign_id>/resume/", resume.resume_one, name="resume_one"),
    path("banner/", resume.banner, name="banner"),
]
