"""The wiring as an app, so that every Django process has the Celery application."""

from django.apps import AppConfig


class WiringConfig(AppConfig):
    name = "thinkrr_billing"

    def ready(self) -> None:
        from thinkrr_billing import celery, deploy_checks, late_jobs  # noqa: F401
