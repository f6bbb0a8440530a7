"""Answers of forms, for people: whose are they, and what was answered."""

from django import forms
from django.contrib import admin
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, OK, ListViews, WrittenByVerbs, badge, clinic_time, limited_to_own, verb

from . import form_answers
from .models import Booking, FormAnswers, ids_known_to


class BookingForm(forms.Form):
    """Which booking answers belong to."""

    number = forms.CharField(max_length=20, label="Confirmation number", help_text="As BOT-2026-0012.")


class FormViews(ListViews):
    """What nobody can find from a booking comes first."""

    views = {
        "unlinked": ("Whose are they?", lambda rows: rows.filter(booking=None)),
        "linked": ("With a booking", lambda rows: rows.exclude(booking=None)),
        "all": ("All", lambda rows: rows),
    }


def as_list(row: FormAnswers) -> SafeString:
    """Show question by question what was answered."""
    pairs = ((each.get("question") or each.get("name"), each.get("answer")) for each in row.answers)
    return format_html("<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", pairs))


def shown_answers_of(booking: Booking) -> SafeString | str:
    """Show all that was answered in forms for a booking."""
    shown = ((clinic_time(row.submitted_at), as_list(row)) for row in booking.form_answers.all())
    return format_html_join("", "<p>{}</p>{}", shown) or "–"


@admin.register(FormAnswers)
class FormAnswersAdmin(WrittenByVerbs):
    """What people answered in forms."""

    list_display = ["submitted", "shown_booking", "beginning", "form_id"]
    list_filter = [FormViews, "form_id"]
    list_select_related = ["booking__patient"]
    ordering = [ExpressionWrapper(Q(booking=None), output_field=BooleanField()).desc(), "-submitted_at"]
    search_fields = ["external_id", "booking__number"]
    search_help_text = "Confirmation number, or JotForm's number of the submission"
    fields = [("shown_booking", "submitted"), "shown_answers", ("source", "form_id"), ("external_id", "fetched")]
    verbs = ["link"]
    empty_text = "All answers have their booking. “All” shows them."

    def get_queryset(self, request: HttpRequest) -> QuerySet[FormAnswers]:
        """Show to those who see own patients alone what those answered."""
        rows = super().get_queryset(request)
        if limited_to_own(request):
            return rows.filter(booking__patient__in=ids_known_to(request.user))
        return rows

    def name_of(self, row: FormAnswers) -> str:
        return f"Answers of {self.submitted(row)}"

    @admin.display(description="Sent in", ordering="submitted_at")
    def submitted(self, row: FormAnswers) -> str:
        return clinic_time(row.submitted_at)

    @admin.display(description="Fetched")
    def fetched(self, row: FormAnswers) -> str:
        return clinic_time(row.fetched_at)

    @admin.display(description="Booking", ordering="booking__number")
    def shown_booking(self, row: FormAnswers) -> SafeString:
        if row.booking is None:
            return badge("Whose?", BAD)
        return format_html("{}<small>{}</small>", badge(row.booking, OK), row.booking.patient)

    @admin.display(description="Begins")
    def beginning(self, row: FormAnswers) -> str:
        return " · ".join(each.get("answer", "") for each in row.answers[:3])[:100] or "–"

    @admin.display(description="Answers")
    def shown_answers(self, row: FormAnswers) -> SafeString:
        return as_list(row)

    @verb("Link to a booking", explanation="They are shown on that booking's page from then on.", form=BookingForm)
    def link(self, request: HttpRequest, row: FormAnswers, *, number: str) -> str:
        linked = form_answers.link(answers_id=row.pk, number=number, by=request.user, now=timezone.now())
        return f"These answers belong to {linked.booking} now."
