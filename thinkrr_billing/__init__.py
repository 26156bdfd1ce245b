"""Wiring only: settings, routes, Celery, health, and the sandbox of a developer's machine."""
