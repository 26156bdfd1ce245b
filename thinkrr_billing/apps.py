"""The wiring as an app, so that every Django process has the Celery application."""

from django.apps import AppConfig
from django.conf import settings


class WiringConfig(AppConfig):
    name = "thinkrr_billing"

    def ready(self) -> None:
        from thinkrr_billing import celery, deploy_checks, late_jobs  # noqa: F401
        from thinkrr_billing.figures import standby  # noqa: F401

        if settings.TRACES:
            from thinkrr_billing import tracing

            tracing.set_up()
