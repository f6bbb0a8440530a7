"""
Days that are over, counted once: what reports over years are added up from.

Every number here follows from the rows of the other apps, and is counted anew when something in them changes; what was
offered alone is fixed when a day is closed, since nobody writes down what a roster was.
"""

from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.db import models
from django.db.models import Q

from bookings.models import Booking


class Day(models.Model):
    """A day of the clinic that is over: closed once it was counted, open again once something in it has changed."""

    day = models.DateField(primary_key=True)
    closed_at = models.DateTimeField(null=True, help_text="Empty while something in it has to be counted anew.")

    class Meta:
        ordering = ["-day"]
        permissions = [
            ("view_reports", "Can read the clinic's reports"),
            ("view_money", "Can read what the clinic earned"),
            ("view_own_calls", "Can read the reports of their own calls"),
            ("view_own_visits", "Can read the reports of their own visits"),
        ]

    def __str__(self) -> str:
        return f"{self.day:%a %-d %b %Y}"


class Touch(models.Model):
    """
    Something changed: whatever counted between two moments, or goes by a booking or by a patient's visits.

    Written by the database itself, in the transaction of the change. Nothing is unique here, so that nobody waits for
    anybody; the worker that counts takes the rows away.
    """

    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    booking = models.UUIDField(null=True)
    patient = models.UUIDField(null=True, help_text="Whose calls may have led to something else.")

    class Meta:
        verbose_name_plural = "touches"

    def __str__(self) -> str:
        return f"{self.since or self.booking or self.patient}"


class Fact(models.Model):
    """A row of what a day came to; the numbers of all of them add up."""

    day = models.DateField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.day:%a %-d %b %Y}"


class DayOfVisits(Fact):
    """
    Visits and money of a day, by practitioner, appointment type and how it was booked.

    Money of a disputed charge that no booking is known of has neither.
    """

    practitioner = models.ForeignKey(
        "practitioners.Practitioner", on_delete=models.CASCADE, null=True, db_index=False, related_name="+"
    )
    appointment_type = models.ForeignKey(
        "services.AppointmentType", on_delete=models.CASCADE, null=True, db_index=False, related_name="+"
    )
    source = models.CharField(max_length=10, choices=Booking.Source, blank=True)
    booked = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    took_place = models.PositiveIntegerField(default=0)
    no_shows = models.PositiveIntegerField(default=0)
    taken = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    twice = models.DecimalField("paid twice", max_digits=12, decimal_places=2, default=0)
    given_back = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    lost = models.DecimalField("lost in disputes", max_digits=12, decimal_places=2, default=0)
    holds = models.PositiveIntegerField(default=0)
    holds_kept = models.PositiveIntegerField("holds that became bookings", default=0)

    class Meta:
        verbose_name_plural = "days of visits"
        constraints = [
            models.UniqueConstraint(
                fields=["day", "practitioner", "appointment_type", "source"],
                nulls_distinct=False,
                name="one_row_of_visits_a_day",
            )
        ]


class DayOfCalls(Fact):
    """
    What became of the consultations of a day, and which calls were due on it.

    By consultant, by practitioner and service of what was booked, or of what was recommended.
    """

    consultant = models.ForeignKey(
        "practitioners.Practitioner", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    practitioner = models.ForeignKey(
        "practitioners.Practitioner", on_delete=models.CASCADE, null=True, db_index=False, related_name="+"
    )
    service = models.ForeignKey(
        "services.Service", on_delete=models.CASCADE, null=True, db_index=False, related_name="+"
    )
    source = models.CharField(max_length=10, choices=Booking.Source)
    consultations = models.PositiveIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0)
    bookings = models.PositiveIntegerField(default=0)
    visits = models.PositiveIntegerField(default=0)
    follow_ups = models.PositiveIntegerField(default=0)
    due = models.PositiveIntegerField(default=0)
    abandoned = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "days of calls"
        constraints = [
            models.UniqueConstraint(
                fields=["day", "consultant", "practitioner", "service", "source"],
                nulls_distinct=False,
                name="one_row_of_calls_a_day",
            )
        ]


class DayOfHours(Fact):
    """What a practitioner offered on a day, and how much of it was booked."""

    practitioner = models.ForeignKey(
        "practitioners.Practitioner", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    hours = ArrayField(
        DateTimeRangeField(), default=list, help_text="As the roster was when the day was closed, time off included."
    )
    offered_minutes = models.PositiveIntegerField(default=0)
    booked_minutes = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "days of hours"
        constraints = [
            models.UniqueConstraint(fields=["day", "practitioner"], name="one_row_of_hours_a_day"),
            models.CheckConstraint(
                name="no_more_booked_than_offered", condition=Q(booked_minutes__lte=models.F("offered_minutes"))
            ),
        ]


class DayOfWaiting(Fact):
    """Who joined and who left a service's waitlists on a day."""

    class List(models.TextChoices):
        INTEREST = "interest", "Wait for it to begin"
        EARLIER = "earlier", "Want an earlier time"

    service = models.ForeignKey("services.Service", on_delete=models.CASCADE, db_index=False, related_name="+")
    list = models.CharField(max_length=10, choices=List)
    joined = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "days of waiting"
        constraints = [models.UniqueConstraint(fields=["day", "service", "list"], name="one_row_of_waiting_a_day")]


class Demand(Fact):
    """How often times of an appointment type were looked for on a day, and how often none was free."""

    appointment_type = models.ForeignKey(
        "services.AppointmentType", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    searches = models.PositiveIntegerField(default=0)
    empty = models.PositiveIntegerField(default=0)
    book = models.CharField(
        max_length=100,
        blank=True,
        editable=False,
        help_text="What it is a copy of; a day has a second row where the counts in Redis were lost and began anew.",
    )

    class Meta:
        verbose_name_plural = "demand"
        constraints = [
            models.UniqueConstraint(fields=["day", "appointment_type", "book"], name="no_book_of_demand_told_twice"),
            models.CheckConstraint(name="no_more_empty_than_searched", condition=Q(empty__lte=models.F("searches"))),
        ]
