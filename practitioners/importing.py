"""Taking over a table of practitioners: one row, one person, known by e-mail; all of it or nothing."""

import re
from collections.abc import Mapping
from datetime import date, time
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from botaniqal import phones
from botaniqal.errors import DomainError
from services.models import AppointmentType

from .models import Practitioner, WorkingHours

REQUIRED = ("name", "type", "email")
PLAIN = (
    "name",
    "type",
    "location",
    "time_zone",
    "calendar_provider",
    "calendly_user_uri",
    "mailbox",
    "meeting_link",
    "registration_number",
)
OPTIONAL = (
    *(name for name in PLAIN if name not in REQUIRED),
    "phone",
    "specialisations",
    "gives",
    "medirecords_provider_id",
    "registration_expires_on",
    "hours",
)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? (\d{1,2}:\d{2})-(\d{1,2}:\d{2})")


class BadRow(DomainError):
    """The row cannot be taken over; the message says why."""

    code = "bad_row"


@transaction.atomic
def take(cells: Mapping[str, str]) -> str:
    """
    Enter or correct the practitioner that a row tells of, and say which: "new", "changed" or "unchanged".

    A column that the table has not, or an empty cell, leaves what stands here; lists are parted by semicolons.

    :raises BadRow: something is missing, wrong or not known here.
    """
    if missing := [name for name in REQUIRED if not cells.get(name)]:
        raise BadRow(f"{', '.join(missing)} must not be empty.")
    person = Practitioner.objects.select_for_update().filter(email__iexact=cells["email"]).first()
    is_new = person is None
    person = person or Practitioner(email=cells["email"])
    before = {} if is_new else _stored(person)
    for name in PLAIN:
        if cells.get(name):
            setattr(person, name, cells[name])
    if cells.get("phone"):
        person.phone = phones.kept(cells["phone"]) or _refuse("phone is no phone number.")
    if cells.get("specialisations"):
        person.specialisations = _parts(cells["specialisations"])
    if cells.get("medirecords_provider_id"):
        person.medirecords_provider_id = _uuid(cells["medirecords_provider_id"])
    if cells.get("registration_expires_on"):
        person.registration_expires_on = _day(cells["registration_expires_on"])
    try:
        person.full_clean()
    except ValidationError as faults:
        raise BadRow(" ".join(f"{name}: {' '.join(said)}" for name, said in faults.message_dict.items())) from None
    person.save()
    if cells.get("gives"):
        person.appointment_types.set(_types(_parts(cells["gives"])))
    if cells.get("hours"):
        _set_hours(person, _hours(cells["hours"]))
    if is_new:
        return "new"
    return "unchanged" if _stored(person) == before else "changed"


def _stored(person: Practitioner) -> dict[str, object]:
    person = Practitioner.objects.get(pk=person.pk)
    return {
        **{field.attname: getattr(person, field.attname) for field in Practitioner._meta.concrete_fields},
        "gives": set(person.appointment_types.values_list("pk", flat=True)),
        "hours": set(person.working_hours.values_list("weekday", "starts", "ends", "valid_from", "valid_until")),
    }


def _set_hours(person: Practitioner, hours: set[tuple[int, time, time]]) -> None:
    """Make the week what the table says; hours that hold for a while only stay."""
    always = person.working_hours.filter(valid_from=None, valid_until=None)
    if set(always.values_list("weekday", "starts", "ends")) != hours:
        always.delete()
        WorkingHours.objects.bulk_create(
            WorkingHours(practitioner=person, weekday=weekday, starts=starts, ends=ends)
            for weekday, starts, ends in sorted(hours)
        )


def _hours(words: str) -> set[tuple[int, time, time]]:
    hours = set()
    for part in _parts(words):
        found = HOURS.fullmatch(part.lower())
        first, last = (found[1], found[2] or found[1]) if found else ("", "")
        if first not in DAYS or last not in DAYS or DAYS.index(first) > DAYS.index(last):
            _refuse(f"hours must look like Mon-Fri 09:00-17:00; Sat 10:00-12:30 (not “{part}”).")
        try:
            starts, ends = (time.fromisoformat(each.zfill(5)) for each in (found[3], found[4]))
        except ValueError:
            starts = ends = time.min
        if starts >= ends:
            _refuse(f"hours must end after they start (not “{part}”).")
        hours |= {(weekday, starts, ends) for weekday in range(DAYS.index(first), DAYS.index(last) + 1)}
    return hours


def _types(codes: list[str]) -> list[AppointmentType]:
    known = {kind.code: kind for kind in AppointmentType.objects.filter(code__in=codes)}
    if unknown := [code for code in codes if code not in known]:
        _refuse(f"gives: there is no appointment type {', '.join(unknown)}.")
    return list(known.values())


def _parts(words: str) -> list[str]:
    return [part.strip() for part in words.split(";") if part.strip()]


def _uuid(words: str) -> UUID:
    try:
        return UUID(words)
    except ValueError:
        raise BadRow("medirecords_provider_id must be an id as MediRecords shows it.") from None


def _day(words: str) -> date:
    try:
        return date.fromisoformat(words)
    except ValueError:
        raise BadRow("registration_expires_on must look like 2027-09-30.") from None


def _refuse(sentence: str) -> str:
    raise BadRow(sentence)
