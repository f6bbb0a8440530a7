"""The public page on which a patient chooses another time for a call; works without JavaScript."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from rest_framework.exceptions import ValidationError

from botaniqal.api.fields import Moment, in_utc
from botaniqal.api.throttles import PublicRead, PublicWrite
from botaniqal.errors import DomainError
from practitioners.availability import CLINIC

from . import rebooking
from .models import TriageSession

CHOOSE_FIRST = "Choose a time first."
UNREADABLE = "That is no time. Please choose one of the list."


@dataclass(frozen=True, slots=True)
class Choice:
    """A free time, by the patient's clock and, where that shows another, by the clinic's."""

    value: str
    label: str
    clinic_label: str


@dataclass(frozen=True, slots=True)
class Day:
    """The free times of one of the patient's days."""

    name: str
    choices: list[Choice]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def another_time(request: HttpRequest, token: str) -> HttpResponse:
    """Show a call's free times, and move it to the one that is chosen."""
    throttle = PublicWrite() if request.method == "POST" else PublicRead()
    if not throttle.allow_request(request, None):
        return _sorry(request, "Too many tries in a short time. Please wait a minute.", HTTPStatus.TOO_MANY_REQUESTS)
    now = timezone.now()
    try:
        session = rebooking.call_of(token, now=now)
    except DomainError as refusal:
        return _sorry(request, refusal.message, refusal.status)
    if request.method != "POST":
        return render(request, "public/call.html", _shown(session, now))
    try:
        rebooking.choose(session_id=session.pk, starts_at=_chosen(request), now=now)
    except ValidationError as fault:
        return _again(request, session, now, f"{fault.detail[0]}", HTTPStatus.BAD_REQUEST)
    except rebooking.LinkOver as refusal:
        return _sorry(request, refusal.message, refusal.status)
    except DomainError as refusal:
        return _again(request, session, now, refusal.message, refusal.status)
    return redirect("another-time", token=token)


def _chosen(request: HttpRequest) -> datetime:
    """
    Read which time was chosen.

    :raises ValidationError: none, or none that can be read.
    """
    if not request.POST.get("time"):
        raise ValidationError([CHOOSE_FIRST])
    try:
        return Moment().run_validation(request.POST["time"])
    except ValidationError:
        raise ValidationError([UNREADABLE]) from None


def _shown(session: TriageSession, now: datetime) -> dict[str, Any]:
    zone = session.patient.zone
    days = groupby(rebooking.free_times(session, now=now), key=lambda moment: moment.astimezone(zone).date())
    planned = session.due_on
    return {
        "first_name": session.patient.first_name,
        "planned": _both(planned, zone) if planned > now else "",
        "city": _city(zone),
        "clinic_city": "" if _agree(zone, now) else _city(CLINIC),
        "days": [Day(f"{day:%A %-d %B}", [_choice(moment, zone) for moment in moments]) for day, moments in days],
    }


def _choice(moment: datetime, zone: ZoneInfo) -> Choice:
    label, clinic_label = _hour(moment.astimezone(zone)), _hour(moment.astimezone(CLINIC))
    return Choice(in_utc(moment), label, "" if label == clinic_label else clinic_label)


def _both(moment: datetime, zone: ZoneInfo) -> str:
    """Say a moment by the patient's clock and, where that differs, by the clinic's."""
    local, clinic = moment.astimezone(zone), moment.astimezone(CLINIC)
    said = f"{local:%A %-d %B}, {_hour(local)}"
    if local.utcoffset() == clinic.utcoffset():
        return said
    day = "" if local.date() == clinic.date() else f"{clinic:%A %-d %B}, "
    return f"{said} {_city(zone)} time ({day}{_hour(clinic)} in {_city(CLINIC)})"


def _agree(zone: ZoneInfo, now: datetime) -> bool:
    return now.astimezone(zone).utcoffset() == now.astimezone(CLINIC).utcoffset()


def _city(zone: ZoneInfo) -> str:
    return zone.key.rpartition("/")[2].replace("_", " ")


def _hour(local: datetime) -> str:
    return f"{local:%-I:%M} {format(local, '%p').lower()}"


def _again(
    request: HttpRequest, session: TriageSession, now: datetime, problem: str, status: HTTPStatus
) -> HttpResponse:
    session.refresh_from_db()
    return render(request, "public/call.html", {**_shown(session, now), "problem": problem}, status=status)


def _sorry(request: HttpRequest, problem: str, status: HTTPStatus) -> HttpResponse:
    return render(request, "public/sorry.html", {"problem": problem}, status=status)
