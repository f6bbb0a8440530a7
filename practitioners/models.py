"""Who gives care, when they work, and the diary in which their time is taken."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q
from django.db.models.functions import Coalesce, Lower

from botaniqal import zones
from botaniqal.integrations.models import Owed, OwedQuerySet, owed_index
from services.models import PractitionerType


class ClockTimestamp(Func):
    """The database's clock at this very statement; ``now()`` would be the transaction's start."""

    function = "clock_timestamp"
    arity = 0
    output_field = models.DateTimeField()


class TsTzRange(Func):
    """A span of time, its end not included."""

    function = "tstzrange"
    arity = 2
    output_field = DateTimeRangeField()


def check_time_zone(name: str) -> None:
    """Refuse a name that is no IANA time zone."""
    if name not in zones.ALL:
        raise ValidationError("“%(name)s” is not a time zone. Write it as Australia/Melbourne.", params={"name": name})


class PractitionerQuerySet(models.QuerySet):
    def active(self) -> "PractitionerQuerySet":
        """People who work here now."""
        return self.filter(is_active=True)

    def consulting(self) -> "PractitionerQuerySet":
        """People who make the triage calls."""
        return self.active().filter(type=PractitionerType.CONSULTANT)

    def with_freshness(self, now: datetime) -> "PractitionerQuerySet":
        """Tell of each whether their outside calendar is stale; nobody's is where none is mirrored."""
        own = OutsideCalendar.objects.filter(practitioner=OuterRef("pk"), provider=OuterRef("calendar_provider"))
        return self.annotate(has_stale_calendar=Exists(own.stale(now)))

    def fresh(self, now: datetime) -> "PractitionerQuerySet":
        """People whose free times the public may be shown."""
        return self.with_freshness(now).filter(has_stale_calendar=False)


class Practitioner(models.Model):
    """Somebody who gives care, or consults on the phone."""

    class Location(models.TextChoices):
        TELEHEALTH = "telehealth", "Telehealth"
        MELBOURNE = "melbourne", "Melbourne"
        BOTH = "both", "Telehealth and Melbourne"

    class CalendarProvider(models.TextChoices):
        CALENDLY = "calendly", "Calendly"
        OUTLOOK = "outlook", "Outlook"
        NONE = "none", "None"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=20, choices=PractitionerType)
    email = models.EmailField("e-mail", unique=True)
    phone = models.CharField(max_length=20, blank=True)
    location = models.CharField(max_length=20, choices=Location, default=Location.TELEHEALTH)
    specialisations = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    time_zone = models.CharField(max_length=50, default="Australia/Melbourne", validators=[check_time_zone])
    is_active = models.BooleanField("active", default=True)
    user = models.OneToOneField(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="practitioner"
    )
    appointment_types = models.ManyToManyField(
        "services.AppointmentType", blank=True, related_name="practitioners", verbose_name="gives"
    )
    calendar_provider = models.CharField(max_length=20, choices=CalendarProvider, default=CalendarProvider.NONE)
    calendly_user_uri = models.URLField("Calendly user", blank=True)
    mailbox = models.EmailField("Outlook mailbox", blank=True)
    medirecords_provider_id = models.UUIDField("MediRecords provider", null=True, blank=True)
    meeting_link = models.URLField(blank=True, help_text="Where telehealth visits take place.")
    daily_cap = models.PositiveSmallIntegerField(
        "visits a day", null=True, blank=True, help_text="More are not offered; staff may go beyond, with a reason."
    )
    may_override = models.BooleanField(
        "may go beyond soft rules", default=False, help_text="For consultants: notice, hours, daily cap, buffer."
    )
    registration_number = models.CharField(max_length=50, blank=True)
    registration_expires_on = models.DateField(null=True, blank=True)
    tokens_revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PractitionerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("email"), name="one_practitioner_per_email")]

    def __str__(self) -> str:
        return self.name


class WorkingHours(models.Model):
    """Hours of a weekday in which somebody can be booked, in their own wall time."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, "Monday"
        TUESDAY = 1, "Tuesday"
        WEDNESDAY = 2, "Wednesday"
        THURSDAY = 3, "Thursday"
        FRIDAY = 4, "Friday"
        SATURDAY = 5, "Saturday"
        SUNDAY = 6, "Sunday"

    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="working_hours")
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    starts = models.TimeField("from")
    ends = models.TimeField("to")
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)
    location = models.CharField(
        max_length=20,
        choices=Practitioner.Location,
        default=Practitioner.Location.BOTH,
        help_text="What they can give.",
    )

    class Meta:
        ordering = ["practitioner", "weekday", "starts"]
        verbose_name_plural = "working hours"
        constraints = [
            models.CheckConstraint(
                name="hours_end_after_they_start",
                condition=Q(ends__gt=F("starts")),
                violation_error_message="The end must come after the start.",
            ),
            models.CheckConstraint(
                name="hours_are_valid_until_after_from",
                condition=Q(valid_from=None) | Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
                violation_error_message="The last day must not come before the first.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M}–{self.ends:%H:%M}"


class TimeOff(models.Model):
    """A span in which somebody is away, with the reason."""

    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="time_off")
    starts_at = models.DateTimeField("from")
    ends_at = models.DateTimeField("to")
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["-starts_at"]
        verbose_name_plural = "time off"
        constraints = [
            models.CheckConstraint(
                name="time_off_ends_after_it_starts",
                condition=Q(ends_at__gt=F("starts_at")),
                violation_error_message="The end must come after the start.",
            )
        ]
        # By the end: what is over stays out of the way, however long the history grows.
        indexes = [models.Index(fields=["practitioner", "ends_at"], include=["starts_at"], name="time_off_by_end")]

    def __str__(self) -> str:
        return self.reason


class Room(models.Model):
    """A room for visits in person."""

    name = models.CharField(max_length=100, unique=True)
    is_active = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class OutsideCalendarQuerySet(OwedQuerySet):
    def stale(self, now: datetime) -> "OutsideCalendarQuerySet":
        """Calendars of which nothing good was heard for long."""
        return self.alias(known_at=Coalesce("read_at", "created_at")).filter(known_at__lt=now - _stale_after())


class OutsideCalendar(Owed):
    """
    A practitioner's calendar at a vendor, and when it was last read; what is owed is a look at it.

    What is taken in it stands here as busy periods. A calendar that could not be read for long is stale: its free
    times are doubtful, never silently free and never silently full.
    """

    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="calendars")
    provider = models.CharField(max_length=20, choices=Practitioner.CalendarProvider)
    account = models.CharField(max_length=255, help_text="The mailbox, or the user's address in Calendly.")
    read_at = models.DateTimeField(null=True, editable=False, help_text="The last good read.")
    read_until = models.DateTimeField(null=True, editable=False, help_text="How far ahead it was read.")
    delta_link = models.TextField(blank=True, editable=False, help_text="Where Outlook goes on telling what changed.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OutsideCalendarQuerySet.as_manager()

    class Meta:
        ordering = ["practitioner", "provider"]
        constraints = [
            models.UniqueConstraint(
                fields=["practitioner", "provider"], name="one_calendar_per_practitioner_and_provider"
            )
        ]
        indexes = [owed_index("outside_calendar_owed")]

    def __str__(self) -> str:
        return f"{self.practitioner}: {self.get_provider_display()}"

    def is_stale(self, now: datetime) -> bool:
        """Tell whether the last good read lies too far back; without any, it is counted from the beginning."""
        return (self.read_at or self.created_at) < now - _stale_after()


def _stale_after() -> timedelta:
    return timedelta(minutes=settings.CALENDAR_STALE_MINUTES)


class BusyPeriod(models.Model):
    """Time that is taken in an outside calendar, mirrored here; never in the way of the diary's constraint."""

    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="busy_periods")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    calendar = models.CharField(max_length=20, choices=Practitioner.CalendarProvider)
    external_id = models.CharField(max_length=255, blank=True)
    read_from = models.ForeignKey(
        OutsideCalendar,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="periods",
        help_text="The calendar whose reads keep it; empty where a booking that has no place in the diary does.",
    )

    class Meta:
        ordering = ["starts_at"]
        constraints = [
            models.CheckConstraint(name="busy_period_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))),
            models.UniqueConstraint(
                fields=["practitioner", "calendar", "external_id"],
                condition=~Q(external_id=""),
                name="one_busy_period_per_event",
            ),
        ]
        indexes = [models.Index(fields=["practitioner", "ends_at"], include=["starts_at"], name="busy_by_end")]

    def __str__(self) -> str:
        return f"{self.get_calendar_display()} busy"


LONGEST_ENTRY = timedelta(days=1)


class DiaryEntry(models.Model):
    """
    One taken span of a practitioner's time, buffers included.

    An entry has a life: it counts from ``live_from`` until ``live_until`` (for ever when empty). A hold lives until it
    lapses, a released entry until it was released; so nothing has to be swept and the history stays.
    """

    class Kind(models.TextChoices):
        HOLD = "hold", "Hold"
        BOOKING = "booking", "Booking"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    practitioner = models.ForeignKey(Practitioner, on_delete=models.PROTECT, related_name="diary")
    room = models.ForeignKey(Room, on_delete=models.PROTECT, null=True, blank=True, related_name="diary")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind)
    appointment_type = models.ForeignKey(
        "services.AppointmentType",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="What a hold is kept for.",
    )
    held_for = models.UUIDField(null=True, blank=True, help_text="The triage session or checkout that it is kept for.")
    live_from = models.DateTimeField(db_default=ClockTimestamp())
    live_until = models.DateTimeField(null=True, blank=True)
    is_given_back = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Somebody gave it back before it ran out."
    )
    external_id = models.CharField(max_length=255, blank=True, help_text="Our own event in the outside calendar.")
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["starts_at"]
        verbose_name_plural = "diary entries"
        constraints = [
            models.CheckConstraint(name="entry_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(
                name="no_entry_longer_than_a_day",  # availability looks back no further
                condition=Q(ends_at__lte=F("starts_at") + LONGEST_ENTRY),
            ),
            models.CheckConstraint(
                name="hold_lapses_and_is_held_for_something",
                condition=Q(kind="booking") | Q(live_until__isnull=False, held_for__isnull=False),
            ),
            ExclusionConstraint(
                name="no_overlap_of_practitioner",
                expressions=[
                    ("practitioner", RangeOperators.EQUAL),
                    (TsTzRange("starts_at", "ends_at"), RangeOperators.OVERLAPS),
                    (TsTzRange("live_from", "live_until"), RangeOperators.OVERLAPS),
                ],
            ),
            ExclusionConstraint(
                name="no_overlap_of_room",
                expressions=[
                    ("room", RangeOperators.EQUAL),
                    (TsTzRange("starts_at", "ends_at"), RangeOperators.OVERLAPS),
                    (TsTzRange("live_from", "live_until"), RangeOperators.OVERLAPS),
                ],
                condition=Q(room__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["starts_at"], include=["practitioner", "ends_at", "live_until", "room"], name="diary_by_start"
            ),
            models.Index(fields=["held_for"], condition=Q(held_for__isnull=False), name="diary_by_holder"),
            models.Index(fields=["live_until"], condition=Q(live_until__isnull=False), name="diary_released"),
            models.Index(fields=["live_from"], condition=Q(held_for__isnull=False), name="hold_by_making"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.starts_at:%-d %b %Y %H:%M}"


class CalendlyEventType(models.Model):
    """Which Calendly event type stands for which practitioner's appointments."""

    calendly_id = models.CharField(
        "Calendly event type", max_length=255, unique=True, help_text="The last part of its address in Calendly's API."
    )
    practitioner = models.ForeignKey(
        Practitioner,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="calendly_event_types",
        help_text="Empty for an event type that several consultants share.",
    )
    appointment_type = models.ForeignKey(
        "services.AppointmentType", on_delete=models.CASCADE, related_name="calendly_event_types"
    )

    class Meta:
        ordering = ["practitioner", "appointment_type"]
        verbose_name = "Calendly event type"
        constraints = [
            models.UniqueConstraint(
                fields=["practitioner", "appointment_type"],
                name="one_event_type_per_practitioner_and_type",
                nulls_distinct=False,
                violation_error_message="That practitioner has an event type for these appointments already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.practitioner or 'Shared'}: {self.appointment_type}"

    @property
    def uri(self) -> str:
        """The event type's name in Calendly's API."""
        return f"https://api.calendly.com/event_types/{self.calendly_id}"
