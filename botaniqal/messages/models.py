"""E-mails: one row per message, written with what it tells of, sent afterwards."""

import uuid

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Lower

from botaniqal.cards import validate_none
from botaniqal.integrations.models import Owed, owed_index, stuck_index


class Message(Owed):
    """An e-mail to somebody, and whether it went out."""

    class Kind(models.TextChoices):
        PREPARATION = "preparation", "Preparation for the call"
        CONFIRMATION = "confirmation", "Booking confirmed"
        MOVED = "moved", "Booking moved"
        OTHER_PRACTITIONER = "other_practitioner", "Booking with another practitioner"
        BOOKING_LINK = "booking_link", "Link to choose the time"
        CANCELLED = "cancelled", "Booking cancelled"
        CORRECTION = "correction", "Booking undone"
        NO_ANSWER = "no_answer", "We could not reach you"
        ESCALATION = "escalation", "A red flag waits"
        UNREAD_CARD = "unread_card", "A hand-over card is unread"
        REMINDER_DAY = "reminder_day", "Reminder the day before"
        REMINDER_SOON = "reminder_soon", "Reminder shortly before"
        PAYMENT_LINK = "payment_link", "Payment link"
        PAYMENT_LAPSED = "payment_lapsed", "Time given back unpaid"
        REFUNDED = "refunded", "Money given back"
        FORM_LINK = "form_link", "Form to fill"
        PORTAL_LINK = "portal_link", "Link to one's bookings"
        EARLIER_OFFER = "earlier_offer", "Earlier time offered"
        INTEREST_JOINED = "interest_joined", "On the interest list"
        LAUNCH = "launch", "A service begins"
        NURTURE = "nurture", "News of a service to come"
        ALERT = "alert", "Alert"

    class Stream(models.TextChoices):
        """Factual messages are about something agreed; marketing goes to those who consented, and can be ended."""

        FACTUAL = "factual", "Factual"
        MARKETING = "marketing", "Marketing"

    class Delivery(models.TextChoices):
        """What the mail service told last of a message that went out."""

        UNKNOWN = "", "No report"
        DELIVERED = "delivered", "Delivered"
        DELAYED = "delayed", "Delayed"
        BOUNCED = "bounced", "Bounced"
        COMPLAINED = "complained", "Complained of"
        REJECTED = "rejected", "Rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=30, choices=Kind)
    stream = models.CharField(max_length=10, choices=Stream, default=Stream.FACTUAL)
    key = models.CharField(
        max_length=200,
        null=True,
        unique=True,
        editable=False,
        help_text="What may be written once alone, as one reminder of one time; empty for all else.",
    )
    reference = models.UUIDField(db_index=True, help_text="The booking, or whatever else, that it is about.")
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField(blank=True)
    calendar = models.TextField(blank=True, help_text="The .ics attachment.")
    created_at = models.DateTimeField(auto_now_add=True)
    good_until = models.DateTimeField(
        null=True, editable=False, help_text="What has not gone out by then would tell nothing any more: it is let be."
    )
    outcome = models.CharField(max_length=200, blank=True, editable=False, help_text="Why it ended unsent.")
    unsubscribe_link = models.URLField(max_length=500, blank=True, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)
    delivery = models.CharField(max_length=10, choices=Delivery, blank=True, editable=False)
    delivery_at = models.DateTimeField(null=True, editable=False)
    external_id = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            owed_index("message_owed"),
            stuck_index("message_stuck"),
            models.Index(fields=["created_at"], name="message_by_creation"),
            models.Index(fields=["created_at"], condition=Q(stream="marketing"), name="message_marketing"),
            models.Index(
                fields=["delivery_at"],
                condition=Q(delivery__in=["bounced", "complained", "rejected"]),
                name="message_undelivered",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(stream="marketing", unsubscribe_link=""), name="no_marketing_without_a_way_out"
            )
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class MessageWords(models.Model):
    """
    The clinic's own words in one kind of e-mail, as a version; the facts around them are the portal's.

    ``subject`` may be empty for the portal's own. Placeholders are those of ``words`` for the kind, in braces.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_USE = "in_use", "In use"
        RETIRED = "retired", "Retired"

    kind = models.CharField(max_length=30, choices=Message.Kind)
    version = models.PositiveSmallIntegerField(editable=False)
    subject = models.CharField(max_length=150, blank=True, validators=[validate_none])
    opening = models.TextField(blank=True, validators=[validate_none], help_text="Stands above the facts.")
    closing = models.TextField(blank=True, validators=[validate_none], help_text="Stands below the facts.")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["kind", "-version"]
        verbose_name_plural = "message words"
        constraints = [
            models.UniqueConstraint(fields=["kind", "version"], name="one_message_wording_of_a_number"),
            models.UniqueConstraint(fields=["kind"], condition=Q(state="in_use"), name="one_message_wording_in_use"),
            models.UniqueConstraint(fields=["kind"], condition=Q(state="draft"), name="one_message_draft"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.version}"


class SuppressionQuerySet(models.QuerySet):
    def of(self, address: str) -> "SuppressionQuerySet":
        """What holds of an address now, however it is written."""
        return self.alias(written=Lower("address")).filter(written=Lower(Value(address)), lifted_at=None)


class Suppression(models.Model):
    """An address that is not written to any more, and why."""

    class Cause(models.TextChoices):
        BOUNCED = "bounced", "It does not exist"
        COMPLAINED = "complained", "Called our mail spam"
        STAFF = "staff", "Set by staff"

    address = models.EmailField()
    cause = models.CharField(max_length=10, choices=Cause)
    since = models.DateTimeField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    lifted_at = models.DateTimeField(null=True, editable=False)
    lifted_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    lift_reason = models.CharField(max_length=200, blank=True, editable=False)

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        ordering = ["-since"]
        constraints = [
            models.UniqueConstraint(Lower("address"), condition=Q(lifted_at=None), name="no_address_suppressed_twice")
        ]

    def __str__(self) -> str:
        return self.address


class MessageReport(models.Model):
    """What the mail service reported of a message, each report once."""

    event_id = models.CharField(max_length=255, unique=True)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, null=True, related_name="reports")
    kind = models.CharField(max_length=20)
    is_lasting = models.BooleanField(default=False, help_text="A bounce that no later try will mend.")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.kind
