"""Patients for people: their records, what is proposed for them, and which were made one."""

import re
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import (
    BAD,
    INFO,
    OK,
    PLAIN,
    WAITING,
    ListViews,
    PortalAdmin,
    ShownInline,
    WithPhone,
    WrittenByVerbs,
    badge,
    clinic_time,
    limited_to_own,
    shown_phone,
    verb,
)
from botaniqal.errors import DomainError

from ..intake.form_admin import shown_answers_by
from ..models import Booking, Consent, DetailProposal, Patient, PatientMerge, ids_known_to
from . import identity, merging, proposals

STATE_TONES = {
    Booking.State.PENDING_PAYMENT: WAITING,
    Booking.State.CONFIRMED: OK,
    Booking.State.COMPLETED: INFO,
    Booking.State.NO_SHOW: BAD,
    Booking.State.CANCELLED: PLAIN,
}


def as_stored(typed: str) -> str:
    """Turn a phone number as people type it into how it is kept, and leave everything else alone."""
    digits = re.sub(r"[\s()-]", "", typed)
    return f"+61{digits[1:]}" if re.fullmatch(r"0\d{5,9}", digits) else typed


class ShownBookings(ShownInline):
    """A patient's visits, the latest first."""

    model = Booking
    fields = ["shown_number", "when", "practitioner", "appointment_type", "shown_state"]
    readonly_fields = ["shown_number", "when", "shown_state"]
    ordering = ["-starts_at"]
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Booking]:
        return super().get_queryset(request).select_related("practitioner", "appointment_type")

    @admin.display(description="Number")
    def shown_number(self, booking: Booking) -> str:
        return booking.number

    @admin.display(description="When")
    def when(self, booking: Booking) -> str:
        return clinic_time(booking.starts_at)

    @admin.display(description="State")
    def shown_state(self, booking: Booking) -> SafeString:
        return badge(booking.get_state_display(), STATE_TONES[booking.state])


class PatientForm(WithPhone):
    """Somebody who was born, and can be rung."""

    def clean_date_of_birth(self) -> date | None:
        day = self.cleaned_data["date_of_birth"]
        if day and not proposals.FIRST_BIRTH <= day <= timezone.localdate():
            raise forms.ValidationError("A date of birth lies between 1900 and today.")
        return day


class ShownConsents(ShownInline):
    """What a patient agreed to or refused, the latest first."""

    model = Consent
    fields = ["wording", "answer", "how", "shown_at", "by"]
    readonly_fields = ["answer", "shown_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Consent]:
        return super().get_queryset(request).select_related("wording", "by")

    @admin.display(description="Answer")
    def answer(self, consent: Consent) -> SafeString:
        return badge("Agreed", OK) if consent.is_given else badge("Refused", BAD)

    @admin.display(description="When")
    def shown_at(self, consent: Consent) -> str:
        return clinic_time(consent.at)


class ShownMerges(ShownInline):
    """The records that were made one with this, the latest first."""

    model = PatientMerge
    fk_name = "kept"
    verbose_name_plural = "merged records"
    fields = ["given_up", "reason", "shown_at", "merged_by", "standing"]
    readonly_fields = ["shown_at", "standing"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PatientMerge]:
        return super().get_queryset(request).select_related("given_up", "merged_by", "kept")

    @admin.display(description="When")
    def shown_at(self, merge: PatientMerge) -> str:
        return clinic_time(merge.merged_at)

    @admin.display(description="State")
    def standing(self, merge: PatientMerge) -> SafeString:
        return badge("Undone", PLAIN) if merge.undone_at else badge("Merged", INFO)


class PatientViews(ListViews):
    """Records that stand come first."""

    views = {
        "standing": ("Patients", lambda rows: rows.standing()),
        "unidentified": ("Not identified", lambda rows: rows.standing().filter(identified_at=None)),
        "merged": ("Merged", lambda rows: rows.exclude(merged_into=None)),
    }


class MergeForm(forms.Form):
    """Which record is the same person's, and how that is known."""

    other = forms.TypedChoiceField(coerce=UUID, label="The other record", help_text="It is given up; this one stays.")
    reason = forms.CharField(max_length=200, label="How do you know?", help_text="Kept with the merge.")


class UndoMergeForm(forms.Form):
    """Which record is to stand by itself again."""

    merge = forms.ModelChoiceField(PatientMerge.objects.none(), label="Record", empty_label=None)


@admin.register(Patient)
class PatientAdmin(PortalAdmin):
    """The people booked."""

    form = PatientForm

    list_display = ["name", "spaced_phone", "email", "date_of_birth", "identified", "known_since"]
    list_filter = [PatientViews]
    search_fields = ["name", "phone", "email"]
    search_help_text = "Name, phone or e-mail"
    fieldsets = [
        (None, {"fields": ["name", "phone", "email", "date_of_birth", "address", "time_zone"]}),
        ("Standing", {"fields": ["identified", "proposed", "record", "medirecords_id", "known_since"]}),
        ("Forms", {"fields": ["filled_forms"]}),
    ]
    readonly_fields = ["identified", "proposed", "record", "medirecords_id", "known_since", "filled_forms"]
    inlines = [ShownBookings, ShownConsents, ShownMerges]
    verbs = ["merge", "undo_merge"]
    empty_text = "No patient here. They come with their first consultation."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Patient]:
        patients = super().get_queryset(request)
        if limited_to_own(request):
            return patients.filter(pk__in=ids_known_to(request.user))
        return patients

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return super().get_search_results(request, queryset, as_stored(search_term))

    def has_change_permission(self, request: HttpRequest, obj: Patient | None = None) -> bool:
        """Let those type who decide on details; others propose at the desk. A merged record is history."""
        if obj and (obj.merged_into_id or not request.user.has_perm(proposals.DECIDE)):
            return False
        return super().has_change_permission(request, obj)

    def may_use_verbs(self, request: HttpRequest) -> bool:
        return request.user.has_perm(proposals.DECIDE)

    @admin.display(description="Phone", ordering="phone")
    def spaced_phone(self, patient: Patient) -> str:
        return shown_phone(patient.phone)

    @admin.display(description="Known since", ordering="created_at")
    def known_since(self, patient: Patient) -> str:
        return clinic_time(patient.created_at)

    @admin.display(description="Identity", ordering="identified_at")
    def identified(self, patient: Patient) -> SafeString:
        return badge("Identified", OK) if patient.identified_at else badge("Not identified", WAITING)

    @admin.display(description="Filled in")
    def filled_forms(self, patient: Patient) -> SafeString | str:
        return shown_answers_by(patient)

    @admin.display(description="Proposed changes")
    def proposed(self, patient: Patient) -> SafeString | str:
        rows = patient.proposals.filter(decided_at=None)
        links = (
            (change_page(row), f"{row.get_field_display()}: {proposals.shown(row.field, row.theirs)}") for row in rows
        )
        return format_html_join(", ", '<a href="{}">{}</a>', links) or "–"

    @admin.display(description="Record")
    def record(self, patient: Patient) -> SafeString | str:
        if patient.merged_into is None:
            return "Stands by itself"
        return format_html('Merged into <a href="{}">{}</a>', change_page(patient.merged_into), patient.merged_into)

    def verb_form(self, request: HttpRequest, patient: Patient, name: str) -> forms.Form:
        """Offer the records that may be the same person's, or those that were merged into this."""
        form = super().verb_form(request, patient, name)
        if name == "merge":
            found = ((one.patient, ", ".join(one.reasons)) for one in identity.candidates(patient))
            form.fields["other"].choices = [(f"{other.pk}", f"{other}: {why.lower()}") for other, why in found]
            if not form.fields["other"].choices:
                form.fields["other"].help_text = "No record is like this one."
        if name == "undo_merge":
            form.fields["merge"].queryset = in_force(patient)
        return form

    @verb(
        "Merge with…",
        explanation="Visits, calls and consents of the other come here. What differs is proposed. It can be undone.",
        form=MergeForm,
        when=lambda patient: patient.merged_into_id is None,
    )
    def merge(self, request: HttpRequest, patient: Patient, *, other: UUID, reason: str) -> str:
        merging.merge(kept_id=patient.pk, given_up_id=other, reason=reason, by=request.user, now=timezone.now())
        return f"{patient} has one record now. “Undo a merge” makes two of it again."

    @verb(
        "Undo a merge",
        explanation="What was moved goes back to the other record; what came since stays here.",
        form=UndoMergeForm,
        when=lambda patient: in_force(patient).exists(),
        is_dangerous=True,
    )
    def undo_merge(self, request: HttpRequest, patient: Patient, *, merge: PatientMerge) -> str:
        merging.undo(merge_id=merge.pk, by=request.user, now=timezone.now())
        return f"{merge.given_up} stands by itself again."


def change_page(row: Any) -> str:
    """Say where a row's page is."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=(row.pk,))


def in_force(patient: Patient) -> QuerySet[PatientMerge]:
    """List the merges into a patient that were not undone."""
    return patient.merges.filter(undone_at=None).select_related("given_up", "kept")


class ProposalViews(ListViews):
    """What waits for a decision comes first."""

    views = {
        "open": ("To decide", lambda rows: rows.filter(decided_at=None, patient__merged_into=None)),
        "decided": ("Decided", lambda rows: rows.exclude(decided_at=None)),
        "all": ("All", lambda rows: rows),
    }


@admin.register(DetailProposal)
class DetailProposalAdmin(WrittenByVerbs):
    """Details that somebody said to be otherwise."""

    list_display = ["patient", "shown_field", "now_written", "proposed", "source", "when", "standing"]
    list_display_links = ["shown_field"]
    list_filter = [ProposalViews, "field", "source"]
    list_select_related = ["patient"]
    search_fields = ["patient__name"]
    search_help_text = "Name of the patient"
    fields = [("patient", "shown_field"), ("now_written", "proposed"), ("source", "when"), ("proposed_by", "standing")]
    verbs = ["take", "refuse"]
    actions = ["take_all", "refuse_all"]
    empty_text = "No proposed change waits for a decision."

    def get_queryset(self, request: HttpRequest) -> QuerySet[DetailProposal]:
        rows = super().get_queryset(request)
        if limited_to_own(request):
            return rows.filter(patient__in=ids_known_to(request.user))
        return rows

    def may_use_verbs(self, request: HttpRequest) -> bool:
        return request.user.has_perm(proposals.DECIDE)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Let the same people decide on many at once."""
        return self.may_use_verbs(request)

    @admin.display(description="Detail", ordering="field")
    def shown_field(self, row: DetailProposal) -> str:
        return row.get_field_display()

    @admin.display(description="Now")
    def now_written(self, row: DetailProposal) -> str:
        return proposals.shown(row.field, proposals.written(row.patient, row.field)) or "–"

    @admin.display(description="Proposed")
    def proposed(self, row: DetailProposal) -> str:
        return proposals.shown(row.field, row.theirs)

    @admin.display(description="When", ordering="proposed_at")
    def when(self, row: DetailProposal) -> str:
        return clinic_time(row.proposed_at)

    @admin.display(description="State")
    def standing(self, row: DetailProposal) -> SafeString:
        if row.decided_at is None:
            return badge("To decide", WAITING)
        return badge("Taken over", OK) if row.is_taken else badge("Refused", PLAIN)

    @verb("Take over", explanation="The patient's detail changes.", when=lambda row: row.decided_at is None)
    def take(self, request: HttpRequest, row: DetailProposal) -> str:
        self._decide(request, row, is_taken=True)
        return f"{row.get_field_display()} of {row.patient} is changed."

    @verb("Refuse", explanation="The detail stays as it is.", when=lambda row: row.decided_at is None)
    def refuse(self, request: HttpRequest, row: DetailProposal) -> str:
        self._decide(request, row, is_taken=False)
        return f"{row.get_field_display()} of {row.patient} stays as it is."

    @admin.action(description="Take over", permissions=["decide"])
    def take_all(self, request: HttpRequest, rows: QuerySet) -> None:
        self._decide_all(request, rows, is_taken=True)

    @admin.action(description="Refuse", permissions=["decide"])
    def refuse_all(self, request: HttpRequest, rows: QuerySet) -> None:
        self._decide_all(request, rows, is_taken=False)

    def _decide(self, request: HttpRequest, row: DetailProposal, *, is_taken: bool) -> None:
        proposals.decide(proposal_id=row.pk, is_taken=is_taken, by=request.user, now=timezone.now())

    def _decide_all(self, request: HttpRequest, rows: QuerySet, *, is_taken: bool) -> None:
        done = 0
        for row in rows:
            try:
                self._decide(request, row, is_taken=is_taken)
                done += 1
            except DomainError as refusal:
                messages.warning(request, f"{row.patient}, {row.get_field_display().lower()}: {refusal.message}")
        messages.success(request, f"{done} {'taken over' if is_taken else 'refused'}.")
