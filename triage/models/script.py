"""The script of a call, what was answered, and the red flags that stop a booking."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from botaniqal.cards import validate_none

from .session import TriageSession


class ScriptQuerySet(models.QuerySet):
    def in_use(self) -> "ScriptQuerySet":
        """The version that calls begin with now, if one was approved."""
        return self.filter(state=Script.State.IN_USE)


class Script(models.Model):
    """A version of what is asked in a call; once approved it is never changed, a newer version takes its place."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_USE = "in_use", "In use"
        RETIRED = "retired", "Retired"

    version = models.PositiveIntegerField(unique=True, editable=False)
    note = models.CharField("what is new", max_length=200, blank=True)
    opening = models.TextField(blank=True, help_text="What the consultant says first.")
    emergency_card = models.TextField(help_text="What to say and whom to ring when a red flag is up.")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    changed_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    objects = ScriptQuerySet.as_manager()

    class Meta:
        ordering = ["-version"]
        permissions = [
            ("approve_script", "Can approve the script of the calls"),
            ("clear_redflag", "Can clear a red flag"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="in_use"), name="one_script_in_use"),
            models.CheckConstraint(
                name="used_script_was_approved",
                condition=Q(state="draft") | (Q(approved_at__isnull=False) & Q(approved_by__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"Script {self.version}"


class Question(models.Model):
    """Something that the consultant asks; of the common part, or for one service."""

    class Kind(models.TextChoices):
        FACT = "fact", "Fact"
        YES_NO = "yes_no", "Yes, no or unsure"
        CHOICE = "choice", "Choice"
        TEXT = "text", "Text"

    script = models.ForeignKey(Script, on_delete=models.CASCADE, related_name="questions")
    service = models.ForeignKey(
        "services.Service",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty for the common part.",
    )
    position = models.PositiveSmallIntegerField(default=0)
    code = models.SlugField(max_length=40, help_text="Stays the same from version to version.")
    text = models.CharField("question", max_length=300)
    hint = models.CharField(max_length=300, blank=True, help_text="For the consultant alone.")
    kind = models.CharField(max_length=10, choices=Kind)
    choices = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    is_required = models.BooleanField("needed", default=False)
    flags_on = ArrayField(
        models.CharField(max_length=100),
        default=list,
        blank=True,
        help_text="Answers that raise a red flag: yes, no, or choices. With yes or no, “unsure” raises it too.",
    )
    flag = models.CharField("red flag", max_length=200, blank=True, help_text="What it means, in a few words.")
    card_label = models.CharField(
        "on the hand-over card as", max_length=100, blank=True, help_text="Empty: not on the card."
    )

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["script", "code"], name="one_question_per_code"),
            models.CheckConstraint(name="flag_has_words", condition=Q(flags_on=[]) | ~Q(flag="")),
        ]

    def __str__(self) -> str:
        return self.text


class Answer(models.Model):
    """What was answered to a question; a newer answer takes its place, and the older stays as history."""

    session = models.ForeignKey(TriageSession, on_delete=models.CASCADE, related_name="answers")
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="answers")
    value = models.TextField(blank=True, validators=[validate_none], help_text="Empty: taken back.")
    is_current = models.BooleanField(default=True)
    at = models.DateTimeField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "question"], condition=Q(is_current=True), name="one_current_answer"
            )
        ]

    def __str__(self) -> str:
        return self.value


class RedFlagQuerySet(models.QuerySet):
    def up(self) -> "RedFlagQuerySet":
        """Flags that no clinician has cleared."""
        return self.filter(cleared_at=None)


class RedFlag(models.Model):
    """A danger that was heard in a call: nothing can be held or booked until a clinician clears it."""

    session = models.ForeignKey(TriageSession, on_delete=models.PROTECT, related_name="red_flags")
    question = models.ForeignKey(Question, on_delete=models.PROTECT, null=True, related_name="+")
    words = models.CharField(max_length=200)
    raised_at = models.DateTimeField()
    raised_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    escalated_at = models.DateTimeField(null=True, help_text="Since when the acknowledgement is waited for.")
    escalated_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    escalated_to = models.ForeignKey(
        "practitioners.Practitioner", on_delete=models.PROTECT, null=True, related_name="+"
    )
    reminded_at = models.DateTimeField(null=True, help_text="When operations were told that nobody acknowledged.")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    cleared_at = models.DateTimeField(null=True)
    cleared_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    clear_reason = models.CharField(max_length=300, blank=True)

    objects = RedFlagQuerySet.as_manager()

    class Meta:
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "question"],
                condition=Q(cleared_at=None),
                name="one_flag_up_per_question",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="cleared_by_somebody_with_reason",
                condition=Q(cleared_at=None) | (Q(cleared_by__isnull=False) & ~Q(clear_reason="")),
            ),
        ]
        indexes = [models.Index(fields=["raised_at"], condition=Q(cleared_at=None), name="red_flag_up")]

    def __str__(self) -> str:
        return self.words
