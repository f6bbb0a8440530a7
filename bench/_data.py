"""A clinic to measure: so many practitioners, so long a history, so many calls to make."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone

from bench import _django  # noqa: F401 - before any app
from bench._load import post
from bookings.models import Booking, Patient
from botaniqal.accounts.models import User
from botaniqal.accounts.roles import CONSULTANT
from botaniqal.celery import app
from practitioners import availability
from practitioners.models import DiaryEntry, Practitioner, WorkingHours
from practitioners.tokens import issue_token
from services.models import AppointmentType, Price, Service
from triage.models import TriageSession

TABLES = """
    accounts_user, bookings_patient, mail_message, practitioners_diaryentry, practitioners_practitioner,
    practitioners_room, reports_day, reports_touch, services_service
"""
# Every practitioner's visits, so many minutes from one to the next, back from yesterday; and every second one of the
# mornings to come, so that free times have to be looked for.
HISTORY = """
    INSERT INTO practitioners_diaryentry (id, practitioner_id, starts_at, ends_at, kind, live_from, external_id)
    SELECT gen_random_uuid(), p.id, s, s + interval '15 minutes', 'booking', s - interval '7 days', ''
    FROM practitioners_practitioner p,
         generate_series(1, %(each)s) n,
         LATERAL (SELECT date_trunc('day', now()) - n * %(apart)s * interval '1 minute' AS s) at
"""
TO_COME = """
    INSERT INTO practitioners_diaryentry (id, practitioner_id, starts_at, ends_at, kind, external_id)
    SELECT gen_random_uuid(), p.id, s, s + interval '15 minutes', 'booking', ''
    FROM practitioners_practitioner p,
         generate_series(1, 30) d, generate_series(0, 7) n,
         LATERAL (SELECT date_trunc('day', now()) + d * interval '1 day' + n * interval '30 minutes' AS s) at
"""
CONSTRAINTS = [constraint for constraint in DiaryEntry._meta.constraints if constraint.name.startswith("no_overlap")]
# A key or a uniqueness is an index as well, and stays.
INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes i
    WHERE tablename = ANY(%(tables)s)
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname)
"""


@contextmanager
def quick_to_fill(*tables: str) -> Iterator[None]:
    """Let millions of rows into tables without their indexes, which come back after, and without asking for keys."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, {"tables": list(tables)})
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("SET session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("SET session_replication_role = DEFAULT")
            cursor.execute("SET maintenance_work_mem = '512MB'")
            for _, definition in indexes:
                cursor.execute(definition)


def fill(*, bookings: int, practitioners: int, minutes_apart: int = 15) -> AppointmentType:
    """Empty the database and fill it anew; the history is spread evenly over the practitioners' diaries."""
    app.control.purge()  # nobody listens to the bells of a measurement
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLES} CASCADE")
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_row (at timestamptz DEFAULT now())")
    service = Service.objects.create(slug="alternative-medicine", name="Alternative Medicine", status="active")
    kind = AppointmentType.objects.create(
        service=service,
        code="initial-alternative-15min",
        name="Initial",
        kind=AppointmentType.Kind.INITIAL,
        verdict=AppointmentType.Verdict.GREEN,
        minutes=15,
        min_notice_minutes=0,
        practitioner_types=["doctor"],
    )
    Price.objects.create(appointment_type=kind, amount=Decimal(119), starts_on=date(2024, 1, 1))
    people = Practitioner.objects.bulk_create(
        Practitioner(
            name=f"Dr {n:03}",
            type="doctor",
            email=f"doctor{n}@botaniqal.example",
            calendar_provider=Practitioner.CalendarProvider.CALENDLY,
        )
        for n in range(practitioners)
    )
    kind.practitioners.set(people)
    WorkingHours.objects.bulk_create(
        WorkingHours(practitioner=person, weekday=weekday, starts=time(9), ends=time(17))
        for person in people
        for weekday in range(7)
    )
    with connection.schema_editor() as editor:  # a million rows go in faster without their index
        for constraint in CONSTRAINTS:
            editor.remove_constraint(DiaryEntry, constraint)
    with quick_to_fill("practitioners_diaryentry"), connection.cursor() as cursor:
        cursor.execute(HISTORY, {"each": bookings // practitioners, "apart": minutes_apart})
        cursor.execute(TO_COME)
    with connection.schema_editor() as editor:
        for constraint in CONSTRAINTS:
            editor.add_constraint(DiaryEntry, constraint)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return kind


class Calls:
    """Calls of one consultant, each of which can lead to one visit."""

    def __init__(self, *, kind: AppointmentType, count: int) -> None:
        """Plan so many calls for today."""
        user = User.objects.create_user("sarah@botaniqal.example")
        user.groups.add(Group.objects.get(name=CONSULTANT))
        consultant = Practitioner.objects.create(name="Sarah", type="consultant", email=user.email, user=user)
        free = AppointmentType.objects.create(
            service=kind.service,
            code=AppointmentType.FREE_CONSULTATION,
            name="Free consultation",
            kind=AppointmentType.Kind.CONSULTATION,
            verdict=AppointmentType.Verdict.GREEN,
            minutes=15,
        )
        now = timezone.now()
        patients = Patient.objects.bulk_create(
            Patient(name=f"Patient {n}", email=f"patient{n}@example.com", phone="+61491570156") for n in range(count)
        )
        consultations = Booking.objects.bulk_create(
            Booking(
                number=f"CALL-{n}",
                patient=patient,
                practitioner=consultant,
                appointment_type=free,
                starts_at=now,
                ends_at=now + timedelta(minutes=free.minutes),
                price=0,
                source=Booking.Source.ONLINE,
            )
            for n, patient in enumerate(patients)
        )
        sessions = TriageSession.objects.bulk_create(
            TriageSession(patient=consultation.patient, consultant=consultant, consultation=consultation)
            for consultation in consultations
        )
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        self._left = iter(sessions)
        self.headers = {"Authorization": f"Bearer {issue_token(user=user, now=now).text}"}

    def request(self, path: str, practitioner: Practitioner, starts_at: datetime) -> bytes:
        """Write down that the next call wants this time."""
        return post(path, json.dumps(self.wish(practitioner, starts_at)).encode(), self.headers)

    def wish(self, practitioner: Practitioner, starts_at: datetime) -> dict[str, object]:
        """Say what the next call wants, as holds and phone bookings are told."""
        return {
            "triageSessionId": str(next(self._left).pk),
            "practitionerId": str(practitioner.pk),
            "scheduledTime": starts_at.isoformat(),
            "appointmentType": AppointmentType.Kind.INITIAL,
        }


def free_times(kind: AppointmentType, *, days: int) -> Iterator[tuple[Practitioner, datetime]]:
    """List the free times of everybody from tomorrow on, one practitioner after the other."""
    tomorrow = timezone.localdate() + timedelta(days=1)
    offers = availability.offers_of(service=kind.service.slug, kind=kind.code)
    for slots in availability.find_slots(offers=offers, first_day=tomorrow, days=days):
        for moment in slots.times:
            yield slots.practitioner, moment


def put_aside(body: bytes) -> None:
    """Keep a body, for the bare views to answer the same."""
    settings.BENCH_BODY.parent.mkdir(parents=True, exist_ok=True)
    settings.BENCH_BODY.write_bytes(body)
