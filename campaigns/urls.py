from django.urls import path

from campaigns import recharge_views, views

app_name = "campaigns"

urlpatterns = [
    path("campaigns/", views.campaigns, name="list"),
    path("campaigns/resume/", views.resume, name="resume"),
    path("campaigns/resume/tiers/", recharge_views.tiers, name="recharge_tiers"),
    path("campaigns/<int:campaign_id>/", views.campaign, name="detail"),
    path("campaigns/<int:campaign_id>/pause/", views.pause, name="pause"),
    path("campaigns/<int:campaign_id>/resume/", views.resume_one, name="resume_one"),
    path("banner/", views.banner, name="banner"),
]
