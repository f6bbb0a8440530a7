"""Risky words and approvals, for people."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from botaniqal import cards
from botaniqal.admin import BAD, OK, PLAIN, WAITING, ListViews, PortalAdmin, WrittenByVerbs, badge, clinic_time

from . import gate
from .models import Approval, RiskyWord

STATE_BADGES = {
    gate.State.APPROVED: ("Approved", OK),
    gate.State.CHANGED: ("Changed since", WAITING),
    gate.State.NEVER: ("Never approved", BAD),
}


def state_badge(state: gate.State) -> SafeString:
    """Show where a public text stands."""
    return badge(*STATE_BADGES[state])


class ApprovalForm(forms.Form):
    """Why doubtful words may stay, asked wherever words are approved."""

    reason = forms.CharField(
        required=False,
        max_length=gate.LONGEST_REASON,
        label="Why doubtful words may stay",
        help_text="Needed only where there are any. Kept with your name.",
        validators=[cards.validate_none],
    )


class RiskyWordForm(forms.ModelForm):
    """A word that can be looked for."""

    def clean_words(self) -> str:
        """Refuse what would be found everywhere or nowhere."""
        words = " ".join(self.cleaned_data["words"].split())
        if "*" in words[:-1]:
            raise ValidationError("The * may only stand at the end.")
        if sum(letter.isalnum() for letter in words) < 3:
            raise ValidationError("Write three letters or more; less would be found everywhere.")
        if RiskyWord.objects.filter(words__iexact=words).exclude(pk=self.instance.pk).exists():
            raise ValidationError("That word stands in the list already.")
        return words


@admin.register(RiskyWord)
class RiskyWordAdmin(PortalAdmin):
    """Words that advertising law makes risky."""

    form = RiskyWordForm
    list_display = ["words", "shown_weight", "why", "shown_active"]
    list_filter = ["weight", "is_active"]
    fields = ["words", "weight", "why", "is_active"]
    search_fields = ["words", "why"]
    search_help_text = "Word or why"
    empty_text = "No risky word. Every public text can be approved without a reason."

    def has_delete_permission(self, request: HttpRequest, obj: RiskyWord | None = None) -> bool:
        """Keep words: one that is not looked for any more is switched off."""
        return False

    @admin.display(description="Weight", ordering="weight")
    def shown_weight(self, word: RiskyWord) -> SafeString:
        return badge(word.get_weight_display(), BAD if word.weight == RiskyWord.Weight.REFUSED else WAITING)

    @admin.display(description="Looked for", ordering="is_active")
    def shown_active(self, word: RiskyWord) -> SafeString:
        return badge("Yes", OK) if word.is_active else badge("No", PLAIN)


class ApprovalViews(ListViews):
    """What the public reads comes first."""

    views = {
        "holding": (
            "What the public reads",
            lambda rows: rows.filter(pk__in=Approval.objects.latest_of_each().values("pk")),
        ),
        "all": ("All", lambda rows: rows),
    }


@admin.register(Approval)
class ApprovalAdmin(WrittenByVerbs):
    """Who approved what the public reads."""

    list_display = ["label", "beginning", "shown_accepted", "when", "approved_by"]
    list_filter = [ApprovalViews]
    list_select_related = ["approved_by"]
    fields = ["label", "shown_text", "shown_accepted", "reason", ("when", "approved_by"), "subject"]
    search_fields = ["label", "subject", "text"]
    search_help_text = "What it is said of, or its words"
    empty_text = "Nothing is approved yet. Texts are approved where they are written, as on a service's page."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Approval]:
        return super().get_queryset(request).select_related("approved_by")

    @admin.display(description="Text")
    def beginning(self, row: Approval) -> str:
        return row.text if len(row.text) <= 120 else f"{row.text[:119]}…"

    @admin.display(description="Text")
    def shown_text(self, row: Approval) -> str:
        return row.text

    @admin.display(description="Risky words")
    def shown_accepted(self, row: Approval) -> SafeString | str:
        return badge(", ".join(row.accepted), WAITING) if row.accepted else "–"

    @admin.display(description="Approved", ordering="approved_at")
    def when(self, row: Approval) -> str:
        return clinic_time(row.approved_at)
