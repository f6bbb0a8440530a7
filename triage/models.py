"""The triage session: one call with one person."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

CANCELLED = "cancelled"
"""What a call is that stands in no state any more, because its consultation was cancelled."""


class TriageSessionQuerySet(models.QuerySet):
    def to_call(self) -> "TriageSessionQuerySet":
        """Calls that still have to be made or ended, the longest due first."""
        return (
            self.exclude(state=TriageSession.State.DONE)
            .exclude(consultation__state=CANCELLED)
            .order_by("consultation__starts_at")
        )


class TriageSession(models.Model):
    """
    A call: what was said, what it led to.

    Its time and its cancellation are those of its consultation booking.
    """

    class State(models.TextChoices):
        SCHEDULED = "scheduled", "Scheduled"
        IN_PROGRESS = "in_progress", "In call"
        WRAP_UP = "wrap_up", "Wrap-up"
        DONE = "done", "Done"

    class Outcome(models.TextChoices):
        BOOKED = "booked", "Booked"
        REFERRED = "referred", "Referred"
        REJECTED = "rejected", "Not booked"
        NO_SHOW = "no_show", "No-show"

    class Disposition(models.TextChoices):
        VOICEMAIL = "voicemail", "Voicemail"
        WRONG_NUMBER = "wrong_number", "Wrong number"
        NO_ANSWER = "no_answer", "No answer"
        GP = "gp", "To a GP"
        EMERGENCY = "emergency", "To emergency care"
        CLINICIAN = "clinician", "To a clinician here"
        NOT_ELIGIBLE = "not_eligible", "Not eligible"
        DECLINED = "declined", "Declined"
        PRICE = "price", "Price"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey("bookings.Patient", on_delete=models.PROTECT, related_name="triage_sessions")
    consultation = models.OneToOneField("bookings.Booking", on_delete=models.PROTECT, related_name="call")
    consultant = models.ForeignKey("practitioners.Practitioner", on_delete=models.PROTECT, related_name="sessions")
    booking = models.OneToOneField(
        "bookings.Booking", on_delete=models.PROTECT, null=True, blank=True, related_name="triage_session"
    )
    state = models.CharField(max_length=20, choices=State, default=State.SCHEDULED, editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    primary_concern = models.TextField(blank=True)
    notes = models.TextField(blank=True)
    recommended_service = models.ForeignKey(
        "services.Service", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    recommended_practitioners = ArrayField(models.UUIDField(), default=list, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True, editable=False)
    disposition = models.CharField(max_length=20, choices=Disposition, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False, help_text="Counts changes of what is typed.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TriageSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(name="no_done_session_without_outcome", condition=~Q(state="done") | ~Q(outcome="")),
            models.CheckConstraint(
                name="no_booked_outcome_without_booking", condition=~Q(outcome="booked") | Q(booking__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["consultant", "state"], name="session_by_consultant"),
            models.Index(fields=["consultation"], condition=~Q(state="done"), name="session_open"),
        ]

    def __str__(self) -> str:
        return self.patient.name

    @property
    def status(self) -> str:
        """Where the call stands: its state, or “cancelled” with its consultation, which should be read along."""
        return CANCELLED if self.consultation.state == CANCELLED else self.state
