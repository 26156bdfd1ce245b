"""Support's view of people and accounts. Secrets are not shown; what was told is not rewritten."""

from accounts.admin import accounts, audit, keys, messages, people, webhooks  # noqa: F401
