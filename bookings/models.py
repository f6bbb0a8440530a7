"""Patients, bookings, money, and what the vendors still have to be told."""

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from botaniqal.integrations.models import Owed, OwedQuerySet, Turn, owed_index
from practitioners.models import check_time_zone


def on_clock(moment: datetime) -> str:
    """Write a moment as the clinic's clock shows it: Tue 24 Nov 09:00."""
    return f"{timezone.localtime(moment):%a %-d %b %H:%M}"


class PatientQuerySet(models.QuerySet):
    def known_to(self, user) -> "PatientQuerySet":
        """Patients whom somebody has had on the phone or sees."""
        called, seen = Q(triage_sessions__consultant__user=user), Q(bookings__practitioner__user=user)
        return self.filter(pk__in=Patient.objects.filter(called | seen).values("pk"))


class Patient(models.Model):
    """The person booked; families share e-mail and phone, so neither is unique."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    email = models.EmailField("e-mail", blank=True)
    phone = models.CharField(max_length=20, blank=True, help_text="As +61412345678.")
    date_of_birth = models.DateField(null=True, blank=True)
    time_zone = models.CharField(max_length=50, default="Australia/Melbourne", validators=[check_time_zone])
    medirecords_id = models.UUIDField("MediRecords patient", null=True, blank=True, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PatientQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(fields=["name"], name="patient_by_name"),
            models.Index(fields=["email"], name="patient_by_email"),
            models.Index(fields=["phone"], name="patient_by_phone"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def first_name(self) -> str:
        """The name that a message may begin with."""
        return self.name.split()[0] if self.name.strip() else ""

    @property
    def zone(self) -> ZoneInfo:
        """The patient's time zone."""
        return ZoneInfo(self.time_zone)


class BookingQuerySet(models.QuerySet):
    def upcoming(self, now) -> "BookingQuerySet":
        """Visits that will take place."""
        return self.filter(state=Booking.State.CONFIRMED, starts_at__gte=now).order_by("starts_at")


class Booking(models.Model):
    """The promise to a patient: practitioner, appointment type, time, price."""

    class State(models.TextChoices):
        PENDING_PAYMENT = "pending_payment", "Waiting for payment"
        CONFIRMED = "confirmed", "Confirmed"
        COMPLETED = "completed", "Completed"
        NO_SHOW = "no_show", "No-show"
        CANCELLED = "cancelled", "Cancelled"

    class Source(models.TextChoices):
        PHONE = "phone", "Phone"
        ONLINE = "online", "Online"
        IMPORT = "import", "Import"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField("confirmation number", max_length=20, unique=True, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="bookings")
    practitioner = models.ForeignKey("practitioners.Practitioner", on_delete=models.PROTECT, related_name="bookings")
    appointment_type = models.ForeignKey("services.AppointmentType", on_delete=models.PROTECT, related_name="bookings")
    entry = models.OneToOneField(
        "practitioners.DiaryEntry", on_delete=models.PROTECT, null=True, blank=True, related_name="booking"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    price = models.DecimalField(max_digits=8, decimal_places=2, validators=[MinValueValidator(0)])
    price_reason = models.CharField(max_length=200, blank=True, help_text="Why another amount than the price book's.")
    state = models.CharField(max_length=20, choices=State, default=State.CONFIRMED, editable=False)
    source = models.CharField(max_length=10, choices=Source)
    join_link = models.URLField(max_length=500, blank=True)
    notes = models.TextField(blank=True)
    attention = models.CharField(
        max_length=200, blank=True, help_text="Why somebody has to look at this booking; empty when all is well."
    )
    cancel_reason = models.CharField(max_length=200, blank=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)
    correction = models.CharField(max_length=200, blank=True, editable=False, help_text="Why its end was corrected.")
    is_end_heard = models.BooleanField(
        default=False,
        editable=False,
        help_text="A vendor told of the state that it is in, and nobody here has decided since.",
    )
    revision = models.PositiveIntegerField(default=0, editable=False, help_text="Counts moves, for the .ics.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    objects = BookingQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at"]
        permissions = [
            ("charge_other_price", "Can charge another price than the price book's"),
            ("view_figures", "Can read the clinic's figures"),
        ]
        constraints = [
            models.CheckConstraint(name="booking_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(name="no_negative_booking_price", condition=Q(price__gte=0)),
            models.CheckConstraint(
                name="cancelled_with_reason_and_moment",
                condition=~Q(state="cancelled") | (~Q(cancel_reason="") & Q(cancelled_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["starts_at"], name="booking_by_start"),
            models.Index(fields=["created_at"], name="booking_by_creation"),
            models.Index(fields=["patient", "starts_at"], name="booking_by_patient"),
            models.Index(fields=["starts_at"], condition=~Q(attention=""), name="booking_for_a_person"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def when(self) -> str:
        """The visit's time on the clinic's clock."""
        return on_clock(self.starts_at)


class NumberCounter(models.Model):
    """The last confirmation number given out in a year."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField()

    def __str__(self) -> str:
        return str(self.year)


class Payment(models.Model):
    """Money for a booking: asked for, collected, or not needed."""

    class Method(models.TextChoices):
        CREDIT_CARD_PHONE = "credit_card_phone", "Card on the terminal"
        STRIPE_LINK = "stripe_link", "Payment link"
        CASH = "cash", "Cash"
        BANK_TRANSFER = "bank_transfer", "Bank transfer"
        NONE = "none", "None needed"

    class Status(models.TextChoices):
        PENDING = "pending", "To be paid"
        COLLECTED = "collected", "Paid"
        NOT_NEEDED = "not_needed", "Nothing to pay"

    booking = models.OneToOneField(Booking, on_delete=models.PROTECT, related_name="payment")
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    method = models.CharField(max_length=20, choices=Method)
    status = models.CharField(max_length=20, choices=Status, editable=False)
    reference = models.CharField(max_length=100, blank=True, help_text="The terminal's receipt number.")
    collected_at = models.DateTimeField(null=True, blank=True, editable=False)
    collected_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="no_negative_payment", condition=Q(amount__gte=0)),
            models.CheckConstraint(
                name="collected_at_a_moment", condition=~Q(status="collected") | Q(collected_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"${self.amount} {self.get_status_display().lower()}"


class SyncRecordQuerySet(OwedQuerySet):
    def due(self, now) -> "SyncRecordQuerySet":
        """What a worker may take up now, the soonest visit first; what is over comes last."""
        is_over = Q(booking__starts_at__lt=now)
        return super().due(now).order_by(models.Case(models.When(is_over, then=1), default=0), "booking__starts_at")


class SyncRecord(Owed):
    """What one vendor was told of one booking, and what it still has to be told."""

    class System(models.TextChoices):
        CALENDLY = "calendly", "Calendly"
        OUTLOOK = "outlook", "Outlook"
        MEDIRECORDS = "medirecords", "MediRecords"

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="sync_records")
    system = models.CharField(max_length=20, choices=System)
    external_id = models.CharField(max_length=255, blank=True, editable=False, help_text="The vendor's own id of it.")
    external_ref = models.CharField(
        max_length=255, blank=True, editable=False, help_text="Calendly's invitee, by which a rescheduling is linked."
    )
    former_refs = ArrayField(
        models.CharField(max_length=255),
        default=list,
        editable=False,
        help_text="Calendly's invitees whose place this one took: what is heard of them is old news.",
    )
    heard_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When Calendly last said whether the patient came; older words are old news.",
    )
    underway = models.JSONField(
        null=True, editable=False, help_text="What we began to enter without knowing yet whether it got there."
    )

    objects = SyncRecordQuerySet.as_manager()

    class Meta:
        ordering = ["booking", "system"]
        constraints = [
            models.UniqueConstraint(fields=["booking", "system"], name="one_record_per_booking_and_system"),
            models.UniqueConstraint(
                fields=["system", "external_id"], condition=~Q(external_id=""), name="one_booking_per_vendor_object"
            ),
        ]
        indexes = [
            owed_index("sync_record_owed"),
            models.Index(fields=["external_ref"], condition=~Q(external_ref=""), name="sync_record_by_ref"),
            GinIndex(fields=["former_refs"], condition=~Q(former_refs=[]), name="sync_record_by_former_ref"),
        ]

    def __str__(self) -> str:
        return self.get_system_display()

    def may_be_let_in(self) -> bool:
        """Tell whether another visit has yet to be moved or cancelled at the vendor, and may free a taken time."""
        others = SyncRecord.objects.open().filter(system=self.system, needs_person=False).exclude(pk=self.pk)
        return others.exclude(external_id="", underway=None).exists()

    def note(self, turn: Turn, words: str) -> None:
        """Remember for the booking's time line what was said to the vendor, or heard from it."""
        self.notes.create(turn=turn, words=words[:300])


class SyncNote(models.Model):
    """A line of a booking's time line: what was said to a vendor or heard from it, and what came of it."""

    FOUND_AGAIN = "Found there again after an answer that did not come."
    OVER_BEFORE = "Nothing was entered: the visit was over before."

    record = models.ForeignKey(SyncRecord, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField(auto_now_add=True)
    turn = models.CharField(max_length=20, choices=Turn)
    words = models.CharField(max_length=300, help_text="Without a word about the patient.")

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.words


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


class FormAnswers(models.Model):
    """What somebody answered in a form at a vendor, as it stood when it was last fetched."""

    class Source(models.TextChoices):
        JOTFORM = "jotform", "JotForm"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.CharField(max_length=20, choices=Source)
    form_id = models.CharField("form", max_length=50)
    external_id = models.CharField("submission", max_length=50)
    answers = models.JSONField(help_text="Rows of name, question and answer, in the form's order.")
    submitted_at = models.DateTimeField()
    fetched_at = models.DateTimeField()
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, null=True, blank=True, related_name="form_answers")

    class Meta:
        ordering = ["-submitted_at"]
        verbose_name_plural = "form answers"
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="one_row_per_submission")]

    def __str__(self) -> str:
        return f"{self.get_source_display()} {self.external_id}"
