"""In what portal and vendors differ."""

from django.db import models
from django.db.models import Q

from botaniqal.integrations.models import Owed, OwedQuerySet, owed_index

from .booking import Booking
from .sync import SyncRecord


class Reconciliation(models.Model):
    """A comparison of the portal with its vendors over a span of visits; it waits until a worker begins it."""

    starts_from = models.DateTimeField()
    starts_until = models.DateTimeField()
    asked_at = models.DateTimeField(auto_now_add=True)
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    compared = models.PositiveIntegerField(default=0, help_text="Bookings that were compared.")
    found = models.PositiveIntegerField(default=0, help_text="Differences that were not known before.")
    is_braked = models.BooleanField(default=False, help_text="So many differences that none may be settled.")
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    release_reason = models.CharField(max_length=200, blank=True)
    problem = models.CharField(max_length=300, blank=True, help_text="What could not be compared, and why.")

    class Meta:
        ordering = ["-asked_at"]
        indexes = [models.Index(fields=["asked_at"], condition=Q(ended_at=None), name="reconciliation_open")]

    def __str__(self) -> str:
        return f"{self.asked_at:%-d %b %Y %H:%M}"


class DriftQuerySet(OwedQuerySet):
    def unsettled(self) -> "DriftQuerySet":
        """Differences that stand, as far as anybody knows."""
        return self.filter(settled_at=None)

    def braked(self) -> "DriftQuerySet":
        """Differences of a run that found so many that a person has to look at all of them first."""
        return self.filter(found_by__is_braked=True, found_by__released_at=None)


class Drift(Owed):
    """
    A difference between the portal and a vendor; a person says who is right.

    What is owed, once somebody has said so, is that the vendor lets go of an object that belongs to no booking.
    """

    class Kind(models.TextChoices):
        MISSING = "missing", "Not there"
        DIFFERS = "differs", "Says something else"
        CANCELLED_THERE = "cancelled_there", "Cancelled there"
        STANDS_THERE = "stands_there", "Still stands there"
        UNKNOWN = "unknown", "Nobody here knows it"

    class Field(models.TextChoices):
        WHOLE = "whole", "The whole visit"
        TIME = "time", "Time"
        LENGTH = "length", "Length"
        PRACTITIONER = "practitioner", "Practitioner"
        TYPE = "type", "Appointment type"
        PATIENT = "patient", "Patient"

    wanted = models.PositiveIntegerField(default=0, editable=False)
    system = models.CharField(max_length=20, choices=SyncRecord.System)
    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, null=True, related_name="drifts")
    external_id = models.CharField(max_length=255, blank=True)
    kind = models.CharField(max_length=20, choices=Kind)
    field = models.CharField(max_length=20, choices=Field, default=Field.WHOLE)
    ours = models.CharField(max_length=200, blank=True)
    theirs = models.CharField(max_length=200, blank=True)
    evidence = models.JSONField(default=dict, help_text="What the vendor says, for taking it over.")
    visit_at = models.DateTimeField(help_text="The visit that it is about: the soonest is the most urgent.")
    found_by = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, null=True, related_name="drifts")
    found_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(help_text="When it was last seen.")
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    is_left = models.BooleanField(default=False, help_text="Somebody left it as it is; it is not shown again.")
    outcome = models.CharField(max_length=300, blank=True, help_text="How it ended, in words.")

    objects = DriftQuerySet.as_manager()

    class Meta:
        ordering = ["visit_at"]
        verbose_name = "difference"
        constraints = [
            models.UniqueConstraint(
                fields=["system", "booking", "external_id", "field"],
                condition=Q(settled_at=None),
                name="no_difference_open_twice",
                nulls_distinct=False,
            )
        ]
        indexes = [
            owed_index("drift_owed"),
            models.Index(fields=["visit_at"], condition=Q(settled_at=None), name="drift_open"),
            models.Index(fields=["visit_at"], condition=Q(is_left=True), name="drift_left"),
        ]

    def __str__(self) -> str:
        return f"{self.get_system_display()}: {self.get_kind_display().lower()}"
