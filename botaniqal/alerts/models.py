"""Rules of what somebody has to be told of, and how high what they watch has stood."""

from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from botaniqal.integrations.models import Incident

MINUTES_OF_MONTH = 31 * 24 * 60


class Watched(models.TextChoices):
    """What a rule can watch; ``signals`` knows how each is looked at."""

    SYNC_FAILURES = "sync_failures", "Failed tries to tell a calendar"
    NOBODY_FREE = "nobody_free", "Appointments for which nobody is free"
    ABANDONMENT = "abandonment", "Calls that were given up"
    SUBSCRIPTIONS = "subscriptions", "Subscriptions that do not tell us"
    STALE_CALENDARS = "stale_calendars", "Calendars that are stale"
    INBOX_AGE = "inbox_age", "Age of the inbox"
    WORKER_UNSEEN = "worker_unseen", "Time since a worker was seen"
    BEAT_UNSEEN = "beat_unseen", "Time since the scheduler was seen"


SHARES = [Watched.ABANDONMENT]
"""What is a share, in per cent, and is counted by whole days."""


class AlertRule(models.Model):
    """What is watched, from which value on somebody is told, and who."""

    code = models.CharField(
        max_length=50,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z][a-z0-9_]*\Z", "Write small letters, digits and _, as inbox_old; begin with a letter."
            )
        ],
        help_text="Its name for machines, as inbox_old. It stays.",
    )
    name = models.CharField(max_length=100)
    signal = models.CharField(
        "watches", max_length=30, choices=Watched, help_text="It stays: what watches something else is another rule."
    )
    threshold = models.DecimalField(
        max_digits=7,
        decimal_places=1,
        validators=[MinValueValidator(0.1, "Write a number above 0: everything reaches 0.")],
        help_text="From this value on. A share is written in per cent, an age in minutes.",
    )
    period_minutes = models.IntegerField(
        "period, in minutes",
        validators=[
            MinValueValidator(1, "A period is at least 1 minute long."),
            MaxValueValidator(MINUTES_OF_MONTH, "A period is at most 31 days long, 44640 minutes."),
        ],
        help_text="How far back is counted: 60 is an hour, 1440 a day. After a period below the threshold, an hour at "
        "most, it is over.",
    )
    smallest_number = models.IntegerField(
        default=1,
        validators=[MinValueValidator(1, "Write 1 or more: a share of nothing is none.")],
        help_text="For a share: of fewer than so many, none is worked out.",
    )
    action = models.CharField(max_length=20, choices=Incident.Action)
    severity = models.CharField(
        max_length=10, choices=Incident.Severity, default=Incident.Severity.ERROR, help_text="What PagerDuty is told."
    )
    muted_from = models.TimeField(
        null=True, blank=True, help_text="By the clinic's clock. What opens while it is muted is told afterwards."
    )
    muted_until = models.TimeField(null=True, blank=True, help_text="May be past midnight.")
    is_active = models.BooleanField("active", default=True)
    evaluated_until = models.DateTimeField(null=True, editable=False, help_text="Until when it was looked at.")
    last_value = models.DecimalField(max_digits=9, decimal_places=1, null=True, editable=False)
    last_words = models.CharField(max_length=300, blank=True, editable=False, help_text="What was found, in words.")
    over_at = models.DateTimeField(null=True, editable=False, help_text="When it last reached its threshold.")
    problem = models.CharField(max_length=300, blank=True, editable=False, help_text="Why it could not be looked at.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="no_rule_without_a_threshold",
                condition=Q(threshold__gt=0),
                violation_error_message="Write a threshold above 0: everything reaches 0.",
            ),
            models.CheckConstraint(
                name="no_share_of_more_than_all",
                condition=~Q(signal__in=SHARES) | Q(threshold__lte=100),
                violation_error_message="A share is 100 %% at most.",
            ),
            models.CheckConstraint(
                name="no_share_of_less_than_a_day",
                condition=~Q(signal__in=SHARES) | Q(period_minutes__gte=24 * 60),
                violation_error_message="A share is counted by whole days: its period is 1440 minutes or more.",
            ),
            models.CheckConstraint(
                name="no_period_of_nothing",
                condition=Q(period_minutes__gte=1, period_minutes__lte=MINUTES_OF_MONTH),
                violation_error_message="A period is between 1 minute and 31 days long.",
            ),
            models.CheckConstraint(
                name="no_share_of_nothing",
                condition=Q(smallest_number__gte=1),
                violation_error_message="The smallest number is 1 or more.",
            ),
            models.CheckConstraint(
                name="no_rule_that_watches_the_unknown",
                condition=Q(signal__in=Watched.values),
                violation_error_message="The portal does not know how to watch this.",
            ),
            models.CheckConstraint(
                name="no_rule_that_does_the_unknown",
                condition=Q(action__in=Incident.Action.values, severity__in=Incident.Severity.values),
                violation_error_message="The portal does not know this action or severity.",
            ),
            models.CheckConstraint(
                name="muted_by_two_different_times",
                condition=Q(muted_from=None, muted_until=None)
                | (Q(muted_from__isnull=False, muted_until__isnull=False) & ~Q(muted_from=F("muted_until"))),
                violation_error_message="Muted hours have a beginning and another end; or leave both empty.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """Name what its incidents are about, for us and for PagerDuty."""
        return f"alert:{self.code}"

    @property
    def period(self) -> timedelta:
        """How far back it counts."""
        return timedelta(minutes=self.period_minutes)

    @property
    def settles_after(self) -> timedelta:
        """How long it has to stay below the threshold until it is over, so that what flaps is told once."""
        return min(self.period, timedelta(hours=1))


class AlertPeak(models.Model):
    """The highest value that a rule found within an hour: its history."""

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="peaks")
    hour = models.DateTimeField()
    value = models.DecimalField(max_digits=9, decimal_places=1)

    class Meta:
        ordering = ["-hour"]
        constraints = [models.UniqueConstraint(fields=["rule", "hour"], name="one_peak_an_hour")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.value}"

    @staticmethod
    def hour_of(moment: datetime) -> datetime:
        """Give the hour in which a moment lies."""
        return moment.replace(minute=0, second=0, microsecond=0)
