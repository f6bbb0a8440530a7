"""Services for people: sorted by hand, their words approved, opened and paused by verbs."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, INFO, OK, PLAIN, WAITING, PortalAdmin, ShownInline, badge, verb
from botaniqal.bell_admin import RingsCatalogueCheck
from botaniqal.wording import gate
from botaniqal.wording.admin import STATE_BADGES, ApprovalForm, state_badge

from . import catalogue_words, offering, prices
from .interest_admin import waiting_for
from .models import AppointmentType, Service

Status = Service.Status
STATUS_TONES = {Status.ACTIVE: OK, Status.COMING_SOON: INFO, Status.PAUSED: WAITING, Status.RETIRED: PLAIN}
VERDICT_TONES = {
    AppointmentType.Verdict.GREEN: OK,
    AppointmentType.Verdict.AMBER: WAITING,
    AppointmentType.Verdict.RED: BAD,
    AppointmentType.Verdict.UNCHECKED: PLAIN,
}


def offer_badge(kind: AppointmentType) -> SafeString:
    """Show whether an appointment type can be booked, and what is worst about it."""
    if not kind.is_active:
        return badge("Off", PLAIN)
    mark = badge(kind.get_verdict_display(), VERDICT_TONES[kind.verdict])
    reasons = " ".join(row["reason"] for row in kind.findings if row["colour"] == kind.verdict)
    return format_html("{} <small>{}</small>", mark, reasons) if reasons else mark


def shown_standing(standing: gate.Standing) -> SafeString:
    """Show where a text stands and which risky words it has, each with why."""
    found = format_html_join(
        "", " {} {}", ((badge(each.words, BAD if each.is_refused else WAITING), each.why) for each in standing.findings)
    )
    former = ""
    if standing.state == gate.State.CHANGED:
        former = format_html(" The public still reads: “{}”.", standing.approval.text)
    return format_html("{}{}{}", state_badge(standing.state), former, found)


class ServiceForm(forms.ModelForm):
    """Beside each public text stands whether it is approved, and which risky words it has."""

    PARTS = {"name": "name", "description": "description", "confirmation_message": "confirmation"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            return
        standings = {each.text.subject: each for each in gate.states(catalogue_words.texts_of(self.instance, []))}
        for name, part in self.PARTS.items():
            if field := self.fields.get(name):
                shown = shown_standing(standings[f"service:{self.instance.slug}:{part}"])
                field.help_text = format_html("{} {}", field.help_text, shown)


class ApproveForm(ApprovalForm):
    """What the public will read, and why risky words may stay."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    preface = ""

    def show(self, texts: list[gate.Text]) -> None:
        """Put before the question what is approved."""
        self.initial["seen"] = catalogue_words.fingerprint(texts)
        told = [each for each in gate.states(texts) if each.text.text or each.approval]
        rows = ((each.text.label, each.text.text or "–", shown_standing(each)) for each in told)
        lines = format_html_join("", "<dt>{}</dt><dd>{}<small>{}</small></dd>", rows)
        self.preface = format_html('<dl class="verb-words" tabindex="0">{}</dl>', lines)


class ShownAppointmentTypes(ShownInline):
    """A service's appointment types, each a link to its own page."""

    model = AppointmentType
    fields = ["name", "kind", "mode", "minutes", "shown_offer"]
    readonly_fields = ["shown_offer"]
    show_change_link = True

    @admin.display(description="Offered")
    def shown_offer(self, kind: AppointmentType) -> SafeString:
        return offer_badge(kind)


class Services(ChangeList):
    """The list, where each service knows how its words stand."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        states = catalogue_words.states_of(self.result_list)
        for service in self.result_list:
            service.words_state = states[service.pk]


@admin.register(Service)
class ServiceAdmin(RingsCatalogueCheck, PortalAdmin):
    """Lines of care, in the order in which the website shows them."""

    form = ServiceForm
    list_display = ["name", "position", "shown_status", "shown_words", "launch", "waitlist", "slug"]
    list_editable = ["position"]
    list_filter = ["status"]
    search_fields = ["name", "slug"]
    search_help_text = "Name"
    inlines = [ShownAppointmentTypes]
    verbs = ["open_for_booking", "approve_words", "announce", "pause", "retire"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "confirmation_message"]}),
        ("On the website", {"fields": ["shown_status", "launches_on", "has_waitlist", "position", "colour"]}),
        ("Interest list", {"fields": ["shown_interest"]}),
        ("Forms", {"fields": ["initial_form", "followup_form"]}),
    ]
    prepopulated_fields = {"slug": ["name"]}
    empty_text = "No service yet. Add one, or load the catalogue with manage.py load_catalogue."

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name == "colour":
            kwargs["widget"] = forms.TextInput(attrs={"type": "color"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Service | None = None) -> dict:
        # A slug that stands in addresses must not follow the name.
        return {} if obj else self.prepopulated_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Service | None = None) -> list[str]:
        shown = ["shown_status", "shown_interest"]
        return [*shown, "slug"] if obj else shown

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Services

    def may_use(self, request: HttpRequest, service: Service, name: str) -> bool:
        """Let those approve words who have that right; the other verbs are operations'."""
        return request.user.has_perm(gate.RIGHT) if name == "approve_words" else super().may_use(request, service, name)

    def verb_form(self, request: HttpRequest, service: Service, name: str) -> forms.Form:
        form = super().verb_form(request, service, name)
        if name == "approve_words":
            form.show(catalogue_words.texts_to_approve(service))
        return form

    @admin.display(description="Waitlist", ordering="has_waitlist")
    def waitlist(self, service: Service) -> str:
        return "Yes" if service.has_waitlist else "–"

    @admin.display(description="Status", ordering="status")
    def shown_status(self, service: Service) -> SafeString:
        return badge(service.get_status_display(), STATUS_TONES[service.status])

    @admin.display(description="Waiting")
    def shown_interest(self, service: Service) -> SafeString | str:
        return waiting_for(service) if service.pk else "–"

    @admin.display(description="Words")
    def shown_words(self, service: Service) -> SafeString:
        return badge(*STATE_BADGES[service.words_state])

    @admin.display(description="Launch", ordering="launches_on")
    def launch(self, service: Service) -> str:
        return service.launch_words(prices.clinic_day(timezone.now())) or "–"

    @verb(
        "Approve wording",
        explanation="The public reads exactly these words from then on.",
        form=ApproveForm,
        when=lambda service: service.status != Status.RETIRED,
    )
    def approve_words(self, request: HttpRequest, service: Service, *, reason: str, seen: str) -> str:
        rows = catalogue_words.approve(
            service_id=service.pk, reason=reason, seen=seen, by=request.user, now=timezone.now()
        )
        return f"The words of {service} are approved." if rows else f"The words of {service} were approved already."

    @verb(
        "Open for booking",
        explanation="It can be booked at once, and everyone on its interest list is told.",
        when=lambda service: offering.may_become(Status.ACTIVE, service),
    )
    def open_for_booking(self, request: HttpRequest, service: Service) -> str:
        now = timezone.now()
        self.admin_site.look_at_offer(now)
        offering.open_for_booking(service_id=service.pk, by=request.user, now=now)
        return f"{service} can be booked now."

    @verb(
        "Announce as coming soon",
        explanation="The website shows it, with its launch date or “soon”; it cannot be booked.",
        when=lambda service: offering.may_become(Status.COMING_SOON, service),
    )
    def announce(self, request: HttpRequest, service: Service) -> str:
        offering.announce(service_id=service.pk, by=request.user, now=timezone.now())
        return f"{service} is announced as coming soon."

    @verb(
        "Pause",
        explanation="It leaves the website and cannot be booked. What is booked stays booked.",
        when=lambda service: offering.may_become(Status.PAUSED, service),
    )
    def pause(self, request: HttpRequest, service: Service) -> str:
        offering.pause(service_id=service.pk, by=request.user, now=timezone.now())
        return f"{service} is paused."

    @verb(
        "Retire",
        explanation="It leaves the catalogue. What is booked stays booked. It can be announced again later.",
        when=lambda service: offering.may_become(Status.RETIRED, service),
        is_dangerous=True,
    )
    def retire(self, request: HttpRequest, service: Service) -> str:
        offering.retire(service_id=service.pk, by=request.user, now=timezone.now())
        return f"{service} is retired."
