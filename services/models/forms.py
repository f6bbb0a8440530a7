"""What patients are asked before a visit."""

from django.db import models
from django.db.models import Q


class Form(models.Model):
    """A set of questions for patients; its versions say what they are."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100, help_text="What the patient reads above it.")
    jotform_id = models.CharField(
        "JotForm form", max_length=50, blank=True, help_text="The same form at JotForm, whose answers land here too."
    )
    is_active = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class FormVersionQuerySet(models.QuerySet):
    def in_use(self) -> "FormVersionQuerySet":
        """The version of each form that patients fill now."""
        return self.filter(state=FormVersion.State.IN_USE)


class FormVersion(models.Model):
    """A form as JSON Schema; once in use it is never changed, a newer version takes its place."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_USE = "in_use", "In use"
        RETIRED = "retired", "Retired"

    form = models.ForeignKey(Form, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveSmallIntegerField()
    intro = models.TextField(blank=True, help_text="What stands above the questions.")
    schema = models.JSONField(help_text="An object schema; x-order, x-widget and x-page say how it is shown.")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    objects = FormVersionQuerySet.as_manager()

    class Meta:
        ordering = ["form", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["form", "version"], name="one_form_version_of_a_number"),
            models.UniqueConstraint(fields=["form"], condition=Q(state="in_use"), name="one_form_version_in_use"),
            models.UniqueConstraint(fields=["form"], condition=Q(state="draft"), name="one_form_draft"),
        ]

    def __str__(self) -> str:
        return f"{self.form}, version {self.version}"
