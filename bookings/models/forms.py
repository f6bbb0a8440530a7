"""What patients answered in forms."""

import uuid

from django.db import models
from django.db.models import Q

from .booking import Booking


class FormAnswersQuerySet(models.QuerySet):
    def sent_in(self) -> "FormAnswersQuerySet":
        """Answers that the patient has sent off."""
        return self.exclude(submitted_at=None)


class FormAnswers(models.Model):
    """What somebody answered in a form: here, where a draft is kept as well, or at a vendor as it was last fetched."""

    class Source(models.TextChoices):
        JOTFORM = "jotform", "JotForm"
        PORTAL = "portal", "Our form"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.CharField(max_length=20, choices=Source)
    form_id = models.CharField("form", max_length=50, help_text="The vendor's number of it, or our form's short name.")
    version = models.ForeignKey(
        "services.FormVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="answers"
    )
    external_id = models.CharField("submission", max_length=50)
    answers = models.JSONField(help_text="Rows of name, question and answer, in the form's order.")
    draft = models.JSONField(default=dict, editable=False, help_text="What is filled in so far, by the schema's names.")
    draft_revision = models.PositiveIntegerField(default=0, editable=False)
    submitted_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True)
    saved_at = models.DateTimeField(null=True, editable=False)
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, null=True, blank=True, related_name="form_answers")

    objects = FormAnswersQuerySet.as_manager()

    class Meta:
        ordering = ["-submitted_at"]
        verbose_name_plural = "form answers"
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="one_row_per_submission"),
            models.UniqueConstraint(
                fields=["booking", "form_id"], condition=Q(source="portal"), name="one_form_of_ours_per_booking"
            ),
            models.CheckConstraint(
                name="answers_of_a_vendor_were_sent_in",
                condition=Q(source="portal") | Q(submitted_at__isnull=False, fetched_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_source_display()} {self.external_id}"
