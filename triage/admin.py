"""Triage sessions for people: the list behind Today's queue, and what was said in calls that are over."""

from datetime import timedelta

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from bookings.models import Booking, Patient
from botaniqal.admin import (
    BAD,
    INFO,
    OK,
    PLAIN,
    WAITING,
    ListViews,
    ShownInline,
    WrittenByVerbs,
    badge,
    clinic_time,
    limited_to_own,
    shown_phone,
)

from . import desk, letters, script_admin, scripts, words_admin  # noqa: F401  (they register themselves)
from .models import Answer, CallEvent, Override, Question, TriageSession
from .models.session import DUE_AT

STATE_TONES = {
    TriageSession.State.SCHEDULED: INFO,
    TriageSession.State.IN_PROGRESS: WAITING,
    TriageSession.State.WRAP_UP: WAITING,
    TriageSession.State.DONE: OK,
}
OUTCOME_TONES = {
    TriageSession.Outcome.BOOKED: OK,
    TriageSession.Outcome.REFERRED: INFO,
    TriageSession.Outcome.REJECTED: PLAIN,
    TriageSession.Outcome.NO_SHOW: BAD,
}


class SessionViews(ListViews):
    """Calls that have to be made come first."""

    views = {
        "open": ("To call", lambda rows: rows.to_call()),
        "done": ("Done", lambda rows: rows.filter(state=TriageSession.State.DONE)),
        "all": ("All", lambda rows: rows),
    }


class History(ShownInline):
    """Who did what with a call, and when."""

    model = CallEvent
    fk_name = "session"
    fields = ["moment", "kind", "who", "words"]
    readonly_fields = fields
    verbose_name_plural = "History"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CallEvent]:
        return super().get_queryset(request).select_related("by")

    @admin.display(description="When")
    def moment(self, event: CallEvent) -> str:
        return clinic_time(event.at)

    @admin.display(description="Who")
    def who(self, event: CallEvent) -> str:
        return str(event.by) if event.by else "–"


class Answers(ShownInline):
    """What was answered in a call, the answers of before included."""

    model = Answer
    fk_name = "session"
    fields = ["moment", "question", "said", "standing", "who"]
    readonly_fields = fields
    verbose_name_plural = "Answers"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Answer]:
        return super().get_queryset(request).select_related("by", "question").order_by("question__position", "at", "pk")

    @admin.display(description="When")
    def moment(self, answer: Answer) -> str:
        return clinic_time(answer.at)

    @admin.display(description="Answer")
    def said(self, answer: Answer) -> str:
        words = scripts.YES_NO if answer.question.kind == Question.Kind.YES_NO else {}
        return words.get(answer.value, answer.value) or "Taken back"

    @admin.display(description="Stands")
    def standing(self, answer: Answer) -> SafeString:
        return badge("Stands", OK) if answer.is_current else badge("Before", PLAIN)

    @admin.display(description="Who")
    def who(self, answer: Answer) -> str:
        return str(answer.by) if answer.by else "–"


@admin.register(TriageSession)
class TriageSessionAdmin(WrittenByVerbs):
    """Calls; they are led at the call desk."""

    list_display = ["shown_patient", "due", "consultant", "shown_state", "shown_outcome", "call"]
    list_filter = [SessionViews, "outcome", "consultant"]
    list_select_related = ["patient", "consultation", "consultant", "disposition"]
    search_fields = ["patient__name", "patient__phone", "patient__email"]
    search_help_text = "Name, phone or e-mail"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "patient",
                    "consultation",
                    "consultant",
                    "due",
                    "shown_state",
                    "shown_outcome",
                    "booking",
                    "call",
                ]
            },
        ),
        ("Said", {"fields": ["primary_concern", "notes", "recommended_service", "shown_recommendation"]}),
        ("Call", {"fields": ["began", "ended", "referral"]}),
    ]
    inlines = [Answers, History]
    empty_text = "No call is waiting. Free consultations appear here as soon as somebody books one."

    def get_urls(self) -> list:
        """Put the call desk before Django's own pages."""
        return [*desk.urls(self.admin_site), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TriageSession]:
        sessions = super().get_queryset(request)
        return sessions.filter(consultant__user=request.user) if limited_to_own(request) else sessions

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Look for the patients, whom an index finds, and then for their calls: not through every call there was."""
        patients = self.admin_site.get_model_admin(Patient)
        found, _ = patients.get_search_results(request, Patient.objects.order_by(), search_term)
        return queryset.filter(patient__in=found.values("pk")) if search_term else queryset, False

    def get_ordering(self, request: HttpRequest) -> list[str]:
        is_open = request.GET.get(SessionViews.parameter_name, "open") == "open"
        return [DUE_AT.asc()] if is_open else ["-consultation__starts_at"]

    @admin.display(description="Patient", ordering="patient__name")
    def shown_patient(self, session: TriageSession) -> SafeString:
        return format_html("{}<small>{}</small>", session.patient.name, shown_phone(session.patient.phone))

    @admin.display(description="Due", ordering=DUE_AT)
    def due(self, session: TriageSession) -> str:
        return clinic_time(session.due_on)

    @admin.display(description="State", ordering="state")
    def shown_state(self, session: TriageSession) -> SafeString:
        if session.consultation.state == Booking.State.CANCELLED:
            return badge("Cancelled", PLAIN)
        if session.state == TriageSession.State.IN_PROGRESS and session.claimed_by_id is None:
            return badge("Parked", WAITING)
        if session.state == TriageSession.State.SCHEDULED and session.calls_back:
            return badge("Call-back", INFO)
        return badge(session.get_state_display(), STATE_TONES[session.state])

    @admin.display(description="Outcome", ordering="outcome")
    def shown_outcome(self, session: TriageSession) -> SafeString | str:
        if not session.outcome:
            return "–"
        finer = session.disposition and session.disposition.label
        word = f"{session.get_outcome_display()}: {finer.lower()}" if finer else session.get_outcome_display()
        return badge(word, OUTCOME_TONES[session.outcome])

    @admin.display(description="Call")
    def call(self, session: TriageSession) -> SafeString:
        address = reverse("admin:triage_triagesession_desk", args=(session.pk,))
        return format_html('<a class="button small" href="{}">Open call</a>', address)

    @admin.display(description="Recommended practitioners")
    def shown_recommendation(self, session: TriageSession) -> SafeString | str:
        ranked, chosen = session.recommendation.get("ranked", []), session.recommendation.get("chosen")
        lines = [
            (one["name"], " (chosen)" if one["id"] == chosen else "", " · ".join(one["reasons"])) for one in ranked
        ]
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}{}: {}</li>", lines)) if lines else "–"

    @admin.display(description="Began")
    def began(self, session: TriageSession) -> str:
        return clinic_time(session.started_at)

    @admin.display(description="Ended")
    def ended(self, session: TriageSession) -> str:
        return clinic_time(session.ended_at)

    @admin.display(description="Referral letter")
    def referral(self, session: TriageSession) -> SafeString | str:
        if not letters.asks_for_letter(session):
            return "–"
        address = reverse("admin:triage_triagesession_letter", args=(session.pk,))
        return format_html('<a class="button small" href="{}">Open letter</a>', address)


class OverrideViews(ListViews):
    """The last weeks come first."""

    views = {
        "lately": ("Last 30 days", lambda rows: rows.filter(at__gte=timezone.now() - timedelta(days=30))),
        "all": ("All", lambda rows: rows),
    }


@admin.register(Override)
class OverrideAdmin(WrittenByVerbs):
    """Soft rules that somebody went beyond, with the reason, counted by rule and person."""

    list_display = ["shown_rule", "practitioner", "when", "reason", "by", "done", "call"]
    list_filter = [OverrideViews, "rule", ("by", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["practitioner", "by"]
    show_facets = admin.ShowFacets.ALWAYS
    fields = ["shown_rule", "practitioner", "when", "reason", "by", "done", "call"]
    empty_text = "Nobody went beyond a rule. At the call desk it takes a reason, and the right to."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Override]:
        rows = super().get_queryset(request)
        return rows.filter(session__consultant__user=request.user) if limited_to_own(request) else rows

    @admin.display(description="Rule", ordering="rule")
    def shown_rule(self, override: Override) -> SafeString:
        return badge(override.get_rule_display(), WAITING)

    @admin.display(description="For the visit on", ordering="starts_at")
    def when(self, override: Override) -> str:
        return clinic_time(override.starts_at)

    @admin.display(description="Held", ordering="at")
    def done(self, override: Override) -> str:
        return clinic_time(override.at)

    @admin.display(description="Call")
    def call(self, override: Override) -> SafeString | str:
        if override.session_id is None:
            return "–"
        address = reverse("admin:triage_triagesession_desk", args=(override.session_id,))
        return format_html('<a class="button small" href="{}">Open call</a>', address)
