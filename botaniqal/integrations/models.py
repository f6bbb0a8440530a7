"""What is owed to or by the outside: work kept in rows until it is done, and what vendors told us."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from botaniqal import logs


class Turn(models.TextChoices):
    """What may become of owed work on its way, for those rows that remember it."""

    TOLD = "told", "Told"
    HEARD = "heard", "Heard"
    WAITING = "waiting", "Waiting"
    PUT_OFF = "put_off", "Put off"
    HANDED_OVER = "handed_over", "Handed to a person"
    TRIED_AGAIN = "tried_again", "Tried again by a person"


class OwedQuerySet(models.QuerySet):
    def open(self) -> "OwedQuerySet":
        """Work that is not done, whoever has to do it."""
        return self.filter(told__lt=F("wanted"))

    def due(self, now: datetime) -> "OwedQuerySet":
        """Work that a worker may take up now, the longest waiting first."""
        return (
            self.open()
            .filter(Q(leased_until=None) | Q(leased_until__lte=now), needs_person=False, next_try_at__lte=now)
            .order_by("next_try_at")
        )

    def for_a_person(self) -> "OwedQuerySet":
        """Work that got stuck and waits for somebody."""
        return self.open().filter(needs_person=True)


class Owed(models.Model):
    """
    Something that has to be done outside, and how far it got.

    ``wanted`` counts the changes that are owed, ``told`` the last one that was carried out: a change that comes while
    an older one is under way is never lost. The state is worked out, not stored, so it cannot disagree with them.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Waiting"
        SENDING = "sending", "Sending"
        SYNCED = "synced", "Synced"
        RETRYING = "retrying", "Retrying"
        NEEDS_PERSON = "needs_person", "Needs help"

    wanted = models.PositiveIntegerField(default=1, editable=False)
    told = models.PositiveIntegerField(default=0, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    next_try_at = models.DateTimeField(default=timezone.now, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    needs_person = models.BooleanField(default=False, editable=False)
    problem = models.CharField(max_length=300, blank=True, editable=False)
    request_id = models.CharField(
        max_length=logs.LONGEST_ID,
        blank=True,
        default=logs.request_id,
        db_default="",
        editable=False,
        help_text="The request by which it came to be owed; the logs tell of it under this id.",
    )

    objects = OwedQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def state(self) -> "Owed.State":
        """Where it stands now."""
        if self.told >= self.wanted:
            return self.State.SYNCED
        if self.needs_person:
            return self.State.NEEDS_PERSON
        if self.leased_until and self.leased_until > timezone.now():
            return self.State.SENDING
        return self.State.RETRYING if self.attempts else self.State.PENDING

    def note(self, turn: Turn, words: str) -> None:
        """Remember a turn of the work, in rows whose story somebody will want to read; others forget it."""


def owed_index(name: str) -> models.Index:
    """Index the open rows alone: they are few, however long the history grows."""
    return models.Index(fields=["next_try_at"], condition=Q(told__lt=F("wanted")), name=name)


def stuck_index(name: str) -> models.Index:
    """
    Index what waits for a person alone.

    The planner takes a third of all rows to be open and would look through them with several workers.
    """
    return models.Index(fields=["next_try_at"], condition=Q(told__lt=F("wanted"), needs_person=True), name=name)


class InboundEvent(Owed):
    """A vendor's message, kept once as it came, then worked."""

    class Vendor(models.TextChoices):
        CALENDLY = "calendly", "Calendly"
        JOTFORM = "jotform", "JotForm"
        STRIPE = "stripe", "Stripe"

    vendor = models.CharField(max_length=20, choices=Vendor)
    key = models.CharField(max_length=255, help_text="The vendor's name for this delivery; it is kept once.")
    kind = models.CharField(max_length=50)
    payload = models.JSONField(null=True, help_text="Empty once it was purged for its age.")
    received_at = models.DateTimeField(auto_now_add=True)
    outcome = models.CharField(max_length=200, blank=True, help_text="What came of it, in words.")

    class Meta:
        ordering = ["-received_at"]
        constraints = [models.UniqueConstraint(fields=["vendor", "key"], name="no_event_kept_twice")]
        indexes = [
            owed_index("inbound_event_owed"),
            stuck_index("inbound_event_stuck"),
            models.Index(fields=["received_at"], name="inbound_by_receipt"),
        ]

    def __str__(self) -> str:
        return f"{self.get_vendor_display()} {self.kind}"


class Subscription(Owed):
    """A vendor's promise to tell us of changes; what is owed is a look whether it still holds."""

    class Vendor(models.TextChoices):
        CALENDLY = "calendly", "Calendly"
        GRAPH = "graph", "Outlook"

    class Health(models.TextChoices):
        NEW = "new", "Not set up yet"
        ACTIVE = "active", "Listening"
        SILENT = "silent", "Silent"
        DISABLED = "disabled", "Switched off by the vendor"
        LOST = "lost", "Gone at the vendor"

    vendor = models.CharField(max_length=20, choices=Vendor)
    resource = models.CharField(max_length=255, help_text="Whose changes: the organisation, or a mailbox.")
    external_id = models.CharField(max_length=255, blank=True, editable=False)
    secret = models.CharField(max_length=128, blank=True, editable=False, help_text="What its deliveries carry.")
    health = models.CharField(max_length=10, choices=Health, default=Health.NEW, editable=False)
    set_up_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False, help_text="The last good look at the vendor.")
    heard_at = models.DateTimeField(null=True, editable=False, help_text="The last delivery.")
    missed_since = models.DateTimeField(
        null=True, editable=False, help_text="Since when deliveries may be missing; empty when all was fetched after."
    )
    is_wanted = models.BooleanField(
        default=True, editable=False, help_text="Whether somebody still listens; else it is ended there and dropped."
    )

    class Meta:
        ordering = ["vendor", "resource"]
        constraints = [models.UniqueConstraint(fields=["vendor", "resource"], name="one_subscription_per_resource")]
        indexes = [owed_index("subscription_owed")]

    def __str__(self) -> str:
        return f"{self.get_vendor_display()}: {self.whose}"

    @property
    def whose(self) -> str:
        """Whose changes it is about, in words."""
        return "the clinic's organisation" if self.vendor == self.Vendor.CALENDLY else self.resource


class Incident(Owed):
    """Something that somebody has to be told of: opened once, looked after by a person, over by itself."""

    class Severity(models.TextChoices):
        CRITICAL = "critical", "Critical"
        ERROR = "error", "Error"
        WARNING = "warning", "Warning"
        INFO = "info", "Information"

    class Action(models.TextChoices):
        """Who is told, and how; the word for a role is the role's."""

        PAGE = "on_call", "Page who is on call, by PagerDuty"
        OPERATIONS = "operations", "Tell operations by e-mail"
        MANAGEMENT = "management", "Tell management by e-mail"

    reference = models.UUIDField(default=uuid.uuid4, editable=False, help_text="By which its e-mails are found.")
    key = models.CharField(max_length=255, help_text="What it is about; PagerDuty's dedup_key.")
    summary = models.CharField(max_length=300, help_text="Without a word about any patient.")
    severity = models.CharField(max_length=10, choices=Severity, default=Severity.ERROR)
    action = models.CharField(max_length=20, choices=Action, default=Action.PAGE, editable=False)
    opened_at = models.DateTimeField(default=timezone.now, editable=False, help_text="When it began.")
    found_at = models.DateTimeField(default=timezone.now, editable=False, help_text="When the portal noticed it.")
    quiet_until = models.DateTimeField(null=True, editable=False, help_text="Nobody is told before.")
    told_at = models.DateTimeField(null=True, editable=False, help_text="When somebody was told, as far as we know.")
    acknowledged_at = models.DateTimeField(null=True, editable=False)
    acknowledged_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, editable=False)
    outcome = models.CharField(max_length=200, blank=True, editable=False, help_text="Who was told, in words.")

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(resolved_at=None), name="no_incident_opened_twice")
        ]
        indexes = [owed_index("incident_owed"), models.Index(fields=["key", "opened_at"], name="incident_by_key")]

    def __str__(self) -> str:
        return self.summary
