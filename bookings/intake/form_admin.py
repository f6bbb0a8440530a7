"""Answers of forms, for people: whose are they, what was answered, and the link to the form sent once more."""

from django import forms
from django.contrib import admin
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, OK, WAITING, ListViews, WrittenByVerbs, badge, clinic_time, limited_to_own, verb

from ..models import Booking, FormAnswers, Patient, ids_known_to
from . import answered, form_answers, form_asking, form_filling
from .answered import Answered


class BookingForm(forms.Form):
    """Which booking answers belong to."""

    number = forms.CharField(max_length=20, label="Confirmation number", help_text="As BOT-2026-0012.")


class FormViews(ListViews):
    """What nobody can find from a booking comes first."""

    views = {
        "unlinked": ("Whose are they?", lambda rows: rows.filter(booking=None)),
        "linked": ("With a booking", lambda rows: rows.sent_in().exclude(booking=None)),
        "drafts": ("Not sent yet", lambda rows: rows.filter(submitted_at=None)),
        "all": ("All", lambda rows: rows),
    }


def as_list(lines: list[tuple[str, str]]) -> SafeString:
    """Show question by question what was answered."""
    return format_html("<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", lines))


def as_details(forms: list[Answered], *, of_one_visit: bool) -> SafeString | str:
    """Show forms that were filled in, each to be opened, and for which visit; of a draft, that there is one."""
    shown = []
    for one in forms:
        if one.is_draft:
            mark = badge(f"Draft, saved {clinic_time(one.at)}", WAITING)
            shown.append(format_html("<p>{} {} The patient has not sent it yet.</p>", one.name, mark))
        else:
            said = f"{one.name}, sent {clinic_time(one.at)}{'' if of_one_visit else f', for {one.booking}'}"
            lines = as_list(one.lines)
            shown.append(format_html('<details class="answers"><summary>{}</summary>{}</details>', said, lines))
    return format_html_join("", "{}", ((each,) for each in shown)) or "–"


def shown_answers_of(booking: Booking) -> SafeString | str:
    """Show all that was filled in for a booking."""
    return as_details(answered.of_booking(booking), of_one_visit=True)


def shown_answers_by(patient: Patient) -> SafeString | str:
    """Show all that a patient filled in."""
    return as_details(answered.of_patient(patient), of_one_visit=False)


class FormVerbs:
    """The verb by which the link to a form is sent once more; part of the bookings' admin."""

    @verb(
        "Send the form again",
        explanation="The patient gets an e-mail with the link to the form of this visit.",
        when=lambda booking: form_filling.state_of(booking) in (form_filling.TO_FILL, form_filling.DRAFT),
    )
    def send_form(self, request: HttpRequest, booking: Booking) -> str:
        message = form_asking.send_again(booking_id=booking.pk, by=request.user, now=timezone.now())
        return f"The link to the form is on its way to {message.to}."


@admin.register(FormAnswers)
class FormAnswersAdmin(WrittenByVerbs):
    """What people answered in forms."""

    list_display = ["submitted", "shown_booking", "beginning", "shown_form"]
    list_filter = [FormViews, "form_id"]
    list_select_related = ["booking__patient", "version__form"]
    ordering = [ExpressionWrapper(Q(booking=None), output_field=BooleanField()).desc(), "-submitted_at"]
    search_fields = ["external_id", "booking__number"]
    search_help_text = "Confirmation number, or JotForm's number of the submission"
    fields = [("shown_booking", "submitted"), "shown_answers", ("source", "shown_form"), ("external_id", "fetched")]
    verbs = ["link"]
    empty_text = "All answers have their booking. “All” shows them."

    def get_queryset(self, request: HttpRequest) -> QuerySet[FormAnswers]:
        """Show to those who see own patients alone what those answered."""
        rows = super().get_queryset(request)
        if limited_to_own(request):
            return rows.filter(booking__patient__in=ids_known_to(request.user))
        return rows

    def name_of(self, row: FormAnswers) -> str:
        return f"Answers of {clinic_time(row.submitted_at)}" if row.submitted_at else "A form that is not sent yet"

    @admin.display(description="Sent in", ordering="submitted_at")
    def submitted(self, row: FormAnswers) -> SafeString | str:
        if row.submitted_at is None:
            return badge(f"Draft, saved {clinic_time(row.saved_at)}", WAITING)
        return clinic_time(row.submitted_at)

    @admin.display(description="Form", ordering="form_id")
    def shown_form(self, row: FormAnswers) -> str:
        return f"{row.version.form}, version {row.version.version}" if row.version else f"JotForm {row.form_id}"

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
        [told] = answered.read(FormAnswers.objects.filter(pk=row.pk))
        return as_list(told.lines) if not told.is_draft else as_details([told], of_one_visit=True)

    @verb(
        "Link to a booking",
        explanation="They are shown on that booking's page from then on.",
        form=BookingForm,
        when=lambda row: row.source == FormAnswers.Source.JOTFORM,
    )
    def link(self, request: HttpRequest, row: FormAnswers, *, number: str) -> str:
        linked = form_answers.link(answers_id=row.pk, number=number, by=request.user, now=timezone.now())
        return f"These answers belong to {linked.booking} now."
