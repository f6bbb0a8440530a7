"""
Asking patients for the form of a visit: once when it is booked, and once more when it is still missing near the visit.

Who is to be asked is read from the present state each time, so no door that books has to think of it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from botaniqal.accounts.models import User
from botaniqal.errors import RuleBroken
from botaniqal.messages import writing
from botaniqal.messages.models import Message
from services.models import AppointmentType, FormVersion

from .. import locking
from ..models import Booking, FormAnswers
from ..self_service import links
from . import form_filling

LINK = Message.Kind.FORM_LINK
BEFORE_THE_VISIT = timedelta(days=2)
APART = timedelta(days=1)
"""Nobody is asked twice within that time without a person wanting it."""

FORMS = (
    ("initial_form", ~Q(appointment_type__kind=AppointmentType.Kind.FOLLOWUP)),
    ("followup_form", Q(appointment_type__kind=AppointmentType.Kind.FOLLOWUP)),
)


def ask_due(*, now: datetime) -> int:
    """Ask everybody whose form is wanted and who was not asked, or is to be reminded, and count the messages."""
    asked = sum(_ask(booking_id, is_reminder=False, now=now) for booking_id in _unasked(now))
    return asked + sum(_ask(booking_id, is_reminder=True, now=now) for booking_id in _to_remind(now))


@transaction.atomic
def send_again(*, booking_id: UUID, by: User, now: datetime) -> Message:
    """
    Send the link to the form once more, because somebody asked for it.

    :raises RuleBroken: there is nothing to fill in, or nowhere to send it.
    """
    booking = locking.locked(booking_id)
    if form_filling.wanted_of(booking) is None:
        raise RuleBroken("form", "Nothing has to be filled in for this visit, or it was sent already.")
    if not booking.patient.email:
        raise RuleBroken("email", "We know no e-mail address of this patient. Add it on the patient's page first.")
    return _write(booking, key=None, is_reminder=False, now=now)


def _unasked(now: datetime) -> Iterator[UUID]:
    """Find the visits to come whose form was never asked for."""
    for form, bookings in _wanting(now):
        yield from bookings.filter(~_was_written(form)).values_list("pk", flat=True)


def _to_remind(now: datetime) -> Iterator[UUID]:
    """Find the visits that are near, whose form was asked for a while ago and not sent in."""
    lately = Message.objects.filter(kind=LINK, reference=OuterRef("pk"), created_at__gt=now - APART)
    for form, bookings in _wanting(now):
        near = bookings.filter(starts_at__lte=now + BEFORE_THE_VISIT)
        due = near.filter(_was_written(form), ~_was_written(form, ":reminder"), ~Exists(lately))
        yield from due.values_list("pk", flat=True)


def _wanting(now: datetime) -> Iterator[tuple[str, QuerySet[Booking]]]:
    """Give the visits to come that want a form and have no answers, by the field of the service that names the form."""
    for name, is_kind in FORMS:
        form = f"appointment_type__service__{name}"
        ids = Q(form_id=OuterRef(f"{form}__slug")) | Q(form_id=OuterRef(f"{form}__jotform_id"))
        answered = FormAnswers.objects.sent_in().filter(ids, booking=OuterRef("pk"))
        in_use = {f"{form}__is_active": True, f"{form}__versions__state": FormVersion.State.IN_USE}
        bookings = Booking.objects.upcoming(now).filter(is_kind, **in_use).exclude(patient__email="")
        yield form, bookings.filter(~Exists(answered))


def _was_written(form: str, end: str = "") -> Exists:
    key = Concat(
        Value("form:"),
        Cast(OuterRef("pk"), CharField()),
        Value(":"),
        OuterRef(f"{form}__slug"),
        Value(end),
        output_field=CharField(),
    )
    return Exists(Message.objects.annotate(sought=key).filter(key=F("sought")))


@transaction.atomic
def _ask(booking_id: UUID, *, is_reminder: bool, now: datetime) -> bool:
    booking = locking.locked(booking_id)
    version = form_filling.wanted_of(booking)
    if version is None or booking.starts_at <= now or not booking.patient.email:  # it changed meanwhile
        return False
    key = f"form:{booking.pk}:{version.form.slug}{':reminder' if is_reminder else ''}"
    return _write(booking, key=key, is_reminder=is_reminder, now=now) is not None


def _write(booking: Booking, *, key: str | None, is_reminder: bool, now: datetime) -> Message | None:
    local = booking.starts_at.astimezone(booking.patient.zone)
    return writing.write(
        kind=LINK,
        reference=booking.pk,
        to=booking.patient.email,
        send_at=now,
        key=key,
        context={
            "first_name": booking.patient.first_name,
            "day": f"{local:%A %-d %B}",
            "practitioner": booking.practitioner.name,
            "link": links.to_visit(booking, page="visit-form"),
            "is_reminder": is_reminder,
        },
    )
