"""Patients who would come earlier, and the times that became free."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from .booking import Booking
from .patients import Patient


class EarlierTimeRequest(models.Model):
    """Somebody who would take an earlier time: instead of a booked one, or where none was free."""

    class Urgency(models.IntegerChoices):
        URGENT = 1, "As soon as possible"
        SOON = 2, "Soon"
        WHENEVER = 3, "When it suits"

    class State(models.TextChoices):
        OPEN = "open", "Waiting"
        OFFERED = "offered", "Has an offer"
        FULFILLED = "fulfilled", "Took one"
        WITHDRAWN = "withdrawn", "Taken off"
        OVER = "over", "Too late for it"

    class Daypart(models.TextChoices):
        MORNING = "morning", "Morning"
        AFTERNOON = "afternoon", "Afternoon"
        EVENING = "evening", "Evening"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="earlier_requests")
    appointment_type = models.ForeignKey("services.AppointmentType", on_delete=models.PROTECT, related_name="+")
    booking = models.ForeignKey(
        Booking,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="earlier_requests",
        help_text="The visit that would be moved; empty when there is none yet.",
    )
    practitioner = models.ForeignKey(
        "practitioners.Practitioner",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty for whoever gives it.",
    )
    urgency = models.PositiveSmallIntegerField(choices=Urgency, default=Urgency.SOON)
    dayparts = ArrayField(models.CharField(max_length=10, choices=Daypart), default=list, blank=True)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True, help_text="0 is Monday.")
    until_on = models.DateField(null=True, blank=True, help_text="The last day that would still help.")
    session_id = models.UUIDField(null=True, editable=False, help_text="The call in which it was asked for.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN, editable=False)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+")
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["urgency", "asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "appointment_type"],
                condition=Q(state__in=["open", "offered"]),
                name="one_earlier_request_per_patient_and_type",
            )
        ]
        indexes = [
            models.Index(fields=["urgency", "asked_at"], condition=Q(state="open"), name="earlier_request_open"),
        ]

    def __str__(self) -> str:
        return f"{self.patient}: {self.appointment_type}"


class FreedTime(models.Model):
    """A time that a cancelled or moved visit left free, and whom it was offered to."""

    class State(models.TextChoices):
        OPEN = "open", "To be offered"
        OFFERED = "offered", "Offered"
        FILLED = "filled", "Taken"
        NOBODY = "nobody", "Nobody wants it"
        GONE = "gone", "Booked otherwise, or past"
        STOPPED = "stopped", "Not offered any more"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    practitioner = models.ForeignKey("practitioners.Practitioner", on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(help_text="The visit's end; buffers come on top.")
    freed_by = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="freed_times")
    freed_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN, editable=False)
    next_look_at = models.DateTimeField(editable=False)
    passed_over = models.JSONField(
        default=list, editable=False, help_text="Rows of request and reason: who was looked at before and not asked."
    )

    class Meta:
        ordering = ["-freed_at"]
        constraints = [
            models.CheckConstraint(name="freed_time_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at")))
        ]
        indexes = [
            models.Index(fields=["next_look_at"], condition=Q(state__in=["open", "offered"]), name="freed_time_due")
        ]

    def __str__(self) -> str:
        return f"{self.practitioner}, {self.starts_at:%d.%m. %H:%M}"


class EarlierTimeOffer(models.Model):
    """A freed time kept for one patient for a while."""

    class State(models.TextChoices):
        OPEN = "open", "Waiting for an answer"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"
        LAPSED = "lapsed", "Not answered in time"
        WITHDRAWN = "withdrawn", "Taken back"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(EarlierTimeRequest, on_delete=models.PROTECT, related_name="offers")
    freed = models.ForeignKey(FreedTime, on_delete=models.PROTECT, related_name="offers")
    entry = models.OneToOneField("practitioners.DiaryEntry", on_delete=models.PROTECT, related_name="+")
    booking = models.ForeignKey(
        Booking, on_delete=models.PROTECT, null=True, editable=False, related_name="+", help_text="What came of it."
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN, editable=False)
    offered_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-offered_at"]
        constraints = [
            models.UniqueConstraint(fields=["freed"], condition=Q(state="open"), name="one_open_offer_per_time"),
            models.UniqueConstraint(fields=["request"], condition=Q(state="open"), name="one_open_offer_per_request"),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=Q(state="open"), name="offer_open")]

    def __str__(self) -> str:
        return f"{self.request}"
