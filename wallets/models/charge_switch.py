"""Whether automatic charges are made at all: one row, that support turns with a reason."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts import clock


class ChargeSwitch(models.Model):
    """No row is the same as a row that says they go on."""

    THE_ROW = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ROW, editable=False)
    stopped = models.BooleanField(default=False)
    reason = models.CharField(max_length=200)
    # None: by the command, on the machine itself.
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = "switch of automatic charges"
        verbose_name_plural = "automatic charges"
        permissions = [("switch_charges", "Can stop and start all automatic charges")]
        constraints = [
            models.CheckConstraint(name="one_charge_switch", condition=Q(id=1)),
            models.CheckConstraint(name="charge_switch_has_a_reason", condition=~Q(reason="")),
        ]

    def __str__(self) -> str:
        return "stopped" if self.stopped else "going on"
