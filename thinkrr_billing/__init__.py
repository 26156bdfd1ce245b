"""Wiring only: settings, routes, Celery, health, and the sandbox of a developer's machine."""

from thinkrr_billing.celery import app as celery_app

__all__ = ["celery_app"]
