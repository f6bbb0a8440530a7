"""The booking portal: one's bookings by a link that comes by e-mail; the same answer for every address."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from botaniqal.api.throttles import PublicEmail
from botaniqal.errors import Malformed
from botaniqal.public import TooManyTries, is_robot, public_page
from botaniqal.public_fields import Email
from practitioners import public_times

from ..models import Booking
from . import links, portal


class AskForm(forms.Form):
    """For which address the link is wanted."""

    email = Email(help_text="The address that your bookings were made with.")


@public_page
def portal_ask(request: HttpRequest) -> HttpResponse:
    """Take the address that the link is to go to; what comes of it is said in the e-mail alone."""
    if request.method != "POST":
        return render(request, "public/portal_ask.html", {"form": AskForm(), "is_asked": "asked" in request.GET})
    form = AskForm(request.POST)
    if not form.is_valid():
        shown = {"form": form, "problem": "Something is missing or not right yet."}
        return render(request, "public/portal_ask.html", shown, status=Malformed.status)
    if not PublicEmail().allow_request(request, None):
        raise TooManyTries("This was asked for too often. Please look into your e-mails, or try again in an hour.")
    if not is_robot(request):
        portal.ask(email=form.cleaned_data["email"], now=timezone.now())
    answer = redirect("portal-ask")
    answer["Location"] += "?asked"
    return answer


@public_page
def bookings(request: HttpRequest, token: str) -> HttpResponse:
    """List what was booked with an address."""
    now = timezone.now()
    patient = links.portal_of(token, now=now)
    found = portal.bookings_of(patient, now=now)
    shown = {
        "coming": [_row(booking, now) for booking in found.coming],
        "past": [_row(booking, now) for booking in found.past],
    }
    return render(request, "public/portal.html", shown)


def _row(booking: Booking, now: datetime) -> dict[str, Any]:
    """Say of a booking its first name and time, and where the rest stands while its link works."""
    works = now <= booking.ends_at + links.AFTER_THE_VISIT
    return {
        "first_name": booking.patient.first_name,
        "when": public_times.both(booking.starts_at, booking.patient.zone),
        "is_waiting": booking.state == Booking.State.PENDING_PAYMENT,
        "token": links.token_of(booking) if works else "",
    }
