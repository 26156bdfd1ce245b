"""The campaigns app: calls, autopause, resume, the banner. Knows wallets."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns import books, receivers  # noqa: F401
