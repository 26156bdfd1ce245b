"""What stands between a person's log-in and others: where it is open, and its recovery codes."""

from django.db import models

from accounts import clock
from accounts.kept import Rows
from accounts.models.mailed import Mailed
from accounts.models.people import User


class OpenSession(models.Model):
    """One place where a person is logged in. The session itself is Django's; this says whose."""

    rows = Rows.MAY_GO
    user = models.ForeignKey(User, models.CASCADE, related_name="open_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    began_at = models.DateTimeField(default=clock.now)
    # Written every few minutes (thinkrr_billing/sessions.py).
    seen_at = models.DateTimeField(default=clock.now)
    ip = models.GenericIPAddressField()
    # In words, such as “Firefox on Windows”.
    browser = models.CharField(max_length=60)

    class Meta:
        indexes = [models.Index(fields=["seen_at"], name="open_sessions_by_age")]

    def __str__(self) -> str:
        return self.browser


class RecoveryCode(models.Model):
    """A code for whoever lost their phone. Kept hashed, and deleted when it is used."""

    rows = Rows.MAY_GO
    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=128)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return f"of {self.user_id}"


class SecurityMail(Mailed):
    """A mail to one person about their second factor. Forgotten after a month."""

    rows = Rows.MAY_GO

    class Kind(models.TextChoices):
        TURNED_ON = "turned_on", "Two-factor log-in is on"
        TURNED_OFF = "turned_off", "Two-factor log-in is off"
        REMOVED = "removed", "Support removed your second factor"
        CODES_MADE = "codes_made", "New recovery codes were made"
        CODE_USED = "code_used", "A recovery code was used"
        GUESSED = "guessed", "Somebody has your password"

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    # From where it was done. Empty: by support.
    ip = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="security_mails_by_age")]

    def __str__(self) -> str:
        return self.get_kind_display()
