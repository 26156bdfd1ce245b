"""Prices of minutes. Rows, never constants: a new row replaces, nothing is edited."""

from django.conf import settings
from django.db import models

from accounts import clock
from accounts.kept import Rows
from wallets.models.fields import MoneyField, within


class MinuteType(models.TextChoices):
    PREMIUM = "premium", "Premium"
    BASIC = "basic", "Basic"


class MinuteRate(models.Model):
    """A minute type's price from a moment on. The latest one that has begun is in force."""

    rows = Rows.WRITTEN_ONCE

    minute_type = models.CharField(max_length=8, choices=MinuteType)
    price = MoneyField()
    effective_from = models.DateTimeField()
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
    )

    class Meta:
        ordering = ["minute_type", "-effective_from"]
        permissions = [("set_rate", "Can set a new rate")]
        constraints = [
            models.UniqueConstraint(
                fields=["minute_type", "effective_from"], name="one_rate_per_type_and_moment"
            ),
            models.CheckConstraint(
                name="rate_is_a_sane_price", condition=within("price", low=0, high=100)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_minute_type_display()} ${self.price.amount.normalize():f}/min"
