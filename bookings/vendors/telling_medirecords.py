"""
Telling MediRecords: a booking has one appointment in the practice's diary there, found by the mark in its notes.

MediRecords has no idempotency key: before an appointment is entered it is looked for where it was meant to be last.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any
from unicodedata import normalize
from uuid import UUID

from django.db import OperationalError, connection

from botaniqal.integrations import owed
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.medirecords import (
    Appointment,
    AppointmentDraft,
    MediRecords,
    NotExpressible,
    PatientDraft,
    written_name,
)
from botaniqal.integrations.medirecords import Patient as TheirPatient
from botaniqal.integrations.models import Turn
from botaniqal.integrations.owed import NeedsPerson

from ..models import Booking, Patient, SyncNote, SyncRecord

# The clinic's own reason may be about somebody's health.
CANCELLED = "Cancelled in the booking portal"
MOVED = "Moved in the booking portal"
TAKEN = 409

OVER = (Booking.State.COMPLETED, Booking.State.NO_SHOW)
PHONE_DIGITS = 9  # an Australian number without its country code or leading zero


class Teller:
    """One run of telling MediRecords."""

    def __init__(self, vendor: MediRecords) -> None:
        self._vendor = vendor

    def tell(self, record: SyncRecord) -> dict[str, Any]:
        """
        Bring MediRecords to the booking's present state.

        :raises VendorUnavailable: to be tried again.
        :raises NeedsPerson: MediRecords said no, or something is missing here.
        """
        booking = Booking.objects.select_related("patient", "practitioner", "appointment_type").get(
            pk=record.booking_id
        )
        appointment = self._known(record)
        if booking.state == Booking.State.CANCELLED:
            if appointment and not appointment.is_cancelled:
                owed.renew(record)
                self._vendor.cancel_appointment(appointment.id, reason=CANCELLED)
                record.note(Turn.TOLD, "Cancelled.")
        elif appointment is None or booking.state not in OVER:
            appointment = self._enter(record, booking, appointment)
        return {"external_id": appointment.id, "underway": None} if appointment else {"underway": None}

    def _known(self, record: SyncRecord) -> Appointment | None:
        if record.external_id:
            return self._vendor.get_appointment(record.external_id)
        if place := (record.underway or {}).get("place"):
            if found := self._find(record, **place):
                record.note(Turn.TOLD, SyncNote.FOUND_AGAIN)
            return found
        return None

    def _find(self, record: SyncRecord, *, provider_id: str, starts_at: str) -> Appointment | None:
        return self._vendor.find_by_ref(
            record.booking_id, provider_id=provider_id, starts_at=datetime.fromisoformat(starts_at)
        )

    def _enter(self, record: SyncRecord, booking: Booking, appointment: Appointment | None) -> Appointment:
        provider_id, type_id = self._mapped(booking)
        draft = AppointmentDraft(
            ref=booking.pk,
            patient_id=self._patient_id(record, booking.patient),
            provider_id=provider_id,
            type_id=type_id,
            starts_at=booking.starts_at,
            minutes=int((booking.ends_at - booking.starts_at).total_seconds() // 60),
            billing_code=booking.appointment_type.billing_code,
            category=booking.appointment_type.reporting_category,
        )
        place = {"provider_id": provider_id, "starts_at": booking.starts_at.isoformat()}
        appointment = appointment or self._find(record, **place)
        try:
            if appointment is None:
                owed.renew(record, underway={"place": place})
                appointment = self._vendor.create_appointment(draft)
                record.note(Turn.TOLD, f"Entered for {booking.when} with {booking.practitioner}.")
            elif _differs(appointment, draft):
                owed.renew(record)
                appointment = self._vendor.update_appointment(appointment.id, draft)
                record.note(Turn.TOLD, f"Brought up to date: {booking.when} with {booking.practitioner}.")
        except NotExpressible as problem:
            raise NeedsPerson(str(problem)) from None
        except VendorRefused as refusal:
            appointment = self._find(record, **place)
            if appointment is None or _differs(appointment, draft):
                if appointment is None:
                    # Nothing of it stands then: nobody has to wait for it to leave.
                    owed.renew(record, underway=None)
                if refusal.status == TAKEN and record.may_be_let_in():
                    if record.attempts > 1:
                        self._step_aside(record)
                    raise owed.NotYet("MediRecords has another visit then, which may have to leave first") from None
                raise NeedsPerson(_refusal(refusal, booking)) from None
            record.note(Turn.TOLD, SyncNote.FOUND_AGAIN)
        return appointment

    def _step_aside(self, record: SyncRecord) -> None:
        """Leave the former time before the new one is free: two visits that changed places would wait for ever."""
        if record.external_id:
            owed.renew(record)
            self._vendor.cancel_appointment(record.external_id, reason=MOVED)
            owed.renew(record, external_id="")
            record.note(Turn.TOLD, "The former time was cancelled.")

    def _mapped(self, booking: Booking) -> tuple[str, str]:
        practitioner, kind = booking.practitioner, booking.appointment_type
        if practitioner.medirecords_provider_id is None:
            raise NeedsPerson(f"{practitioner} has no MediRecords provider. Add it on the practitioner's page.")
        if not kind.medirecords_type:
            raise NeedsPerson(f"{kind} has no MediRecords type. Add it in the catalogue.")
        type_id = self._types.get(kind.medirecords_type)
        if type_id is None:
            raise NeedsPerson(f"MediRecords has no type “{kind.medirecords_type}”. Correct that of {kind}.")
        return str(practitioner.medirecords_provider_id), type_id

    def _patient_id(self, record: SyncRecord, patient: Patient) -> str:
        if patient.medirecords_id:
            return str(patient.medirecords_id)
        if not patient.email:
            raise NeedsPerson("MediRecords finds patients by e-mail address. Add the patient's, then try again.")
        with _alone_with(patient.email):
            patient.refresh_from_db()
            if patient.medirecords_id:
                return str(patient.medirecords_id)
            found = self._find_patient(patient, was_sent=bool((record.underway or {}).get("patient")))
            if found is None:
                draft = PatientDraft(
                    name=patient.name, email=patient.email, phone=patient.phone or None, born_on=patient.date_of_birth
                )
                owed.renew(record, underway={"patient": True})
                found = self._vendor.create_patient(draft).id
            # Somebody who was written down twice here is one person there: the second finds the way by its details.
            if not Patient.objects.filter(medirecords_id=found).exists():
                Patient.objects.filter(pk=patient.pk).update(medirecords_id=UUID(found))
            return found

    def _find_patient(self, patient: Patient, *, was_sent: bool) -> str | None:
        """
        Find the patient's record there, if one is surely this person's.

        Where we sent one ourselves and heard no answer, the same name is enough, unless something speaks against it.
        """
        others = filter(None, map(self._vendor.get_patient, self._vendor.find_patients(email=patient.email)))
        sure = [other.id for other in others if _is_same_person(patient, other, trusts_name=was_sent)]
        if was_sent and len(sure) > 1:
            raise NeedsPerson("MediRecords has this patient more than once. Merge the records there, then try again.")
        return sure[0] if len(sure) == 1 else None

    @cached_property
    def _types(self) -> dict[str, str]:
        return {known.name: known.id for known in self._vendor.list_appointment_types()}


@contextmanager
def _alone_with(email: str) -> Iterator[None]:
    """
    Let one worker at a time look for and enter the patients of an e-mail address.

    :raises VendorUnavailable: another worker takes long over it.
    """
    key = [f"medirecords:{email.lower()}"]
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", key)
        except OperationalError:
            raise VendorUnavailable("MediRecords: another booking of this patient is being entered") from None
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)


def _is_same_person(patient: Patient, other: TheirPatient, *, trusts_name: bool) -> bool:
    """Compare by name and by date of birth or phone: families share an e-mail address."""
    ours, theirs = _plain(" ".join(written_name(patient.name))), _plain(f"{other.first_name} {other.last_name}")
    is_same_birth = _agree(patient.date_of_birth, other.born_on)
    is_same_phone = _agree(_digits(patient.phone), _digits(other.phone or ""))
    if ours != theirs and not (is_same_birth and sorted(ours.split()) == sorted(theirs.split())):
        return False
    if is_same_birth is False:
        return False
    return bool(is_same_birth or is_same_phone) or (trusts_name and is_same_phone is None)


def _agree(ours: object, theirs: object) -> bool | None:
    """Compare what both sides know; None where one of them does not."""
    return ours == theirs if ours and theirs else None


def _plain(name: str) -> str:
    return " ".join(normalize("NFKC", name).replace("’", "'").split()).casefold()


def _digits(phone: str) -> str:
    digits = "".join(character for character in phone if character.isdigit())
    return digits[-PHONE_DIGITS:] if len(digits) >= PHONE_DIGITS else ""


def _differs(appointment: Appointment, draft: AppointmentDraft) -> bool:
    return appointment.is_cancelled or any(
        getattr(appointment, field) != getattr(draft, field)
        for field in ("patient_id", "provider_id", "type_id", "starts_at", "minutes", "billing_code", "category")
    )


def _refusal(refusal: VendorRefused, booking: Booking) -> str:
    if refusal.status == TAKEN:
        return f"MediRecords says that this time is not free in {booking.practitioner}'s diary there."
    return f"MediRecords did not take the appointment. Enter it there by hand, or try again. ({refusal})"
