"""Mails that somebody had us send to an address that may be a stranger's. Kept for a day."""

from django.db import models

from accounts import clock
from accounts.kept import Rows
from accounts.models.accounts import Account
from accounts.models.mailed import Mailed
from accounts.models.people import User


class InvitationSent(models.Model):
    """One mail of an invitation, counted when it is asked for."""

    rows = Rows.MAY_GO

    email = models.EmailField()
    # None for an API key.
    person = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    # Whose invitations are counted together: an agency with its sub-accounts.
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name_plural = "invitations sent"
        indexes = [
            models.Index(fields=["email", "created_at"], name="invitations_to_address"),
            models.Index(fields=["created_at"], name="invitations_sent_by_age"),
        ]

    def __str__(self) -> str:
        return self.email


class PasswordReset(Mailed):
    """A link for a new password that was asked for, whether anybody has this address or not."""

    rows = Rows.MAY_GO

    email = models.EmailField()
    ip = models.GenericIPAddressField()
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["email", "created_at"], name="resets_to_address"),
            models.Index(fields=["ip", "created_at"], name="resets_of_machine"),
            models.Index(fields=["created_at"], name="resets_by_age"),
        ]

    def __str__(self) -> str:
        return self.email
