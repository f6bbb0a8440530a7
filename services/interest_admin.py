"""The interest list for people: who waits for what, what they are written, and how many they are."""

import csv
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import (
    INFO,
    OK,
    PLAIN,
    WAITING,
    ListViews,
    PortalAdmin,
    WrittenByVerbs,
    badge,
    clinic_time,
    shown_phone,
    verb,
)
from botaniqal.messages.models import Suppression
from botaniqal.wording import gate
from botaniqal.wording.admin import STATE_BADGES, ApprovalForm

from . import interest, nurture
from .models import InterestEntry, NurtureStep, Service

COLUMNS = ["Service", "Name", "E-mail", "Phone", "Joined", "By", "Agreed to", "Agreed at", "Told at"]
EXAMPLE = {"first_name": "Sam", "service": "Counselling"}


class TakeOffForm(forms.Form):
    """Why somebody is taken off the list."""

    reason = forms.CharField(max_length=200, help_text="Kept with the entry; they do not see it.")


class EntryViews(ListViews):
    """Who still waits comes first."""

    views = {
        "waiting": ("Waiting", lambda rows: rows.untold()),
        "told": ("Told", lambda rows: rows.standing().exclude(told_at=None)),
        "left": ("Left", lambda rows: rows.exclude(left_at=None)),
        "all": ("All", lambda rows: rows),
    }


def waiting_for(service: Service) -> SafeString | str:
    """Show how many wait for a service, with the way to them."""
    waiting, week = (
        InterestEntry.objects.untold()
        .filter(service=service)
        .aggregate(all=Count("pk"), week=Count("pk", filter=Q(joined_at__gte=timezone.now() - timedelta(days=7))))
        .values()
    )
    if not (waiting or service.has_waitlist):
        return "–"
    address = f"{reverse('admin:services_interestentry_changelist')}?service__id__exact={service.pk}"
    return format_html('<a href="{}">{} waiting</a> · {} joined in 7 days', address, waiting, week)


@admin.register(InterestEntry)
class InterestEntryAdmin(WrittenByVerbs):
    """Who would like to hear when a service begins."""

    change_list_template = "services/interest_list.html"
    list_display = ["name", "service", "shown_state", "joined", "source", "email"]
    list_filter = [EntryViews, "service", "source"]
    list_select_related = ["service"]
    search_fields = ["name", "email"]
    search_help_text = "Name or e-mail"
    fields = [
        ("name", "service"),
        ("email", "phone_shown"),
        "shown_state",
        ("joined", "source"),
        "consent_wording",
        "consented",
        ("told", "left"),
        "left_reason",
    ]
    verbs = ["take_off"]
    empty_text = "Nobody waits. Who joins by the website, by our page or on the phone stands here."

    def get_urls(self) -> list:
        export = path("export/", self.admin_site.admin_view(self.export), name="services_interestentry_export")
        return [export, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Say above the list how it grows."""
        now = timezone.now()
        spans = {"week": Q(joined_at__gte=now - timedelta(days=7)), "month": Q(joined_at__gte=now - timedelta(days=30))}
        grown = InterestEntry.objects.aggregate(
            waiting=Count("pk", filter=Q(told_at=None, left_at=None)),
            **{name: Count("pk", filter=span) for name, span in spans.items()},
        )
        context = {"grown": grown, "may_export": self.may_use_verbs(request)}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def export(self, request: HttpRequest) -> HttpResponse:
        """Give those who agreed to be written to, and can be, as a file."""
        if not self.may_use_verbs(request):
            raise PermissionDenied
        answer = HttpResponse(content_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"})
        answer["Content-Disposition"] = f'attachment; filename="interest-{timezone.localdate()}.csv"'
        answer.write("\ufeff")  # by which a spreadsheet reads letters with accents
        sheet = csv.writer(answer)
        sheet.writerow(COLUMNS)
        suppressed = Suppression.objects.filter(address__iexact=OuterRef("email"), lifted_at=None)
        entries = InterestEntry.objects.standing().exclude(Exists(suppressed)).select_related("service")
        for entry in entries.order_by("service", "joined_at").iterator():
            sheet.writerow(_row_of(entry))
        return answer

    @admin.display(description="State")
    def shown_state(self, entry: InterestEntry) -> SafeString:
        if entry.left_at:
            return badge("Taken off" if entry.left_reason else "Left", PLAIN)
        return badge("Told", OK) if entry.told_at else badge("Waiting", WAITING)

    @admin.display(description="Joined", ordering="joined_at")
    def joined(self, entry: InterestEntry) -> str:
        return clinic_time(entry.joined_at)

    @admin.display(description="Agreed")
    def consented(self, entry: InterestEntry) -> str:
        return clinic_time(entry.consented_at)

    @admin.display(description="Told that it began")
    def told(self, entry: InterestEntry) -> str:
        return clinic_time(entry.told_at)

    @admin.display(description="Left")
    def left(self, entry: InterestEntry) -> str:
        return clinic_time(entry.left_at)

    @admin.display(description="Phone")
    def phone_shown(self, entry: InterestEntry) -> str:
        return shown_phone(entry.phone) or "–"

    @verb(
        "Take off the list",
        explanation="Nothing more is written to them, and what waits to go out is taken back.",
        form=TakeOffForm,
        when=lambda entry: entry.left_at is None,
        is_dangerous=True,
    )
    def take_off(self, request: HttpRequest, entry: InterestEntry, *, reason: str) -> str:
        interest.take_off(entry_id=entry.pk, reason=reason, by=request.user, now=timezone.now())
        return f"{entry.name} is off the list for {entry.service}."


class StepForm(forms.ModelForm):
    """A step, whose braces are those that are filled in."""

    class Meta:
        model = NurtureStep
        fields = ["service", "days", "subject", "text", "is_active"]
        widgets = {"text": forms.Textarea(attrs={"rows": 8})}

    def clean_subject(self) -> str:
        return self._known("subject")

    def clean_text(self) -> str:
        return self._known("text")

    def _known(self, field: str) -> str:
        """Refuse braces that would reach people as they stand."""
        text = self.cleaned_data[field]
        if any(brace in nurture.filled(text, **EXAMPLE) for brace in "{}"):
            known = " and ".join(f"{{{name}}}" for name in nurture.PLACEHOLDERS)
            raise ValidationError(f"Only {known} are filled in. Take the other braces out.")
        return text


class Steps(ChangeList):
    """The list, where each step knows whether it is approved."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        standings = gate.states(nurture.public_text(step) for step in self.result_list)
        for step, standing in zip(self.result_list, standings, strict=True):
            step.standing = standing


@admin.register(NurtureStep)
class NurtureStepAdmin(PortalAdmin):
    """What those who wait are written, so many days after they joined."""

    form = StepForm
    list_display = ["subject", "shown_service", "days", "shown_state"]
    list_filter = ["service", "is_active"]
    list_select_related = ["service"]
    verbs = ["approve"]
    empty_text = "No step yet. Without any, who waits hears from us when they join and when the service begins."

    def get_fields(self, request: HttpRequest, step: NurtureStep | None = None) -> list[str]:
        return [*StepForm.Meta.fields, "shown_state", "preview"] if step else StepForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, step: NurtureStep | None = None) -> list[str]:
        return ["shown_state", "preview"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Steps

    @admin.display(description="For", ordering="service")
    def shown_service(self, step: NurtureStep) -> str:
        return str(step.service) if step.service else "All without steps of their own"

    @admin.display(description="State")
    def shown_state(self, step: NurtureStep) -> SafeString:
        if not step.is_active:
            return badge("Off", PLAIN)
        standing = getattr(step, "standing", None) or gate.states([nurture.public_text(step)])[0]
        if standing.state == gate.State.APPROVED:
            return badge("Sent", OK)
        word, tone = STATE_BADGES[standing.state]
        return format_html("{} {}", badge(word, tone), badge("Not sent until it is approved", INFO))

    @admin.display(description="As they read it")
    def preview(self, step: NurtureStep) -> SafeString:
        example = {**EXAMPLE, "service": step.service.name if step.service else EXAMPLE["service"]}
        paragraphs = nurture.paragraphs_of(nurture.filled(step.text, **example))
        return format_html(
            "<p><strong>{}</strong></p><p>Hello {},</p>{}",
            nurture.filled(step.subject, **example),
            EXAMPLE["first_name"],
            format_html_join("", "<p>{}</p>", ([paragraph] for paragraph in paragraphs)),
        )

    def may_use(self, request: HttpRequest, step: NurtureStep, name: str) -> bool:
        return request.user.has_perm(gate.RIGHT)

    @verb(
        "Approve",
        explanation="From then on it goes out as it stands. Whoever changes it later has to have it approved again.",
        form=ApprovalForm,
        when=lambda step: not gate.is_approved(nurture.public_text(step).subject, nurture.public_text(step).text),
    )
    def approve(self, request: HttpRequest, step: NurtureStep, *, reason: str) -> str:
        nurture.approve(step=step, reason=reason, by=request.user, now=timezone.now())
        return "It goes out from now on."


def _row_of(entry: InterestEntry) -> list[str]:
    row = [
        entry.service.name,
        entry.name,
        entry.email,
        entry.phone,
        _moment(entry.joined_at),
        entry.get_source_display(),
        entry.consent_wording,
        _moment(entry.consented_at),
        _moment(entry.told_at),
    ]
    return [row[0], *map(_harmless, row[1:3]), *row[3:6], _harmless(row[6]), *row[7:]]


def _moment(moment) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else ""


def _harmless(text: str) -> str:
    """Keep a spreadsheet from reading what a stranger typed as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
