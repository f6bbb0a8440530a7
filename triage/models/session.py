"""The triage session: one call with one person, and what happened to it."""

import uuid
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, Q, When

CANCELLED = "cancelled"
"""What a call is that stands in no state any more, because its consultation was cancelled."""


class Outcome(models.TextChoices):
    """What came of a call."""

    BOOKED = "booked", "Booked"
    REFERRED = "referred", "Referred"
    REJECTED = "rejected", "Not booked"
    NO_SHOW = "no_show", "No-show"


CALLS_BACK = Q(call_back_at__isnull=False, call_back_revision=F("consultation__revision"))
"""Calls in which somebody is to be rung again, and the consultation has not been moved since."""

DUE_AT = Case(When(CALLS_BACK, then="call_back_at"), default="consultation__starts_at")
"""When a call is due: at its consultation's time, or when somebody is to be rung again."""


class Disposition(models.Model):
    """A finer word for how a call ended, under one of the outcomes; managed by operations."""

    class Asks(models.TextChoices):
        NOTHING = "nothing", "Nothing"
        LETTER = "letter", "A referral letter"

    code = models.SlugField(max_length=40, unique=True)
    outcome = models.CharField(max_length=20, choices=Outcome)
    label = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField("offered", default=True)
    asks_for = models.CharField(max_length=10, choices=Asks, default=Asks.NOTHING)

    class Meta:
        ordering = ["outcome", "position", "label"]

    def __str__(self) -> str:
        return self.label


class TriageSessionQuerySet(models.QuerySet):
    def to_call(self) -> "TriageSessionQuerySet":
        """Calls that still have to be made or ended, the longest due first."""
        return (
            self.exclude(state=TriageSession.State.DONE)
            .exclude(consultation__state=CANCELLED)
            .annotate(due_at=DUE_AT)
            .order_by("due_at")
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

    Outcome = Outcome

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
    recommendation = models.JSONField(
        default=dict, blank=True, editable=False, help_text="How practitioners were ranked, and why."
    )
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True, editable=False)
    disposition = models.ForeignKey(
        "triage.Disposition",
        on_delete=models.PROTECT,
        to_field="code",
        null=True,
        blank=True,
        editable=False,
        related_name="sessions",
    )
    claimed_by = models.ForeignKey(
        "practitioners.Practitioner",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="claims",
        help_text="Who has the call at the desk; nobody while it waits or is parked.",
    )
    claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    call_back_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When to ring again, after a call-back or an unanswered try."
    )
    call_back_revision = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="Which revision of the consultation the call-back belongs to: once that is moved, it is over.",
    )
    tries = models.PositiveSmallIntegerField(default=0, editable=False, help_text="Unanswered tries so far.")
    script = models.ForeignKey(
        "triage.Script", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="sessions"
    )
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
            models.Index(fields=["consultant", "patient"], name="session_whose"),
            models.Index(fields=["call_back_at"], condition=Q(call_back_at__isnull=False), name="session_to_call_back"),
            models.Index(fields=["consultation"], condition=~Q(state="done"), name="session_open"),
        ]

    def __str__(self) -> str:
        return self.patient.name

    @property
    def status(self) -> str:
        """Where the call stands: its state, or “cancelled” with its consultation, which should be read along."""
        return CANCELLED if self.consultation.state == CANCELLED else self.state

    @property
    def calls_back(self) -> bool:
        """Tell whether somebody is to be rung again; the consultation should be read along."""
        return self.call_back_at is not None and self.call_back_revision == self.consultation.revision

    @property
    def due_on(self) -> datetime:
        """When to ring; the consultation should be read along."""
        return self.call_back_at if self.calls_back else self.consultation.starts_at


class CallEvent(models.Model):
    """A line of a call's history: who did what with it, and when; never changed."""

    class Kind(models.TextChoices):
        CLAIMED = "claimed", "Claimed"
        TAKEN_OVER = "taken_over", "Taken over"
        PARKED = "parked", "Parked"
        RESUMED = "resumed", "Resumed"
        CALL_BACK = "call_back", "Call-back planned"
        TRIED = "tried", "Nobody answered"
        RED_FLAG = "red_flag", "Red flag"
        ESCALATED = "escalated", "Escalated"
        ACKNOWLEDGED = "acknowledged", "Escalation acknowledged"
        CLEARED = "cleared", "Red flag cleared"
        LINKED = "linked", "Patient linked"
        OVERRIDE = "override", "Went beyond a rule"
        BOOKED = "booked", "Booked"
        UNDONE = "undone", "Booking undone"
        ENDED = "ended", "Ended"
        REOPENED = "reopened", "Opened again"

    session = models.ForeignKey(TriageSession, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    former = models.ForeignKey(
        "practitioners.Practitioner",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="From whom the call was taken over, who is told of it.",
    )
    seen_at = models.DateTimeField(null=True, help_text="When the former consultant saw that.")
    words = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["at", "pk"]
        indexes = [
            models.Index(fields=["former"], condition=Q(former__isnull=False, seen_at=None), name="call_event_untold"),
            models.Index(fields=["kind", "at"], name="call_event_by_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.words}" if self.words else self.get_kind_display()


class Override(models.Model):
    """A soft rule that somebody went beyond, with the reason."""

    class Rule(models.TextChoices):
        NOTICE = "notice", "Short notice"
        HOURS = "hours", "Outside the hours"
        CAP = "cap", "More visits than a day should have"
        BUFFER = "buffer", "Without the break between visits"

    session = models.ForeignKey(TriageSession, on_delete=models.CASCADE, null=True, related_name="overrides")
    practitioner = models.ForeignKey("practitioners.Practitioner", on_delete=models.PROTECT, related_name="+")
    appointment_type = models.ForeignKey(
        "services.AppointmentType", on_delete=models.PROTECT, null=True, related_name="+"
    )
    starts_at = models.DateTimeField()
    rule = models.CharField(max_length=10, choices=Rule)
    reason = models.CharField(max_length=200)
    at = models.DateTimeField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-at"]
        permissions = [("go_beyond_rules", "Can go beyond soft rules of the calendar")]
        indexes = [models.Index(fields=["rule", "at"], name="override_by_rule")]

    def __str__(self) -> str:
        return f"{self.get_rule_display()}: {self.reason}"
