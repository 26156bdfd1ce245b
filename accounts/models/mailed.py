"""Rows that are sent by mail: `accounts.telling.mails` claims and sends them."""

from datetime import timedelta
from typing import ClassVar

from django.db import models


class Mailed(models.Model):
    # Older news would confuse more than help.
    GIVE_UP_AFTER: ClassVar = timedelta(days=3)

    # When to send, or to try again. Empty: sent, given up, or never meant to be mailed.
    mail_due_at = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    mailed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True
