"""Outgoing webhooks: what happens in an account, told to its own systems by Standard Webhooks.

Triggers write events with the rows that change; here they are numbered, signed and sent."""
