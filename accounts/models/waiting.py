"""Rows that wait: for a sweep (`accounts.runtime.queues`), or for the next step of a long look
(`accounts.runtime.steps`)."""

from django.db import models
from django.db.models.functions import Now

from accounts import clock


class QueueEmptied(models.Model):
    """When a sweep last found nothing more to hand out, by the queue's kind."""

    kind = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "queues emptied"

    def __str__(self) -> str:
        return self.kind


class Waiting(models.Model):
    # When a sweep hands it out next. Each look moves it back, whatever was found.
    look_at = models.DateTimeField(default=clock.now, db_default=Now(), editable=False)

    class Meta:
        abstract = True


class Tried(Waiting):
    """One that workers try: a try that ends is forgotten, one that kills its process is kept."""

    tries = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    # It killed too many processes: left alone until then.
    rests_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True


class InSteps(models.Model):
    """Time that is looked through from `since` to `until`; before `at` it is done."""

    since = models.DateTimeField()
    until = models.DateTimeField()
    at = models.DateTimeField()
    # How much time the next step takes in (accounts.runtime.steps).
    slice_seconds = models.PositiveIntegerField()
    touched_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
