"""The keys of machines. Only hashes are kept."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.models.accounts import Account
from accounts.models.people import User


class Scope(models.TextChoices):
    READ = "read", "Read"
    WRITE = "write", "Write"
    CALLS = "calls", "Report calls"


class ApiKey(models.Model):
    """A machine's key. Without an account it is a platform key, valid for every account."""

    account = models.ForeignKey(
        Account, models.CASCADE, null=True, blank=True, related_name="api_keys"
    )
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16, unique=True)
    # SHA-256 of the secret part, in hex. The secret has 256 random bits, so no salt is needed.
    secret_hash = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=5, choices=Scope))
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Networks as `203.0.113.0/24`; without any, the key works from everywhere.
    addresses = ArrayField(models.CharField(max_length=43), null=True, blank=True)
    replaced_by = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("revoke_apikey", "Can revoke API keys of others")]
        constraints = [
            models.CheckConstraint(
                condition=Q(scopes__contained_by=["read", "write", "calls"]) & ~Q(scopes=[]),
                name="api_key_scopes_are_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (tb_{self.prefix}_…)"

    @property
    def is_platform(self) -> bool:
        return self.account_id is None
