"""What the clinic offers: services, appointment types and dated prices."""

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q


class PractitionerType(models.TextChoices):
    """Who gives care; stands here because an appointment type says which of them may give it."""

    DOCTOR = "doctor", "Doctor"
    NURSE = "nurse", "Nurse"
    CONSULTANT = "consultant", "Consultant"
    COACH = "coach", "Coach"


class ServiceQuerySet(models.QuerySet):
    def public(self) -> "ServiceQuerySet":
        """Services that the website shows."""
        return self.filter(status__in=[Service.Status.ACTIVE, Service.Status.COMING_SOON])

    def named(self, name: str) -> "ServiceQuerySet":
        """The service of that slug, its words joined by hyphens or underscores."""
        return self.filter(slug__in={name, name.replace("_", "-"), name.replace("-", "_")})


class Service(models.Model):
    """A line of care in the catalogue."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        COMING_SOON = "coming_soon", "Coming soon"
        PAUSED = "paused", "Paused"
        RETIRED = "retired", "Retired"

    slug = models.SlugField(unique=True, help_text="Stands in addresses and in the API; cannot change once in use.")
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.COMING_SOON)
    launches_on = models.DateField("launch date", null=True, blank=True)
    has_waitlist = models.BooleanField("waitlist", default=False)
    position = models.PositiveSmallIntegerField(default=0)
    colour = models.CharField(
        max_length=7, default="#177a60", validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", "Write it as #177a60.")]
    )
    confirmation_message = models.TextField(blank=True, help_text="Added to the confirmation e-mail.")
    initial_form = models.ForeignKey(
        "services.Form",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="What is asked before a first visit.",
    )
    followup_form = models.ForeignKey(
        "services.Form",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="follow-up form",
        help_text="What is asked before a further visit.",
    )

    objects = ServiceQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    @property
    def api_name(self) -> str:
        """The service's name in the API, where words are joined by an underscore."""
        return self.slug.replace("-", "_")

    def launch_words(self, day: date) -> str:
        """Say on a day when it begins: the date while that is to come, else soon; nothing unless it is coming."""
        if self.status != self.Status.COMING_SOON:
            return ""
        return f"{self.launches_on:%-d %B %Y}" if self.launches_on and self.launches_on >= day else "soon"


class AppointmentTypeQuerySet(models.QuerySet):
    def in_catalogue_order(self) -> "AppointmentTypeQuerySet":
        """Services as sorted by hand; within one, telehealth before in person, then as sorted by hand."""
        return self.order_by("service__position", "service_id", "-mode", "position", "code")

    def offered(self) -> "AppointmentTypeQuerySet":
        """Types that may be booked: the publish check found nothing that forbids it."""
        fit = [AppointmentType.Verdict.GREEN, AppointmentType.Verdict.AMBER]
        return self.on_show().filter(verdict__in=fit)

    def on_show(self) -> "AppointmentTypeQuerySet":
        """Types that people ask for, also those that cannot be booked now."""
        return self.filter(is_active=True, service__status=Service.Status.ACTIVE)


class AppointmentType(models.Model):
    """What can be booked: a service, initial or follow-up, telehealth or in person, so many minutes."""

    class Kind(models.TextChoices):
        CONSULTATION = "consultation", "Free consultation"
        INITIAL = "initial", "Initial"
        FOLLOWUP = "followup", "Follow-up"

    class Mode(models.TextChoices):  # sorted backwards, telehealth comes first: see in_catalogue_order
        TELEHEALTH = "telehealth", "Telehealth"
        PHONE = "phone", "Phone"
        IN_PERSON = "in_person", "In person"

    class Verdict(models.TextChoices):
        """What the publish check last said; one that was never checked is not offered."""

        UNCHECKED = "unchecked", "Not checked yet"
        GREEN = "green", "Ready"
        AMBER = "amber", "Offered, but look"
        RED = "red", "Cannot be offered"

    FREE_CONSULTATION = "initial-consult-free"
    PRICE = "price"
    """The aspect of the publish check that says whether there is one."""
    NO_PRICE = "There is no price for it yet."

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="appointment_types")
    code = models.SlugField(unique=True)
    name = models.CharField("public name", max_length=100)
    kind = models.CharField(max_length=20, choices=Kind)
    mode = models.CharField(max_length=20, choices=Mode, default=Mode.TELEHEALTH)
    minutes = models.PositiveSmallIntegerField(validators=[MinValueValidator(5), MaxValueValidator(480)])
    buffer_before_minutes = models.PositiveSmallIntegerField(
        "buffer before", default=0, validators=[MaxValueValidator(120)]
    )
    buffer_after_minutes = models.PositiveSmallIntegerField(
        "buffer after", default=0, validators=[MaxValueValidator(120)]
    )
    min_notice_minutes = models.PositiveIntegerField("smallest notice", default=60, help_text="Minutes from now.")
    horizon_days = models.PositiveSmallIntegerField(
        "furthest day",
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(366)],
        help_text="Days from today.",
    )
    step_minutes = models.PositiveSmallIntegerField(
        "slot step", default=15, validators=[MinValueValidator(5), MaxValueValidator(240)]
    )
    is_payment_required = models.BooleanField("payment required", default=True)
    is_bookable_online = models.BooleanField("bookable online", default=False)
    is_active = models.BooleanField("active", default=True)
    practitioner_types = ArrayField(models.CharField(max_length=20, choices=PractitionerType), default=list)
    medirecords_type = models.CharField("MediRecords type", max_length=50, blank=True)
    billing_code = models.CharField(max_length=50, blank=True)
    reporting_category = models.CharField(
        max_length=50, blank=True, help_text="The category under which MediRecords reports it."
    )
    verdict = models.CharField(max_length=10, choices=Verdict, default=Verdict.UNCHECKED, editable=False)
    findings = models.JSONField(
        default=list, editable=False, help_text="Rows of aspect, colour and reason, without the green ones."
    )
    checked_at = models.DateTimeField(null=True, editable=False)
    position = models.PositiveSmallIntegerField(default=0)

    objects = AppointmentTypeQuerySet.as_manager()

    class Meta:
        ordering = ["service__position", "position", "code"]
        constraints = [
            models.CheckConstraint(
                name="lengths_lie_on_the_five_minute_grid",
                condition=Q(minutes__gte=5)
                & Q(step_minutes__gte=5)
                & Q(minutes=5 * (models.F("minutes") / 5))
                & Q(step_minutes=5 * (models.F("step_minutes") / 5))
                & Q(buffer_before_minutes=5 * (models.F("buffer_before_minutes") / 5))
                & Q(buffer_after_minutes=5 * (models.F("buffer_after_minutes") / 5)),
                violation_error_message="Minutes, buffers and slot step are multiples of 5.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_in_person(self) -> bool:
        """True when the visit needs a room."""
        return self.mode == self.Mode.IN_PERSON

    @property
    def is_free_consultation(self) -> bool:
        """True for the call with a consultant that starts everything."""
        return self.kind == self.Kind.CONSULTATION

    @property
    def obstacle(self) -> str:
        """Why it cannot be offered, in words for staff; empty when it can."""
        if self.verdict == self.Verdict.UNCHECKED:
            return "It was not checked yet whether it can be offered."
        nothing_said = "It cannot be offered." if self.verdict == self.Verdict.RED else ""
        return next((each["reason"] for each in self._reds), nothing_said)

    @property
    def public_obstacle(self) -> str:
        """The same for the public, to whom only a missing price says anything."""
        if any(each["aspect"] == self.PRICE for each in self._reds):
            return self.NO_PRICE
        return "It cannot be booked at the moment." if self.obstacle else ""

    @property
    def _reds(self) -> list[dict[str, str]]:
        return [each for each in self.findings if each["colour"] == self.Verdict.RED]


class PriceQuerySet(models.QuerySet):
    def as_of(self, day) -> "PriceQuerySet":
        """The one price of each appointment type that holds on a day."""
        return (
            self.filter(starts_on__lte=day)
            .order_by("appointment_type_id", "-starts_on")
            .distinct("appointment_type_id")
        )


class Price(models.Model):
    """What an appointment type costs from a day on; history is never overwritten."""

    appointment_type = models.ForeignKey(AppointmentType, on_delete=models.PROTECT, related_name="prices")
    amount = models.DecimalField(
        "amount (AUD)", max_digits=8, decimal_places=2, validators=[MinValueValidator(0)], help_text="GST free."
    )
    starts_on = models.DateField("from")
    reason = models.CharField(max_length=200, blank=True, help_text="Why it changes, for those who look back.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = PriceQuerySet.as_manager()

    class Meta:
        ordering = ["appointment_type", "-starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["appointment_type", "starts_on"],
                name="one_price_a_day",
                violation_error_message="There is a price from that day already.",
            ),
            models.CheckConstraint(name="no_negative_price", condition=Q(amount__gte=0)),
        ]

    def __str__(self) -> str:
        return f"${self.amount} from {self.starts_on:%-d %b %Y}"
