"""
What the database knows of people's time, read as masks for availability.

The statements are written by hand and prepared: for these the ORM takes longer to write than PostgreSQL to answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection
from django.db.models import Model

from services.models import AppointmentType, Service

from .models import LONGEST_ENTRY, OutsideCalendar, Practitioner
from .timegrid import CELL, WeeklyHours, Window, mask_between

Hours = tuple[str, WeeklyHours]
"""Where it holds, and the weekly rule."""

LONGEST_DAY = timedelta(hours=25)  # when daylight saving ends


@dataclass(slots=True)
class Taken:
    """
    What is taken in a window: masks by the person's place in the list that was asked for, and by room.

    ``own`` is what is held for whom it was asked; that is not taken.
    """

    time_off: list[int]
    people: list[int]
    own: list[int]
    rooms: dict[int, int]


def gives(*, service: str, kind: str) -> list[tuple[Practitioner, AppointmentType, OutsideCalendar | None]]:
    """
    List who gives an active service, named by its slug, and what of a kind or code; their first comes first.

    With each comes when their outside calendar was read, where one is mirrored.
    """
    known: dict[Any, Model] = {}

    def made(model: type[Model], columns: list[str], values: tuple) -> Any:
        key = model, values[0]
        return known.get(key) or known.setdefault(key, model.from_db("default", columns, values))

    found = []
    for row in _rows(GIVES, {"service": service, "kind": kind}):
        person, kind_of, of_service, calendar = (row[part] for part in PARTS)
        appointment_type = made(AppointmentType, TYPE, kind_of)
        appointment_type.service = made(Service, SERVICE, of_service)
        read = made(OutsideCalendar, CALENDAR, calendar) if calendar[0] else None
        found.append((made(Practitioner, PERSON, person), appointment_type, read))
    return found


def hours(*, people: Sequence[UUID], window: Window) -> list[list[Hours]]:
    """List the rules of each person that may speak of a window; the zone may put its days one off."""
    first, last = window.starts_at.date() - timedelta(days=1), window.ends_at.date() + timedelta(days=1)
    days = [(first + timedelta(days=n)).weekday() for n in range(min(7, (last - first).days + 1))]
    found: list[list[Hours]] = [[] for _ in people]
    for place, location, *rule in _rows(HOURS, {"people": people, "days": days, "first": first, "last": last}):
        found[place - 1].append((location, tuple(rule)))
    return found


def taken(*, people: Sequence[UUID], window: Window, needs_room: bool, held_for: UUID | None = None) -> Taken:
    """Look what is taken in a window, by anybody but ``held_for``'s own holds."""
    found = Taken([0] * len(people), [0] * len(people), [0] * len(people), {})
    values = {
        "people": people,
        "needs_room": needs_room,
        "starts": window.starts_at,
        "early": window.starts_at - LONGEST_ENTRY,
        "ends": window.ends_at,
        "held_for": held_for,
    }
    for what, place, room, starts_at, ends_at in _rows(TAKEN, values):
        if what == "room":
            found.rooms.setdefault(room, 0)
            continue
        mask = window.mask_of([(starts_at, ends_at)])
        if what == "own":
            if place:
                found.own[place - 1] |= mask
            continue
        if what == "off":
            found.time_off[place - 1] |= mask
        elif place:
            found.people[place - 1] |= mask
        if room in found.rooms:
            found.rooms[room] |= mask
    return found


def visits(
    people: Sequence[Practitioner], starts_at: datetime, ends_at: datetime, *, held_for: UUID | None = None
) -> list[dict[date, int]]:
    """
    Count each person's visits by their own day, on every day that a span touches.

    What is held for a visit counts as one, but not what ``held_for`` itself holds.
    """
    found: list[dict[date, int]] = [{} for _ in people]
    values = {
        "people": [person.pk for person in people],
        "zones": [person.time_zone for person in people],
        "starts": starts_at - LONGEST_DAY,  # their day may begin before the span does, and end after it
        "ends": ends_at + LONGEST_DAY,
        "held_for": held_for,
    }
    for place, day, count in _rows(VISITS, values):
        found[place - 1][day] = count
    return found


def booked(*, people: Sequence[UUID], window: Window) -> list[int]:
    """Mark for each person the cells that visits take; as numbers, since a week of a large clinic has thousands."""
    masks = [0] * len(people)
    values = {
        "people": people,
        "starts": window.starts_at,
        "early": window.starts_at - LONGEST_ENTRY,  # the index is by start
        "ends": window.ends_at,
        "seconds": CELL.total_seconds(),
        "cells": window.cells,
    }
    for place, first, last in _rows(BOOKED, values):
        masks[place - 1] |= mask_between(first, last)
    return masks


def _columns(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


PERSON, TYPE, SERVICE = _columns(Practitioner), _columns(AppointmentType), _columns(Service)
CALENDAR = ["id", "read_at", "created_at"]
TABLES = {"p": PERSON, "t": TYPE, "s": SERVICE, "c": CALENDAR}
SELECTED = [f"{table}.{name}" for table, names in TABLES.items() for name in names]
ENDS = list(accumulate(len(names) for names in TABLES.values()))
PARTS = [slice(start, end) for start, end in pairwise([0, *ENDS])]

GIVES = f"""
    SELECT {", ".join(SELECTED)}
    FROM practitioners_practitioner_appointment_types gives
    JOIN practitioners_practitioner p ON p.id = gives.practitioner_id
    JOIN services_appointmenttype t ON t.id = gives.appointmenttype_id
    JOIN services_service s ON s.id = t.service_id
    LEFT JOIN practitioners_outsidecalendar c ON c.practitioner_id = p.id AND c.provider = p.calendar_provider
    WHERE s.slug = %(service)s AND s.status = 'active' AND t.is_active AND t.verdict IN ('green', 'amber')
      AND p.is_active
      AND (t.kind = %(kind)s OR t.code = %(kind)s)
    ORDER BY p.name, p.id, t.mode DESC, t.position, t.code
"""  # noqa: S608 - our own columns

HOURS = """
    SELECT array_position(%(people)s, practitioner_id), location, weekday, starts, ends, valid_from, valid_until
    FROM practitioners_workinghours
    WHERE practitioner_id = ANY(%(people)s) AND weekday = ANY(%(days)s)
      AND (valid_from IS NULL OR valid_from <= %(last)s) AND (valid_until IS NULL OR valid_until >= %(first)s)
"""

# The rooms come first, so that what is taken finds its room in the list.
TAKEN = """
    SELECT 'room', NULL::int, id, NULL::timestamptz, NULL::timestamptz
    FROM practitioners_room WHERE is_active AND %(needs_room)s
  UNION ALL
    SELECT 'off', array_position(%(people)s, practitioner_id), NULL, starts_at, ends_at
    FROM practitioners_timeoff
    WHERE practitioner_id = ANY(%(people)s) AND starts_at < %(ends)s AND ends_at > %(starts)s
  UNION ALL
    SELECT 'taken', array_position(%(people)s, practitioner_id), NULL, starts_at, ends_at
    FROM practitioners_busyperiod
    WHERE practitioner_id = ANY(%(people)s) AND starts_at < %(ends)s AND ends_at > %(starts)s
  UNION ALL
    SELECT CASE WHEN kind = 'hold' AND held_for = %(held_for)s THEN 'own' ELSE 'taken' END,
        array_position(%(people)s, practitioner_id), room_id, starts_at, ends_at
    FROM practitioners_diaryentry
    WHERE starts_at >= %(early)s AND starts_at < %(ends)s AND ends_at > %(starts)s
      AND (practitioner_id = ANY(%(people)s) OR room_id IS NOT NULL)
      AND (live_until IS NULL OR live_until > clock_timestamp())
"""

BOOKED = """
    SELECT array_position(%(people)s, practitioner_id),
        greatest(0, floor(extract(epoch FROM starts_at - %(starts)s) / %(seconds)s))::int,
        least(%(cells)s, ceil(extract(epoch FROM ends_at - %(starts)s) / %(seconds)s))::int
    FROM practitioners_diaryentry
    WHERE practitioner_id = ANY(%(people)s) AND kind = 'booking'
      AND starts_at >= %(early)s AND starts_at < %(ends)s AND ends_at > %(starts)s
      AND (live_until IS NULL OR live_until > clock_timestamp())
"""

VISITS = """
    SELECT asked.place::int, (starts_at AT TIME ZONE asked.zone)::date AS day, count(*)
    FROM unnest(%(people)s::uuid[], %(zones)s::text[]) WITH ORDINALITY AS asked (id, zone, place)
    JOIN practitioners_diaryentry ON practitioner_id = asked.id
    WHERE starts_at >= %(starts)s AND starts_at < %(ends)s
      AND (live_until IS NULL OR live_until > clock_timestamp())
      AND (kind = 'booking' OR held_for IS DISTINCT FROM %(held_for)s)
    GROUP BY 1, 2
"""


def _rows(query: str, values: dict[str, Any]) -> list[tuple]:
    """Ask by a statement that PostgreSQL prepares once a connection; Django's own cursors never let it."""
    connection.ensure_connection()
    cursor = psycopg.Cursor(connection.connection)
    cursor.format = psycopg.pq.Format.BINARY
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrap(cursor) as asked:
        asked.execute(query, values)
        return asked.fetchall()
