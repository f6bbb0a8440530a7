"""Who would like a service that is still to come, and what they are written meanwhile."""

import uuid

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Lower

from botaniqal import names
from botaniqal.cards import validate_none

from .catalogue import Service


class InterestEntryQuerySet(models.QuerySet):
    def standing(self) -> "InterestEntryQuerySet":
        """Those who still want to hear from us."""
        return self.filter(left_at=None)

    def of(self, address: str) -> "InterestEntryQuerySet":
        """Those of an address, however it is written."""
        return self.alias(written=Lower("email")).filter(written=Lower(Value(address)))

    def untold(self) -> "InterestEntryQuerySet":
        """Those who still want to hear from us, and were not told yet that it began."""
        return self.standing().filter(told_at=None)


class InterestEntry(models.Model):
    """Somebody who wants to hear when a service begins, and agreed to be written to."""

    class Source(models.TextChoices):
        PAGE = "page", "Our page"
        API = "api", "Website"
        DESK = "desk", "Phone"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="interest")
    name = models.CharField(max_length=255)
    email = models.EmailField("e-mail")
    phone = models.CharField(max_length=20, blank=True)
    consent_wording = models.TextField(help_text="What they agreed to, word by word.")
    consented_at = models.DateTimeField()
    source = models.CharField(max_length=10, choices=Source)
    joined_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, editable=False, help_text="When they were told that it began.")
    left_at = models.DateTimeField(null=True, editable=False)
    left_reason = models.CharField(
        max_length=200, blank=True, editable=False, help_text="Why staff took them off; empty where they left."
    )

    objects = InterestEntryQuerySet.as_manager()

    class Meta:
        ordering = ["-joined_at"]
        verbose_name_plural = "interest entries"
        constraints = [models.UniqueConstraint(Lower("email"), "service", name="one_interest_per_address")]
        indexes = [
            models.Index(
                fields=["service", "joined_at"], condition=Q(told_at=None, left_at=None), name="interest_waiting"
            ),
            models.Index(fields=["joined_at"], name="interest_by_joining"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.service}"

    @property
    def first_name(self) -> str:
        """The name that a message may begin with."""
        return names.first(self.name)


class NurtureStep(models.Model):
    """What those who wait for a service are written so many days after they joined."""

    service = models.ForeignKey(
        Service,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="nurture_steps",
        help_text="Empty for every service that has no steps of its own.",
    )
    days = models.PositiveSmallIntegerField("days after joining", validators=[MaxValueValidator(365)])
    subject = models.CharField(max_length=150, validators=[validate_none])
    text = models.TextField(validators=[validate_none], help_text="Plain paragraphs; {first_name} and {service}.")
    is_active = models.BooleanField("sent", default=True)

    class Meta:
        ordering = ["service", "days"]
        constraints = [
            models.UniqueConstraint(fields=["service", "days"], name="one_step_a_day", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return f"Day {self.days}: {self.subject}"
