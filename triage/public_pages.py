"""The public page on which a visitor plans a free consultation; works without JavaScript."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from rest_framework.exceptions import ValidationError as Unreadable

from botaniqal import zones
from botaniqal.api.fields import Day
from botaniqal.api.throttles import PublicEmail
from botaniqal.errors import Malformed
from botaniqal.public import TooManyTries, is_robot, public_page
from botaniqal.public_fields import Email, Name, Phone, Words
from practitioners import public_times

from . import consultations
from .sessions import NoConsultantFree, TimesPassed

LOOK = "look"
"""The button pressed only to see other days or another zone's clock: nothing is sent yet, and all typed stays."""

GONE = "That time is not free any more. Please choose another one."


class CallForm(forms.Form):
    """Who is to be called, about what, and when."""

    time = forms.CharField(required=False, label="Time")
    name = Name()
    email = Email(help_text="We send the time and what to have ready to it.")
    phone = Phone(help_text="We ring you on this number.")
    concern = Words(
        label="What would you like help with?",
        max_length=2000,
        help_text="A few words are enough. Write nothing urgent here: nobody reads it before the call.",
    )
    agrees = forms.BooleanField(
        label="Yes, and you may ring me at this time.", error_messages={"required": "Tick this, so that we may ring."}
    )
    wording = forms.CharField(required=False)
    key = forms.CharField(required=False)

    def clean_time(self) -> datetime:
        """Read which time was chosen."""
        try:
            return public_times.chosen(self.cleaned_data["time"])
        except Malformed as refusal:
            raise ValidationError(refusal.message) from None


@public_page
def free_consultation(request: HttpRequest) -> HttpResponse:
    """Show when somebody can ring, and plan the call that is asked for."""
    now = timezone.now()
    if request.method != "POST" or LOOK in request.POST:
        return _page(request, CallForm(initial=request.POST.dict()), now)
    form = CallForm(request.POST)
    if not form.is_valid():
        return _page(request, form, now, problem="Something is missing or not right yet.", status=Malformed.status)
    try:
        token = _planned(request, form.cleaned_data, now)
    except (NoConsultantFree, TimesPassed) as refusal:
        form.add_error("time", GONE)
        return _page(request, form, now, problem="That time is gone.", status=refusal.status)
    except (consultations.FormTooOld, consultations.WordingChanged) as refusal:
        return _page(request, form, now, problem=refusal.message, status=refusal.status)
    return redirect("free-consultation-planned", token=token)


@public_page
def planned(request: HttpRequest, token: str) -> HttpResponse:
    """Say when we ring, and what comes next."""
    receipt = consultations.receipt_of(token, now=timezone.now())
    shown = {
        "time": public_times.both(receipt.starts_at, receipt.zone),
        "receipt": receipt,
        "change": reverse("another-time", args=[token]),
    }
    return render(request, "public/planned.html", shown)


def _planned(request: HttpRequest, said: dict[str, Any], now: datetime) -> str:
    """
    Plan the call, or let a robot believe so.

    :raises DomainError: why it cannot be planned.
    """
    zone = zones.zone_of(request)
    if is_robot(request):
        return consultations.decoy_for(said["time"], zone, now=now)
    if not PublicEmail().allow_request(request, None):
        raise TooManyTries("Too many calls were asked for with this e-mail address. Please try again in an hour.")
    session = consultations.plan(
        key=said["key"],
        starts_at=said["time"],
        name=said["name"],
        email=said["email"],
        phone=said["phone"],
        concern=said["concern"],
        zone=zone,
        wording=said["wording"],
        now=now,
    )
    return consultations.receipt_for(session, now=now)


def _page(
    request: HttpRequest, form: CallForm, now: datetime, *, problem: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    to_choose = zones.to_choose(request)
    zone = to_choose.chosen
    week = consultations.week_of(zone=zone, first_day=_day(request), now=now)
    days = public_times.by_day(week.times, zone)
    chosen, key = request.POST.get("time", ""), request.POST.get("key", "")
    is_there = any(choice.value == chosen for day in days for choice in day.choices)
    shown = {
        "form": form,
        "problem": problem,
        "key": key if consultations.is_known(key) else consultations.new_key(),
        "wording": consultations.privacy_wording(),
        "zones": to_choose,
        "week": week,
        "days": days,
        "chosen": chosen if is_there else "",
        **public_times.clocks(zone, now),
    }
    return render(request, "public/free_consultation.html", shown, status=status)


def _day(request: HttpRequest) -> date | None:
    """Read from which day on times are to be shown: a button's, else the page's own; None when none can be read."""
    for said in (request.POST.get(LOOK), request.POST.get("day")):
        try:
            return Day().run_validation(said)
        except Unreadable:
            continue
    return None
