"""
MediRecords, after what third parties show of its REST interface: the vendor publishes no reference (as of 2026-11-21).

Everything that is guessed stands in this file: https://support.medirecords.com would know better. The vendor has no
idempotency key: an appointment is found again by the `[ref:…]` that its notes begin with.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from botaniqal.errors import DomainError
from botaniqal.integrations import medirecords_marks
from botaniqal.integrations.http import VendorRefused, Wire, Words
from botaniqal.integrations.limits import Limit

APPOINTMENTS = "/v1/practices/{practice_id}/appointments"
APPOINTMENT = "/v1/practices/{practice_id}/appointments/{id}"
APPOINTMENT_TYPES = "/v1/practices/{practice_id}/appointment-types"
INTERVAL_CODES = "/v1/code-system/appointment-interval-code"
PATIENT_EXISTS = "/v1/patients/exist"
PATIENT = "/v1/patients/{id}"
PATIENTS = "/v2/patients"

PAGE_SIZE = 100
MAX_PAGES = 1_000
NAME_LENGTH = 40
NOTES_LENGTH = 500
ACTIVE_PATIENT = 1
LENGTH = re.compile(r"(\d+)\s*(h|m)", re.IGNORECASE)

# What a PUT, which replaces the whole record, must bring back of what the practice entered itself.
KEPT_FIELDS = (
    "roomId",
    "telehealthLinkForProvider",
    "telehealthLinkForPatient",
    "walkIn",
    "firstAvailableDoctor",
    "urgency",
    "emailReminder",
    "reminderMethod",
    "reminderType",
)
OWN_FIELDS = ("patientId", "appointmentTypeId", "scheduleTime", "appointmentIntervalCode", "providerId", "notes")
NO_DOUBLE_BOOKING = {"allowDoubleBookingForPatient": False, "allowDoubleBookingForProvider": False}

Item = TypeVar("Item")


class Status(IntEnum):
    BOOKED = 2
    CONFIRMED = 3
    WAITING_ROOM = 4
    WITH_DOCTOR = 5
    AT_BILLING = 6
    COMPLETED = 7
    CANCELLED = 8


class NotExpressible(DomainError):
    """MediRecords has no way to write this down: a person decides."""

    code = "not_expressible"


@dataclass(frozen=True, kw_only=True)
class PatientDraft:
    name: str
    email: str
    phone: str | None = None
    born_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class Patient:
    id: str
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    born_on: date | None


@dataclass(frozen=True, kw_only=True)
class AppointmentType:
    id: str
    name: str
    is_telehealth: bool


@dataclass(frozen=True, kw_only=True)
class AppointmentDraft:
    """What the practice's diary should say; `ref` is our booking's id."""

    ref: UUID
    patient_id: str
    provider_id: str
    type_id: str
    starts_at: datetime
    minutes: int
    billing_code: str = ""
    category: str = ""


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """What the practice's diary says; `minutes` is None for a length that it has no name for."""

    id: str
    ref: str | None
    patient_id: str | None
    provider_id: str | None
    type_id: str | None
    starts_at: datetime
    minutes: int | None
    billing_code: str
    category: str
    status: int

    @property
    def is_cancelled(self) -> bool:
        return self.status == Status.CANCELLED


def client() -> "MediRecords":
    """Make the client that the settings describe."""
    return MediRecords(
        base_url=settings.MEDIRECORDS_BASE_URL,
        token=settings.MEDIRECORDS_API_KEY,
        practice_id=settings.MEDIRECORDS_PRACTICE_ID,
        time_zone=settings.MEDIRECORDS_TIME_ZONE,
        timeout=settings.VENDOR_TIMEOUT_SECONDS,
        limit=Limit("medirecords", settings.MEDIRECORDS_LIMITS),
    )


class MediRecords:
    """MediRecords' wire; calls raise VendorUnavailable, VendorRefused or, before anything is sent, NotExpressible."""

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        practice_id: str,
        time_zone: str,
        timeout: float,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
    ) -> None:
        self._wire = Wire(
            vendor="MediRecords", base_url=base_url, token=token, timeout=timeout, headers=headers, limit=limit
        )
        self._practice_id = practice_id
        self._time_zone = ZoneInfo(time_zone)

    def find_patients(self, *, email: str) -> list[str]:
        """List the ids of the patients with an e-mail, which a family may share: it alone decides nothing."""
        return self._wire.get(
            PATIENT_EXISTS, query={"email": email}, read=lambda rows: [str(row["id"]) for row in rows]
        )

    def get_patient(self, id: str) -> Patient | None:
        """Fetch a patient, if there is one."""
        return _or_none(lambda: self._wire.get(PATIENT, ids={"id": id}, read=_patient))

    def create_patient(self, draft: PatientDraft) -> Patient:
        """Enter a new patient, by exactly one request."""
        return self._wire.post(PATIENTS, json=_patient_body(draft, self._practice_id), read=_patient)

    def list_appointment_types(self) -> list[AppointmentType]:
        """List what the practice books appointments as."""
        return list(self._pages(APPOINTMENT_TYPES, query={}, read=_appointment_type))

    @cached_property
    def interval_codes(self) -> dict[int, int]:
        """The vendor's code of each length in minutes; every practice has its own."""
        return self._wire.get(INTERVAL_CODES, read=_interval_codes)

    def list_appointments(
        self,
        *,
        starts_from: datetime,
        starts_until: datetime,
        provider_id: str | None = None,
        patient_id: str | None = None,
    ) -> Iterator[Appointment]:
        """Walk through the appointments of a window, to the minute, page by page."""
        query: dict[str, str | int] = {
            "appointmentDateRangeStart": self._minute(starts_from),
            "appointmentDateRangeEnd": self._minute(starts_until),
        }
        if provider_id:
            query["providerId"] = provider_id
        if patient_id:
            query["patientId"] = patient_id
        return self._pages(APPOINTMENTS, query=query, read=self._appointment_reader())

    def find_by_ref(self, ref: UUID, *, provider_id: str, starts_at: datetime) -> Appointment | None:
        """Find the appointment of our booking within a day of its start, one that stands before a cancelled one."""
        day = timedelta(days=1)
        found = [
            appointment
            for appointment in self.list_appointments(
                starts_from=starts_at - day, starts_until=starts_at + day, provider_id=provider_id
            )
            if appointment.ref == str(ref)
        ]
        return min(found, key=lambda appointment: appointment.is_cancelled, default=None)

    def get_appointment(self, id: str) -> Appointment | None:
        """Fetch an appointment, if there is one."""
        read = self._appointment_reader()
        return _or_none(lambda: self._wire.get(APPOINTMENT, ids=self._ids(id), read=read))

    def create_appointment(self, draft: AppointmentDraft) -> Appointment:
        """
        Enter an appointment, by exactly one request.

        :raises NotExpressible: a time or length that the practice's diary cannot hold.
        :raises VendorUnavailable: if ambiguous, `find_by_ref` tells whether it was entered.
        """
        body = {**self._fields(draft), "appointmentStatus": int(Status.BOOKED), **NO_DOUBLE_BOOKING}
        return self._wire.post(
            APPOINTMENTS, ids={"practice_id": self._practice_id}, json=body, read=self._appointment_reader()
        )

    def update_appointment(self, id: str, draft: AppointmentDraft) -> Appointment:
        """
        Bring an appointment to what it should be and leave what the practice added to it.

        :raises NotExpressible: a time or length that the practice's diary cannot hold.
        :raises VendorRefused: with status 404, there is no such appointment any more.
        """
        fields = self._fields(draft)
        record = self._record(id)
        status = record.get("appointmentStatus")
        if status in (None, Status.CANCELLED):
            status = int(Status.BOOKED)
        notes = f"{fields['notes']} {medirecords_marks.behind(record.get('notes'))}".strip()
        changes = {**fields, "notes": notes[:NOTES_LENGTH], "appointmentStatus": status}
        return self._put(id, record, changes, read=self._appointment_reader())

    def cancel_appointment(self, id: str, *, reason: str) -> None:
        """
        Cancel an appointment; one that is gone or already cancelled is fine.

        :raises VendorRefused: it still stands.
        """
        try:
            record = self._record(id)
            if record.get("appointmentStatus") == Status.CANCELLED:
                return
            own = {name: record[name] for name in OWN_FIELDS if record.get(name) is not None}
            changes = {**own, "appointmentStatus": int(Status.CANCELLED), "cancellationReason": reason}
            self._put(id, record, changes, read=dict)
        except VendorRefused as refusal:
            if refusal.status != 404:
                raise

    def _record(self, id: str) -> dict[str, Any]:
        return self._wire.get(APPOINTMENT, ids=self._ids(id), read=dict)

    def _put(self, id: str, record: dict[str, Any], changes: dict[str, Any], *, read: Callable[[Any], Item]) -> Item:
        kept = {name: record[name] for name in KEPT_FIELDS if record.get(name) is not None}
        body = {**kept, **changes, **NO_DOUBLE_BOOKING}
        return self._wire.put(APPOINTMENT, ids=self._ids(id), json=body, read=read)

    def _fields(self, draft: AppointmentDraft) -> dict[str, Any]:
        code = self.interval_codes.get(draft.minutes)
        if code is None:
            raise NotExpressible(
                f"MediRecords has no code for {draft.minutes} minutes. Set that length up there, then try again."
            )
        return {
            "patientId": draft.patient_id,
            "providerId": draft.provider_id,
            "appointmentTypeId": draft.type_id,
            "scheduleTime": self._wall_time(draft.starts_at),
            "appointmentIntervalCode": code,
            # Whatever else is known of the visit may be about somebody's health.
            "notes": medirecords_marks.written(ref=draft.ref, billing_code=draft.billing_code, category=draft.category),
        }

    def _wall_time(self, moment: datetime) -> str:
        local = moment.astimezone(self._time_zone)
        # The vendor's times have no offset: twice a year one of them means two moments, or none.
        wall_time, day = f"{local:%H:%M}", f"{local:%d %B %Y}"
        before, after = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
        if before > after:
            raise NotExpressible(f"{wall_time} comes twice on {day}, when the clocks go back. Choose another time.")
        if before < after:
            raise NotExpressible(f"{wall_time} is left out on {day}, when the clocks go forward. Choose another time.")
        return local.replace(tzinfo=None).isoformat(timespec="seconds")

    def _minute(self, moment: datetime) -> str:
        return moment.astimezone(self._time_zone).strftime("%Y-%m-%dT%H:%M")

    def _ids(self, id: str) -> Words:
        return {"practice_id": self._practice_id, "id": id}

    def _appointment_reader(self) -> Callable[[dict[str, Any]], Appointment]:
        """Make the function that reads an appointment, with the codes fetched before anything else is asked."""
        lengths = {code: minutes for minutes, code in self.interval_codes.items()}
        time_zone = self._time_zone

        def read(row: dict[str, Any]) -> Appointment:
            marks = medirecords_marks.read(row.get("notes"))
            return Appointment(
                id=row["id"],
                ref=marks.ref,
                patient_id=row.get("patientId"),
                provider_id=row.get("providerId"),
                type_id=row.get("appointmentTypeId"),
                starts_at=datetime.fromisoformat(row["scheduleTime"]).replace(tzinfo=time_zone).astimezone(UTC),
                minutes=lengths.get(row.get("appointmentIntervalCode")),
                billing_code=marks.billing_code,
                category=marks.category,
                status=row["appointmentStatus"],
            )

        return read

    def _pages(self, path: str, *, query: Words, read: Callable[[Any], Item]) -> Iterator[Item]:
        for number in range(MAX_PAGES):
            items, is_last = self._wire.get(
                path,
                ids={"practice_id": self._practice_id},
                query={**query, "page": number, "size": PAGE_SIZE},
                read=lambda answer: ([read(row) for row in answer["data"]], answer["last"]),
            )
            yield from items
            if is_last:
                return
        raise self._wire.unusable(path, "a list without an end")


def _or_none(fetch: Callable[[], Item]) -> Item | None:
    try:
        return fetch()
    except VendorRefused as refusal:
        if refusal.status == 404:
            return None
        raise


def written_name(name: str) -> tuple[str, str]:
    """Write a name as MediRecords keeps it: first names and last name, each cut to what fits."""
    *first_names, last_name = name.split() or [""]
    return " ".join(first_names)[:NAME_LENGTH], last_name[:NAME_LENGTH]


def _patient_body(draft: PatientDraft, practice_id: str) -> dict[str, Any]:
    first_names, last_name = written_name(draft.name)
    if not last_name:
        raise NotExpressible("MediRecords takes no patient without a name. Enter one, then try again.")
    body: dict[str, Any] = {
        "defaultPracticeId": practice_id,
        "patientStatusCode": ACTIVE_PATIENT,
        "firstName": first_names or None,
        "lastName": last_name,
        "email": draft.email,
    }
    phone = re.sub(r"^\+61", "0", draft.phone or "")
    if re.fullmatch(r"[0-9]{8,10}", phone):
        body["mobilePhone"] = phone
    if draft.born_on:
        body["dob"] = draft.born_on.isoformat()
    return body


def _patient(row: dict[str, Any]) -> Patient:
    born_on = row.get("dob")
    return Patient(
        id=row["id"],
        first_name=row.get("firstName") or "",
        last_name=row.get("lastName") or "",
        email=row.get("email"),
        phone=row.get("mobilePhone"),
        born_on=date.fromisoformat(born_on) if born_on else None,
    )


def _appointment_type(row: dict[str, Any]) -> AppointmentType:
    return AppointmentType(id=row["id"], name=row["name"], is_telehealth=row.get("telehealth", False))


def _interval_codes(rows: list[dict[str, Any]]) -> dict[int, int]:
    """Read "15 min", "1 hour" and "1 hr 30 min"; other names are no length."""
    codes = {}
    for row in rows:
        parts = LENGTH.findall(row["name"])
        if parts:
            codes[sum(int(number) * (60 if unit in "hH" else 1) for number, unit in parts)] = row["code"]
    return codes
