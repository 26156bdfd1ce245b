"""Which cells there are, and which of them has what. Empty where there are none.

Like everything a request needs before its cell is known, they are the same from everywhere."""

from django.core.validators import RegexValidator
from django.db import models

from accounts import clock
from accounts.kept import Rows
from accounts.models.people import User

# So long that the schema's name has room for it.
CELL_NAME = RegexValidator(
    r"\A[a-z][a-z0-9_]{0,30}\Z", "Name a cell in small letters, digits and underscores, like eu_1."
)


class Cell(models.Model):
    """A schema with everything of its agencies, their sub-accounts and individuals."""

    rows = Rows.MIGRATED

    # The first is 1. Keys of its rows begin where no other cell's do.
    number = models.PositiveSmallIntegerField(primary_key=True)
    name = models.CharField(max_length=31, unique=True, validators=[CELL_NAME])
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return self.name


class CellOfAccount(models.Model):
    """Written with the account itself, and the truth about where it is."""

    account_id = models.UUIDField(primary_key=True)
    cell = models.ForeignKey(Cell, models.PROTECT, related_name="+")
    # While it is moved to another; a mover that died leaves it in the past by itself.
    moving_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.account_id} in {self.cell_id}"


class CellOfCustomer(models.Model):
    """Whose customer at Stripe it is or was: events say no more."""

    customer = models.CharField(max_length=255, primary_key=True)
    cell = models.ForeignKey(Cell, models.PROTECT, related_name="+")
    moving_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.customer} in {self.cell_id}"


class CellOfPerson(models.Model):
    """A cell where this person has, or had, a seat."""

    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    cell = models.ForeignKey(Cell, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "cell"], name="once_per_person_and_cell")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.cell_id}"
