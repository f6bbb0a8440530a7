"""What each vendor was told of a booking, and what it still has to be told."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from botaniqal import counters
from botaniqal.integrations.models import Owed, OwedQuerySet, Turn, owed_index, stuck_index

from .booking import Booking


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
            stuck_index("sync_record_stuck"),
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
        if turn in FAILED:
            counters.count("calendar_sync_failures", system=self.system)


FAILED = [Turn.PUT_OFF, Turn.HANDED_OVER]
"""How a try ends that failed: it is tried again, or a person has to look."""


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
        indexes = [models.Index(fields=["at"], condition=Q(turn__in=FAILED), name="sync_note_failed")]

    def __str__(self) -> str:
        return self.words
