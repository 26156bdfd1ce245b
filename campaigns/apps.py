"""The campaigns app: calls, autopause, resume, the banner. Knows wallets."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.audit.requests import watch
        from accounts.people import archiving
        from accounts.telling.mail_topics import offer
        from campaigns import (  # noqa: F401
            book_rules,
            lifecycle,
            of_agencies,
            outgoing,
            outlook,
            receivers,
            resuming,
        )
        from wallets import links

        links.to_resume[:] = [resuming.any_waits]

        archiving.end_before.append(lifecycle.pause_all)
        watch("campaigns_campaign")
        offer(
            "campaigns",
            label="Campaigns paused for low balance, and resumed",
            kinds={"campaigns_paused", "campaigns_resumed"},
        )
