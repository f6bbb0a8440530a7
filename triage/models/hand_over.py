"""What the practitioner is told before the visit, and what somebody else is told in a letter."""

from django.db import models
from django.db.models import Q

from botaniqal.cards import validate_none

from .session import TriageSession


class HandOver(models.Model):
    """The card for the practitioner: what the call found out, from its structured answers."""

    booking = models.OneToOneField("bookings.Booking", on_delete=models.PROTECT, related_name="hand_over")
    session = models.ForeignKey(TriageSession, on_delete=models.PROTECT, null=True, related_name="hand_overs")
    lines = models.JSONField(default=list, help_text="Pairs of label and answer, in the script's order.")
    remark = models.TextField(blank=True, validators=[validate_none], help_text="What the consultant adds.")
    made_at = models.DateTimeField()
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    read_at = models.DateTimeField(null=True)
    read_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    alerted_at = models.DateTimeField(null=True, help_text="When somebody was told that it is unread.")

    class Meta:
        ordering = ["-made_at"]
        indexes = [models.Index(fields=["made_at"], condition=Q(read_at=None), name="hand_over_unread")]

    def __str__(self) -> str:
        return f"Hand-over of {self.booking}"

    @property
    def is_read(self) -> bool:
        """Whether whoever gives the visit now has read it; the booking's practitioner should be read along."""
        return self.read_at is not None and self.read_by_id == self.booking.practitioner.user_id


class ReferralLetter(models.Model):
    """The text of a letter to somebody who goes on with the person: a GP, a hospital, a clinician."""

    session = models.OneToOneField(TriageSession, on_delete=models.PROTECT, related_name="letter")
    to = models.CharField(max_length=200)
    text = models.TextField(validators=[validate_none])
    written_at = models.DateTimeField()
    written_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-written_at"]

    def __str__(self) -> str:
        return f"Letter to {self.to}"
