"""What the API answered to requests with an Idempotency-Key. Kept for a day and a bit."""

from django.db import models

from accounts import clock
from accounts.kept import Rows
from accounts.models.keys import ApiKey


class KeptAnswer(models.Model):
    """One request that was done, and its answer: whoever repeats it gets the same."""

    rows = Rows.MAY_GO
    BEGUN = 0

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    # The account the address means; None where the request names none, as a batch of calls.
    account_id = models.UUIDField(null=True)
    idempotency_key = models.CharField(max_length=255)
    # Of the method, the path and the body.
    fingerprint = models.CharField(max_length=64)
    # BEGUN while the first is at work.
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["api_key", "account_id", "idempotency_key"],
                name="one_answer_an_idempotency_key",
                nulls_distinct=False,
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="kept_answers_by_age")]

    def __str__(self) -> str:
        return f"{self.status} for {self.idempotency_key}"
