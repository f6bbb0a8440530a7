"""The public pages of the earlier-time list: asking for an earlier time, and answering one that is offered."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from botaniqal.errors import DomainError
from botaniqal.public import public_page
from practitioners import public_times
from practitioners.models import WorkingHours
from services.prices import clinic_day

from ..models import Booking, EarlierTimeOffer, EarlierTimeRequest
from ..self_service import links
from . import earlier, earlier_answers

ACCEPT, DECLINE, LEAVE = "accept", "decline", "leave"


class WishesForm(forms.Form):
    """When somebody could come sooner; nothing ticked is any time."""

    dayparts = forms.MultipleChoiceField(
        choices=EarlierTimeRequest.Daypart.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label="Time of day",
    )
    weekdays = forms.TypedMultipleChoiceField(
        choices=WorkingHours.Weekday.choices,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label="Days",
    )
    same_person = forms.BooleanField(required=False)


@public_page
def earlier_offer(request: HttpRequest, token: str) -> HttpResponse:
    """Show an offered time; it is taken, or let go, on POST alone."""
    now, offer = timezone.now(), earlier_answers.offer_of(token)
    if request.method == "POST":
        answer = request.POST.get("answer")
        if answer == ACCEPT:
            return _to_visit(earlier_answers.accept(offer_id=offer.pk, now=now))
        if answer in (DECLINE, LEAVE):
            earlier_answers.decline(offer_id=offer.pk, leaves=answer == LEAVE, now=now)
            return redirect("earlier-offer", token=token)
    if offer.state == EarlierTimeOffer.State.ACCEPTED and offer.booking:
        return _to_visit(offer.booking)
    if offer.state == EarlierTimeOffer.State.DECLINED:
        waits = offer.request.state in earlier.STANDING
        return render(request, "public/earlier_declined.html", {"waits": waits})
    earlier_answers.require_open(offer, now=now)
    return render(request, "public/earlier_offer.html", _offered(offer, request.GET.get("answer")))


@public_page
def ask_earlier(request: HttpRequest, token: str) -> HttpResponse:
    """Let a patient ask for an earlier time than their visit's, change what they asked for, or leave the list."""
    now = timezone.now()
    booking = links.visit_of(token, now=now)
    standing = earlier.standing_of(booking.patient, booking.appointment_type)
    if standing and standing.booking_id not in (None, booking.pk):
        standing = None
    if request.method != "POST":
        return render(request, "public/earlier.html", _asked(booking, standing, _form_of(standing)))
    form = WishesForm(request.POST)
    problem, status = "Choose from the list.", 400
    if request.POST.get("answer") == LEAVE or form.is_valid():
        try:
            if request.POST.get("answer") != LEAVE:
                _ask(booking, standing, form)
            elif standing:
                earlier.withdraw(request_id=standing.pk, by=None, now=now)
        except DomainError as refusal:
            problem, status = refusal.message, refusal.status
        else:
            return redirect("visit-earlier", token=token)
    shown = {**_asked(booking, standing, form), "problem": problem}
    return render(request, "public/earlier.html", shown, status=status)


def _to_visit(booking: Booking) -> HttpResponse:
    """Lead to the page of the visit that is the patient's now, where it can be paid as well."""
    return redirect("visit", token=links.token_of(booking))


def _ask(booking: Booking, standing: EarlierTimeRequest | None, form: WishesForm) -> None:
    """Ask for it; how urgent it is, is for staff to say."""
    earlier.ask(
        patient=booking.patient,
        appointment_type=booking.appointment_type,
        booking=booking,
        practitioner=booking.practitioner if form.cleaned_data["same_person"] else None,
        urgency=standing.urgency if standing else EarlierTimeRequest.Urgency.SOON,
        dayparts=form.cleaned_data["dayparts"],
        weekdays=form.cleaned_data["weekdays"],
        until_on=standing.until_on if standing and standing.until_on and standing.until_on >= _today() else None,
        by=None,
        now=timezone.now(),
    )


def _today():
    return clinic_day(timezone.now())


def _form_of(standing: EarlierTimeRequest | None) -> WishesForm:
    if standing is None:
        return WishesForm()
    return WishesForm(
        initial={
            "dayparts": standing.dayparts,
            "weekdays": standing.weekdays,
            "same_person": standing.practitioner_id is not None,
        }
    )


def _asked(booking: Booking, standing: EarlierTimeRequest | None, form: WishesForm) -> dict[str, Any]:
    can_ask = booking.state == Booking.State.CONFIRMED and booking.starts_at > timezone.now()
    return {
        "first_name": booking.patient.first_name,
        "when": public_times.both(booking.starts_at, booking.patient.zone),
        "practitioner": booking.practitioner.name,
        "standing": standing,
        "form": form,
        "can_ask": can_ask and not booking.appointment_type.is_free_consultation,
        "token": links.token_of(booking),
    }


def _offered(offer: EarlierTimeOffer, answer: str | None) -> dict[str, Any]:
    request, freed = offer.request, offer.freed
    zone, own = request.patient.zone, request.booking
    return {
        "first_name": request.patient.first_name,
        "when": public_times.both(freed.starts_at, zone),
        "until": public_times.both(offer.expires_at, zone),
        "practitioner": freed.practitioner.name,
        "own_when": public_times.both(own.starts_at, zone) if own else "",
        "prefers_decline": answer == DECLINE,
    }
