"""
Taking over a table of bookings from before the portal: one row, one booking, taken once however often it is run.

The patients were told long ago, so nobody is written to; and the vendors are told only of what they are said not to
know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, Q

from botaniqal import phones
from botaniqal.errors import DomainError
from practitioners import availability, diary, timegrid
from practitioners.models import BusyPeriod, Practitioner
from services import prices
from services.models import AppointmentType

from . import lifecycle
from .models import Booking, Patient, Payment, SyncRecord
from .money import payments
from .vendors import sync

REQUIRED = ("reference", "patient_name", "practitioner", "appointment_type", "starts_at")
OPTIONAL = (
    "patient_email",
    "patient_phone",
    "patient_date_of_birth",
    "minutes",
    "price",
    "state",
    "cancel_reason",
    "payment_method",
    "payment_status",
    "payment_reference",
    "notes",
    "calendly_event",
    "medirecords_appointment",
    "medirecords_patient",
)
REFERENCES = UUID("6f2f1d64-4f0b-4f57-8f51-6b1b0a3f4c11")  # the space in which a row's reference names its booking
CANCELLED = "Cancelled before the portal."
FIRST_YEAR, LAST_YEAR = 2000, 2100
ENDS = (Booking.State.CONFIRMED, Booking.State.COMPLETED, Booking.State.NO_SHOW, Booking.State.CANCELLED)


class NotTaken(DomainError):
    """The row cannot be taken over; the message says why."""

    code = "not_taken"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table, read and understood."""

    reference: str
    patient_name: str
    email: str
    phone: str
    born_on: date | None
    practitioner: Practitioner
    appointment_type: AppointmentType
    starts_at: datetime
    ends_at: datetime
    price: Decimal | None
    state: str
    cancel_reason: str
    payment: payments.Taken
    notes: str
    calendly_event: str
    medirecords_appointment: str
    medirecords_patient: UUID | None

    @property
    def booking_id(self) -> UUID:
        """The booking that this row is, in every run."""
        return uuid5(REFERENCES, self.reference)


def read(cells: Mapping[str, str]) -> Row:
    """
    Understand a row.

    :raises NotTaken: something is missing, wrong or not known here.
    """
    if missing := [name for name in REQUIRED if not cells.get(name)]:
        raise NotTaken(f"{', '.join(missing)} must not be empty.")
    practitioner = _practitioner(cells["practitioner"])
    kind = AppointmentType.objects.filter(code=cells["appointment_type"]).select_related("service").first()
    if kind is None:
        raise NotTaken(f"There is no appointment type “{cells['appointment_type']}”.")
    starts_at = _moment(cells["starts_at"], ZoneInfo(practitioner.time_zone))
    minutes = _whole(cells.get("minutes", ""), "minutes") or kind.minutes
    if not 0 < minutes <= 24 * 60:
        raise NotTaken("minutes must lie between 1 and 1440.")
    state = cells.get("state") or Booking.State.CONFIRMED
    if state not in ENDS:
        raise NotTaken(f"state must be one of {', '.join(ENDS)}.")
    for name in ("notes", "cancel_reason", "payment_reference"):
        payments.refuse_card_number(cells.get(name, ""), name)
    return Row(
        reference=cells["reference"],
        patient_name=_fitted(cells["patient_name"], "patient_name", 255),
        email=_email(cells.get("patient_email", "")),
        phone=_phone(cells.get("patient_phone", "")),
        born_on=_day(cells.get("patient_date_of_birth", "")),
        practitioner=practitioner,
        appointment_type=kind,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        price=_price(cells.get("price", "")),
        state=state,
        cancel_reason=_fitted(cells.get("cancel_reason", ""), "cancel_reason", 200),
        payment=_payment(cells),
        notes=cells.get("notes", ""),
        calendly_event=_fitted(cells.get("calendly_event", "").rstrip("/").rpartition("/")[2], "calendly_event", 255),
        medirecords_appointment=_fitted(cells.get("medirecords_appointment", ""), "medirecords_appointment", 255),
        medirecords_patient=_uuid(cells.get("medirecords_patient", ""), "medirecords_patient"),
    )


@transaction.atomic
def take(row: Row, *, owe: bool, now: datetime) -> Booking | None:
    """
    Make the booking that a row stands for; None where it was made before.

    With ``owe`` the vendors are told of a visit ahead that the row names none of their ids for.

    :raises NotTaken: the diary is taken, or the row says what cannot be.
    """
    if Booking.objects.filter(pk=row.booking_id).exists():
        return None
    is_ahead = row.starts_at > now
    if is_ahead and row.state in (Booking.State.COMPLETED, Booking.State.NO_SHOW):
        raise NotTaken(f"A visit that lies ahead cannot be {row.state}.")
    price = row.price if row.price is not None else prices.price_of(row.appointment_type, prices.clinic_day(now))
    if price is None:
        raise NotTaken(f"{row.appointment_type} has no price; write one into the price column.")
    booking = lifecycle.book(
        id=row.booking_id,
        patient=_patient(row),
        practitioner=row.practitioner,
        appointment_type=row.appointment_type,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        entry=_entry(row) if is_ahead and row.state == Booking.State.CONFIRMED else None,
        price=price,
        source=Booking.Source.IMPORT,
        by=None,
        now=now,
        notes=row.notes,
    )
    payments.record(booking=booking, taken=row.payment, by=None, now=now)
    _end(booking, row, now)
    _note_vendors(booking, row, owe=owe and is_ahead)
    return booking


def _entry(row: Row) -> diary.DiaryEntry:
    span = availability.occupied_span(row.appointment_type, row.starts_at)
    span = diary.Span(span.starts_at, max(span.ends_at, row.ends_at))
    if any((moment - timegrid.EPOCH) % timegrid.CELL for moment in (span.starts_at, span.ends_at)):
        raise NotTaken("It begins or ends off the five-minute grid. Write it down in whole five minutes.")
    # What an outside calendar shows at these very times, or by this very event, is this visit.
    own = Q(starts_at=row.starts_at, ends_at=row.ends_at)
    if row.calendly_event:
        own |= Q(external_id=row.calendly_event)
    BusyPeriod.objects.filter(own, practitioner=row.practitioner).delete()
    try:
        entry = diary.take(practitioner=row.practitioner, span=span, by=None)
    except diary.SlotTaken:
        raise NotTaken(f"{row.practitioner} is taken then, here or in the outside calendar.") from None
    if row.calendly_event:
        diary.DiaryEntry.objects.filter(pk=entry.pk).update(external_id=row.calendly_event)
    return entry


def _end(booking: Booking, row: Row, now: datetime) -> None:
    match row.state:
        case Booking.State.COMPLETED:
            lifecycle.complete(booking_id=booking.pk, by=None, now=now)
        case Booking.State.NO_SHOW:
            lifecycle.mark_no_show(booking_id=booking.pk, by=None, now=now)
        case Booking.State.CANCELLED:
            reason = row.cancel_reason or CANCELLED
            lifecycle.cancel(booking_id=booking.pk, reason=reason, by=None, now=now, tell_patient=False)


def _note_vendors(booking: Booking, row: Row, *, owe: bool) -> None:
    """Adopt what the vendors have by the row's word; of the rest nothing is owed unless that was asked for."""
    known = {
        SyncRecord.System.CALENDLY: row.calendly_event,
        SyncRecord.System.MEDIRECORDS: row.medirecords_appointment,
    }
    for system, external_id in known.items():
        if not external_id:
            continue
        if SyncRecord.objects.filter(system=system, external_id=external_id).exists():
            raise NotTaken(f"Another booking is known by that {system.label} id already.")
        sync.adopt(booking=booking, system=system, external_id=external_id)
    if not owe:
        booking.sync_records.filter(told__lt=F("wanted")).update(told=F("wanted"))


def _patient(row: Row) -> Patient:
    """Find the patient that an earlier row was about: by name and another thing that agrees, never e-mail alone."""
    if row.medirecords_patient and (known := Patient.objects.filter(medirecords_id=row.medirecords_patient).first()):
        return known.merged_into or known
    agrees = Q(pk=None)
    for field, value in (("email__iexact", row.email), ("phone", row.phone), ("date_of_birth", row.born_on)):
        if value:
            agrees |= Q(**{field: value})
    same = Patient.objects.standing().filter(agrees, name__iexact=row.patient_name).order_by("created_at")
    if row.born_on:
        same = same.filter(Q(date_of_birth=row.born_on) | Q(date_of_birth=None))
    return same.first() or Patient.objects.create(
        name=row.patient_name,
        email=row.email,
        phone=row.phone,
        date_of_birth=row.born_on,
        time_zone=settings.CLINIC_TIME_ZONE,
        medirecords_id=row.medirecords_patient,
    )


def _practitioner(words: str) -> Practitioner:
    found = list(Practitioner.objects.filter(Q(email__iexact=words) | Q(name__iexact=words))[:2])
    if len(found) != 1:
        raise NotTaken(f"There is {'more than one' if found else 'no'} practitioner “{words}”.")
    return found[0]


def _moment(words: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise NotTaken("starts_at must look like 2026-11-23 09:00, in the practitioner's wall time.") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise NotTaken(f"starts_at must lie between {FIRST_YEAR} and {LAST_YEAR}.")
    if moment.tzinfo:
        return moment
    local = moment.replace(tzinfo=zone)
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        raise NotTaken("The clocks change at that moment, so it is not clear: write starts_at with its offset, +11:00.")
    return local


def _day(words: str) -> date | None:
    try:
        return date.fromisoformat(words) if words else None
    except ValueError:
        raise NotTaken("patient_date_of_birth must look like 1980-12-31.") from None


def _price(words: str) -> Decimal | None:
    if not words:
        return None
    try:
        price = Decimal(words.removeprefix("$"))
    except InvalidOperation:
        raise NotTaken("price must be dollars, as 119 or 119.00.") from None
    if not (price.is_finite() and 0 <= price < 1_000_000 and price == round(price, 2)):
        raise NotTaken("price must be dollars, as 119 or 119.00.")
    return price


def _payment(cells: Mapping[str, str]) -> payments.Taken:
    method = cells.get("payment_method") or Payment.Method.BANK_TRANSFER
    if method not in Payment.Method:
        raise NotTaken(f"payment_method must be one of {', '.join(Payment.Method)}.")
    status = cells.get("payment_status") or Payment.Status.PENDING
    if status not in (Payment.Status.PENDING, Payment.Status.COLLECTED, Payment.Status.NOT_NEEDED):
        raise NotTaken(f"payment_status must be one of {', '.join(Payment.Status)}.")
    reference = _fitted(cells.get("payment_reference", ""), "payment_reference", 100)
    return payments.Taken(is_collected=status == Payment.Status.COLLECTED, method=method, reference=reference)


def _email(words: str) -> str:
    try:
        if words:
            validate_email(words)
    except ValidationError:
        raise NotTaken("patient_email is no e-mail address.") from None
    return _fitted(words, "patient_email", 254)


def _phone(words: str) -> str:
    if not words:
        return ""
    number = phones.kept(words)
    if number is None:
        raise NotTaken("patient_phone is no phone number.")
    return number


def _whole(words: str, name: str) -> int:
    if words and not (words.isascii() and words.isdigit() and len(words) < 6):
        raise NotTaken(f"{name} must be a whole number.")
    return int(words or 0)


def _uuid(words: str, name: str) -> UUID | None:
    try:
        return UUID(words) if words else None
    except ValueError:
        raise NotTaken(f"{name} must be an id as MediRecords shows it.") from None


def _fitted(words: str, name: str, length: int) -> str:
    if len(words) > length:
        raise NotTaken(f"{name} must not be longer than {length} characters.")
    return words
