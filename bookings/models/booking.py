"""The promise to a patient, its number and its money."""

import uuid
from datetime import datetime

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from .patients import Patient


def on_clock(moment: datetime) -> str:
    """Write a moment as the clinic's clock shows it: Tue 24 Nov 09:00."""
    return f"{timezone.localtime(moment):%a %-d %b %H:%M}"


class CancelReason(models.Model):
    """A reason for cancelling that staff can choose; managed by operations."""

    code = models.SlugField(max_length=40, unique=True)
    label = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField("offered", default=True)
    asks_for_detail = models.BooleanField(default=False, help_text="Whether a few words have to be added.")
    is_for_patients = models.BooleanField(
        "for patients", default=False, help_text="Whether patients can choose it on their own page."
    )

    class Meta:
        ordering = ["position", "label"]

    def __str__(self) -> str:
        return self.label


class BookingQuerySet(models.QuerySet):
    def upcoming(self, now) -> "BookingQuerySet":
        """Visits that will take place."""
        return self.filter(state=Booking.State.CONFIRMED, starts_at__gte=now).order_by("starts_at")

    def to_be_paid(self) -> "BookingQuerySet":
        """Visits for which somebody still has to pay; who is about to pay online is waited for, not asked."""
        return self.promised().filter(payment__status=Payment.Status.PENDING).exclude(state=Booking.State.CANCELLED)

    def promised(self) -> "BookingQuerySet":
        """Visits that were promised, whatever became of them; none that waits for its payment, or lapsed without."""
        return self.filter(pays_until=None)

    def waiting_for_payment(self) -> "BookingQuerySet":
        """Visits that are promised as soon as they are paid."""
        return self.filter(state=Booking.State.PENDING_PAYMENT)


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
    cancel_cause = models.ForeignKey(
        CancelReason, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="bookings"
    )
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)
    correction = models.CharField(max_length=200, blank=True, editable=False, help_text="Why its end was corrected.")
    is_end_heard = models.BooleanField(
        default=False,
        editable=False,
        help_text="A vendor told of the state that it is in, and nobody here has decided since.",
    )
    revision = models.PositiveIntegerField(default=0, editable=False, help_text="Counts moves, for the .ics.")
    moved_at = models.DateTimeField(null=True, editable=False, help_text="When it was given another time last.")
    notice_given = models.DurationField(
        null=True,
        editable=False,
        help_text="The shortest notice with which the patient moved it, since the clinic moved it last.",
    )
    pays_until = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Until when the time is kept for whoever pays online; empty once the visit is promised.",
    )
    link_serial = models.PositiveIntegerField(
        default=0, editable=False, help_text="Counts how often the patient's links were made void."
    )
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
            ("end_visit", "Can say how a visit ended"),
            ("decide_details", "Can take over proposed details and merge patients"),
        ]
        constraints = [
            models.CheckConstraint(name="booking_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(name="no_negative_booking_price", condition=Q(price__gte=0)),
            models.CheckConstraint(
                name="unpaid_booking_lapses",
                condition=~Q(state="pending_payment") | Q(pays_until__isnull=False),
            ),
            models.CheckConstraint(
                name="cancelled_with_reason_and_moment",
                condition=~Q(state="cancelled") | (~Q(cancel_reason="") & Q(cancelled_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["starts_at"], name="booking_by_start"),
            models.Index(fields=["created_at"], name="booking_by_creation"),
            models.Index(fields=["patient", "starts_at"], include=["id"], name="booking_by_patient"),
            models.Index(fields=["starts_at"], condition=~Q(attention=""), name="booking_for_a_person"),
            models.Index(fields=["starts_at"], condition=Q(state="confirmed"), name="booking_coming"),
            models.Index(fields=["starts_at"], condition=Q(state="cancelled"), name="booking_cancelled"),
            models.Index(
                fields=["cancelled_at"], condition=Q(cancelled_at__isnull=False), name="booking_by_cancelling"
            ),
            models.Index(fields=["practitioner", "patient"], name="booking_whose"),
            models.Index(fields=["pays_until"], condition=Q(state="pending_payment"), name="booking_unpaid"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_promised(self) -> bool:
        """False while it waits for its payment, and once it lapsed without."""
        return self.pays_until is None

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
        STRIPE_LINK = "stripe_link", "Online"
        CASH = "cash", "Cash"
        BANK_TRANSFER = "bank_transfer", "Bank transfer"
        NONE = "none", "None needed"

    class Status(models.TextChoices):
        PENDING = "pending", "To be paid"
        COLLECTED = "collected", "Paid"
        NOT_NEEDED = "not_needed", "Nothing to pay"
        REFUND_DUE = "refund_due", "Refund to decide"
        REFUNDED = "refunded", "Given back"

    booking = models.OneToOneField(Booking, on_delete=models.PROTECT, related_name="payment")
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    method = models.CharField(max_length=20, choices=Method)
    status = models.CharField(max_length=20, choices=Status, editable=False)
    reference = models.CharField(max_length=100, blank=True, help_text="The terminal's receipt number.")
    collected_at = models.DateTimeField(null=True, blank=True, editable=False)
    collected_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    given_back = models.DecimalField(max_digits=8, decimal_places=2, default=0, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["booking"], condition=Q(status="pending"), name="payment_due"),
            models.Index(fields=["collected_at"], condition=Q(collected_at__isnull=False), name="payment_collected"),
        ]
        constraints = [
            models.CheckConstraint(name="no_negative_payment", condition=Q(amount__gte=0)),
            models.CheckConstraint(
                name="no_more_given_back_than_paid", condition=Q(given_back__gte=0) & Q(given_back__lte=F("amount"))
            ),
            models.CheckConstraint(
                name="collected_at_a_moment", condition=~Q(status="collected") | Q(collected_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"${self.amount} {self.get_status_display().lower()}"

    @property
    def is_asked_for_online(self) -> bool:
        """True while it is still to be paid, and by a way to pay at Stripe."""
        return self.status == self.Status.PENDING and self.method == self.Method.STRIPE_LINK
