"""Money that goes through Stripe, and what is decided of giving it back."""

import uuid

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q

from botaniqal.integrations.models import Owed, OwedQuerySet, owed_index, stuck_index

from .booking import Booking, Payment


class Checkout(Owed):
    """
    One way to pay for a booking at Stripe: a checkout session of theirs.

    What is owed is its opening, its closing, and a look at it as long as it is open.

    The row is written before Stripe is asked, and its key names the request, so that a doubtful answer is asked for
    again and never paid twice.
    """

    class Status(models.TextChoices):
        NEW = "new", "Not opened yet"
        OPEN = "open", "Open"
        PAID = "paid", "Paid"
        EXPIRED = "expired", "Lapsed"
        VOID = "void", "Taken back"

    class Door(models.TextChoices):
        ONLINE = "online", "Online booking"
        DESK = "desk", "Link from the desk"
        PATIENT = "patient", "Patient's page"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="checkouts")
    door = models.CharField(max_length=10, choices=Door)
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    status = models.CharField(max_length=10, choices=Status, default=Status.NEW, editable=False)
    external_id = models.CharField(max_length=255, null=True, unique=True, editable=False)
    url = models.URLField(max_length=2000, blank=True, editable=False)
    payment_intent = models.CharField(max_length=255, null=True, unique=True, editable=False)
    sends_link = models.BooleanField(default=False, help_text="Whether the patient gets the link by e-mail.")
    opened_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(editable=False)
    paid_at = models.DateTimeField(null=True, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False, help_text="When Stripe was last asked.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(name="no_checkout_of_nothing", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="paid_checkout_at_a_moment", condition=~Q(status="paid") | Q(paid_at__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["booking"], condition=Q(status__in=["new", "open"]), name="one_open_checkout_per_booking"
            ),
        ]
        indexes = [
            owed_index("checkout_owed"),
            stuck_index("checkout_stuck"),
            models.Index(fields=["expires_at"], condition=Q(status__in=["new", "open"]), name="checkout_open"),
            models.Index(fields=["paid_at"], condition=Q(status="paid"), name="checkout_paid"),
        ]

    def __str__(self) -> str:
        return f"${self.amount} for {self.booking}"


class RefundRule(models.Model):
    """How much is suggested to be given back when a patient cancels at least so many hours before the visit."""

    hours = models.PositiveSmallIntegerField("hours before", unique=True)
    percent = models.PositiveSmallIntegerField(validators=[MaxValueValidator(100)])

    class Meta:
        ordering = ["-hours"]
        constraints = [models.CheckConstraint(name="no_refund_beyond_all", condition=Q(percent__lte=100))]

    def __str__(self) -> str:
        return f"{self.percent} % from {self.hours} hours before"


class RefundDecisionQuerySet(OwedQuerySet):
    def to_decide(self) -> "RefundDecisionQuerySet":
        """What waits for somebody's decision, and what Stripe refused to carry out."""
        is_stuck = Q(status=RefundDecision.Status.SENDING, needs_person=True)
        return self.filter(Q(status=RefundDecision.Status.WAITING) | is_stuck)


class RefundDecision(Owed):
    """
    Money that may have to be given back: what the policy suggests, what somebody decided, and what became of it.

    What is owed is the refund at Stripe, from the decision on; money that did not come through Stripe is given back by
    hand and its slip noted.
    """

    class Cause(models.TextChoices):
        PATIENT = "patient", "The patient cancelled"
        CLINIC = "clinic", "The clinic cancelled"
        UNDONE = "undone", "Booked by mistake"
        LATE = "late", "Paid after the time was given back"
        TWICE = "twice", "Paid twice"
        OTHER = "other", "Asked for by staff"
        OUTSIDE = "outside", "Given back at Stripe"

    class Status(models.TextChoices):
        WAITING = "waiting", "To decide"
        SENDING = "sending", "On its way"
        GIVEN_BACK = "given_back", "Given back"
        KEPT = "kept", "Kept"
        FAILED = "failed", "Stripe could not give it back"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refund_decisions")
    checkout = models.ForeignKey(
        Checkout,
        on_delete=models.PROTECT,
        null=True,
        related_name="refund_decisions",
        help_text="The checkout whose money it is; empty for money that did not come through Stripe.",
    )
    cause = models.CharField(max_length=10, choices=Cause)
    paid = models.DecimalField(max_digits=8, decimal_places=2, help_text="What could be given back at most.")
    suggested = models.DecimalField(max_digits=8, decimal_places=2)
    policy = models.CharField(max_length=200, help_text="By which rule that is suggested, in words.")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING, editable=False)
    amount = models.DecimalField(max_digits=8, decimal_places=2, null=True, editable=False)
    reason = models.CharField(max_length=200, blank=True, editable=False)
    reference = models.CharField(max_length=100, blank=True, editable=False, help_text="The slip, if given by hand.")
    external_id = models.CharField(max_length=255, null=True, unique=True, editable=False, help_text="Stripe's refund.")
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    settled_at = models.DateTimeField(null=True, editable=False)

    objects = RefundDecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions = [("decide_refund", "Can decide what is given back")]
        constraints = [
            models.CheckConstraint(
                name="no_refund_beyond_payment",
                condition=Q(suggested__gte=0)
                & Q(suggested__lte=F("paid"))
                & (Q(amount=None) | (Q(amount__gte=0) & Q(amount__lte=F("paid")))),
            ),
            models.CheckConstraint(
                name="refund_is_decided_or_waits",
                condition=Q(status="waiting") | Q(amount__isnull=False, decided_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["payment", "checkout"],
                condition=Q(status="waiting"),
                nulls_distinct=False,
                name="one_waiting_decision_per_money",
            ),
        ]
        indexes = [
            owed_index("refund_owed"),
            stuck_index("refund_stuck"),
            models.Index(fields=["created_at"], condition=Q(status="waiting"), name="refund_to_decide"),
            models.Index(fields=["settled_at"], condition=Q(settled_at__isnull=False), name="refund_by_settling"),
        ]

    def __str__(self) -> str:
        return f"${self.suggested} of ${self.paid}"


class Dispute(models.Model):
    """A patient's bank asks for a payment back; answered at Stripe, shown here."""

    class Outcome(models.TextChoices):
        OPEN = "open", "Open"
        WON = "won", "Won"
        LOST = "lost", "Lost"

    external_id = models.CharField(max_length=255, unique=True)
    checkout = models.ForeignKey(Checkout, on_delete=models.PROTECT, null=True, related_name="disputes")
    payment_intent = models.CharField(max_length=255, blank=True)
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    reason = models.CharField(max_length=50, blank=True, help_text="Stripe's word for it.")
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.OPEN)
    answer_by = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-opened_at"]

    def __str__(self) -> str:
        return f"${self.amount}, {self.get_outcome_display().lower()}"


class MoneyDayQuerySet(OwedQuerySet):
    def to_explain(self) -> "MoneyDayQuerySet":
        """Days on which something differs, and nobody has said why."""
        return self.exclude(differences=[]).filter(explanation="")


class MoneyDay(Owed):
    """One day's figures of Stripe beside ours, by the clinic's calendar; what is owed is the comparison."""

    day = models.DateField(unique=True)
    our_taken = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    their_taken = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    our_given_back = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    their_given_back = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    differences = models.JSONField(default=list, help_text="Rows of what, ours, theirs; without a patient's name.")
    compared_at = models.DateTimeField(null=True)
    explanation = models.CharField(
        max_length=200, blank=True, editable=False, help_text="What somebody found out of the differences."
    )
    explained_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    objects = MoneyDayQuerySet.as_manager()

    class Meta:
        ordering = ["-day"]
        verbose_name, verbose_name_plural = "comparison with Stripe", "money by day"
        indexes = [owed_index("money_day_owed")]

    def __str__(self) -> str:
        return f"{self.day:%a %-d %b %Y}"

    @property
    def agrees(self) -> bool:
        """True when nothing differs."""
        return not self.differences
