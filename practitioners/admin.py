"""Practitioners for people: who they are, when they work, and what stands in their way."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal.admin import (
    BAD,
    INFO,
    OK,
    PLAIN,
    WAITING,
    ListViews,
    PortalAdmin,
    PortalInline,
    WithPhone,
    WrittenByVerbs,
    badge,
    clinic_time,
    shown_length,
    verb,
)
from botaniqal.bell_admin import RingsCatalogueCheck
from botaniqal.integrations.admin import OwedAdmin
from botaniqal.integrations.trouble import in_words
from services.models import AppointmentType

from . import calendars, tokens
from .models import (
    LONGEST_ENTRY,
    BusyPeriod,
    CalendlyEventType,
    DiaryEntry,
    OutsideCalendar,
    Practitioner,
    Room,
    TimeOff,
    WorkingHours,
)

READ_SOON = "The calendar is read within seconds. When it was read stands here then."


def freshness(calendar: OutsideCalendar) -> SafeString:
    """Show whether what a calendar says is known: fresh, stale, or down, and for how long."""
    now = timezone.now()
    age = shown_length(now - (calendar.read_at or calendar.created_at))
    if not calendar.is_stale(now):
        if not calendar.read_at:
            return badge("Not read yet", INFO)
        return badge("Fresh, read just now" if age == "0 min" else f"Fresh, read {age} ago", OK)
    if calendar.problem:
        return badge(f"Down for {age}", BAD)
    return badge(f"Stale for {age}", WAITING)


class HoursInline(PortalInline):
    """When they can be booked."""

    model = WorkingHours
    fields = ["weekday", "starts", "ends", "location", "valid_from", "valid_until"]


class TimeOffInline(PortalInline):
    """When they are away; what is over stays out of the form."""

    model = TimeOff
    fields = ["starts_at", "ends_at", "reason"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TimeOff]:
        return super().get_queryset(request).filter(ends_at__gte=timezone.now())


class EventTypesInline(PortalInline):
    """Which Calendly event types are theirs."""

    model = CalendlyEventType
    fields = ["appointment_type", "calendly_id"]


class PractitionerForm(WithPhone):
    """What they give stands in the catalogue's order."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if given := self.fields.get("appointment_types"):
            given.queryset = AppointmentType.objects.in_catalogue_order()
            given.label_from_instance = lambda kind: f"{kind}, {kind.minutes} min"


class People(ChangeList):
    """The list in which a row leads to the person's page; editing is one step further."""

    def url_for_result(self, result: Practitioner) -> str:
        return reverse("admin:practitioners_practitioner_view", args=(result.pk,))


@admin.register(Practitioner)
class PractitionerAdmin(RingsCatalogueCheck, PortalAdmin):
    """Who gives care, or consults on the phone."""

    form = PractitionerForm
    list_display = ["name", "type", "location", "email", "calendar_provider", "shown_active"]
    list_filter = ["type", "location", "calendar_provider", "is_active"]
    search_fields = ["name", "email", "phone"]
    search_help_text = "Name, e-mail or phone"
    inlines = [HoursInline, TimeOffInline, EventTypesInline]
    readonly_fields = ["shown_calendar"]
    verbs = ["read_calendar", "revoke_tokens"]
    fieldsets = [
        (None, {"fields": ["name", ("type", "location"), "email", "phone", "time_zone", "is_active", "user"]}),
        ("Gives", {"fields": ["appointment_types", "specialisations", "meeting_link"]}),
        ("Rules", {"fields": [("daily_cap", "may_override")]}),
        ("Calendar", {"fields": ["calendar_provider", "calendly_user_uri", "mailbox", "shown_calendar"]}),
        (
            "Registration",
            {"fields": ["medirecords_provider_id", "registration_number", "registration_expires_on"]},
        ),
    ]
    empty_text = "No practitioner yet. Add one, then hours, then what they give."

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return People

    @admin.display(description="Works here", ordering="is_active")
    def shown_active(self, practitioner: Practitioner) -> str:
        return badge("Active", OK) if practitioner.is_active else badge("Left", PLAIN)

    @admin.display(description="Outside calendar")
    def shown_calendar(self, practitioner: Practitioner) -> str:
        calendar = practitioner.calendars.filter(provider=practitioner.calendar_provider).first()
        if calendar is None:
            return "Not mirrored: nothing is known of what it takes."
        return format_html("{} {}", freshness(calendar), in_words(calendar.problem))

    @verb(
        "Read calendar now",
        explanation="What is taken in the outside calendar is fetched at once, not with the next round.",
        when=lambda practitioner: practitioner.calendars.exists(),
    )
    def read_calendar(self, request: HttpRequest, practitioner: Practitioner) -> str:
        calendars.look(practitioner_ids=[practitioner.pk], now=timezone.now(), at_once=True)
        return READ_SOON

    @verb(
        "Revoke tokens",
        explanation="Every program that works with this person's login has to log in again.",
        when=lambda practitioner: practitioner.user_id is not None,
        is_dangerous=True,
    )
    def revoke_tokens(self, request: HttpRequest, practitioner: Practitioner) -> str:
        tokens.revoke_tokens(practitioner=practitioner, now=timezone.now())
        return f"The tokens that {practitioner} was given until now are refused."


@admin.register(Room)
class RoomAdmin(RingsCatalogueCheck, PortalAdmin):
    """Rooms for visits in person."""

    list_display = ["name", "shown_active"]
    search_fields = ["name"]
    empty_text = "No room yet. Visits in person need one."

    @admin.display(description="In use", ordering="is_active")
    def shown_active(self, room: Room) -> str:
        return badge("Active", OK) if room.is_active else badge("Closed", PLAIN)


@admin.register(CalendlyEventType)
class CalendlyEventTypeAdmin(RingsCatalogueCheck, PortalAdmin):
    """Calendly's event types and what they stand for; the shared ones have no practitioner."""

    list_display = ["calendly_id", "shown_practitioner", "appointment_type"]
    list_filter = ["practitioner"]
    list_select_related = ["practitioner", "appointment_type"]
    search_fields = ["calendly_id"]
    search_help_text = "Event type"
    empty_text = "No event type yet. Without one, what Calendly sends cannot be placed."

    @admin.display(description="Practitioner", ordering="practitioner__name", empty_value="Shared by the consultants")
    def shown_practitioner(self, event_type: CalendlyEventType) -> Practitioner | None:
        return event_type.practitioner


class SpanAdmin(WrittenByVerbs):
    """Spans of a practitioner's time, the next ones first."""

    list_select_related = ["practitioner"]
    ordering = ["starts_at"]

    @admin.display(description="From", ordering="starts_at")
    def begins(self, span: Model) -> str:
        return clinic_time(span.starts_at)

    @admin.display(description="To", ordering="ends_at")
    def finishes(self, span: Model) -> str:
        return clinic_time(span.ends_at)


class BusyViews(ListViews):
    """What still lies ahead comes first."""

    views = {
        "coming": ("Coming", lambda rows: rows.filter(ends_at__gte=timezone.now())),
        "all": ("All", lambda rows: rows),
    }


@admin.register(BusyPeriod)
class BusyPeriodAdmin(SpanAdmin):
    """Time taken in outside calendars."""

    list_display = ["practitioner", "begins", "finishes", "calendar"]
    list_filter = [BusyViews, "calendar", "practitioner"]
    fields = ["practitioner", "begins", "finishes", "calendar"]
    empty_text = "No outside calendar takes time that lies ahead."


class CalendarViews(ListViews):
    """What a person has to do comes first."""

    views = {
        "person": ("Needs a person", lambda rows: rows.for_a_person()),
        "stale": ("Stale", lambda rows: rows.stale(timezone.now())),
        "all": ("All", lambda rows: rows),
    }


@admin.register(OutsideCalendar)
class OutsideCalendarAdmin(OwedAdmin):
    """Practitioners' calendars at vendors, and how much is known of them."""

    list_display = ["practitioner", "provider", "shown_freshness", "last_read", "shown_state", "shown_problem"]
    list_filter = [CalendarViews, "provider"]
    list_select_related = ["practitioner"]
    ordering = ["practitioner__name"]
    fields = [
        "practitioner",
        "provider",
        "account",
        "shown_freshness",
        "last_read",
        "known_until",
        "shown_state",
        "shown_problem",
        "next_try",
    ]
    verbs = ["read_now"]
    empty_text = "No calendar needs a person. “All” shows every calendar that is mirrored."
    done_word = "Read"

    @admin.display(description="What is known")
    def shown_freshness(self, calendar: OutsideCalendar) -> SafeString:
        return freshness(calendar)

    @admin.display(description="Last read", ordering="read_at")
    def last_read(self, calendar: OutsideCalendar) -> str:
        return clinic_time(calendar.read_at)

    @admin.display(description="Known until", ordering="read_until")
    def known_until(self, calendar: OutsideCalendar) -> str:
        return clinic_time(calendar.read_until)

    @verb("Read now", explanation="What is taken in it is fetched at once, not with the next round.")
    def read_now(self, request: HttpRequest, calendar: OutsideCalendar) -> str:
        calendars.look(practitioner_ids=[calendar.practitioner_id], now=timezone.now(), at_once=True)
        return READ_SOON


class DiaryViews(ListViews):
    """What counts comes first; holds that lapsed and entries that were released are history."""

    views = {
        "living": (
            "Coming",
            lambda rows: rows.filter(
                Q(live_until=None) | Q(live_until__gt=timezone.now()),
                ends_at__gte=timezone.now(),
                starts_at__gte=timezone.now() - LONGEST_ENTRY,  # says nothing new, but has an index
            ),
        ),
        "released": ("Released or lapsed", lambda rows: rows.filter(live_until__lte=timezone.now())),
        "all": ("All", lambda rows: rows),
    }


@admin.register(DiaryEntry)
class DiaryEntryAdmin(SpanAdmin):
    """The one place where a practitioner's time is taken."""

    list_display = ["practitioner", "begins", "finishes", "shown_kind", "room", "until"]
    list_filter = [DiaryViews, "kind", "practitioner"]
    list_select_related = ["practitioner", "room"]
    fields = ["practitioner", "room", "begins", "finishes", "shown_kind", "until", "created_by"]
    empty_text = "Nothing is taken ahead."

    @admin.display(description="Kind", ordering="kind")
    def shown_kind(self, entry: DiaryEntry) -> str:
        return badge(entry.get_kind_display(), INFO if entry.kind == DiaryEntry.Kind.HOLD else OK)

    @admin.display(description="Counts until", ordering="live_until")
    def until(self, entry: DiaryEntry) -> str:
        return "For ever" if entry.live_until is None else clinic_time(entry.live_until)
