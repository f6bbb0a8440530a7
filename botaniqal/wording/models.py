"""Words that advertising law makes risky, and the public texts that somebody approved."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class RiskyWord(models.Model):
    """A word or phrase that a public text should do without."""

    class Weight(models.TextChoices):
        REFUSED = "refused", "Never"
        WARNED = "warned", "Only with a reason"

    words = models.CharField(
        max_length=100, unique=True, help_text="A word or phrase; * at its end stands for any ending, as in cure*."
    )
    weight = models.CharField(max_length=10, choices=Weight, default=Weight.WARNED)
    why = models.CharField(max_length=300, help_text="What whoever writes a text is told.")
    is_active = models.BooleanField("looked for", default=True)

    class Meta:
        ordering = ["words"]

    def __str__(self) -> str:
        return self.words


class ApprovalQuerySet(models.QuerySet):
    def latest_of_each(self) -> "ApprovalQuerySet":
        """The approval of each subject that holds: the last one."""
        return self.order_by("subject", "-pk").distinct("subject")


class Approval(models.Model):
    """A public text as somebody approved it; the last one of a subject is what people read. Never changed."""

    subject = models.CharField(max_length=150, help_text="What it is said of, as service:gaps:name.")
    label = models.CharField(max_length=150, help_text="The same in words, as GAPS: name.")
    text = models.TextField(blank=True)
    accepted = ArrayField(models.CharField(max_length=100), default=list, blank=True, help_text="Risky words in it.")
    reason = models.CharField(max_length=300, blank=True, help_text="Why they may stay.")
    approved_at = models.DateTimeField()
    approved_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        permissions = [("approve_wording", "Can approve what the public reads")]
        indexes = [models.Index(fields=["subject", "-id"], name="approval_latest")]

    def __str__(self) -> str:
        return self.label
