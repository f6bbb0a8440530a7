"""What patients answered in forms."""

import uuid

from django.db import models

from .booking import Booking


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
