"""A clinic to measure: so many practitioners, so long a history."""

from datetime import date, time
from decimal import Decimal

from django.db import connection

from practitioners.models import Practitioner, WorkingHours
from services.models import AppointmentType, Price, Service

TABLES = "practitioners_diaryentry, practitioners_practitioner, practitioners_room, services_service, bookings_patient"

# Every practitioner's quarters of an hour, one after the other, back from yesterday; and every second one of the
# mornings to come, so that free times have to be looked for.
HISTORY = """
    INSERT INTO practitioners_diaryentry (id, practitioner_id, starts_at, ends_at, kind, live_from, external_id)
    SELECT gen_random_uuid(), p.id, s, s + interval '15 minutes', 'booking', s - interval '7 days', ''
    FROM practitioners_practitioner p,
         generate_series(1, %(each)s) n,
         LATERAL (SELECT date_trunc('day', now()) - n * interval '15 minutes' AS s) at
"""
TO_COME = """
    INSERT INTO practitioners_diaryentry (id, practitioner_id, starts_at, ends_at, kind, external_id)
    SELECT gen_random_uuid(), p.id, s, s + interval '15 minutes', 'booking', ''
    FROM practitioners_practitioner p,
         generate_series(1, 30) d, generate_series(0, 7) n,
         LATERAL (SELECT date_trunc('day', now()) + d * interval '1 day' + n * interval '30 minutes' AS s) at
"""
CONSTRAINTS = [
    constraint
    for constraint in Practitioner.diary.rel.related_model._meta.constraints
    if constraint.name.startswith("no_overlap")
]


def fill(*, bookings: int, practitioners: int) -> AppointmentType:
    """Empty the database and fill it anew; the history is spread over six of the practitioners' diaries."""
    diary = Practitioner.diary.rel.related_model
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLES} CASCADE")
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_row (at timestamptz DEFAULT now())")
    service = Service.objects.create(slug="alternative-medicine", name="Alternative Medicine", status="active")
    kind = AppointmentType.objects.create(
        service=service,
        code="initial-alternative-15min",
        name="Initial",
        kind=AppointmentType.Kind.INITIAL,
        minutes=15,
        min_notice_minutes=0,
        practitioner_types=["doctor"],
    )
    Price.objects.create(appointment_type=kind, amount=Decimal(119), starts_on=date(2024, 1, 1))
    people = Practitioner.objects.bulk_create(
        Practitioner(name=f"Dr {n:03}", type="doctor", email=f"doctor{n}@botaniqal.example")
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
            editor.remove_constraint(diary, constraint)
    with connection.cursor() as cursor:
        cursor.execute(HISTORY, {"each": bookings // practitioners})
        cursor.execute(TO_COME)
    with connection.schema_editor() as editor:
        for constraint in CONSTRAINTS:
            editor.add_constraint(diary, constraint)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return kind
