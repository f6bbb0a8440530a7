"""Incidents for people: what is open, who was told, who looks after it."""

from datetime import timedelta

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, INFO, OK, WAITING, ListViews, WrittenByVerbs, badge, clinic_time, shown_length, verb
from botaniqal.errors import DomainError
from botaniqal.integrations import incidents, owed
from botaniqal.integrations.models import Incident
from botaniqal.integrations.trouble import in_words
from botaniqal.messages.showing import message_badge

from . import rule_admin, telling  # noqa: F401  (the first registers itself)
from .models import AlertRule
from .rule_admin import SEVERITY_TONES, shown_nobody


class IncidentViews(ListViews):
    """What is open comes first."""

    views = {
        "open": ("Open", lambda rows: rows.filter(resolved_at=None)),
        "unseen": ("Nobody looks after it", lambda rows: rows.filter(resolved_at=None, acknowledged_at=None)),
        "all": ("All", lambda rows: rows),
    }


@admin.register(Incident)
class IncidentAdmin(WrittenByVerbs):
    """What somebody was told of."""

    list_display = ["summary", "shown_state", "shown_severity", "opened", "lasted", "shown_told"]
    list_filter = [IncidentViews, "severity", "action"]
    list_select_related = ["acknowledged_by"]
    search_fields = ["summary", "key"]
    search_help_text = "Words of the incident"
    empty_text = "Nothing is open. “All” shows what is over."
    actions = ["acknowledge_all"]
    verbs = ["acknowledge", "tell_again"]
    fields = [
        ("shown_state", "shown_severity"),
        ("opened", "found"),
        ("acknowledged", "resolved"),
        ("action", "first_told"),
        "shown_told",
        "shown_mails",
        "shown_rule",
        "key",
    ]

    @admin.display(description="State", ordering="resolved_at")
    def shown_state(self, incident: Incident) -> SafeString:
        if incident.resolved_at:
            return badge("Over", OK)
        if incident.acknowledged_at:
            return badge(f"{incident.acknowledged_by or 'Somebody'} looks after it", INFO)
        return badge("Open", BAD)

    @admin.display(description="Severity", ordering="severity")
    def shown_severity(self, incident: Incident) -> SafeString:
        return badge(incident.get_severity_display(), SEVERITY_TONES[incident.severity])

    @admin.display(description="Began", ordering="opened_at")
    def opened(self, incident: Incident) -> str:
        return clinic_time(incident.opened_at)

    @admin.display(description="Noticed")
    def found(self, incident: Incident) -> str:
        return clinic_time(incident.found_at)

    @admin.display(description="Lasts")
    def lasted(self, incident: Incident) -> str:
        return shown_length(max((incident.resolved_at or timezone.now()) - incident.opened_at, timedelta()))

    @admin.display(description="Over", ordering="resolved_at")
    def resolved(self, incident: Incident) -> str:
        return clinic_time(incident.resolved_at)

    @admin.display(description="Looked after")
    def acknowledged(self, incident: Incident) -> str:
        if incident.acknowledged_at is None:
            return "–"
        return f"{incident.acknowledged_by or 'Somebody'}, since {clinic_time(incident.acknowledged_at)}"

    @admin.display(description="First told", ordering="told_at")
    def first_told(self, incident: Incident) -> str:
        return clinic_time(incident.told_at)

    @admin.display(description="Who was told")
    def shown_told(self, incident: Incident) -> SafeString | str:
        if incident.told < incident.wanted and incident.problem:
            state = badge("Needs help", BAD) if incident.needs_person else badge("Waiting", WAITING)
            return format_html("{}<small>{}</small>", state, in_words(incident.problem))
        if incident.outcome.startswith(telling.NOBODY):
            return shown_nobody(incident.outcome)
        return incident.outcome or "Nobody yet"

    @admin.display(description="E-mails")
    def shown_mails(self, incident: Incident) -> SafeString | str:
        sent = telling.messages_of(incident).order_by("created_at", "to")
        return format_html_join("", "<div>{} {}</div>", ((each.to, message_badge(each)) for each in sent)) or "–"

    @admin.display(description="Rule")
    def shown_rule(self, incident: Incident) -> SafeString | str:
        rule = AlertRule.objects.filter(code=incident.key.removeprefix("alert:")).first()
        if rule is None:
            return "None: the portal opens it by itself."
        return format_html('<a href="{}">{}</a>', reverse("admin:alerts_alertrule_change", args=[rule.pk]), rule)

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        return self.may_use_verbs(request)

    @admin.action(description="I look after them", permissions=["acknowledge"])
    def acknowledge_all(self, request: HttpRequest, rows: QuerySet) -> None:
        count = 0
        for incident in rows.filter(Q(resolved_at=None) & Q(acknowledged_at=None)):
            try:
                incidents.acknowledge(incident_id=incident.pk, by=request.user, now=timezone.now())
            except DomainError:  # over meanwhile, or somebody else was quicker
                continue
            self.log_change(request, incident, "I look after it")
            count += 1
        messages.success(request, f"You look after {count} of them. The others know it.")

    @verb(
        "I look after it",
        explanation="The others see that somebody does. PagerDuty wakes nobody else for it.",
        when=lambda incident: incident.resolved_at is None and incident.acknowledged_at is None,
    )
    def acknowledge(self, request: HttpRequest, incident: Incident) -> str:
        incidents.acknowledge(incident_id=incident.pk, by=request.user, now=timezone.now())
        return "You look after it. It ends by itself as soon as it is well again."

    @verb(
        "Tell again",
        explanation="It is due at once, and counts its tries from the beginning.",
        when=lambda incident: incident.told < incident.wanted,
    )
    def tell_again(self, request: HttpRequest, incident: Incident) -> str:
        owed.retry(incident, now=timezone.now())
        return "It is told within seconds."
