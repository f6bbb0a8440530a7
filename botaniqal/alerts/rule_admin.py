"""Rules of alerts for people: what is watched, where it stands, what it would say."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Exists, Max, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat, TruncDate
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from botaniqal.admin import (
    BAD,
    INFO,
    OK,
    PLAIN,
    WAITING,
    ListViews,
    PortalAdmin,
    badge,
    clinic_time,
    shown_length,
    verb,
)
from botaniqal.integrations.models import Incident

from . import evaluating, rehearsing, telling
from .models import AlertRule, Watched
from .signals import SIGNALS

SEVERITY_TONES = {
    Incident.Severity.CRITICAL: BAD,
    Incident.Severity.ERROR: BAD,
    Incident.Severity.WARNING: WAITING,
    Incident.Severity.INFO: INFO,
}
TOLD = {
    Incident.Action.PAGE: "Who is on call",
    Incident.Action.OPERATIONS: "Operations",
    Incident.Action.MANAGEMENT: "Management",
}
DAYS_SHOWN = 7
INCIDENTS_SHOWN = 10
BOTH_TIMES = "Muted hours have a beginning and an end; or leave both empty."


class RuleForm(forms.ModelForm):
    """A rule as it is typed: each mistake is said at its field."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        missing = {"threshold": "Write from which value on somebody is told.", "period_minutes": "Write a period."}
        for name, words in missing.items():
            if name in self.fields:
                self.fields[name].error_messages["required"] = words
        if self.initial.get("threshold") is not None:
            self.initial["threshold"] = f"{self.initial['threshold'].normalize():f}"
        if "signal" in self.fields:
            self.fields["signal"].error_messages["invalid_choice"] = "The portal does not know how to watch this."
        if "action" in self.fields:
            self.fields["action"].error_messages["invalid_choice"] = "The portal does not know this action."

    def clean(self) -> dict[str, Any]:
        typed = super().clean()
        begins, ends = typed.get("muted_from"), typed.get("muted_until")
        is_read = not {"muted_from", "muted_until"} & self.errors.keys()
        if is_read and (begins is None) != (ends is None):
            self.add_error("muted_until" if ends is None else "muted_from", BOTH_TIMES)
        elif begins is not None and begins == ends:
            self.add_error("muted_until", "That would mute it all day. To do that, switch the rule off.")
        return typed


class RuleViews(ListViews):
    """There are few: all are shown first."""

    views = {
        "all": ("All", lambda rows: rows),
        "off": ("Switched off", lambda rows: rows.filter(is_active=False)),
    }


@admin.register(AlertRule)
class AlertRuleAdmin(PortalAdmin):
    """What is watched; rules are switched off, never deleted, so that what they opened stays understood."""

    form = RuleForm
    change_list_template = "alerts/rule_list.html"
    list_display = ["name", "shown_state", "shown_value", "shown_action", "shown_muted", "evaluated"]
    list_filter = [RuleViews, "action", "severity"]
    search_fields = ["name", "code"]
    search_help_text = "Name"
    empty_text = "Nothing is watched. Add a rule."
    verbs = ["try_it"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        """Bring along what each rule has open."""
        of_rule = Incident.objects.filter(key=Concat(Value("alert:"), OuterRef("code")), resolved_at=None)
        opened, looked_after = (Subquery(of_rule.values(name)) for name in ("opened_at", "acknowledged_at"))
        people = telling.people_of(OuterRef("action"))
        rows = super().get_queryset(request)
        return rows.annotate(open_since=opened, looked_after_at=looked_after, has_people=Exists(people))

    def get_fieldsets(self, request: HttpRequest, obj: AlertRule | None = None) -> list[tuple]:
        """Show beside what is typed what came of it."""
        typed = [
            ("name", "code"),
            ("signal", "threshold"),
            ("period_minutes", "smallest_number"),
            ("action", "severity"),
            ("muted_from", "muted_until"),
            "is_active",
        ]
        if obj is None:
            return [(None, {"fields": typed, "description": _meanings()})]
        shown = [("shown_state", "evaluated"), "found", "shown_people", "shown_days", "shown_incidents"]
        return [("Where it stands", {"fields": shown}), ("The rule", {"fields": ["meaning", *typed]})]

    def get_readonly_fields(self, request: HttpRequest, obj: AlertRule | None = None) -> list[str]:
        shown = ["shown_state", "evaluated", "found", "shown_people", "shown_days", "shown_incidents", "meaning"]
        return [*shown, "code", "signal"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: AlertRule | None = None) -> bool:
        return False

    def may_use(self, request: HttpRequest, row: AlertRule, name: str) -> bool:
        return self.has_view_permission(request, row)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Say above the list when all were looked at."""
        last = evaluating.last_of_all()
        is_late = last is not None and last < timezone.now() - evaluating.LATE_AFTER
        context = {"last_of_all": clinic_time(last) if last else "", "is_late": is_late}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @admin.display(description="State")
    def shown_state(self, rule: AlertRule) -> SafeString:
        if not rule.is_active:
            return badge("Switched off", PLAIN)
        if rule.problem:
            return badge("Cannot be looked at", BAD)
        if rule.open_since and rule.looked_after_at:
            return badge("Open, looked after", INFO)
        if rule.open_since:
            return badge(f"Open since {clinic_time(rule.open_since)}", BAD)
        return badge("Quiet", OK) if rule.evaluated_until else badge("Not looked at yet", WAITING)

    @admin.display(description="Value", ordering="threshold")
    def shown_value(self, rule: AlertRule) -> str:
        signal = SIGNALS[rule.signal]
        return f"{signal.shown(rule.last_value)}, opens at {signal.shown(rule.threshold)}"

    @admin.display(description="Who is told", ordering="action")
    def shown_action(self, rule: AlertRule) -> SafeString | str:
        is_heard = settings.PAGERDUTY_ROUTING_KEY if rule.action == Incident.Action.PAGE else rule.has_people
        return TOLD[rule.action] if is_heard else shown_nobody(telling.nobody(rule.action))

    @admin.display(description="Muted")
    def shown_muted(self, rule: AlertRule) -> str:
        return f"{rule.muted_from:%H:%M}–{rule.muted_until:%H:%M}" if rule.muted_from else "–"

    @admin.display(description="Last looked at", ordering="evaluated_until")
    def evaluated(self, rule: AlertRule) -> SafeString | str:
        if rule.is_active and rule.evaluated_until:
            age = timezone.now() - rule.evaluated_until
            if age > evaluating.LATE_AFTER:
                return badge(f"{shown_length(age)} ago", BAD)
            return f"{clinic_time(rule.evaluated_until)}"
        return "–"

    @admin.display(description="Found")
    def found(self, rule: AlertRule) -> str:
        return rule.problem or rule.last_words or "–"

    @admin.display(description="Who is told")
    def shown_people(self, rule: AlertRule) -> SafeString | str:
        if nobody := telling.why_nobody(rule.action):
            return shown_nobody(nobody)
        if rule.action == Incident.Action.PAGE:
            return TOLD[rule.action]
        return ", ".join(f"{person} ({person.email})" for person in telling.people_of(rule.action))

    @admin.display(description="What it means")
    def meaning(self, rule: AlertRule) -> str:
        return SIGNALS[rule.signal].meaning

    @admin.display(description=f"Highest of {DAYS_SHOWN} days")
    def shown_days(self, rule: AlertRule) -> SafeString | str:
        since = timezone.localdate() - timedelta(days=DAYS_SHOWN - 1)
        peaks = (
            rule.peaks.annotate(day=TruncDate("hour"))
            .filter(day__gte=since)
            .order_by("-day")
            .values_list("day")
            .annotate(highest=Max("value"))
        )
        rows = [(_against(rule, highest), f"{day:%a %-d %b}") for day, highest in peaks]
        return format_html_join("", "<div>{} {}</div>", rows) or "–"

    @admin.display(description="What it opened")
    def shown_incidents(self, rule: AlertRule) -> SafeString | str:
        latest = Incident.objects.filter(key=rule.key).order_by("-opened_at")[:INCIDENTS_SHOWN]
        rows = [
            (
                reverse("admin:integrations_incident_change", args=[each.pk]),
                clinic_time(each.opened_at),
                f"over {clinic_time(each.resolved_at)}" if each.resolved_at else "open",
                each.summary,
            )
            for each in latest
        ]
        return format_html_join("", '<div><a href="{}">{}</a>, {}: {}</div>', rows) or "Nothing yet."

    @verb(
        "Try it",
        explanation="Says what the rule finds now and what it would have opened in the last 7 days. Nothing is opened, "
        "nobody is told.",
    )
    def try_it(self, request: HttpRequest, rule: AlertRule) -> str:
        return rehearsing.rehearse(rule, now=timezone.now())


def shown_nobody(words: str) -> SafeString:
    """Show that nobody is told, and why."""
    return format_html("{}<small>{}</small>", badge(telling.NOBODY, BAD), capfirst(words.partition(": ")[2]))


def _against(rule: AlertRule, value: Decimal) -> SafeString:
    """Write a value, and in a word whether it opens an incident."""
    shown = SIGNALS[rule.signal].shown(value)
    return badge(f"{shown}, at the threshold", BAD) if value >= rule.threshold else badge(f"{shown}, below it", OK)


def _meanings() -> SafeString:
    """Say what can be watched."""
    rows = [(Watched(name).label, signal.meaning) for name, signal in SIGNALS.items()]
    return format_html_join("", "<div><b>{}</b>: {}</div>", rows)
