"""The words for how a call ended, for the operations who manage them."""

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString

from bookings.words_admin import WordAdmin
from botaniqal.admin import INFO, badge

from .models import Disposition, Outcome


class DispositionForm(forms.ModelForm):
    """A word under one of the outcomes that a call without a booking has."""

    outcome = forms.ChoiceField(choices=[(one.value, one.label) for one in Outcome if one != Outcome.BOOKED])


@admin.register(Disposition)
class DispositionAdmin(WordAdmin):
    """How calls end, in finer words than their outcome."""

    form = DispositionForm
    used_by = "sessions"
    list_display = ["label", "outcome", "position", "shown_active", "letter", "shown_use"]
    list_editable = ["position"]
    list_filter = ["outcome", "is_active"]
    fields = ["outcome", "label", "code", "position", "asks_for", "is_active"]
    search_fields = ["label"]
    search_help_text = "Word"
    empty_text = "No word yet. Without any, a call ends with its outcome alone."

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        # Calls that ended so would have ended otherwise all at once.
        return ["code", "outcome"] if obj else []

    @admin.display(description="Asks for", ordering="asks_for")
    def letter(self, word: Disposition) -> SafeString | str:
        return badge("Letter", INFO) if word.asks_for == Disposition.Asks.LETTER else "–"
