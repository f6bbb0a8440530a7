"""The public pages of online booking: time, details, summary, payment; they work without JavaScript."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from botaniqal import phones, signed, zones
from botaniqal.api.throttles import PublicBooking, PublicEmail
from botaniqal.cards import validate_none
from botaniqal.errors import DomainError, Missing, RuleBroken
from botaniqal.public import LinkOver, TooManyTries, is_robot, public_page, sorry
from botaniqal.public_fields import Email, Name, Phone
from practitioners import availability, public_times
from practitioners.diary import SlotTaken
from practitioners.models import Practitioner
from services import catalogue_words
from services.models import AppointmentType, Service

from ..models import Booking, Checkout, ConsentWording
from ..patients import consents
from ..patients.consents import OldWording
from ..patients.proposals import FIRST_BIRTH
from . import links, online, own_visit
from .patient_page import day_of, leads_to_stripe, nearest, to_checkout, uuid_of

keys = signing.TimestampSigner(salt="the form of an online booking")

WRONG = "Something is missing or not right yet."
OTHER_WORDING = "What we ask you to agree to has changed. Please read it again."


class Details(forms.Form):
    """Who books, and what they agree to."""

    name = Name(label="Name of the patient", validators=[validate_none])
    email = Email(help_text="The confirmation and the link to your booking go there.", validators=[validate_none])
    phone = Phone(help_text="For when something comes up.")
    date_of_birth = forms.DateField(
        required=False,
        label="Date of birth",
        help_text="It helps us to find records that we have already.",
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "bday"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Write the day like 1990-12-31."},
    )

    def __init__(self, *args: Any, wordings: list[ConsentWording], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wordings = wordings
        for wording in wordings:
            needed = f"{wording.get_kind_display()}: we can book only with your agreement."
            self.fields[_field_of(wording)] = forms.BooleanField(
                label=wording.text, required=wording.is_required, error_messages={"required": needed}
            )

    def clean_date_of_birth(self) -> date | None:
        """Take days on which somebody alive may have been born."""
        day = self.cleaned_data["date_of_birth"]
        if day and not FIRST_BIRTH <= day <= timezone.localdate():
            raise ValidationError("A date of birth lies between 1900 and today.")
        return day

    @property
    def asked(self) -> list[forms.BoundField]:
        """The fields that ask who it is."""
        return [self[name] for name in ("name", "email", "phone", "date_of_birth")]

    @property
    def agreements(self) -> list[forms.BoundField]:
        """The fields that ask for an agreement."""
        return [self[_field_of(wording)] for wording in self.wordings]

    @property
    def answers(self) -> dict[int, bool]:
        """What was said to each wording."""
        return {wording.pk: self.cleaned_data[_field_of(wording)] for wording in self.wordings}


class Choice:
    """What a visitor has chosen so far, as the address or the form says."""

    def __init__(self, request: HttpRequest, code: str, now: datetime) -> None:
        """
        Read what was chosen.

        :raises Missing: there is no such appointment, or nobody of that key gives it.
        :raises NotOnline: it cannot be booked online.
        :raises Malformed: a time or key that is none.
        """
        said = request.POST if request.method == "POST" else request.GET
        self.now = now
        self.kind, self.price = online.online(code, now=now)
        picked, _, person = said.get("pick", "").partition("@")
        self.who = uuid_of(person or said.get("who"))
        self.time = public_times.chosen(picked or said["time"]) if picked or said.get("time") else None
        self.zones = zones.to_choose(request)
        self.zone = self.zones.chosen
        self.key = said.get("key", "")
        self.practitioner = self._person()

    def _person(self) -> Practitioner | None:
        if self.who is None:
            return None
        person = Practitioner.objects.active().filter(pk=self.who, appointment_types=self.kind).first()
        if person is None:
            raise Missing("Nobody of that name gives this appointment. Please choose again.")
        return person

    def shown(self) -> dict[str, Any]:
        """Say it to the page."""
        return {
            "kind": self.kind,
            "name": _approved_name(self.kind) or self.kind.name,  # the publish check lets no unapproved one be offered
            "price": self.price,
            "is_paid_first": online.is_paid_first(self.kind, self.price),
            "practitioner": self.practitioner,
            "who": self.who or "",
            "zone": self.zone.key,
            "time": public_times.choice(self.time, self.zone).value if self.time else "",
            "when": public_times.both(self.time, self.zone) if self.time else "",
            "key": self.key if signed.key_of(self.key, signer=keys) else signed.new_key(keys),
        }


@public_page
def book_online(request: HttpRequest, code: str) -> HttpResponse:
    """Let somebody choose a time, say who they are, look at it all once more, and book."""
    try:
        choice = Choice(request, code, timezone.now())
    except online.NotOnline as refusal:
        return _elsewhere(request, refusal)
    if request.method != "POST":
        has_chosen = choice.time and "look" not in request.GET
        return _details_page(request, choice) if has_chosen else _times_page(request, choice)
    if choice.time is None:
        return _times_page(request, choice, problem=public_times.CHOOSE_FIRST)
    details = Details(request.POST, wordings=consents.current())
    step = request.POST.get("step", "")
    if step == "change" or not details.is_valid():
        problem = "" if step == "change" else WRONG
        return _details_page(request, choice, details if problem else _filled(request), problem=problem)
    return _book(request, choice, details) if step == "book" else _summary_page(request, choice, details)


def _book(request: HttpRequest, choice: Choice, details: Details) -> HttpResponse:
    key = signed.key_of(choice.key, signer=keys)
    if key is None:
        return _summary_page(request, choice, details, problem="This page was open for too long. Look at it once more.")
    if is_robot(request):
        return sorry(request, online.NobodyFree())
    if not (PublicBooking().allow_request(request, None) and PublicEmail().allow_request(request, None)):
        raise TooManyTries("Too many bookings were begun from here. Please try again in an hour, or ring us.")
    said = details.cleaned_data
    person = online.Person(
        name=said["name"],
        email=said["email"],
        phone=said["phone"],
        date_of_birth=said["date_of_birth"],
        zone=choice.zone.key,
    )
    try:
        booking = online.begin(
            key=key,
            code=choice.kind.code,
            practitioner_id=choice.who,
            starts_at=choice.time,
            price=_price(request.POST.get("price")),
            person=person,
            answers=details.answers,
            by=None,
            now=choice.now,
        )
    except online.PriceChanged as refusal:
        choice.price = refusal.price
        return _summary_page(request, choice, details, problem=refusal.message, status=refusal.status)
    except OldWording as refusal:
        return _details_page(request, choice, _filled(request), problem=OTHER_WORDING, status=refusal.status)
    except (RuleBroken, SlotTaken) as refusal:
        return _taken_page(request, choice, details, refusal)
    return _after(request, booking)


def _after(request: HttpRequest, booking: Booking) -> HttpResponse:
    if booking.link_serial:  # somebody made its links void since: the form is no way around that
        raise LinkOver(links.OVER)
    opened = booking.checkouts.filter(status__in=[Checkout.Status.NEW, Checkout.Status.OPEN]).first()
    if booking.state == Booking.State.PENDING_PAYMENT and opened:
        return to_checkout(request, booking, opened)
    return redirect("visit", token=links.token_of(booking))


def _times_page(request: HttpRequest, choice: Choice, *, problem: str = "") -> HttpResponse:
    offers = availability.offers_of(service=choice.kind.service.slug, kind=choice.kind.code)
    wanted = [offer for offer in offers if choice.who in (None, offer.practitioner.pk)]
    said = request.POST if request.method == "POST" else request.GET
    week = public_times.week(offers=wanted, zone=choice.zone, first_day=day_of(said.get("day")), now=choice.now)
    days = public_times.by_day(week.times, choice.zone)
    shown = {
        **choice.shown(),
        "people": [offer.practitioner for offer in offers],
        "zones": choice.zones,
        "week": week,
        "days": days,
        "chosen": said.get("time", ""),
        "problem": problem,
        **public_times.clocks(choice.zone, choice.now),
    }
    status = HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK
    return render(request, "public/book_times.html", shown, status=status)


def _details_page(
    request: HttpRequest,
    choice: Choice,
    details: Details | None = None,
    *,
    problem: str = "",
    status: int | None = None,
) -> HttpResponse:
    shown = {**choice.shown(), "form": details or Details(wordings=consents.current()), "problem": problem}
    status = status or (HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK)
    return render(request, "public/book_details.html", shown, status=status)


def _summary_page(
    request: HttpRequest, choice: Choice, details: Details, *, problem: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    shown = {
        **choice.shown(),
        "form": details,
        "said": details.cleaned_data,
        "phone": phones.shown(details.cleaned_data["phone"]),
        "hidden": _hidden(details),
        "rules": own_visit.rules_in_words(),
        "problem": problem,
    }
    return leads_to_stripe(render(request, "public/book_summary.html", shown, status=status))


def _taken_page(request: HttpRequest, choice: Choice, details: Details, refusal: DomainError) -> HttpResponse:
    """Offer other times for what could not be had, with all that was typed kept."""
    shown = {
        **choice.shown(),
        "hidden": _hidden(details),
        "problem": refusal.message,
        "nearest": nearest(refusal.extra.get("alternatives", []), choice.zone),
    }
    return render(request, "public/book_taken.html", shown, status=refusal.status)


def _elsewhere(request: HttpRequest, refusal: online.NotOnline) -> HttpResponse:
    """Say why this is not booked here, and where to go instead."""
    kind: AppointmentType = refusal.appointment_type
    if kind.is_free_consultation and request.method != "POST":
        return redirect("free-consultation")
    service = kind.service
    has_list = service.status == Service.Status.COMING_SOON and service.has_waitlist
    name = _approved_name(kind) or "Booking online"
    shown = {"name": name, "service": service, "has_list": has_list, "problem": refusal.message}
    return render(request, "public/book_elsewhere.html", shown, status=refusal.status)


def _approved_name(kind: AppointmentType) -> str:
    """Name an appointment as the public reads it; empty while nobody has approved a name."""
    words = catalogue_words.shown([kind.service]).get(kind.service.slug)
    return words.types.get(kind.code, "") if words else ""


def _filled(request: HttpRequest) -> Details:
    """Show what was typed again, without a word of what is wrong with it."""
    return Details(initial=request.POST.dict(), wordings=consents.current())


def _hidden(details: Details) -> list[tuple[str, str]]:
    """List what was typed, to be sent along; a box that was not ticked is not sent."""
    return [(name, value) for name, value in details.data.items() if name in details.fields and len(value) <= 500]


def _field_of(wording: ConsentWording) -> str:
    return f"agrees_{wording.pk}"


def _price(typed: str | None) -> Decimal:
    """Read which price was shown; what is none was never shown."""
    try:
        return Decimal(typed or "")
    except InvalidOperation:
        return Decimal(-1)
