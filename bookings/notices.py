"""
What the patient is told of a booking, and when.

Each verb is called in the transaction of what it tells of, after the vendors were owed it. Nothing about anybody's
health goes into an e-mail: no notes, no concern, no reason.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from botaniqal import phones
from botaniqal.messages import writing
from botaniqal.messages.models import Message
from botaniqal.wording import gate
from practitioners import public_times
from practitioners.models import Practitioner
from services.models import AppointmentType, Service

from .ics import appointment_file
from .models import Booking, Payment, SyncRecord
from .self_service import links

Kind = Message.Kind
WITH_LINK = (Kind.PREPARATION, Kind.CONFIRMATION, Kind.MOVED, Kind.OTHER_PRACTITIONER)
"""What tells of a visit, and how to join it."""
REMINDERS = (Kind.REMINDER_DAY, Kind.REMINDER_SOON)
OF_NO_VISIT = (Kind.CANCELLED, Kind.CORRECTION)
"""What tells that a visit will not take place."""


def send_preparation(*, booking: Booking, now: datetime) -> None:
    """Tell who booked a free consultation who will ring, when, and what to have ready."""
    _send(Message.Kind.PREPARATION, booking, now)


def send_confirmation(*, booking: Booking, now: datetime) -> None:
    """Tell the patient that the visit is booked."""
    _send(Message.Kind.CONFIRMATION, booking, now)


def send_moved(*, booking: Booking, now: datetime) -> None:
    """Tell the patient the new time, and remind of the old one no more."""
    _send_news(Message.Kind.MOVED, booking, now)


def send_other_practitioner(*, booking: Booking, now: datetime) -> None:
    """Tell the patient who sees them instead, and when; a reminder that has not gone out names somebody else."""
    _send_news(Message.Kind.OTHER_PRACTITIONER, booking, now)


def send_reminder(*, kind: Message.Kind, booking: Booking, key: str, has_form: bool, now: datetime) -> bool:
    """
    Remind the patient of a visit, once for each ``key`` and not after it has begun; tell whether it was written.

    ``has_form`` when a form is still to be filled in.
    """
    content = _content(kind, booking, booking.join_link, now)
    content["context"]["form_link"] = links.to_visit(booking, page="visit-form") if has_form else ""
    return bool(
        writing.write(
            kind=kind,
            reference=booking.pk,
            to=booking.patient.email,
            key=key,
            send_at=now,
            good_until=booking.starts_at,
            **content,
        )
    )


def send_cancelled(*, booking: Booking, now: datetime) -> None:
    """Tell the patient that the visit will not take place."""
    _send(Message.Kind.CANCELLED, booking, now)


def send_correction(*, booking: Booking, now: datetime) -> None:
    """Tell the patient that a visit was entered by mistake and will not take place."""
    _send(Message.Kind.CORRECTION, booking, now)


def send_anew(*, kind: Message.Kind, booking: Booking, now: datetime) -> Message:
    """Tell once more what was told of a visit, as it stands now."""
    return writing.write(
        kind=kind,
        reference=booking.pk,
        to=booking.patient.email,
        send_at=now,
        good_until=booking.starts_at if kind in REMINDERS else None,
        **_content(kind, booking, booking.join_link, now),
    )


def send_booking_link(*, booking: Booking, link: str, now: datetime) -> None:
    """Ask the patient to enter the visit in the practitioner's calendar themselves; nothing but the time is said."""
    writing.write(
        kind=Message.Kind.BOOKING_LINK,
        reference=booking.pk,
        to=booking.patient.email,
        send_at=now,
        calendar="",
        context={
            "first_name": booking.patient.first_name,
            "link": link,
            **_when(booking.starts_at, booking.patient.zone),
        },
    )


def send_no_answer(*, booking: Booking, link: str, now: datetime) -> None:
    """Tell whom we could not reach on the phone, and offer to choose another time."""
    if booking.patient.email:
        writing.write(
            kind=Message.Kind.NO_ANSWER,
            reference=booking.pk,
            to=booking.patient.email,
            send_at=now,
            calendar="",
            context={
                "first_name": booking.patient.first_name,
                "link": link,
                **_when(now, booking.patient.zone),
            },
        )


def meeting_link(practitioner: Practitioner, appointment_type: AppointmentType) -> str:
    """Tell where a visit by video takes place, where that is always the same place."""
    return practitioner.meeting_link if appointment_type.mode == AppointmentType.Mode.TELEHEALTH else ""


def forget_booking_link(*, booking: Booking) -> None:
    """Take back the link to enter a visit at a time that it no longer has, where that has not gone out."""
    writing.take_back(writing.unsent(reference=booking.pk).filter(kind=Message.Kind.BOOKING_LINK))


def forget_unsent(*, booking: Booking) -> None:
    """
    Take back what has not gone out about a booking that is cancelled.

    The rows are deleted: they told of something that no longer is, and nobody has read them.
    """
    writing.take_back(writing.unsent(reference=booking.pk))


@transaction.atomic
def note_join_link(*, booking: Booking) -> None:
    """Put the join link, known only now, into the messages that wait for it, and let them go."""
    now = timezone.now()
    waiting = writing.unsent(reference=booking.pk).filter(kind__in=WITH_LINK)
    for message in waiting.select_for_update(skip_locked=True):
        writing.rewrite(message=message, send_at=now, **_content(message.kind, booking, booking.join_link, now))


def _send(kind: Message.Kind, booking: Booking, now: datetime) -> None:
    if not booking.patient.email:
        return
    waits = kind not in OF_NO_VISIT and _waits_for_link(booking)
    writing.write(
        kind=kind,
        reference=booking.pk,
        to=booking.patient.email,
        send_at=now + timedelta(seconds=settings.JOIN_LINK_WAIT_SECONDS) if waits else now,
        **_content(kind, booking, "" if waits else booking.join_link, now),
    )


def _send_news(kind: Message.Kind, booking: Booking, now: datetime) -> None:
    """Tell what is new of a visit; whose confirmation still waits for its link is sent another one, of what is now."""
    unsent = writing.unsent(reference=booking.pk)
    writing.take_back(unsent.filter(kind__in=REMINDERS))
    waited = writing.take_back(unsent.filter(kind=Kind.CONFIRMATION, next_try_at__gt=now))
    _send(Kind.CONFIRMATION if waited else kind, booking, now)


def _waits_for_link(booking: Booking) -> bool:
    """Calendly makes the link when it is told of the booking, and another one when it is told of a move."""
    practitioner = booking.practitioner
    makes_links = practitioner.calendar_provider == Practitioner.CalendarProvider.CALENDLY
    if not makes_links or booking.appointment_type.is_in_person or practitioner.meeting_link:
        return False
    if booking.join_link and not booking.revision:
        return False
    return booking.sync_records.open().filter(system=SyncRecord.System.CALENDLY, needs_person=False).exists()


def _content(kind: Message.Kind, booking: Booking, join_link: str, now: datetime) -> dict[str, Any]:
    patient, visit = booking.patient, booking.appointment_type
    payment = getattr(booking, "payment", None)
    calendar = appointment_file(booking=booking, join_link=join_link, now=now, is_invitation=True)
    return {
        "calendar": "" if kind in REMINDERS else calendar,  # whoever is reminded has it already
        "context": {
            "first_name": patient.first_name,
            "practitioner": booking.practitioner.name,
            "what": f"{visit.name}, {visit.minutes} minutes",
            **_when(booking.starts_at, patient.zone),
            "place": _place(booking, join_link),
            "join_link": join_link,
            "number": booking.number,
            "price": _price(booking, payment),
            "paid": f"${payment.amount:.2f}" if payment and payment.status == Payment.Status.COLLECTED else "",
            "given_back": f"${payment.amount:.2f}" if payment and payment.status == Payment.Status.REFUND_DUE else "",
            "visit_link": "" if kind in OF_NO_VISIT else links.to_visit(booking),
            "service_message": _approved_words(visit.service) if kind == Kind.CONFIRMATION else "",
        },
    }


def _approved_words(service: Service) -> str:
    """Give what the service has to say to who books it, as somebody approved it."""
    subject = f"service:{service.slug}:confirmation"
    return gate.approved(subject).get(subject, "")


def _when(moment: datetime, zone: ZoneInfo) -> dict[str, str]:
    """Say a moment by the patient's clock and, where that shows another hour, by the clinic's."""
    local, clinic = moment.astimezone(zone), moment.astimezone(ZoneInfo(settings.CLINIC_TIME_ZONE))
    if local.utcoffset() == clinic.utcoffset():
        clinic_when = ""
    elif local.date() == clinic.date():
        clinic_when = _hour(clinic)
    else:
        clinic_when = f"{clinic:%A %-d %B}, {_hour(clinic)}"
    return {
        "day": f"{local:%A %-d %B}",
        "hour": _hour(local),
        "when": f"{local:%A %-d %B %Y}, {_hour(local)}",
        "clinic_when": clinic_when,
    }


def _hour(local: datetime) -> str:
    """Say the hour and whose it is: 9:00 am Melbourne time (AEDT)."""
    short = local.tzname()
    if not short.isalpha():  # a zone without letters of its own is called "+11"
        short = f"UTC{short}"
    return f"{public_times.hour(local)} {public_times.city(local.tzinfo)} time ({short})"


def _place(booking: Booking, join_link: str) -> str:
    mode = AppointmentType.Mode(booking.appointment_type.mode)
    if mode == AppointmentType.Mode.IN_PERSON:
        return "In person, at our clinic"
    if mode == AppointmentType.Mode.PHONE:
        by_phone = f"By phone: {booking.practitioner.name} will ring you{_on(booking.patient.phone)}"
        return f"{by_phone}. You can join by video instead." if join_link else by_phone
    return "By video" if join_link else "By video. The link to join comes in an e-mail of its own."


def _on(phone: str) -> str:
    number = phones.shown(phone)
    return f" on {number}" if number else ""


def _price(booking: Booking, payment: Payment | None) -> str:
    if booking.price == 0:
        return "Free of charge"
    if payment and payment.status == Payment.Status.COLLECTED:
        return f"${payment.amount:.2f} (paid)"
    return f"${booking.price:.2f} (to be paid)"
