"""The earlier-time list for people: who waits, which times became free, whom they were offered to and why."""

from typing import Any

from django import forms
from django.contrib import admin
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
    ShownInline,
    WrittenByVerbs,
    badge,
    clinic_time,
    verb,
)
from practitioners.models import WorkingHours

from ..models import Booking, EarlierTimeOffer, EarlierTimeRequest, FreedTime
from . import earlier, earlier_offers

ORDER = (
    "A freed time is offered to one person at a time: those who need it most urgently first, among these whoever has "
    "waited longest. Who cannot use it is passed over; the time's page says why. Nothing else counts, no price and no "
    "diagnosis."
)
Request, Freed, Offer = EarlierTimeRequest.State, FreedTime.State, EarlierTimeOffer.State
REQUEST_TONES = {
    Request.OPEN: WAITING,
    Request.OFFERED: INFO,
    Request.FULFILLED: OK,
    Request.WITHDRAWN: PLAIN,
    Request.OVER: PLAIN,
}
FREED_TONES = {
    Freed.OPEN: WAITING,
    Freed.OFFERED: INFO,
    Freed.FILLED: OK,
    Freed.NOBODY: PLAIN,
    Freed.GONE: PLAIN,
    Freed.STOPPED: PLAIN,
}
OFFER_TONES = {
    Offer.OPEN: WAITING,
    Offer.ACCEPTED: OK,
    Offer.DECLINED: PLAIN,
    Offer.LAPSED: BAD,
    Offer.WITHDRAWN: PLAIN,
}


class WishesForm(forms.Form):
    """What somebody would take instead."""

    urgency = forms.TypedChoiceField(
        choices=EarlierTimeRequest.Urgency.choices, coerce=int, initial=EarlierTimeRequest.Urgency.SOON
    )
    dayparts = forms.MultipleChoiceField(
        choices=EarlierTimeRequest.Daypart.choices,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox-grid"}),
        required=False,
        label="Time of day",
        help_text="None ticked is any.",
    )
    weekdays = forms.TypedMultipleChoiceField(
        choices=WorkingHours.Weekday.choices,
        coerce=int,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox-grid"}),
        required=False,
        label="Days",
    )
    same_person = forms.BooleanField(required=False, label="With the same practitioner only")
    until_on = forms.DateField(
        required=False,
        label="Last day that would help",
        widget=forms.DateInput(attrs={"type": "date"}),
    )


class PersonForm(forms.Form):
    """Whom a time is offered to."""

    request = forms.ModelChoiceField(
        queryset=EarlierTimeRequest.objects.filter(state=Request.OPEN).select_related("patient", "appointment_type"),
        label="Person",
        empty_label="Choose…",
    )


class EarlierVerbs:
    """The verb by which a booking's patient is put on the list; part of the bookings' admin."""

    @verb(
        "Ask for an earlier time",
        explanation="When a time before this visit becomes free, it is offered to the patient by e-mail.",
        form=WishesForm,
        when=lambda booking: (
            booking.state == Booking.State.CONFIRMED
            and booking.starts_at > timezone.now()
            and not booking.appointment_type.is_free_consultation
        ),
    )
    def ask_earlier(self, request: HttpRequest, booking: Booking, *, same_person: bool, **wishes: Any) -> str:
        earlier.ask(
            patient=booking.patient,
            appointment_type=booking.appointment_type,
            booking=booking,
            practitioner=booking.practitioner if same_person else None,
            by=request.user,
            now=timezone.now(),
            **wishes,
        )
        return f"{booking.patient} is on the list for an earlier time."


class OfferColumns:
    """What is shown of an offer."""

    @admin.display(description="To")
    def shown_request(self, offer: EarlierTimeOffer) -> str:
        return offer.request.patient.name

    @admin.display(description="Time")
    def shown_time(self, offer: EarlierTimeOffer) -> SafeString:
        freed = offer.freed
        return format_html("{} <small>{}</small>", clinic_time(freed.starts_at), freed.practitioner)

    @admin.display(description="State")
    def shown_state(self, offer: EarlierTimeOffer) -> SafeString:
        return badge(offer.get_state_display(), OFFER_TONES[offer.state])

    @admin.display(description="Offered")
    def shown_offered(self, offer: EarlierTimeOffer) -> str:
        return clinic_time(offer.offered_at)

    @admin.display(description="Kept until")
    def shown_expiry(self, offer: EarlierTimeOffer) -> str:
        return clinic_time(offer.expires_at)

    @admin.display(description="Answered")
    def shown_answer(self, offer: EarlierTimeOffer) -> str:
        return clinic_time(offer.answered_at)


class ShownOffers(OfferColumns, ShownInline):
    """The offers of a time, or to a person."""

    model = EarlierTimeOffer
    fields = ["shown_request", "shown_time", "shown_state", "shown_offered", "shown_expiry", "shown_answer"]
    readonly_fields = fields
    verbose_name_plural = "offers"
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[EarlierTimeOffer]:
        return super().get_queryset(request).select_related("request__patient", "freed__practitioner")


class RequestViews(ListViews):
    """Who waits comes first."""

    views = {
        "waiting": ("Waiting", lambda rows: rows.filter(state__in=earlier.STANDING)),
        "fulfilled": ("Took one", lambda rows: rows.filter(state=Request.FULFILLED)),
        "all": ("All", lambda rows: rows),
    }


@admin.register(EarlierTimeRequest)
class EarlierTimeRequestAdmin(WrittenByVerbs):
    """Who would come earlier, in the order in which they are asked."""

    change_list_template = "bookings/earlier_list.html"
    list_display = ["patient", "appointment_type", "shown_state", "urgency", "asked", "wishes", "own_visit"]
    list_filter = [RequestViews, "urgency", "appointment_type"]
    list_select_related = ["patient", "appointment_type", "booking", "practitioner"]
    ordering = ["urgency", "asked_at"]
    search_fields = ["patient__name", "patient__email", "booking__number"]
    search_help_text = "Patient, or confirmation number"
    fields = [("patient", "appointment_type"), ("shown_state", "urgency"), "wishes", "own_visit", ("asked", "asked_by")]
    inlines = [ShownOffers]
    verbs = ["withdraw"]
    empty_text = "Nobody waits for an earlier time. Ask for one at the call desk, or on a booking's page."

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None):
        return super().changelist_view(request, {"order": ORDER, **(extra_context or {})})

    @admin.display(description="State", ordering="state")
    def shown_state(self, request: EarlierTimeRequest) -> SafeString:
        return badge(request.get_state_display(), REQUEST_TONES[request.state])

    @admin.display(description="Asked", ordering="asked_at")
    def asked(self, request: EarlierTimeRequest) -> str:
        return clinic_time(request.asked_at)

    @admin.display(description="Could come")
    def wishes(self, request: EarlierTimeRequest) -> str:
        parts = [EarlierTimeRequest.Daypart(part).label.lower() for part in request.dayparts]
        days = [WorkingHours.Weekday(day).label for day in request.weekdays]
        said = [", ".join(days), ", ".join(parts)]
        said += [f"with {request.practitioner}"] if request.practitioner else []
        said += [f"until {request.until_on:%-d %b}"] if request.until_on else []
        return " · ".join(filter(None, said)) or "Any time"

    @admin.display(description="Instead of", ordering="booking__starts_at")
    def own_visit(self, request: EarlierTimeRequest) -> SafeString | str:
        if request.booking is None:
            return "No visit yet"
        address = reverse("admin:bookings_booking_change", args=[request.booking_id])
        return format_html('<a href="{}">{}</a> <small>{}</small>', address, request.booking, request.booking.when)

    @verb(
        "Take off the list",
        explanation="A time that is kept for them goes to the next.",
        when=lambda request: request.state in earlier.STANDING,
        is_dangerous=True,
    )
    def withdraw(self, request: HttpRequest, row: EarlierTimeRequest) -> str:
        earlier.withdraw(request_id=row.pk, by=request.user, now=timezone.now())
        return f"{row.patient} is off the list."


class FreedViews(ListViews):
    """What is being offered comes first."""

    views = {
        "offered": ("Being offered", lambda rows: rows.filter(state__in=[Freed.OPEN, Freed.OFFERED])),
        "filled": ("Taken", lambda rows: rows.filter(state=Freed.FILLED)),
        "all": ("All", lambda rows: rows),
    }


@admin.register(FreedTime)
class FreedTimeAdmin(WrittenByVerbs):
    """Times that a cancelled or moved visit left free."""

    change_list_template = "bookings/earlier_list.html"
    list_display = ["shown_time", "practitioner", "shown_state", "shown_freed", "freed_by"]
    list_filter = [FreedViews, "practitioner"]
    list_select_related = ["practitioner", "freed_by"]
    fields = [("shown_time", "practitioner"), ("shown_state", "shown_freed"), "freed_by", "passed_over_shown"]
    inlines = [ShownOffers]
    verbs = ["offer_to", "stop"]
    empty_text = "No time became free. “All” shows what became of former ones."

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None):
        return super().changelist_view(request, {"order": ORDER, **(extra_context or {})})

    def name_of(self, row: FreedTime) -> str:
        return f"{clinic_time(row.starts_at)}, {row.practitioner}"

    @admin.display(description="Time", ordering="starts_at")
    def shown_time(self, freed: FreedTime) -> str:
        return f"{clinic_time(freed.starts_at)}–{timezone.localtime(freed.ends_at):%H:%M}"

    @admin.display(description="State", ordering="state")
    def shown_state(self, freed: FreedTime) -> SafeString:
        return badge(freed.get_state_display(), FREED_TONES[freed.state])

    @admin.display(description="Became free", ordering="freed_at")
    def shown_freed(self, freed: FreedTime) -> str:
        return clinic_time(freed.freed_at)

    @admin.display(description="Passed over, in the order of the list")
    def passed_over_shown(self, freed: FreedTime) -> SafeString | str:
        rows = EarlierTimeRequest.objects.select_related("patient", "appointment_type")
        named = rows.in_bulk([row["request"] for row in freed.passed_over])
        known = {str(key): request for key, request in named.items()}
        shown = (
            (request.patient, request.get_urgency_display(), clinic_time(request.asked_at), row["reason"])
            for row in freed.passed_over
            if (request := known.get(row["request"]))
        )
        return format_html_join("", "<p><strong>{}</strong> ({}, since {}): {}</p>", shown) or "Nobody"

    @verb(
        "Offer to…",
        explanation="Whatever their place in the order and their wishes; what cannot be is refused.",
        form=PersonForm,
        when=lambda freed: (
            freed.state in (Freed.OPEN, Freed.NOBODY, Freed.STOPPED) and freed.starts_at > timezone.now()
        ),
    )
    def offer_to(self, http: HttpRequest, freed: FreedTime, *, request: EarlierTimeRequest) -> str:
        offer = earlier_offers.offer_to(freed_id=freed.pk, request_id=request.pk, by=http.user, now=timezone.now())
        return f"It is offered to {request.patient} and kept until {clinic_time(offer.expires_at)}."

    @verb(
        "Stop offering",
        explanation="Nobody is asked any more; an offer that is out is taken back.",
        when=lambda freed: freed.state in (Freed.OPEN, Freed.OFFERED),
        is_dangerous=True,
    )
    def stop(self, request: HttpRequest, freed: FreedTime) -> str:
        earlier_offers.stop(freed_id=freed.pk, by=request.user, now=timezone.now())
        return "This time is offered to nobody any more."


class OfferViews(ListViews):
    """What waits for an answer comes first."""

    views = {
        "open": ("Waiting for an answer", lambda rows: rows.filter(state=Offer.OPEN)),
        "all": ("All", lambda rows: rows),
    }


@admin.register(EarlierTimeOffer)
class EarlierTimeOfferAdmin(OfferColumns, WrittenByVerbs):
    """Earlier times that are kept for somebody, or were."""

    list_display = ["shown_request", "shown_time", "shown_state", "shown_offered", "shown_expiry", "shown_answer"]
    list_filter = [OfferViews]
    list_select_related = ["request__patient", "freed__practitioner"]
    search_fields = ["request__patient__name", "booking__number"]
    search_help_text = "Patient, or confirmation number"
    fields = [
        ("shown_request", "shown_time"),
        "shown_state",
        ("shown_offered", "shown_expiry", "shown_answer"),
        "booking",
    ]
    verbs = ["take_back"]
    empty_text = "No offer waits for an answer. “All” shows what became of former ones."

    def name_of(self, row: EarlierTimeOffer) -> str:
        return f"Offer to {row.request.patient}"

    @verb(
        "Take the offer back",
        explanation="The link in the e-mail works no longer, and the time goes to the next.",
        when=lambda offer: offer.state == Offer.OPEN,
        is_dangerous=True,
    )
    def take_back(self, request: HttpRequest, offer: EarlierTimeOffer) -> str:
        earlier_offers.take_back(offer_id=offer.pk, by=request.user, now=timezone.now())
        return "The offer is taken back. The time goes to the next."
