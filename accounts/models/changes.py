"""That something the API shows has changed, in an order a reader cannot miss anything of."""

from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.kept import Rows
from accounts.models.accounts import Account


class Change(models.Model):
    """The last change of one object of an account. Triggers write it beside the object.

    It is numbered once others can see it (`accounts.telling.changes`), and anew when it changes.
    """

    rows = Rows.NEVER_DELETED

    class Kind(models.TextChoices):
        CAMPAIGN = "campaign", "Campaign"
        RECHARGE = "recharge", "Recharge"
        RECEIPT = "receipt", "Receipt"
        ALLOCATION = "allocation", "Monthly allocation"
        AUTO_RECHARGE = "auto_recharge", "Auto-Recharge"
        GIFT = "gift", "Minutes given once"
        ASK = "ask", "Asking for minutes"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=15, choices=Kind)
    # As the API calls it: a campaign's external id, the id of a purchase, an account or an ask.
    object_id = models.CharField(max_length=255)
    changed_at = models.DateTimeField(default=clock.now)
    # Only grows, in the order in which changes could be seen. None: nobody has read it yet.
    sequence = models.BigIntegerField(null=True, unique=True)
    numbered_at = models.DateTimeField(null=True)
    # It could be seen only after something that was changed later had been numbered.
    is_late = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "object_id"], name="one_change_an_object"
            ),
            models.CheckConstraint(
                name="change_kind_is_known",
                condition=Q(
                    kind__in=[
                        "campaign",
                        "recharge",
                        "receipt",
                        "allocation",
                        "auto_recharge",
                        "gift",
                        "ask",
                    ]
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["account", "kind", "sequence"], name="changes_of_an_account"),
            models.Index(
                fields=["id"], name="changes_to_number", condition=Q(sequence__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class Numbering(models.Model):
    """One row: whoever numbers changes holds it, and notes until when they were seen."""

    rows = Rows.NEVER_DELETED

    id = models.PositiveSmallIntegerField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "numbering"

    def __str__(self) -> str:
        return f"Numbered until {self.at}"
