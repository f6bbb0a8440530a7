"""E-mails: one row per message, written with what it tells of, sent afterwards."""

import uuid

from django.db import models

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

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=30, choices=Kind)
    reference = models.UUIDField(db_index=True, help_text="The booking that it is about.")
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField(blank=True)
    calendar = models.TextField(blank=True, help_text="The .ics attachment.")
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, editable=False)
    external_id = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            owed_index("message_owed"),
            stuck_index("message_stuck"),
            models.Index(fields=["created_at"], name="message_by_creation"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
